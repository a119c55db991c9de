/* SPDX-License-Identifier: MIT */
/*
 * tasks.c - programs in ring 3 and modules, from the console
 *
 * A thread waits for the programs that end, and says how they did.
 */

#include "demo.h"
#include <kern/memory.h>
#include <kern/module.h>
#include <kern/printk.h>
#include <kern/string.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <stdatomic.h>

#define MAX_WORD 32

static atomic_bool over;
static struct thread *waiter;

/* The first word of @line; what is behind it, or "". */
static const char *first_word(const char *line, char *word, size_t size)
{
	size_t n = 0;

	for (; *line && *line != ' '; line++)
		if (n + 1 < size)
			word[n++] = *line;
	word[n] = '\0';
	return *line ? line + 1 : line;
}

static void run(const char *line)
{
	char program[MAX_WORD];
	const char *arg = first_word(line, program, sizeof(program));
	int pid = task_start(program, arg, ALL_CPUS);

	if (pid < 0)
		printk("%s: refused, error %d\n", program, pid);
	else
		printk("%s: runs as %d\n", program, pid);
}

static bool show_task(const struct task *task, void *arg)
{
	static const char *const states[] = { "runs", "stopped", "ended" };

	(void)arg;
	printk("%5d %s, %s, cpu %u, parent %d\n", task->pid, task->name,
	       states[task->state], task->thread ? task->thread->cpu : 0,
	       task->parent ? task->parent->pid : 0);
	return false;
}

static void ps(void)
{
	printk("  pid\n");
	task_each(show_task, NULL);
}

static void kill_task(const char *word)
{
	int pid = 0;

	while (*word >= '0' && *word <= '9')
		pid = pid * 10 + *word++ - '0';
	if (sys_kill(pid, SIGKILL))
		printk("%d: no such task\n", pid);
}

static void load(const char *line)
{
	char name[MAX_WORD];
	const char *params = first_word(line, name, sizeof(name));
	int err = module_load(name, params);

	if (err)
		printk("%s: refused, error %d\n", name, err);
}

static void unload(const char *name)
{
	int err = module_unload(name);

	if (err)
		printk("%s: refused, error %d\n", name, err);
}

static void show_module(const struct module *m, void *arg)
{
	(void)arg;
	printk("%s: text at %p, %lu functions\n", m->name,
	       (void *)m->text.start, (unsigned long)m->n_symbols);
}

void tasks_help(void)
{
	printk("run PROGRAM [ARGUMENT] | ps | kill PID | "
	       "insmod NAME [PARAMETERS] | rmmod NAME | lsmod\n");
}

bool tasks_obey(const char *line)
{
	const char *rest;

	if ((rest = behind(line, "run ")))
		run(rest);
	else if ((rest = behind(line, "kill ")))
		kill_task(rest);
	else if ((rest = behind(line, "insmod ")))
		load(rest);
	else if ((rest = behind(line, "rmmod ")))
		unload(rest);
	else if (!strcmp(line, "ps"))
		ps();
	else if (!strcmp(line, "lsmod"))
		module_each(show_module, NULL);
	else
		return false;
	return true;
}

/* ---- those that end ---------------------------------------------------------- */

static void wait_for_tasks(void *arg)
{
	int status;

	(void)arg;
	while (!over) {
		int pid = task_wait(-1, &status);

		if (pid < 0)
			thread_sleep_ms(20);
		else if (W_EXITED(status))
			printk("%d: exited with %d\n", pid, W_CODE(status));
		else
			printk("%d: killed by signal %d\n", pid,
			       W_SIGNAL(status));
	}
}

void tasks_begin(void)
{
	waiter = thread_start("waiter", wait_for_tasks, NULL, ALL_CPUS);
}

/* Lock held: see task_each(). */
static bool end_task(const struct task *task, void *arg)
{
	(void)arg;
	signal_send((struct task *)task, SIGKILL);
	return false;
}

static bool is_there(const struct task *task, void *arg)
{
	(void)task;
	*(bool *)arg = true;
	return true;
}

void tasks_end(void)
{
	bool any = true;

	while (any) {
		task_each(end_task, NULL);
		thread_sleep_ms(10);
		any = false;
		task_each(is_there, &any);
	}
	over = true;
	if (waiter)
		thread_join(waiter);
}
