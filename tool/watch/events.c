/* SPDX-License-Identifier: MIT */
/*
 * events.c - hits of debug registers in a live process, by perf events
 *
 *   E1  One event for each thread, CPU and point.  An event that is inherited can
 *       write records only if it belongs to a CPU; all of a CPU write to one
 *       ring.
 *   E2  A thread that is born while events are opened has them or has not, and
 *       nobody tells.  So the threads are listed again at the end, and if there
 *       is a new one, all is closed and begun anew.
 *   E3  Records of several rings are sorted by time.  One is handed on when it is
 *       older than the last look at all rings by more than a record takes to be
 *       written.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "events.h"

#define PAGE	    4096u
#define TRIES	    50
#define SETTLED_NS  2000000u /* E3 */
#define RECORD_MAX  65536u
#define POINTS_MAX  16
#define THREADS_MAX 65536

/* General registers, ip, flags, cs, ss; kernels refuse the data segments. */
#define REGS_MASK 0xff0fffull
#define REGS_N	  20

struct ring {
	int fd; /* the event that it belongs to */
	struct perf_event_mmap_page *page;
	uint8_t *data;
	size_t size;
};

struct event {
	int fd;
	unsigned int point;
	uint64_t id;
};

struct watch {
	struct watch_point points[POINTS_MAX];
	size_t n_points;
	struct watch_options options;
	bool kernel;
	struct event *events; /* by id */
	size_t n_events, room;
	struct ring *rings; /* by CPU; fd -1: there is none */
	unsigned int n_cpus;
	uint64_t lost;
	struct watch_hit *hits; /* by time, from `first` */
	size_t n_hits, first, hits_room;
	uint64_t looked; /* at all rings */
	int lock;	 /* WATCH_LOCK */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- opening -------------------------------------------------------------------- */

static int open_event(const struct watch *w, const struct watch_point *p,
		      pid_t tid, int cpu)
{
	struct perf_event_attr a = { .size = sizeof(a) };

	a.type = PERF_TYPE_BREAKPOINT;
	a.bp_type = p->access == 'x'   ? HW_BREAKPOINT_X
		    : p->access == 'w' ? HW_BREAKPOINT_W
				       : HW_BREAKPOINT_RW;
	a.bp_addr = p->addr;
	a.bp_len = p->access == 'x' ? sizeof(long) : p->len;
	a.sample_period = 1;
	a.sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP |
			PERF_SAMPLE_TID | PERF_SAMPLE_TIME |
			PERF_SAMPLE_REGS_USER |
			(w->options.frames ? PERF_SAMPLE_CALLCHAIN : 0);
	a.sample_regs_user = REGS_MASK;
	a.exclude_callchain_kernel = 1;
	a.exclude_kernel = !w->kernel;
	a.exclude_hv = 1;
	a.disabled = 1;
	a.inherit = !w->options.tid;
	a.inherit_thread = !w->options.tid;
	a.remove_on_exec = 1;
	a.use_clockid = 1;
	a.clockid = CLOCK_MONOTONIC;
	a.watermark = 1;
	a.wakeup_watermark = 4 * PAGE;
	return (int)syscall(SYS_perf_event_open, &a, tid, cpu, -1,
			    PERF_FLAG_FD_CLOEXEC);
}

static bool map_ring(struct ring *r, int fd, size_t pages)
{
	void *p = MAP_FAILED;

	for (; pages >= 8; pages /= 2) {
		p = mmap(NULL, (pages + 1) * PAGE, PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, 0);
		if (p != MAP_FAILED)
			break;
	}
	if (p == MAP_FAILED)
		return false;
	r->fd = fd;
	r->page = p;
	r->data = (uint8_t *)p + PAGE;
	r->size = pages * PAGE;
	return true;
}

static bool add_event(struct watch *w, int fd, unsigned int point)
{
	struct event *e;

	if (w->n_events == w->room) {
		size_t room = w->room * 2 + 64;

		e = realloc(w->events, room * sizeof(*e));
		if (!e)
			return false;
		w->events = e;
		w->room = room;
	}
	e = &w->events[w->n_events++];
	e->fd = fd;
	e->point = point;
	return !ioctl(fd, PERF_EVENT_IOC_ID, &e->id);
}

static void close_events(struct watch *w)
{
	for (unsigned int i = 0; i < w->n_cpus; i++) {
		if (w->rings[i].page)
			munmap(w->rings[i].page, w->rings[i].size + PAGE);
		w->rings[i] = (struct ring){ .fd = -1 };
	}
	for (size_t i = 0; i < w->n_events; i++)
		close(w->events[i].fd);
	w->n_events = 0;
}

/* One thread.  0, -errno; a thread that has ended is none. */
static int open_thread(struct watch *w, pid_t tid)
{
	for (unsigned int cpu = 0; cpu < w->n_cpus; cpu++)
		for (unsigned int i = 0; i < w->n_points; i++) {
			int fd = open_event(w, &w->points[i], tid, (int)cpu);
			struct ring *r = &w->rings[cpu];
			int err = errno;

			if (fd < 0 && (err == ESRCH || err == ENODEV))
				continue;
			if (fd < 0)
				return -err;
			if (!add_event(w, fd, i))
				return -ENOMEM;
			if (r->fd >= 0) {
				if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, r->fd))
					return -errno;
			} else if (!map_ring(r, fd, 1024)) {
				return -ENOMEM;
			}
		}
	return 0;
}

static int by_number(const void *a, const void *b)
{
	const pid_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The threads of the process, sorted; their number, or -errno. */
static int list_threads(const struct watch *w, pid_t *tids)
{
	const struct dirent *e;
	char path[64];
	DIR *d;
	int n = 0;

	if (w->options.tid) {
		tids[0] = w->options.tid;
		return 1;
	}
	snprintf(path, sizeof(path), "/proc/%d/task", (int)w->options.pid);
	d = opendir(path);
	if (!d)
		return errno == ENOENT ? -ESRCH : -errno;
	while (n < THREADS_MAX && (e = readdir(d)))
		if (e->d_name[0] != '.')
			tids[n++] = atoi(e->d_name);
	closedir(d);
	qsort(tids, (size_t)n, sizeof(*tids), by_number);
	return n;
}

/* Is there one in @now that is not in @before? */
static bool any_new(const pid_t *before, int n_before, const pid_t *now,
		    int n_now)
{
	for (int i = 0; i < n_now; i++)
		if (!bsearch(&now[i], before, (size_t)n_before, sizeof(*now),
			     by_number))
			return true;
	return false;
}

/* All threads, E2.  0, -EAGAIN: there are new ones; -errno. */
static int open_all(struct watch *w, pid_t *before, pid_t *now)
{
	int n = list_threads(w, before), n_now, err;

	if (n < 0)
		return n;
	for (int i = 0; i < n; i++) {
		err = open_thread(w, before[i]);
		if (err)
			return err;
	}
	if (!w->n_events)
		return -ESRCH;
	n_now = list_threads(w, now);
	if (n_now < 0)
		return n_now;
	return any_new(before, n, now, n_now) ? -EAGAIN : 0;
}

static int by_id(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static int open_some(struct watch *w)
{
	pid_t *tids = malloc(2 * THREADS_MAX * sizeof(*tids));
	int err = -ENOMEM;

	for (int i = 0; tids && i < TRIES; i++) {
		err = open_all(w, tids, tids + THREADS_MAX);
		if (!err)
			break;
		close_events(w);
		/* Who may not see the kernel can still see the program. */
		if ((err == -EACCES || err == -EPERM) && w->kernel)
			w->kernel = false;
		else if (err != -EAGAIN)
			break;
	}
	free(tids);
	if (!err)
		qsort(w->events, w->n_events, sizeof(*w->events), by_id);
	return err;
}

static void explain(int err, char *why, size_t size)
{
	const char *text = strerror(-err);

	switch (err) {
	case -ENOSPC:
		text = "its debug registers are in use (there are four), by a "
		       "debugger or another watch";
		break;
	case -EACCES:
	case -EPERM:
		text = "perf events are not allowed "
		       "(/proc/sys/kernel/perf_event_paranoid must be 2 or "
		       "less, or CAP_PERFMON)";
		break;
	case -EAGAIN:
		text = "it starts threads faster than they can be watched";
		break;
	case -EMFILE:
		text = "it has too many threads for the limit of open files";
		break;
	case -EINVAL:
	case -EOPNOTSUPP:
	case -ENOENT:
	case -ENODEV:
		text = "this machine gives no hardware breakpoints of that "
		       "kind";
		break;
	case -ENOSYS:
		text = "the kernel has no perf events";
		break;
	}
	snprintf(why, size, "%s", text);
}

static void raise_file_limit(void)
{
	struct rlimit r;

	if (!getrlimit(RLIMIT_NOFILE, &r)) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

#define LOCK_MS 1000

/* Keep keepers off, who hold it for microseconds. */
static int lock_out_keepers(struct watch *w)
{
	char path[64];

	snprintf(path, sizeof(path), WATCH_LOCK, (int)w->options.pid);
	w->lock = open(path, O_RDONLY | O_CLOEXEC);
	for (int i = 0; w->lock >= 0 && flock(w->lock, LOCK_SH | LOCK_NB);
	     i++) {
		if (i == LOCK_MS)
			return -EBUSY;
		usleep(1000);
	}
	return 0;
}

void watch_allow_keeper(struct watch *w)
{
	flock(w->lock, LOCK_UN);
}

struct watch *watch_open(const struct watch_options *o,
			 const struct watch_point *points, size_t n, char *why,
			 size_t size, int *error)
{
	struct watch *w = calloc(1, sizeof(*w));
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	int err = -ENOMEM;

	if (!w || n > POINTS_MAX)
		goto fail;
	w->options = *o;
	w->lock = -1;
	w->kernel = true;
	memcpy(w->points, points, n * sizeof(*points));
	w->n_points = n;
	w->n_cpus = cpus > 0 ? (unsigned int)cpus : 1;
	w->rings = calloc(w->n_cpus, sizeof(*w->rings));
	if (!w->rings)
		goto fail;
	for (unsigned int i = 0; i < w->n_cpus; i++)
		w->rings[i].fd = -1;
	raise_file_limit();
	err = lock_out_keepers(w);
	if (!err)
		err = open_some(w);
	if (!err)
		return w;
fail:
	explain(err, why, size);
	*error = err;
	watch_close(w);
	return NULL;
}

void watch_close(struct watch *w)
{
	if (!w)
		return;
	if (w->rings) {
		close_events(w);
		if (w->lock >= 0)
			close(w->lock);
	}
	free(w->rings);
	free(w->events);
	free(w->hits);
	free(w);
}

void watch_enable(struct watch *w, bool on)
{
	for (size_t i = 0; i < w->n_events; i++)
		ioctl(w->events[i].fd,
		      on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0);
}

bool watch_sees_kernel(const struct watch *w)
{
	return w->kernel;
}

uint64_t watch_count(const struct watch *w, unsigned int point)
{
	uint64_t sum = 0, one;

	for (size_t i = 0; i < w->n_events; i++)
		if (w->events[i].point == point &&
		    read(w->events[i].fd, &one, sizeof(one)) == sizeof(one))
			sum += one;
	return sum;
}

uint64_t watch_lost(const struct watch *w)
{
	return w->lost;
}

void watch_wait(struct watch *w, int ms)
{
	struct pollfd *p = calloc(w->n_cpus, sizeof(*p));
	nfds_t n = 0;

	for (unsigned int i = 0; p && i < w->n_cpus; i++)
		if (w->rings[i].fd >= 0)
			p[n++] = (struct pollfd){ w->rings[i].fd, POLLIN, 0 };
	poll(p, n, ms);
	/* One whose thread has ended is ready for ever. */
	for (nfds_t i = 0; i < n; i++)
		if (p[i].revents & POLLHUP) {
			poll(NULL, 0, ms < 10 ? ms : 10);
			break;
		}
	free(p);
}

/* ---- records --------------------------------------------------------------------- */

static struct watch_hit *new_hit(struct watch *w)
{
	struct watch_hit *h;

	if (w->first && w->first == w->n_hits)
		w->first = w->n_hits = 0;
	if (w->n_hits == w->hits_room) {
		size_t room = w->hits_room * 2 + 256;

		h = realloc(w->hits, room * sizeof(*h));
		if (!h) {
			w->lost++;
			return NULL;
		}
		w->hits = h;
		w->hits_room = room;
	}
	h = &w->hits[w->n_hits++];
	memset(h, 0, sizeof(*h));
	return h;
}

/* The kernel's order of registers, in its mask, to that of instructions. */
static void take_regs(struct watch_hit *h, const uint64_t *r)
{
	/* ax bx cx dx si di bp sp, then ip flags cs ss, then r8 to r15 */
	static const uint8_t number[8] = { 0, 3, 1, 2, 6, 7, 5, 4 };

	for (int i = 0; i < 8; i++)
		h->regs.gp[number[i]] = r[i];
	h->regs.ip = r[8];
	h->regs.flags = r[9];
	for (int i = 0; i < 8; i++)
		h->regs.gp[8 + i] = r[12 + i];
	h->has_regs = true;
}

static void take_frames(struct watch_hit *h, const uint64_t *p, uint64_t n)
{
	for (uint64_t i = 0; i < n && h->n_frames < WATCH_FRAMES; i++)
		if (p[i] < (uint64_t)-4096) /* no mark of a context */
			h->frames[h->n_frames++] = p[i];
}

static void take_sample(struct watch *w, const struct perf_event_header *hd,
			const uint64_t *p, const uint64_t *end)
{
	struct event key = { .id = p[0] };
	const struct event *e = bsearch(&key, w->events, w->n_events,
					sizeof(*w->events), by_id);
	struct watch_hit *h = e ? new_hit(w) : NULL;

	if (!h)
		return;
	h->point = e->point;
	h->ip = p[1];
	h->tid = (pid_t)(p[2] >> 32);
	h->ns = p[3];
	h->in_kernel = (hd->misc & PERF_RECORD_MISC_CPUMODE_MASK) ==
		       PERF_RECORD_MISC_KERNEL;
	p += 4;
	if (w->options.frames) {
		uint64_t n = *p++;

		if (n > (uint64_t)(end - p))
			return;
		take_frames(h, p, n);
		p += n;
	}
	if (p < end && *p++ && p + REGS_N <= end)
		take_regs(h, p);
}

static void take_record(struct watch *w, const struct perf_event_header *h)
{
	const uint64_t *p = (const uint64_t *)(h + 1);
	const uint64_t *end = (const uint64_t *)((const uint8_t *)h + h->size);

	if (h->type == PERF_RECORD_LOST && end - p >= 2)
		w->lost += p[1];
	else if (h->type == PERF_RECORD_SAMPLE && end - p >= 5)
		take_sample(w, h, p, end);
}

static void drain(struct watch *w, struct ring *r)
{
	static uint64_t copy[RECORD_MAX / 8];
	uint64_t head = __atomic_load_n(&r->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = r->page->data_tail;

	while (tail + sizeof(struct perf_event_header) <= head) {
		struct perf_event_header h;
		size_t at = tail % r->size, part;

		memcpy(&h, r->data + at, sizeof(h)); /* never wraps */
		if (h.size < sizeof(h))
			break;
		part = h.size < r->size - at ? h.size : r->size - at;
		memcpy(copy, r->data + at, part);
		memcpy((uint8_t *)copy + part, r->data, h.size - part);
		take_record(w, (const struct perf_event_header *)copy);
		tail += h.size;
	}
	__atomic_store_n(&r->page->data_tail, tail, __ATOMIC_RELEASE);
}

static int by_time(const void *a, const void *b)
{
	const struct watch_hit *x = a, *y = b;

	return (x->ns > y->ns) - (x->ns < y->ns);
}

static void look(struct watch *w)
{
	uint64_t before = now_ns();

	memmove(w->hits, w->hits + w->first,
		(w->n_hits - w->first) * sizeof(*w->hits));
	w->n_hits -= w->first;
	w->first = 0;
	for (unsigned int i = 0; i < w->n_cpus; i++)
		if (w->rings[i].fd >= 0)
			drain(w, &w->rings[i]);
	qsort(w->hits, w->n_hits, sizeof(*w->hits), by_time);
	w->looked = before;
}

static bool is_ripe(const struct watch *w, bool all)
{
	return w->first < w->n_hits &&
	       (all || w->hits[w->first].ns + SETTLED_NS < w->looked); /* E3 */
}

bool watch_is_empty(struct watch *w)
{
	look(w);
	return w->n_hits == 0;
}

bool watch_next(struct watch *w, bool all, struct watch_hit *out)
{
	if (!is_ripe(w, all)) {
		look(w);
		if (!is_ripe(w, all))
			return false;
	}
	*out = w->hits[w->first++];
	return true;
}

uint64_t watch_upto(const struct watch *w)
{
	uint64_t settled = w->looked > SETTLED_NS ? w->looked - SETTLED_NS : 0;

	/* Not handed on yet, whoever has looked. */
	if (w->first < w->n_hits && w->hits[w->first].ns < settled)
		return w->hits[w->first].ns;
	return settled;
}
