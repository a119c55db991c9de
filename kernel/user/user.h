/* SPDX-License-Identifier: MIT */
/*
 * user.h - what a user program has: system calls, and the little that is made of
 * them
 *
 * A program defines main(); what that returns is its exit status.  There is no
 * floating point, and no other library.
 */
#ifndef USER_H
#define USER_H

#include <kern/abi.h>
#include <kern/errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int main(const char *arg);

/* From start.S; see kern/abi.h. */
void exit(int status) __attribute__((noreturn));
long write(const char *text, size_t len);
int getpid(void);
int getppid(void);
int cpu(void);
long yield(void);
long sleep_ms(unsigned int ms);
long move(uint32_t cpus);
int fork(void);
int exec(const char *program, const char *arg);
int wait(int pid, int *status, int flags);
int kill(int pid, int sig);
uint32_t sigmask(uint32_t mask);
long ptrace(int request, int pid, uintptr_t addr, uintptr_t data);

/* @handler may be SIG_DFL or SIG_IGN. */
int signal(int sig, void (*handler)(int sig));

/* Print @s, or @n in decimal. */
void put(const char *s);
void put_number(long n);

#endif
