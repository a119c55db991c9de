/* SPDX-License-Identifier: MIT */
/*
 * kconfig.h - what modules ask about the kernel they are built for
 */
#ifndef KMOD_LINUX_KCONFIG_H
#define KMOD_LINUX_KCONFIG_H

#define CONFIG_MODULES 1
#define CONFIG_KPROBES 1
#define CONFIG_KRETPROBES 1
#define CONFIG_OPTPROBES 1
#define CONFIG_KALLSYMS 1
#define CONFIG_SMP 1
#define CONFIG_64BIT 1

#if defined(__x86_64__)
#define CONFIG_X86 1
#define CONFIG_X86_64 1
#elif defined(__aarch64__)
#define CONFIG_ARM64 1
#endif

/* An option that is on is the text "1"; one that is not is its own name. */
#define KMOD_TEXT_OF(x) #x
#define KMOD_TEXT(x)	KMOD_TEXT_OF(x)
#define IS_ENABLED(option) (sizeof(KMOD_TEXT(option)) == sizeof("1"))
#define IS_BUILTIN(option) IS_ENABLED(option)
#define IS_MODULE(option)  0

#endif
