/* SPDX-License-Identifier: MIT */
/*
 * attach-lib.h - a victim to attach to, and what must be as before
 *
 * A victim is a forked child of the test, so its functions are at the
 * addresses that they have here.  It counts exactly what it calls, checks
 * every result, and says both through shared memory.
 */
#ifndef ATTACH_LIB_H
#define ATTACH_LIB_H

#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <session.h>

#include "tl_test.h"
#include "victim.h"

#define VICTIM_THREADS 4

struct shared {
	uint64_t calls;
	uint64_t wrong;
	uint64_t rounds;
	uint32_t stop;
	uint32_t ready;
	uint32_t go;
	uint32_t extra[16];
};

static struct shared *shared;

/* ---- the functions that are probed --------------------------------------- */

__attribute__((noinline, noclone, used)) uint64_t probed(uint64_t a,
							 uint64_t b);
__attribute__((noinline, noclone, used)) uint64_t probed(uint64_t a, uint64_t b)
{
	a ^= b << 13;
	a *= 0x9e3779b97f4a7c15;
	return a ^ (a >> 29);
}
__attribute__((noinline, noclone, used)) void probed_end(void);
__attribute__((noinline, noclone, used)) void probed_end(void)
{
	__asm__ volatile("");
}

/* a + 5. */
uint64_t probed_isle(uint64_t a);
extern const char probed_isle_end[];

__attribute__((unused)) static void isle_probe(struct session_probe *p)
{
	*p = (struct session_probe){
		.addr = (uint64_t)(uintptr_t)probed_isle,
		.start = (uint64_t)(uintptr_t)probed_isle,
		.end = (uint64_t)(uintptr_t)probed_isle_end,
		.action = SESSION_COUNT,
		.name = "probed_isle",
	};
}

static inline uint64_t twin(uint64_t a, uint64_t b)
{
	a ^= b << 13;
	a *= 0x9e3779b97f4a7c15;
	return a ^ (a >> 29);
}

static __attribute__((unused)) void probed_probe(struct session_probe *p,
						 enum session_action action)
{
	*p = (struct session_probe){
		.addr = (uint64_t)(uintptr_t)probed,
		.start = (uint64_t)(uintptr_t)probed,
		.end = (uint64_t)(uintptr_t)probed_end,
		.action = action,
		.name = "probed",
	};
}

/* A round of @n calls, each counted before it is made, and checked. */
static void victim_round(uint64_t seed, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		__atomic_fetch_add(&shared->calls, 1, __ATOMIC_RELAXED);
		if (probed(seed, i) != twin(seed, i) ||
		    probed_isle(seed) != seed + 5)
			__atomic_fetch_add(&shared->wrong, 1, __ATOMIC_RELAXED);
	}
	__atomic_fetch_add(&shared->rounds, 1, __ATOMIC_RELAXED);
}

static void *victim_thread(void *arg)
{
	uint64_t seed = (uint64_t)(uintptr_t)arg;

	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED)) {
		victim_round(seed, 200);
		usleep(500);
	}
	return NULL;
}

static __attribute__((unused)) void victim_threads(void)
{
	pthread_t t[VICTIM_THREADS];

	for (long i = 0; i < VICTIM_THREADS; i++)
		pthread_create(&t[i], NULL, victim_thread, (void *)i);
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < VICTIM_THREADS; i++)
		pthread_join(t[i], NULL);
}

/* ---- the victim ---------------------------------------------------------- */

static void nap_ms(unsigned int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&t, &t))
		;
}

/* Wait up to @ms for *@word to be @value. */
static bool await_word(const uint32_t *word, uint32_t value, unsigned int ms)
{
	for (unsigned int i = 0; i < ms; i++) {
		if (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value)
			return true;
		nap_ms(1);
	}
	return false;
}

/* Fork a child that runs @body and exits; it says that it is ready.  0: failed. */
static pid_t victim_start(void (*body)(void))
{
	pid_t pid;

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 0;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		body();
		_exit(shared->wrong ? 1 : 0);
	}
	if (pid > 0 && !await_word(&shared->ready, 1, 5000)) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return 0;
	}
	return pid;
}

/* Let it end by itself: its wait status, or -1 when it had to be killed. */
static int victim_stop(pid_t pid)
{
	int status = -1;

	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 3000; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			goto out;
		nap_ms(1);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	status = -1;
out:
	munmap(shared, 4096);
	return status;
}

/* ---- what must be as before ---------------------------------------------- */

/* All of /proc/@pid/maps, to be freed. */
static char *maps_text(pid_t pid)
{
	char path[64], *text = calloc(1, 1 << 18);
	size_t n = 0;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	fd = open(path, O_RDONLY);
	while (fd >= 0 && n < (1 << 18) - 1 &&
	       (got = read(fd, text + n, (1 << 18) - 1 - n)) > 0)
		n += (size_t)got;
	if (fd >= 0)
		close(fd);
	return text;
}

/* Wait up to @ms until the mappings of @pid are @before. */
static __attribute__((unused)) bool maps_same(pid_t pid, const char *before,
					      unsigned int ms)
{
	bool same = false;

	for (unsigned int i = 0; i <= ms / 10 && !same; i++) {
		char *now = maps_text(pid);

		same = strcmp(before, now) == 0;
		free(now);
		if (!same)
			nap_ms(10);
	}
	return same;
}

/* Kilobytes of private copies in executable file mappings of @pid. */
static __attribute__((unused)) unsigned long copied_text_kb(pid_t pid)
{
	char path[64], line[512], perms[8];
	unsigned long start, end, kb, sum = 0;
	bool text = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %7s", &start, &end, perms) == 3)
			text = perms[2] == 'x' && strchr(line, '/');
		if (text && sscanf(line, "Anonymous: %lu", &kb) == 1)
			sum += kb;
	}
	if (f)
		fclose(f);
	return sum;
}

/* Is the probed function in @pid byte for byte what it is here? */
static __attribute__((unused)) bool text_same(pid_t pid)
{
	size_t len = (size_t)((char *)probed_end - (char *)probed);
	uint8_t now[512];
	char path[64];
	bool same;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY);
	same = fd >= 0 && len <= sizeof(now) &&
	       pread(fd, now, len, (off_t)(uintptr_t)probed) == (ssize_t)len &&
	       memcmp(now, (void *)probed, len) == 0;
	if (fd >= 0)
		close(fd);
	return same;
}

/* The bytes in which executable mappings of @pid differ from their files. */
static __attribute__((unused)) long text_differs(pid_t pid)
{
	char line[512], path[256], mem_path[64], perms[8];
	unsigned long start, end, offset;
	uint8_t now[4096], file[4096];
	int mem, fd, name;
	long sum = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	snprintf(mem_path, sizeof(mem_path), "/proc/%d/mem", pid);
	f = fopen(path, "r");
	mem = open(mem_path, O_RDONLY);
	while (f && mem >= 0 && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%lx-%lx %7s %lx %*s %*u %n", &start, &end,
			   perms, &offset, &name) != 4 ||
		    perms[2] != 'x' || line[name] != '/')
			continue;
		fd = open(line + name, O_RDONLY);
		for (; fd >= 0 && start < end; start += 4096, offset += 4096) {
			memset(file, 0, sizeof(file));
			if (pread(fd, file, 4096, (off_t)offset) < 0 ||
			    pread(mem, now, 4096, (off_t)start) != 4096)
				sum++;
			for (int i = 0; i < 4096; i++)
				sum += now[i] != file[i];
		}
		if (fd >= 0)
			close(fd);
	}
	if (f)
		fclose(f);
	close(mem);
	return mem < 0 ? -1 : sum;
}

/* Is it still working, and right? */
static __attribute__((unused)) bool still_right(pid_t pid)
{
	uint64_t before = __atomic_load_n(&shared->calls, __ATOMIC_RELAXED);

	for (int i = 0; i < 1000; i++) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return false;
		if (__atomic_load_n(&shared->calls, __ATOMIC_RELAXED) >
		    before + 100)
			return shared->wrong == 0;
		nap_ms(1);
	}
	return false;
}

#endif
