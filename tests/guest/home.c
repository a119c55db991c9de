/* SPDX-License-Identifier: MIT */
/* home.c - the kernel home keeps what host.h promises */

#include <host_kernel.h>
#include <kern/arch.h>
#include <kern/memory.h>
#include <kern/symbols.h>
#include <kern/thread.h>
#include <kern/trap.h>
#include <tl_test.h>
#include <trapline/host.h>

TL_TEST(engine_memory_is_zeroed_aligned_and_comes_back)
{
	uint8_t *a = tlh_alloc(100), *b = tlh_alloc(5000);
	size_t before = page_nr_free();

	REQUIRE(a && b);
	CHECK_EQ(((uintptr_t)a | (uintptr_t)b) % 16, 0);
	for (size_t i = 0; i < 100; i++)
		CHECK_EQ(a[i], 0);
	tlh_free(a, 100);
	tlh_free(b, 5000);
	CHECK_EQ(page_nr_free(), before + 2);
}

TL_TEST(executable_memory_is_within_reach_or_refused)
{
	uintptr_t near = (uintptr_t)text_write;
	size_t before = page_nr_free();
	uintptr_t p = (uintptr_t)tlh_exec_alloc(near, 0x7ff00000, 65536);
	uint8_t byte = 0x90;

	REQUIRE(p);
	CHECK(p - near < 0x7ff00000 && p + 65536 - near < 0x7ff00000);
	CHECK_EQ(text_write((void *)(p + 65535), &byte, 1), 0);
	tlh_exec_free((void *)p, 65536);
	CHECK(!tlh_exec_alloc(near, 1000, 4096));
	CHECK(!tlh_exec_alloc(0, 0x7ff00000, 4096));
	CHECK_EQ(page_nr_free(), before);
}

TL_TEST(read_of_bad_memory_gives_efault)
{
	uint64_t value = 7, got = 0;

	CHECK_EQ(tlh_read(&got, (uintptr_t)&value, 8), 0);
	CHECK_EQ(got, 7);
	CHECK_EQ(tlh_read(&got, 0x10, 8), -TL_EFAULT);
	CHECK_EQ(tlh_read(&got, (uintptr_t)-4, 8), -TL_EFAULT);
}

TL_TEST(write_of_what_is_no_text_gives_efault)
{
	static uint8_t data = 1;
	struct tl_edit edit = { .addr = (uintptr_t)&data, .len = 1 };

	host_kernel_stop_others(false);
	CHECK_EQ(tlh_patch_begin(), TL_OTHERS_RUNNING);
	CHECK_EQ(tlh_text_write(&edit, 1, TL_OTHERS_RUNNING), -TL_EFAULT);
	tlh_patch_end();
	CHECK_EQ(data, 1);
	CHECK_EQ(tlh_text_write(NULL, 0, TL_OTHERS_RUNNING), 0);
}

TL_TEST(stopping_the_others_keeps_interrupts_off)
{
	unsigned long flags;

	host_kernel_stop_others(true);
	CHECK_EQ(tlh_patch_begin(), TL_OTHERS_STOPPED);
	flags = arch_irq_save();
	arch_irq_restore(flags);
	CHECK(!arch_irqs_on());
	tlh_patch_end();
	CHECK(arch_irqs_on());
	host_kernel_stop_others(false);
}

struct seen {
	unsigned int n;
	bool mine;
};

static int see(struct tl_context *cx, void *arg)
{
	struct seen *seen = arg;

	seen->n++;
	seen->mine |= cx == tlh_context();
	return 0;
}

static int stop_at_once(struct tl_context *cx, void *arg)
{
	(void)cx;
	++*(unsigned int *)arg;
	return 42;
}

TL_TEST(every_context_is_visited_until_told_to_stop)
{
	struct seen seen = { 0, false };
	unsigned int calls = 0;

	CHECK_EQ(tlh_each_context(see, &seen), 0);
	CHECK_EQ(seen.n, KERN_MAX_THREADS);
	CHECK(seen.mine);
	CHECK_EQ(tlh_each_context(stop_at_once, &calls), 42);
	CHECK_EQ(calls, 1);
	CHECK_EQ(tlh_context()->depth, 0);
}

TL_TEST(symbols_bounds_and_places_are_answered)
{
	const struct tl_host_ops *ops = tl_host_ops;
	uintptr_t addr = 0, start, end, here = (uintptr_t)&addr;

	CHECK_EQ(ops->lookup("text_write", &addr), 0);
	CHECK_EQ(addr, (uintptr_t)text_write);
	CHECK_EQ(ops->lookup("no_such_symbol", &addr), -TL_ENOENT);
	CHECK_EQ(ops->function((uintptr_t)text_write + 1, &start, &end), 0);
	CHECK_EQ(start, (uintptr_t)text_write);
	CHECK_EQ(end - start, symbol_by_name("text_write")->size);
	CHECK_EQ(ops->function(8, &start, &end), -TL_ENOENT);

	CHECK(ops->allowed((uintptr_t)text_write, 5, true));
	CHECK(!ops->allowed((uintptr_t)&addr, 1, false));
	CHECK(!ops->allowed((uintptr_t)noprobe_start, 1, false));
	CHECK(!ops->allowed((uintptr_t)noprobe_end - 1, 5, true));
	CHECK(!ops->allowed((uintptr_t)noprobe_start - 4, 5, true));

	CHECK_EQ(ops->stack(here, &start, &end), 0);
	CHECK(start < here && here < end);
	CHECK_EQ(ops->stack(8, &start, &end), -TL_ENOENT);
}
