/* SPDX-License-Identifier: MIT */
/*
 * demo.c - the reference kernel at work, and a console to probe it from
 *
 * Some threads do things all the time.  Whoever sits at the serial console puts
 * probes on functions by name, and takes them away, while that goes on; runs
 * programs in ring 3 and loads modules that have probes (tasks.c).
 */

#include "demo.h"
#include <kern/arch.h>
#include <kern/main.h>
#include <kern/memory.h>
#include <kern/printk.h>
#include <kern/smp.h>
#include <kern/string.h>
#include <kern/symbols.h>
#include <kern/thread.h>
#include <kern/time.h>
#include <stdatomic.h>
#include <trapline/kprobes.h>
#include <trapline/regs.h>

#define MAX_PROBES 16
#define MAX_NAME   48
#define MAX_LINE   80

long demo_fib(long n);
long demo_sum(const long *v, long n);
void demo_turn(long n);

/* ---- what the kernel does ---------------------------------------------------- */

__attribute__((noinline)) long demo_fib(long n)
{
	long r = n;

	if (n > 1)
		r = demo_fib(n - 1) + demo_fib(n - 2);
	__asm__ volatile("" : "+r"(r));
	return r;
}

__attribute__((noinline)) long demo_sum(const long *v, long n)
{
	long sum = 0;

	while (n--)
		sum += v[n];
	__asm__ volatile("" : "+r"(sum));
	return sum;
}

__attribute__((noinline)) void demo_turn(long n)
{
	long *v = kmalloc(64 * sizeof(*v));

	for (long i = 0; v && i < 64; i++)
		v[i] = i * n;
	if (v)
		demo_sum(v, 64);
	demo_fib(n % 8);
	kfree(v);
}

static atomic_bool over;

static void work(void *arg)
{
	for (long n = (long)(uintptr_t)arg; !over; n++) {
		demo_turn(n);
		thread_sleep_ms(4);
	}
}

/* ---- probes ----------------------------------------------------------------------- */

static struct entry {
	struct kprobe p; /* first: its handler finds the rest by it */
	char name[MAX_NAME];
	bool used;
	_Atomic unsigned long hits;
	unsigned long seen;		  /* when `top` last looked */
	_Atomic unsigned long first, cpu; /* of the last hit */
} entries[MAX_PROBES];

static int on_hit(struct kprobe *p, struct pt_regs *regs)
{
	struct entry *e = (struct entry *)p;

	e->hits++;
	e->first = regs_get_kernel_argument(regs, 0);
	e->cpu = arch_cpu_id();
	return 0;
}

static struct entry *find(const char *name)
{
	for (size_t i = 0; i < MAX_PROBES; i++)
		if (entries[i].used && !strcmp(entries[i].name, name))
			return &entries[i];
	return NULL;
}

static void add(const char *name)
{
	struct entry *e = entries;
	int err;

	while (e < entries + MAX_PROBES && e->used)
		e++;
	if (e == entries + MAX_PROBES || find(name)) {
		printk("%s\n", find(name) ? "is there already" : "no room");
		return;
	}
	memset(e, 0, sizeof(*e));
	strcopy(e->name, name, sizeof(e->name));
	e->p.symbol_name = e->name;
	e->p.pre_handler = on_hit;
	err = register_kprobe(&e->p);
	if (err) {
		printk("%s: refused, error %d\n", name, err);
		return;
	}
	e->used = true;
	printk("%s: probed at %p\n", name, (void *)e->p.addr);
}

static void del(const char *name)
{
	struct entry *e = find(name);

	if (!e) {
		printk("%s: no such probe\n", name);
		return;
	}
	unregister_kprobe(&e->p);
	e->used = false;
	printk("%s: removed after %lu hits\n", name, (unsigned long)e->hits);
}

static void list(void)
{
	for (size_t i = 0; i < MAX_PROBES; i++) {
		const struct entry *e = &entries[i];

		if (e->used)
			printk("%s %s hits %lu missed %lu\n", e->name,
			       e->p.flags & KPROBE_FLAG_OPTIMIZED
				       ? "jump"
				       : "breakpoint",
			       (unsigned long)e->hits, e->p.nmissed);
	}
}

/* What was hit in a second. */
static void top(void)
{
	for (size_t i = 0; i < MAX_PROBES; i++)
		entries[i].seen = entries[i].hits;
	thread_sleep_ms(1000);
	for (size_t i = 0; i < MAX_PROBES; i++)
		if (entries[i].used)
			printk("%8lu/s %s\n",
			       (unsigned long)entries[i].hits - entries[i].seen,
			       entries[i].name);
}

/* Five looks at the last hit. */
static void watch(const char *name)
{
	struct entry *e = find(name);

	if (!e) {
		printk("%s: no such probe\n", name);
		return;
	}
	for (unsigned int i = 0; i < 5; i++) {
		thread_sleep_ms(200);
		printk("%s: hit %lu on cpu %lu, first argument 0x%lx\n",
		       e->name, (unsigned long)e->hits, (unsigned long)e->cpu,
		       (unsigned long)e->first);
	}
}

/* ---- the console -------------------------------------------------------------------- */

/* A line without its end; what is typed is shown. */
static void read_line(char *line, size_t size)
{
	size_t n = 0;

	for (;;) {
		int c = arch_console_read();

		if (c < 0) {
			thread_sleep_ms(1);
		} else if (c == '\r' || c == '\n') {
			break;
		} else if (c == 8 || c == 127) {
			n -= n > 0;
			console_write("\b \b", 3);
		} else if (n + 1 < size) {
			line[n++] = (char)c;
			console_write(&line[n - 1], 1);
		}
	}
	line[n] = '\0';
	printk("\n");
}

const char *behind(const char *line, const char *word)
{
	size_t n = strlen(word);

	return strlen(line) > n && !memcmp(line, word, n) ? line + n : NULL;
}

static void help(void)
{
	printk("probe add NAME | probe del NAME | probe list | watch NAME | "
	       "top | quit\n");
	tasks_help();
}

static bool obey(const char *line)
{
	const char *name;

	if (!strcmp(line, "quit"))
		return false;
	if ((name = behind(line, "probe add ")))
		add(name);
	else if ((name = behind(line, "probe del ")))
		del(name);
	else if ((name = behind(line, "watch ")))
		watch(name);
	else if (!strcmp(line, "probe list"))
		list();
	else if (!strcmp(line, "top"))
		top();
	else if (!tasks_obey(line) && *line)
		help();
	return true;
}

bool kernel_payload(void)
{
	struct thread *t[4];
	char line[MAX_LINE];

	for (uintptr_t i = 0; i < 4; i++)
		t[i] = thread_start("work", work, (void *)i, ALL_CPUS);
	tasks_begin();
	help();
	do {
		printk("> ");
		read_line(line, sizeof(line));
	} while (obey(line));
	for (size_t i = 0; i < MAX_PROBES; i++)
		if (entries[i].used)
			del(entries[i].name);
	tasks_end();
	over = true;
	for (size_t i = 0; i < 4; i++)
		if (t[i])
			thread_join(t[i]);
	printk("bye\n");
	return true;
}
