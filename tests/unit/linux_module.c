/* SPDX-License-Identifier: MIT */
/* link: host-linux-module host-linux host-linux-own engine x86 x86-insn */
/*
 * linux_module.c - what modules find: formats, numbers, texts, memory
 */
#include "module/module.h"

#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>

#include "tl_test.h"

#define FORMAT(want, ...)                                          \
	do {                                                       \
		char text[128];                                    \
		int n = snprintf(text, sizeof(text), __VA_ARGS__); \
		CHECK_STR(text, want);                             \
		CHECK_EQ(n, sizeof(want) - 1);                     \
	} while (0)

TL_TEST(integers_are_printed_as_in_c)
{
	FORMAT("0", "%d", 0);
	FORMAT("-2147483648", "%d", INT_MIN);
	FORMAT("4294967295", "%u", ~0U);
	FORMAT("-9223372036854775808", "%ld", LONG_MIN);
	FORMAT("18446744073709551615", "%llu", ~0ULL);
	FORMAT("ff", "%x", 255);
	FORMAT("FF", "%X", 255);
	FORMAT("0xff", "%#x", 255);
	FORMAT("0XFF", "%#X", 255);
	FORMAT("0", "%#x", 0);
	FORMAT("017", "%#o", 15);
	FORMAT("+5 5", "%+d% d", 5, 5);
	FORMAT("-1 255", "%hhd %hhu", -1, 255);
	FORMAT("-2", "%hd", (short)-2);
	FORMAT("1 2 3", "%zu %td %ju", (size_t)1, (ptrdiff_t)2, (uintmax_t)3);
}

TL_TEST(widths_and_precisions_are_kept)
{
	FORMAT("    5|5    |00005", "%5d|%-5d|%05d", 5, 5, 5);
	FORMAT("  005", "%5.3d", 5);
	FORMAT("-0005", "%05d", -5);
	FORMAT("   -5", "%5d", -5);
	FORMAT("0x0005", "%#06x", 5);
	FORMAT("", "%.0d", 0);
	FORMAT("  abc|abc  |ab", "%5s|%-5s|%.2s", "abc", "abc", "abc");
	FORMAT("   x|x   ", "%*s|%-*s", 4, "x", 4, "x");
	FORMAT("x   |", "%*s|", -4, "x");
	FORMAT("he", "%.*s", 2, "hello");
	FORMAT("  c|c  ", "%3c|%-3c", 'c', 'c');
}

TL_TEST(addresses_are_printed_in_full)
{
	FORMAT("0000000000001234", "%p", (void *)0x1234);
	FORMAT("0000000000001234!", "%px!", (void *)0x1234);
	FORMAT("00007fffffffffff end", "%pS end", (void *)0x7fffffffffff);
}

TL_TEST(odd_formats_end_where_they_end)
{
	const char *odd = "%", *unknown = "%y 1", *volatile none = NULL;
	char got[16];

	FORMAT("100%", "%d%%", 100);
	snprintf(got, sizeof(got), "%s", none);
	CHECK_STR(got, "(null)");

	CHECK_EQ(snprintf(got, sizeof(got), odd, 0), 1);
	CHECK_STR(got, "%");
	snprintf(got, sizeof(got), unknown, 0);
	CHECK_STR(got, "%y 1");
}

TL_TEST(a_text_that_is_too_long_is_cut)
{
	char got[8] = "1234567";

	CHECK_EQ(snprintf(got, 4, "%s", "abcdef"), 6);
	CHECK_STR(got, "abc");
	CHECK_EQ(got[4], '5');
	CHECK_EQ(scnprintf(got, 4, "%s", "abcdef"), 3);
	CHECK_EQ(snprintf(NULL, 0, "%d", 12345), 5);
	CHECK_EQ(scnprintf(got, 0, "x"), 0);
	CHECK_EQ(sprintf(got, "%d", 42), 2);
	CHECK_STR(got, "42");
}

TL_TEST(numbers_are_read_whole_or_not_at_all)
{
	/* clang-format off */
	static const struct {
		const char *text;
		unsigned int base;
		int err;
		long long value;
	} rows[] = {
		{ "0", 0, 0, 0 },
		{ "42\n", 0, 0, 42 },
		{ "+7", 10, 0, 7 },
		{ "-7", 10, 0, -7 },
		{ "0x1F", 0, 0, 31 },
		{ "0x1F", 16, 0, 31 },
		{ "1F", 16, 0, 31 },
		{ "017", 0, 0, 15 },
		{ "9223372036854775807", 0, 0, LONG_MAX },
		{ "-9223372036854775808", 0, 0, LONG_MIN },
		{ "9223372036854775808", 0, -ERANGE, 0 },
		{ "-9223372036854775809", 0, -ERANGE, 0 },
		{ "99999999999999999999", 0, -ERANGE, 0 },
		{ "", 0, -EINVAL, 0 },
		{ "-", 0, -EINVAL, 0 },
		{ "-+1", 0, -EINVAL, 0 },
		{ "x", 0, -EINVAL, 0 },
		{ "0x", 0, -EINVAL, 0 },
		{ "1 ", 0, -EINVAL, 0 },
		{ "08", 0, -EINVAL, 0 },
		{ "1\n\n", 0, -EINVAL, 0 },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		long long value = 99;

		ROW(rows[i].text);
		CHECK_EQ(kstrtoll(rows[i].text, rows[i].base, &value),
			 rows[i].err);
		CHECK_EQ(value, rows[i].err ? 99 : rows[i].value);
	}
}

TL_TEST(narrow_numbers_have_their_range)
{
	unsigned int u;
	bool b = false;
	int i;

	CHECK_EQ(kstrtoint("2147483648", 0, &i), -ERANGE);
	CHECK_EQ(kstrtoint("-2147483648", 0, &i), 0);
	CHECK_EQ(i, INT_MIN);
	CHECK_EQ(kstrtouint("4294967296", 0, &u), -ERANGE);
	CHECK_EQ(kstrtouint("-1", 0, &u), -EINVAL);
	CHECK_EQ(kstrtobool("On", &b), 0);
	CHECK(b);
	CHECK_EQ(kstrtobool("of", &b), 0);
	CHECK(!b);
	CHECK_EQ(kstrtobool("2", &b), -EINVAL);
	CHECK_EQ(kstrtobool("", &b), -EINVAL);
}

TL_TEST(texts_are_copied_and_found)
{
	char to[8];

	CHECK_EQ(strscpy(to, "1234567", sizeof(to)), 7);
	CHECK_EQ(strscpy(to, "12345678", sizeof(to)), -E2BIG);
	CHECK_STR(to, "1234567");
	CHECK_EQ(strscpy(to, "x", 0), -E2BIG);
	CHECK_EQ(strlcpy(to, "too long for it", sizeof(to)), 15);
	CHECK_STR(to, "too lon");
	strncpy(to, "ab", 5);
	CHECK_MEM(to, "ab\0\0\0on", 8);
	strcat(to, "cd");
	CHECK_STR(to, "abcd");
	CHECK_STR(strchr(to, 'c'), "cd");
	CHECK_EQ(strchr(to, 'x'), NULL);
	CHECK_EQ(strchr(to, 0), to + 4);
	CHECK_STR(strrchr("a/b/c", '/'), "/c");
	CHECK_STR(strstr("haystack", "sta"), "stack");
	CHECK_EQ(strstr("haystack", "stx"), NULL);
	CHECK_STR(strstr("x", ""), "x");
	CHECK(strcmp("a", "b") < 0 && strcmp("b", "a") > 0 &&
	      strcmp("\xff", "a") > 0);
	CHECK_EQ(strncmp("abc", "abd", 2), 0);
	CHECK_EQ(memchr("abc", 'c', 2), NULL);
	CHECK(memcmp("ab\0c", "ab\0d", 4) < 0);
	memmove(to + 1, to, 4);
	CHECK_MEM(to, "aabcd", 5);
	memmove(to, to + 1, 4);
	CHECK_MEM(to, "abcdd", 5);
	memset(to, 'z', 3);
	CHECK_MEM(to, "zzzdd", 5);
}

TL_TEST(memory_has_its_size_and_is_zeroed)
{
	char *p = kmalloc(100, GFP_KERNEL), *q;

	REQUIRE(p);
	CHECK_EQ((uintptr_t)p & 15, 0);
	memset(p, 'x', 100);
	p = krealloc(p, 100000, GFP_KERNEL);
	REQUIRE(p);
	CHECK_EQ(p[99], 'x');
	kfree(p);
	p = kmalloc(100, GFP_ATOMIC);
	memset(p, 'x', 100);
	kfree(p);
	q = kzalloc(100, GFP_KERNEL);
	REQUIRE(q);
	for (int i = 0; i < 100; i++)
		CHECK_EQ(q[i], 0);
	kfree(q);
	kfree(NULL);
	CHECK_EQ(kcalloc(~0UL / 2, 4, GFP_KERNEL), NULL);
	CHECK_EQ(kmalloc(~0UL - 8, GFP_KERNEL), NULL);
	p = kstrndup("abcdef", 3, GFP_KERNEL);
	CHECK_STR(p, "abc");
	kfree(p);
	CHECK_EQ(kstrdup(NULL, GFP_KERNEL), NULL);
}

TL_TEST(memory_that_is_not_there_is_no_fault)
{
	char to[16] = "unchanged";
	void *nowhere = (void *)16;
	int value = 0;

	CHECK_EQ(copy_from_user(to, nowhere, sizeof(to)), sizeof(to));
	CHECK_EQ(to[0], 0);
	CHECK_EQ(copy_to_user(nowhere, to, 4), 4);
	CHECK_EQ(copy_from_kernel_nofault(to, nowhere, 4), -EFAULT);
	CHECK_EQ(strncpy_from_user(to, nowhere, 4), -EFAULT);
	CHECK_EQ(strncpy_from_user(to, "abc", sizeof(to)), 3);
	CHECK_STR(to, "abc");
	CHECK_EQ(strncpy_from_user(to, "abcdef", 2), 2);
	CHECK_EQ(get_user(value, (int *)nowhere), -EFAULT);
	CHECK_EQ(put_user(7, &value), 0);
	CHECK_EQ(value, 7);
}

TL_TEST(the_current_task_is_the_caller)
{
	struct task_struct *t = current;

	CHECK_EQ(t, current);
	CHECK_EQ(t->pid, t->tgid);
	CHECK_EQ(t->pid, tl_sys0(__NR_getpid));
	CHECK(t->mm != NULL);
	CHECK(!strncmp("linux_module", t->comm, 12));
}

TL_TEST(signals_are_blocked_while_an_irqsave_lock_is_held)
{
	DEFINE_SPINLOCK(lock);
	uint64_t before = 0, during = 0, after = 0;
	unsigned long flags;

	tl_sys4(__NR_rt_sigprocmask, 0, 0, (long)&before, 8);
	spin_lock_irqsave(&lock, flags);
	tl_sys4(__NR_rt_sigprocmask, 0, 0, (long)&during, 8);
	CHECK(!spin_trylock(&lock));
	spin_unlock_irqrestore(&lock, flags);
	tl_sys4(__NR_rt_sigprocmask, 0, 0, (long)&after, 8);
	CHECK_EQ(after, before);
	CHECK_EQ(during & TL_SIG_BIT(15), TL_SIG_BIT(15));
	CHECK_EQ(during & TL_SIG_BIT(TL_SIGTRAP), 0);
	CHECK(spin_trylock(&lock));
}

TL_TEST(time_goes_on)
{
	ktime_t a = ktime_get(), b;

	while ((b = ktime_get()) == a)
		;
	CHECK(ktime_after(b, a));
	CHECK_EQ(ktime_to_ms(ktime_add_ns(ms_to_ktime(3), 1)), 3);
}

TL_TEST(relocations_that_do_not_reach_are_refused)
{
	uint8_t at[8] = { 0 };
	uintptr_t far = 1UL << 40;

	CHECK_EQ(tl_module_relocate(1, at, 8, 0, far), 0);
	CHECK_EQ(*(uint64_t *)at, far);
	CHECK_EQ(tl_module_relocate(1, at, 7, 0, far), -TL_EINVAL);
	CHECK_EQ(tl_module_relocate(2, at, 8, 0x1000, 0x800), 0);
	CHECK_EQ(*(int32_t *)at, -0x800);
	CHECK_EQ(tl_module_relocate(2, at, 8, 0, 0x7fffffff), 0);
	CHECK_EQ(tl_module_relocate(2, at, 8, 0, 0x80000000), -TL_ERANGE);
	CHECK_EQ(tl_module_relocate(4, at, 8, far, 0), -TL_ERANGE);
	CHECK_EQ(tl_module_relocate(10, at, 8, 0, 0xffffffff), 0);
	CHECK_EQ(tl_module_relocate(10, at, 8, 0, ~0UL), -TL_ERANGE);
	CHECK_EQ(tl_module_relocate(11, at, 8, 0, ~0UL), 0);
	CHECK_EQ(tl_module_relocate(11, at, 8, 0, 0x80000000), -TL_ERANGE);
	CHECK_EQ(tl_module_relocate(24, at, 8, far, 0), 0);
	CHECK_EQ(*(uint64_t *)at, -far);
	CHECK_EQ(tl_module_relocate(77, at, 8, 0, 0), -TL_EINVAL);
}
