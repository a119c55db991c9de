/* SPDX-License-Identifier: MIT */
/*
 * library.h - a target that has libtrapline: finding the server, and calling it
 */
#ifndef TL_GUARDIAN_LIBRARY_H
#define TL_GUARDIAN_LIBRARY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <protocol.h>

struct worker;

struct library {
	unsigned int copies; /* 0: there is none */
	bool talks;	     /* it has a server: */
	uint16_t major;	     /* of its protocol */
	uint64_t server;     /* in the target */
	uint64_t syscall_at; /* an instruction of text that nobody changes */
	uint64_t cave;	     /* TL_STUB_MAX unused bytes 0xcc of text */
	uint64_t directory;  /* of its probes, in the target; 0: none */
	bool stays;	     /* it cannot be unloaded */
	char name[2][256]; /* of the files; the second one's if there is one */
};

/* Look for libtrapline in @pid.  0 and *@out, or a negative errno. */
int library_find(struct library *out, pid_t pid);

/* Is it one that a session can be had with?  0, or a refusal. */
int library_judge(const struct library *lib, pid_t pid);

/* A session as the library knows it. */
struct talk {
	pid_t pid;
	struct worker *w;
	struct library lib;
	uint64_t figures;
	uint64_t session;
	uint32_t owner; /* of the probes that a call is about */
	uint64_t events;
	struct tl_mapping stack[TL_MAX_CALLS]; /* start 0: none */
};

/*
 * Have one more stack mapped for callers, in the first free entry of @t->stack:
 * 0, or a negative errno.
 */
int talk_stack(struct talk *t);

/*
 * Call the server: @what, for TL_CALL_ADD with probes [@first, @first + @n).
 * What it says, or a negative errno: -ESRCH: the target has ended; -ETIMEDOUT: no
 * answer for @ms, and the caller is still at it.
 */
int talk(struct talk *t, enum tl_call_what what, uint32_t first, uint32_t n,
	 unsigned int ms);

/* Is a caller still there, on one of the stacks? */
bool talk_busy(const struct talk *t);

#endif
