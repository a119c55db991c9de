/* SPDX-License-Identifier: MIT */
/*
 * control.c - threads, pausing, figures and the verdict of a target
 *
 * Pausing is exact: `pause` is answered when every worker is parked between
 * two rounds, so the figures that follow are final until `resume`.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control.h"

#define STACK_BYTES   (128 * 1024)
#define WRONG_TO_SHOW 20

char **control_args;
unsigned int control_seconds = 60;

static const struct program *program;
static struct worker *workers;
static pthread_t *threads;
static unsigned int nr_threads;
static unsigned int rate;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned int parked; /* under lock */
static atomic_bool pausing;
static atomic_bool stopping;
static atomic_uint wrongs;

void control_wrong(const char *what, uint64_t got, uint64_t want)
{
	char line[200];
	int len;

	if (atomic_fetch_add(&wrongs, 1) >= WRONG_TO_SHOW)
		return;
	len = snprintf(line, sizeof(line),
		       "wrong %s: got 0x%" PRIx64 ", want 0x%" PRIx64 "\n",
		       what, got, want);
	if (len > 0 && write(STDOUT_FILENO, line, (size_t)len) < 0)
		_exit(3);
}

void control_expect(const char *what, uint64_t got, uint64_t want)
{
	if (got != want)
		control_wrong(what, got, want);
}

uint64_t control_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static void park(void)
{
	pthread_mutex_lock(&lock);
	parked++;
	pthread_cond_broadcast(&changed);
	while (atomic_load(&pausing) && !atomic_load(&stopping))
		pthread_cond_wait(&changed, &lock);
	parked--;
	pthread_mutex_unlock(&lock);
}

static void *work(void *arg)
{
	struct timespec gap = { 0, 0 };
	struct worker *w = arg;

	if (rate)
		gap.tv_nsec = 999999999 / rate;
	if (program->begin)
		program->begin(w);
	while (!atomic_load(&stopping)) {
		if (atomic_load(&pausing)) {
			park();
			continue;
		}
		program->round(w);
		if (rate)
			nanosleep(&gap, NULL);
	}
	return NULL;
}

static void print_figures(void)
{
	uint64_t sum;
	unsigned int i, t;

	for (i = 0; program->counters[i]; i++) {
		sum = 0;
		for (t = 0; t < nr_threads; t++)
			sum += __atomic_load_n(&workers[t].counts[i],
					       __ATOMIC_RELAXED);
		printf("%s %" PRIu64 "\n", program->counters[i], sum);
	}
	printf("wrong %u\n", atomic_load(&wrongs));
}

static void set_flag(atomic_bool *flag, bool value)
{
	pthread_mutex_lock(&lock);
	atomic_store(flag, value);
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void pause_all(void)
{
	atomic_store(&pausing, true);
	pthread_mutex_lock(&lock);
	while (parked < nr_threads)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

/* Obey one word from standard input. */
static void obey(const char *word)
{
	if (strcmp(word, "pause") == 0) {
		pause_all();
		print_figures();
		puts("paused");
	} else if (strcmp(word, "resume") == 0) {
		set_flag(&pausing, false);
		puts("running");
	} else if (strcmp(word, "stats") == 0) {
		print_figures();
		puts("running");
	} else if (strcmp(word, "quit") == 0) {
		set_flag(&stopping, true);
	} else if (*word) {
		printf("unknown %s\n", word);
	}
	fflush(stdout);
}

/* Take what is there on standard input; false at its end. */
static bool read_words(void)
{
	static char text[256];
	static size_t have;
	char *newline;
	ssize_t n;

	n = read(STDIN_FILENO, text + have, sizeof(text) - 1 - have);
	if (n <= 0)
		return n < 0 && errno == EINTR;
	have += (size_t)n;
	text[have] = '\0';
	while ((newline = strchr(text, '\n'))) {
		*newline = '\0';
		obey(text);
		have -= (size_t)(newline + 1 - text);
		memmove(text, newline + 1, have + 1);
	}
	if (have == sizeof(text) - 1)
		have = 0;
	return true;
}

static void on_term(int sig)
{
	(void)sig;
	atomic_store(&stopping, true);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Obey standard input until it is time to stop. */
static void serve(void)
{
	uint64_t end = now_ms() + 1000ull * control_seconds;
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	while (!atomic_load(&stopping) && now_ms() < end) {
		if (poll(&in, 1, 50) > 0 && !read_words())
			in.fd = -1;
	}
	set_flag(&stopping, true);
}

static void start_threads(void)
{
	pthread_attr_t attr;
	unsigned int i;

	workers = calloc(nr_threads, sizeof(*workers));
	threads = calloc(nr_threads, sizeof(*threads));
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	for (i = 0; i < nr_threads; i++) {
		workers[i].index = i;
		workers[i].random = i + 1;
		if (pthread_create(&threads[i], &attr, work, &workers[i])) {
			fprintf(stderr, "cannot create thread %u\n", i);
			exit(3);
		}
	}
}

static void parse(int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "t:r:s:")) != -1) {
		switch (opt) {
		case 't':
			nr_threads = (unsigned int)atoi(optarg);
			break;
		case 'r':
			rate = (unsigned int)atoi(optarg);
			break;
		case 's':
			control_seconds = (unsigned int)atoi(optarg);
			break;
		default:
			fprintf(stderr,
				"usage: %s [-t THREADS] [-r RATE] "
				"[-s SECONDS] [ARG...]\n",
				argv[0]);
			exit(2);
		}
	}
	control_args = argv + optind;
}

int control_run(int argc, char **argv, const struct program *p)
{
	struct sigaction term = { .sa_handler = on_term };
	unsigned int i;

	program = p;
	nr_threads = p->threads;
	parse(argc, argv);
	sigaction(SIGTERM, &term, NULL);
	start_threads();
	printf("ready %d\n", (int)getpid());
	fflush(stdout);

	serve();
	for (i = 0; i < nr_threads; i++)
		pthread_join(threads[i], NULL);
	if (p->end)
		p->end();
	print_figures();
	printf("verdict %s\n", atomic_load(&wrongs) ? "wrong" : "ok");
	return atomic_load(&wrongs) != 0;
}
