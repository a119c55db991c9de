/* SPDX-License-Identifier: MIT */
/*
 * debug_tasks.c - hardware breakpoints of user tasks: their debuggers', the kernel's
 *
 * What a debugger sees is checked by a program, user/watched.c.
 */

#include <host_kernel.h>
#include <kern/arch.h>
#include <kern/memory.h>
#include <kern/space.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <stdatomic.h>
#include <tl_test.h>
#include <trapline/hw_breakpoint.h>
#include <trapline/regs.h>
#include <trapline/trap.h>

#define ARG   (USER_STACK_TOP - USER_ARG_MAX)
#define TURNS 40

/* 0, the line that failed, or something negative. */
static int run(const char *part)
{
	int status = 0, pid = task_start("watched", part, ALL_CPUS);

	if (pid < 0)
		return pid;
	task_wait(pid, &status);
	return W_EXITED(status) ? W_CODE(status) : -status;
}

TL_TEST(a_debuggers_registers_are_names)
{
	CHECK_EQ(run("n"), 0);
}

TL_TEST(a_core_shows_the_names_of_a_task_that_a_signal_has_ended)
{
	for (int i = 0; i < 10; i++)
		CHECK_EQ(run("d"), 0);
}

TL_TEST(a_debuggers_mistakes_are_refused_and_change_nothing)
{
	CHECK_EQ(run("r"), 0);
}

TL_TEST(code_breakpoints_and_steps_of_a_debugger_do_not_mix_up)
{
	CHECK_EQ(run("c"), 0);
}

TL_TEST(a_child_has_none)
{
	CHECK_EQ(run("fn"), 0);
}

TL_TEST(a_child_has_a_copy_where_that_is_asked_for)
{
	host_kernel_fork_copies(true);
	CHECK_EQ(run("fc"), 0);
	host_kernel_fork_copies(false);
}

TL_TEST(another_program_has_none)
{
	CHECK_EQ(run("e"), 0);
}

TL_TEST(what_the_kernel_copies_for_a_task_hits)
{
	CHECK_EQ(run("u"), 0);
}

TL_TEST(many_tasks_each_have_their_own)
{
	for (unsigned int i = 0; i < 3; i++)
		CHECK_EQ(run("m"), 0);
}

static struct hits {
	struct hw_breakpoint bp;
	_Atomic unsigned int n;
} kernels[3], users;

static void count_hit(struct hw_breakpoint *bp, struct pt_regs *regs)
{
	(void)regs;
	((struct hits *)bp)->n++;
}

static volatile uint64_t words[3];

static void watch_words(void)
{
	for (unsigned int i = 0; i < 3; i++) {
		kernels[i] = (struct hits){
			.bp = { .addr = (void *)&words[i],
				.len = HW_BREAKPOINT_LEN_8,
				.type = HW_BREAKPOINT_W,
				.triggered = count_hit },
		};
		CHECK_EQ(register_kernel_hw_breakpoint(&kernels[i].bp), 0);
	}
}

TL_TEST(a_debugger_gets_what_the_kernel_leaves)
{
	watch_words();
	CHECK_EQ(run("s"), 0);
	CHECK_EQ(run("m"), 0);
	for (unsigned int i = 0; i < 3; i++) {
		words[i]++;
		CHECK_EQ(kernels[i].n, 1);
		unregister_hw_breakpoint(&kernels[i].bp);
	}
}

static bool is_watched(const struct task *task, void *arg)
{
	struct task **found = arg;

	*found = (struct task *)task;
	return task->name[0] == 'w';
}

/* Word @i of the argument of @task. */
static volatile uint64_t *arg_word(const struct task *task, unsigned int i)
{
	return space_at(task->space, ARG + 8 * i);
}

/* On a task that runs, from another CPU or this one; silent, so it goes on. */
static void watch_task(bool silent)
{
	struct task *task = NULL;
	int status = 0, pid = task_start("watched", "k", ALL_CPUS);

	REQUIRE(pid > 0);
	thread_sleep_ms(20);
	task_each(is_watched, &task);
	REQUIRE(task);
	users = (struct hits){ .bp = { .addr = (void *)(ARG + 16),
				       .len = HW_BREAKPOINT_LEN_8,
				       .type = HW_BREAKPOINT_W,
				       .triggered = count_hit,
				       .silent = silent } };
	CHECK_EQ(register_user_hw_breakpoint(&users.bp,
					     host_kernel_thread(task)),
		 0);
	*arg_word(task, 1) = 1; /* by another address: no hit */
	CHECK_EQ(task_wait(pid, &status), pid);
	CHECK_EQ(users.bp.serial, 0); /* it went with the task */
	if (silent) {
		CHECK_EQ(status, 0);
		CHECK_EQ(users.n, TURNS);
	} else {
		CHECK(W_KILLED(status) && W_SIGNAL(status) == SIGTRAP);
		CHECK_EQ(users.n, 1);
	}
	unregister_hw_breakpoint(&users.bp);
}

TL_TEST(each_hit_of_a_silent_one_is_reported_and_no_signal)
{
	watch_task(true);
}

TL_TEST(a_hit_of_another_is_one_signal)
{
	watch_task(false);
}

TL_TEST(the_kernels_are_hit_in_the_midst_of_switches)
{
	watch_words();
	/* Tasks with breakpoints of their own are switched meanwhile. */
	for (unsigned int i = 0; i < 3; i++) {
		int status, pid = task_start("watched", "m", ALL_CPUS);
		unsigned int n = 0;

		REQUIRE(pid > 0);
		kernels[i].n = 0;
		for (; n < 50; n++) {
			words[i]++;
			thread_yield();
		}
		CHECK_EQ(task_wait(pid, &status), pid);
		CHECK_EQ(status, 0);
		CHECK_EQ(kernels[i].n, n);
	}
	for (unsigned int i = 0; i < 3; i++)
		unregister_hw_breakpoint(&kernels[i].bp);
}

static atomic_bool over;

/* Comes and goes in the register next to the tasks' own. */
static void come_and_go(void *arg)
{
	struct hits *h = &kernels[(uintptr_t)arg];
	volatile uint64_t *word = &words[(uintptr_t)arg];
	unsigned int rounds = 0;

	while (!over) {
		*h = (struct hits){ .bp = { .addr = (void *)word,
					    .len = HW_BREAKPOINT_LEN_8,
					    .type = HW_BREAKPOINT_W,
					    .triggered = count_hit } };
		CHECK_EQ(register_kernel_hw_breakpoint(&h->bp), 0);
		for (unsigned int i = 0; i < 5; i++) {
			++*word;
			thread_yield();
		}
		unregister_hw_breakpoint(&h->bp);
		++*word;
		CHECK_EQ(h->n, 5);
		rounds++;
	}
	CHECK(rounds > 0);
}

TL_TEST(tasks_and_the_kernel_come_and_go_and_all_is_exact)
{
	struct thread *t[3];

	over = false;
	for (uintptr_t i = 0; i < 3; i++)
		t[i] = thread_start("comes and goes", come_and_go, (void *)i,
				    ALL_CPUS);
	for (unsigned int i = 0; i < 2 * tl_test_scale; i++) {
		CHECK_EQ(run("m"), 0);
		CHECK_EQ(run("u"), 0);
	}
	over = true;
	for (unsigned int i = 0; i < 3; i++)
		thread_join(t[i]);
}

TL_TEST(no_memory_is_left_when_tasks_with_breakpoints_are_gone)
{
	size_t before = 0;

	for (unsigned int i = 0; i < 8; i++) {
		CHECK_EQ(run("n"), 0);
		CHECK_EQ(run("fn"), 0);
		if (i == 3)
			before = page_nr_free();
	}
	CHECK_EQ(page_nr_free(), before);
}
