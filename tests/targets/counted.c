// SPDX-License-Identifier: MIT
/*
 * counted.c - a program that does as much as it is told to, and says what it did
 *
 * usage: counted CALLS [fork]
 *
 * At each SIGUSR1 it calls step() CALLS times, in two threads by halves, and prints
 * what the calls returned together; with `fork` it has a child do as many, and
 * waits for it.  It ends at SIGTERM.  Whoever counts knows how many there were.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* clang-format off */
#define MARK(provider, name, args, ...) \
	__asm__ volatile("990: nop\n" \
	".pushsection .note.stapsdt,\"?\",\"note\"\n.balign 4\n" \
	".4byte 992f-991f, 994f-993f, 3\n991: .asciz \"stapsdt\"\n992: .balign 4\n" \
	"993: .8byte 990b, _.stapsdt.base, 0\n" \
	".asciz \"" provider "\"\n.asciz \"" name "\"\n.asciz \"" args "\"\n" \
	"994: .balign 4\n.popsection\n" \
	".ifndef _.stapsdt.base\n" \
	".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n" \
	".weak _.stapsdt.base\n.hidden _.stapsdt.base\n" \
	"_.stapsdt.base: .space 1\n.size _.stapsdt.base, 1\n.popsection\n" \
	".endif\n" : : __VA_ARGS__)
/* clang-format on */

static unsigned long calls;

long step(long n, const char *text);
int digits(long n, char *text);

/* Twice @n; the text is its decimal digits.  The marker has n, -n and 3 * n. */
__attribute__((noinline)) long step(long n, const char *text)
{
	volatile long kept = 3 * n;

	MARK("demo", "stepped", "8@%0 -8@%1 8@%2", "r"(n), "r"(-n), "m"(kept));
	__asm__ volatile("" : "+r"(n) : "r"(text) : "memory");
	return 2 * n;
}

/* As many of these as of step(), so that a second probe has something to do. */
__attribute__((noinline)) int digits(long n, char *text)
{
	return snprintf(text, 24, "%ld", n);
}

static void *work(void *from)
{
	char text[24];
	long sum = 0;

	for (unsigned long i = (unsigned long)from; i < calls; i += 2) {
		digits((long)i, text);
		sum += step((long)i, text);
	}
	return (void *)sum;
}

static long once(void)
{
	pthread_t other;
	void *a, *b = NULL;

	if (pthread_create(&other, NULL, work, (void *)1))
		return -1;
	a = work(NULL);
	pthread_join(other, &b);
	return (long)a + (long)b;
}

int main(int argc, char **argv)
{
	int fork_too = argc > 2 && !strcmp(argv[2], "fork"), sig;
	sigset_t set;

	calls = argc > 1 ? strtoul(argv[1], NULL, 0) : 1000;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	printf("ready\n");
	fflush(stdout);
	while (!sigwait(&set, &sig) && sig == SIGUSR1) {
		printf("%ld\n", once());
		fflush(stdout);
		if (fork_too) {
			pid_t child = fork();

			if (!child)
				_exit(once() < 0);
			waitpid(child, NULL, 0);
		}
	}
	printf("end\n");
	return 0;
}
