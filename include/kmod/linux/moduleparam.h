/* SPDX-License-Identifier: MIT */
/*
 * moduleparam.h - parameters of a module
 */
#ifndef KMOD_LINUX_MODULEPARAM_H
#define KMOD_LINUX_MODULEPARAM_H

#include <linux/compiler.h>
#include <linux/types.h>

/*
 * Set by the text that the module is loaded with, `name=value name=value`, and
 * never changed later: the permissions mean nothing here.
 */
enum kmod_param_kind {
	KMOD_PARAM_bool,
	KMOD_PARAM_invbool,
	KMOD_PARAM_byte,
	KMOD_PARAM_short,
	KMOD_PARAM_ushort,
	KMOD_PARAM_int,
	KMOD_PARAM_uint,
	KMOD_PARAM_hexint,
	KMOD_PARAM_long,
	KMOD_PARAM_ulong,
	KMOD_PARAM_ullong,
	KMOD_PARAM_charp,
	KMOD_PARAM_string, /* copied into an array of `size` bytes */
};

/* A row of the section __param; the loader reads it. */
struct kmod_param {
	const char *name;
	void *at;
	unsigned int *num; /* of an array: how many were given, or NULL */
	u32 kind;
	u32 size; /* of one */
	u32 max;  /* how many there is room for; 0: no array */
	u32 unused;
};

typedef bool kmod_type_bool;
typedef bool kmod_type_invbool;
typedef unsigned char kmod_type_byte;
typedef short kmod_type_short;
typedef unsigned short kmod_type_ushort;
typedef int kmod_type_int;
typedef unsigned int kmod_type_uint;
typedef unsigned int kmod_type_hexint;
typedef long kmod_type_long;
typedef unsigned long kmod_type_ulong;
typedef unsigned long long kmod_type_ullong;
typedef char *kmod_type_charp;

#define KMOD_PARAM(name, at, num, kind, size, max)                          \
	static const struct kmod_param kmod_param_##name __used             \
		__section("__param") __aligned(8) = { #name, at,   num, kind, \
						      size,  max, 0 }
#define KMOD_PARAM_TYPE(var, type)                                          \
	_Static_assert(__builtin_types_compatible_p(__typeof__(var),        \
						    kmod_type_##type),      \
		       "a parameter and its variable are of two types")

#define module_param_named(name, var, type, perm)                       \
	KMOD_PARAM_TYPE(var, type);                                     \
	KMOD_PARAM(name, &(var), (unsigned int *)0, KMOD_PARAM_##type, \
		   sizeof(var), 0)
#define module_param(name, type, perm) module_param_named(name, name, type, perm)
#define module_param_string(name, string, len, perm)                        \
	_Static_assert((len) <= sizeof(string), "a parameter is too long"); \
	KMOD_PARAM(name, string, (unsigned int *)0, KMOD_PARAM_string, len, 0)
#define module_param_array_named(name, array, type, nump, perm)      \
	KMOD_PARAM_TYPE((array)[0], type);                           \
	KMOD_PARAM(name, array, nump, KMOD_PARAM_##type,             \
		   sizeof((array)[0]), sizeof(array) / sizeof((array)[0]))
#define module_param_array(name, type, nump, perm) \
	module_param_array_named(name, name, type, nump, perm)
#define module_param_unsafe(name, type, perm) module_param(name, type, perm)

#define MODULE_PARM_DESC(name, text) MODULE_INFO(parm, #name ":" text)

#endif
