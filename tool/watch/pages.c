/* SPDX-License-Identifier: MIT */
/*
 * pages.c - writes to a live process' memory, by page protection
 *
 * The command's side: it starts the keeper and reads what that writes into a ring
 * that both share.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "keeper.h"

struct pages {
	pid_t keeper;
	int life; /* the keeper ends when this is closed */
	int wake;
	bool killed; /* the keeper, by somebody else */
	struct keeper_ring *ring;
};

/* In the child: the keeper.  Does not return. */
static void become_keeper(struct keeper *k)
{
	prctl(PR_SET_NAME, KEEPER_NAME);
	keeper_run(k);
	_exit(0);
}

static bool wait_for_start(struct pages *p, char *why, size_t size)
{
	struct pollfd f = { p->wake, POLLIN, 0 };

	while (poll(&f, 1, -1) < 0 && errno == EINTR)
		;
	if (__atomic_load_n(&p->ring->state, __ATOMIC_ACQUIRE) ==
	    KEEPER_WATCHES)
		return true;
	snprintf(why, size, "%s",
		 p->ring->why[0] ? p->ring->why : "its keeper died");
	return false;
}

/* What the keeper needs; false: no memory. */
static bool prepare(struct keeper *k, const struct page_options *o,
		    const struct page_point *points, size_t n)
{
	k->options = *o;
	k->uffd = -1;
	k->n_points = n;
	memcpy(k->point, points, n * sizeof(*points));
	for (size_t i = 0; i < n; i++) {
		k->shadow[i] = malloc(points[i].len);
		if (!k->shadow[i])
			return false;
	}
	return true;
}

static void free_keeper(struct keeper *k)
{
	for (size_t i = 0; k && i < k->n_points; i++)
		free(k->shadow[i]);
	free(k);
}

static struct keeper_ring *make_ring(pid_t pid, const struct page_point *points,
				     size_t n, int *file)
{
	struct keeper_ring *r;

	*file = memfd_create(KEEPER_FILE, MFD_CLOEXEC);
	if (*file < 0 || ftruncate(*file, sizeof(*r)))
		return NULL;
	r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED, *file,
		 0);
	if (r == MAP_FAILED)
		return NULL;
	r->magic = KEEPER_MAGIC;
	r->pid = pid;
	r->places = (uint32_t)n;
	for (size_t i = 0; i < n; i++)
		r->registers += points[i].by_register;
	return r;
}

struct pages *pages_open(const struct page_options *o,
			 const struct page_point *points, size_t n, char *why,
			 size_t size)
{
	struct pages *p = calloc(1, sizeof(*p));
	struct keeper *k = calloc(1, sizeof(*k));
	int life[2] = { -1, -1 }, wake[2] = { -1, -1 }, file = -1;

	snprintf(why, size, "%s", strerror(ENOMEM));
	if (!p || !k || n > PAGE_POINTS || !prepare(k, o, points, n))
		goto fail;
	p->ring = make_ring(o->pid, points, n, &file);
	if (!p->ring || pipe2(life, O_CLOEXEC) ||
	    pipe2(wake, O_CLOEXEC | O_NONBLOCK)) {
		snprintf(why, size, "%s", strerror(errno));
		goto fail;
	}
	k->ring = p->ring;
	k->life = life[0];
	k->wake = wake[1];
	p->life = life[1];
	p->wake = wake[0];
	p->keeper = fork();
	if (!p->keeper) {
		close(life[1]);
		close(wake[0]);
		become_keeper(k);
	}
	close(file); /* the keeper has it: see pages_look() */
	close(life[0]);
	close(wake[1]);
	life[0] = wake[1] = file = -1;
	free_keeper(k);
	k = NULL;
	if (p->keeper > 0 && wait_for_start(p, why, size))
		return p;
	life[1] = wake[0] = -1;
	pages_close(p);
	return NULL;
fail:
	for (int i = 0; i < 2; i++) {
		if (life[i] >= 0)
			close(life[i]);
		if (wake[i] >= 0)
			close(wake[i]);
	}
	if (file >= 0)
		close(file);
	if (p && p->ring)
		munmap(p->ring, sizeof(*p->ring));
	free_keeper(k);
	free(p);
	return NULL;
}

int pages_fd(const struct pages *p)
{
	return p->wake;
}

bool pages_next(struct pages *p, struct page_hit *out)
{
	struct keeper_ring *r = p->ring;
	char bytes[64];
	ssize_t n;

	if (__atomic_load_n(&r->head, __ATOMIC_ACQUIRE) == r->tail) {
		do
			n = read(p->wake, bytes, sizeof(bytes));
		while (n > 0);
		/* Nobody else has the other end. */
		p->killed = n == 0 &&
			    __atomic_load_n(&r->state, __ATOMIC_ACQUIRE) !=
				    KEEPER_ENDED;
		if (__atomic_load_n(&r->head, __ATOMIC_ACQUIRE) == r->tail)
			return false;
	}
	*out = r->hit[r->tail % KEEPER_RING];
	__atomic_store_n(&r->tail, r->tail + 1, __ATOMIC_RELEASE);
	return true;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t pages_upto(const struct pages *p)
{
	uint64_t now = now_ns(), putting;

	if (p->life < 0)
		return UINT64_MAX;
	/* Our time before the mark; partner is put_hit(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	putting = __atomic_load_n(&p->ring->putting, __ATOMIC_ACQUIRE);
	return putting && putting < now ? putting : now;
}

bool pages_are_full(const struct pages *p)
{
	return __atomic_load_n(&p->ring->head, __ATOMIC_RELAXED) -
		       p->ring->tail >
	       KEEPER_RING / 2;
}

uint64_t pages_lost(const struct pages *p)
{
	return __atomic_load_n(&p->ring->lost, __ATOMIC_RELAXED);
}

const char *pages_gone(const struct pages *p, unsigned int point)
{
	return __atomic_load_n(&p->ring->gone[point], __ATOMIC_ACQUIRE);
}

const char *pages_ended(const struct pages *p)
{
	if (p->killed)
		return "its keeper was killed";
	if (__atomic_load_n(&p->ring->state, __ATOMIC_ACQUIRE) != KEEPER_ENDED)
		return NULL;
	return p->ring->why[0] ? p->ring->why : "its keeper has ended";
}

bool pages_killed(const struct pages *p)
{
	return p->killed;
}

void pages_cost(const struct pages *p, struct page_cost *out)
{
	*out = p->ring->cost;
}

static pid_t tracer_of(pid_t pid)
{
	char path[64], line[256];
	int tracer = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "TracerPid: %d", &tracer) == 1)
			break;
	if (f)
		fclose(f);
	return tracer;
}

/* Is descriptor @name of process @keeper a ring of process @pid's? */
static bool look_at(pid_t keeper, const char *name, pid_t pid,
		    struct page_state *out)
{
	char path[64], link[64] = "";
	static struct keeper_ring r;
	const size_t head = offsetof(struct keeper_ring, gone);
	bool is = false;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/fd/%.16s", (int)keeper, name);
	if (readlink(path, link, sizeof(link) - 1) < 0 ||
	    strncmp(link, "/memfd:" KEEPER_FILE, 7 + strlen(KEEPER_FILE)) != 0)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (pread(fd, &r, head, 0) == (ssize_t)head)
		is = r.magic == KEEPER_MAGIC && r.pid == pid;
	close(fd);
	if (is)
		*out = (struct page_state){ .keeper = keeper,
					    .places = r.places,
					    .registers = r.registers,
					    .cost = r.cost };
	return is;
}

bool pages_look(pid_t pid, struct page_state *out)
{
	pid_t keeper = tracer_of(pid);
	const struct dirent *e;
	char path[64];
	bool found = false;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)keeper);
	d = keeper ? opendir(path) : NULL;
	while (d && !found && (e = readdir(d)))
		found = look_at(keeper, e->d_name, pid, out);
	if (d)
		closedir(d);
	return found;
}

/*
 * Registers that a killed keeper has left in its threads would kill the process at the
 * next access.  It is a race with that.
 */
static void clear_registers(const struct pages *p)
{
	struct keeper k = { .options = { .pid = p->ring->pid },
			    .ring = p->ring,
			    .n_regs = p->ring->registers,
			    .uffd = -1,
			    .children = -1 };

	if (!k.n_regs || tasks_seize(&k) < 0)
		return;
	for (size_t i = 0; i < k.n; i++)
		k.task[i].armed = true;
	tasks_detach(&k);
	free(k.task);
}

void pages_stop(struct pages *p)
{
	if (p->life >= 0)
		close(p->life);
	p->life = -1;
	if (p->keeper > 0)
		while (waitpid(p->keeper, NULL, 0) < 0 && errno == EINTR)
			;
	p->keeper = 0;
	/* It traces nobody any more. */
	if (p->killed)
		clear_registers(p);
	p->killed = false;
}

void pages_close(struct pages *p)
{
	if (!p)
		return;
	pages_stop(p);
	close(p->wake);
	munmap(p->ring, sizeof(*p->ring));
	free(p);
}
