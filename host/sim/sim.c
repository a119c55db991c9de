/* SPDX-License-Identifier: MIT */
/*
 * sim.c - the scripted home
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sim.h"

#define EXEC_BYTES (64u << 20)
#define FUNCTIONS  16

struct sim sim;
uint8_t *sim_text;
uint8_t *sim_stack;
uint8_t sim_gate;

static uint8_t *exec_memory;
static uint8_t exec_used[EXEC_BYTES / 4096];

static struct {
	const char *name;
	uintptr_t start;
	uintptr_t end;
} functions[FUNCTIONS];
static unsigned int n_functions;

/* ---- scripting ----------------------------------------------------------------- */

/* Count, tell the hook; true: it is to fail. */
static bool enter(enum sim_call call, uintptr_t addr)
{
	bool fail = ++sim.calls[call] == sim.fail_at[call];

	if (sim.hook)
		sim.hook(call, addr);
	return fail;
}

void sim_fail(enum sim_call call, unsigned long n)
{
	sim.fail_at[call] = n ? sim.calls[call] + n : 0;
}

static void must(bool ok)
{
	sim.misuse += !ok;
}

void sim_function(const char *name, uintptr_t start, size_t len)
{
	functions[n_functions].name = name;
	functions[n_functions].start = start;
	functions[n_functions++].end = start + len;
}

bool sim_is_exec(uintptr_t addr)
{
	return addr - (uintptr_t)exec_memory < EXEC_BYTES;
}

static int lookup(const char *name, uintptr_t *addr)
{
	for (unsigned int i = 0; i < n_functions; i++) {
		if (strcmp(functions[i].name, name))
			continue;
		*addr = functions[i].start;
		return 0;
	}
	return -TL_ENOENT;
}

static int function(uintptr_t addr, uintptr_t *start, uintptr_t *end)
{
	for (unsigned int i = 0; i < n_functions; i++) {
		if (addr < functions[i].start || addr >= functions[i].end)
			continue;
		*start = functions[i].start;
		*end = functions[i].end;
		return 0;
	}
	return -TL_ENOENT;
}

static int stack(uintptr_t sp, uintptr_t *low, uintptr_t *high)
{
	uintptr_t base = (uintptr_t)sim_stack;
	uintptr_t part = SIM_TEXT_BYTES / SIM_CONTEXTS;

	sim.stack_calls++;
	if (sp - base < SIM_TEXT_BYTES) {
		*low = base + (sp - base) / part * part;
		*high = *low + part;
		return 0;
	}
	/* The test's own stack: where handlers of breakpoints run. */
	*low = (uintptr_t)__builtin_frame_address(0) - (1 << 20);
	*high = (uintptr_t)__builtin_frame_address(0) + (1 << 20);
	return sp >= *low && sp < *high ? 0 : -TL_ENOENT;
}

static bool allowed(uintptr_t addr, size_t len, bool jump)
{
	(void)addr;
	(void)len;
	(void)jump;
	return true;
}

static bool pause_turn(unsigned int turn)
{
	if (sim.on_pause)
		sim.on_pause(turn);
	return !sim.max_pauses || turn < sim.max_pauses;
}

/* ---- debug registers -------------------------------------------------------------- */

static void write_dr(unsigned int n, unsigned long value)
{
	enter(SIM_CALL_DR_WRITE, n);
	sim.dr[sim.cpu][n] = value;
	enter(SIM_CALL_DR_WRITTEN, n);
}

static unsigned long read_dr(unsigned int n)
{
	enter(SIM_CALL_DR_READ, n);
	return sim.dr[sim.cpu][n];
}

static unsigned int this_cpu(void)
{
	return sim.cpu;
}

static const struct tl_bp_thread *current_thread(void)
{
	return sim.thread[sim.cpu];
}

static void each_cpu(void (*fn)(void *arg), void *arg)
{
	unsigned int caller = sim.cpu;

	enter(SIM_CALL_EACH_CPU, 0);
	must(sim.locked);
	for (sim.cpu = 0; sim.cpu < SIM_CPUS; sim.cpu++)
		if (!(sim.cpus_off >> sim.cpu & 1))
			fn(arg);
	sim.cpu = caller;
}

static bool watchable(uintptr_t addr, size_t len)
{
	return addr >= sim.unwatchable_end || addr + len <= sim.unwatchable;
}

struct tl_debug_ops sim_debug_ops;

struct tl_host_ops sim_ops;
const struct tl_host_ops *tl_host_ops = &sim_ops;

static void *map(size_t size)
{
	static uintptr_t next = 0x500000000000;
	void *p = mmap((void *)next, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		abort();
	next += size;
	return p;
}

void sim_reset(void)
{
	if (!sim_text) {
		sim_text = map(SIM_TEXT_BYTES);
		exec_memory = map(EXEC_BYTES);
		sim_stack = map(SIM_TEXT_BYTES);
	}
	memset(sim_text, 0, SIM_TEXT_BYTES);
	memset(sim_stack, 0, SIM_TEXT_BYTES);
	memset(&sim, 0, sizeof(sim));
	n_functions = 0;
	sim_gate = 1;
	sim_ops = (struct tl_host_ops){
		.lookup = lookup,
		.function = function,
		.allowed = allowed,
		.stack = stack,
		.gate = &sim_gate,
		.pause = pause_turn,
		.debug = &sim_debug_ops,
	};
	sim_debug_ops = (struct tl_debug_ops){
		.write = write_dr,
		.read = read_dr,
		.cpu = this_cpu,
		.cpus = SIM_CPUS,
		.current = current_thread,
		.each_cpu = each_cpu,
		.user_end = SIM_USER_END,
		.kernel_start = SIM_KERNEL_START,
		.watchable = watchable,
	};
	sim_log_clear();
}

bool sim_make_executable(void)
{
	int prot = PROT_READ | PROT_WRITE | PROT_EXEC;

	return !mprotect(sim_text, SIM_TEXT_BYTES, prot) &&
	       !mprotect(exec_memory, EXEC_BYTES, prot);
}

/* ---- host.h: contexts and memory -------------------------------------------------- */

struct tl_context *tlh_context(void)
{
	if (enter(SIM_CALL_CONTEXT, 0) || sim.context >= SIM_CONTEXTS)
		return NULL;
	return &sim.contexts[sim.context];
}

int tlh_each_context(int (*fn)(struct tl_context *cx, void *arg), void *arg)
{
	int ret = 0;

	enter(SIM_CALL_EACH_CONTEXT, 0);
	must(sim.locked);
	for (unsigned int i = 0; i < SIM_CONTEXTS && !ret; i++)
		ret = fn(&sim.contexts[i], arg);
	return ret;
}

void *tlh_alloc(size_t size)
{
	void *p;

	must(sim.locked);
	if (enter(SIM_CALL_ALLOC, size))
		return NULL;
	p = aligned_alloc(16, (size + 15) & ~(size_t)15);
	if (!p)
		return NULL;
	memset(p, 0, size);
	sim.allocated += size;
	return p;
}

void tlh_free(void *p, size_t size)
{
	enter(SIM_CALL_FREE, (uintptr_t)p);
	must(sim.locked && sim.allocated >= size);
	sim.allocated -= size;
	free(p);
}

void *tlh_exec_alloc(uintptr_t near, size_t reach, size_t size)
{
	size_t pages = size / 4096, run = 0;

	must(sim.locked && !sim.patching && size % 4096 == 0);
	if (enter(SIM_CALL_EXEC_ALLOC, near))
		return NULL;
	if ((uintptr_t)exec_memory + EXEC_BYTES - near > reach ||
	    sim.exec_away > reach)
		return NULL;
	for (size_t i = 0; i < sizeof(exec_used); i++) {
		run = exec_used[i] ? 0 : run + 1;
		if (run < pages)
			continue;
		memset(&exec_used[i + 1 - run], 1, run);
		sim.exec_allocated += size;
		return exec_memory + (i + 1 - run) * 4096;
	}
	return NULL;
}

void tlh_exec_free(void *p, size_t size)
{
	size_t page = ((uint8_t *)p - exec_memory) / 4096;

	enter(SIM_CALL_EXEC_FREE, (uintptr_t)p);
	must(sim.locked && sim.exec_allocated >= size);
	memset(&exec_used[page], 0, size / 4096);
	memset(p, 0, size);
	sim.exec_allocated -= size;
}

/* Where there is no such call: in an emulator. */
static int read_by_pipe(void *dst, uintptr_t src, size_t len)
{
	static int ends[2];

	if (!ends[1] && pipe(ends))
		abort();
	if (write(ends[1], (void *)src, len) != (ssize_t)len)
		return -TL_EFAULT;
	return read(ends[0], dst, len) == (ssize_t)len ? 0 : -TL_EFAULT;
}

int tlh_read(void *dst, uintptr_t src, size_t len)
{
	struct iovec to = { dst, len }, from = { (void *)src, len };

	if (enter(SIM_CALL_READ, src) || src < 4096)
		return -TL_EFAULT;
	/* Code around a function may lie beyond the end of its mapping. */
	if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (ssize_t)len)
		return 0;
	return errno == ENOSYS ? read_by_pipe(dst, src, len) : -TL_EFAULT;
}

void tlh_lock(void)
{
	enter(SIM_CALL_LOCK, 0);
	must(!sim.locked);
	sim.locked = true;
}

void tlh_unlock(void)
{
	enter(SIM_CALL_UNLOCK, 0);
	must(sim.locked && !sim.patching);
	sim.locked = false;
}

/* ---- host.h: text -------------------------------------------------------------------- */

int tlh_patch_begin(void)
{
	must(sim.locked && !sim.patching);
	if (enter(SIM_CALL_PATCH_BEGIN, 0))
		return -TL_EAGAIN;
	sim.patching = true;
	sim.stopped = sim.others == TL_OTHERS_STOPPED;
	sim_log_add('(');
	return sim.others;
}

void tlh_patch_end(void)
{
	enter(SIM_CALL_PATCH_END, 0);
	must(sim.patching);
	sim.patching = false;
	sim.stopped = false;
	sim_log_add(')');
}

/* Who stops the others while they are stopped waits for ever. */
static bool is_stop_in_stop(enum tl_others others)
{
	return sim.stopped && others != TL_OTHERS_STOPPED;
}

/*
 * When it fails, half of the edits have been written.  The form for running others
 * stops them.
 */
int tlh_text_write(const struct tl_edit *edits, size_t n, enum tl_others others)
{
	bool fail = enter(SIM_CALL_TEXT_WRITE, edits->addr);

	must(sim.locked && !is_stop_in_stop(others));
	must(sim.stopped || others == TL_OTHERS_RUNNING);
	fail |= is_stop_in_stop(others);
	for (size_t i = 0; i < n; i++)
		must(sim.patching || sim_is_exec(edits[i].addr));
	if (sim.patching)
		sim_log_add('W');
	if (fail)
		n /= 2;
	for (; n; n--, edits++) {
		must(edits->len && edits->len <= TL_EDIT_BYTES);
		for (uint32_t i = 0; i < edits->len; i++) {
			((uint8_t *)edits->addr)[i] = edits->bytes[i];
			enter(SIM_CALL_BYTE, edits->addr + i);
		}
		enter(SIM_CALL_EDIT, edits->addr);
	}
	sim.unclean |= sim.caches == TL_CACHES_EACH && !sim.stopped;
	return fail ? -TL_EIO : (int)sim.caches;
}

void tlh_sync_cores(void)
{
	enter(SIM_CALL_SYNC_CORES, 0);
	must(!sim.stopped);
	sim.unclean = false;
	if (sim.patching)
		sim_log_add('S');
}

static struct tl_window last_window;

const struct tl_window *sim_last_window(void)
{
	return &last_window;
}

void tlh_evict(struct tl_window *windows, size_t n)
{
	enter(SIM_CALL_EVICT, windows->start);
	must(sim.patching && n);
	sim_log_add('E');
	last_window = windows[n - 1];
	for (; n; n--, windows++)
		windows->busy = windows->start >= sim.busy_from &&
				windows->start < sim.busy_to;
}

int tlh_quiesce(const struct tl_range *ranges, size_t n)
{
	bool fail = enter(SIM_CALL_QUIESCE, ranges->start);

	must(sim.locked && !sim.patching && n);
	sim_log_add('Q');
	for (; n; n--, ranges++)
		if (sim.busy_range >= ranges->start &&
		    sim.busy_range < ranges->end)
			fail = true;
	return fail || sim.quiesce_busy ? -TL_EBUSY : 0;
}
