/* SPDX-License-Identifier: MIT */
/*
 * params.c - `name=value name="two words" flag`: the parameters of a module
 *
 * The text is copied, since a parameter that is a pointer points into it as long
 * as the module is there.  A dash in a name is an underscore.
 */
#include "kmod.h"

static bool same_name(const char *a, const char *b)
{
	for (;; a++, b++) {
		char x = *a == '-' ? '_' : *a;
		char y = *b == '-' ? '_' : *b;

		if (x != y)
			return false;
		if (!x)
			return true;
	}
}

/*
 * The next `name=value` of *@at, which is moved behind it; both are ended with a
 * zero where they stand, quotes are taken away.  *@value is NULL where there is
 * none.  False: no more.
 */
static bool next_param(char **at, char **name, char **value)
{
	char *from = *at, *to;
	bool quoted = false;

	while (*from == ' ' || *from == '\t' || *from == '\n')
		from++;
	if (!*from)
		return false;
	*name = to = from;
	*value = NULL;
	for (; *from; from++) {
		if (*from == '"') {
			quoted = !quoted;
			continue;
		}
		if (!quoted && (*from == ' ' || *from == '\t' || *from == '\n'))
			break;
		if (*from == '=' && !*value) {
			*to++ = 0;
			*value = to;
			continue;
		}
		*to++ = *from;
	}
	*at = *from ? from + 1 : from;
	*to = 0;
	return true;
}

static int set_signed(void *at, size_t size, const char *text)
{
	int unused = 64 - 8 * (int)size;
	long long v;
	int err = kstrtoll(text, 0, &v);

	if (err)
		return err;
	if ((long long)((uint64_t)v << unused) >> unused != v)
		return -TL_ERANGE;
	memcpy(at, &v, size);
	return 0;
}

static int set_unsigned(void *at, size_t size, const char *text)
{
	int unused = 64 - 8 * (int)size;
	unsigned long long v;
	int err = kstrtoull(text, 0, &v);

	if (err)
		return err;
	if (v << unused >> unused != v)
		return -TL_ERANGE;
	memcpy(at, &v, size);
	return 0;
}

static int set_bool(bool *at, const char *text, bool invert)
{
	bool v = true;
	int err = text ? kstrtobool(text, &v) : 0;

	if (!err)
		*at = v != invert;
	return err;
}

static int set_one(const struct kmod_param *p, void *at, const char *text)
{
	if (p->kind == KMOD_PARAM_bool || p->kind == KMOD_PARAM_invbool)
		return set_bool(at, text, p->kind == KMOD_PARAM_invbool);
	if (!text)
		return -TL_EINVAL;
	switch (p->kind) {
	case KMOD_PARAM_short:
	case KMOD_PARAM_int:
	case KMOD_PARAM_long:
		return set_signed(at, p->size, text);
	case KMOD_PARAM_byte:
	case KMOD_PARAM_ushort:
	case KMOD_PARAM_uint:
	case KMOD_PARAM_hexint:
	case KMOD_PARAM_ulong:
	case KMOD_PARAM_ullong:
		return set_unsigned(at, p->size, text);
	case KMOD_PARAM_charp:
		*(const char **)at = text;
		return 0;
	case KMOD_PARAM_string:
		if (strlen(text) >= p->size)
			return -TL_ENOSPC;
		strcpy(at, text);
		return 0;
	}
	return -TL_EINVAL;
}

/* `value,value,value` into an array. */
static int set_array(const struct kmod_param *p, char *text)
{
	unsigned int n = 0;
	int err = 0;

	while (text && !err) {
		char *comma = strchr(text, ',');

		if (comma)
			*comma = 0;
		if (n == p->max)
			return -TL_ENOSPC;
		err = set_one(p, (char *)p->at + (size_t)n++ * p->size, text);
		text = comma ? comma + 1 : NULL;
	}
	if (p->num && !err)
		*p->num = n;
	return err;
}

static int set(const struct tl_params *params, const char *module,
	       const char *name, char *value)
{
	const struct kmod_param *p = params->rows;
	int err;

	while (p < params->rows + params->n &&
	       !(p->name && same_name(p->name, name)))
		p++;
	if (p == params->rows + params->n) {
		tl_kmod_say("%s: no parameter '%s'\n", module, name);
		return -TL_ENOENT;
	}
	err = p->max ? set_array(p, value) : set_one(p, p->at, value);
	if (err)
		tl_kmod_say("%s: '%s' is no value for parameter '%s'\n", module,
			    value ? value : "", name);
	return err;
}

int tl_kmod_params(struct tl_params *p, const char *module, const char *text)
{
	char *at, *name, *value;
	int err = 0;

	if (!text)
		return 0;
	p->args_size = strlen(text) + 1;
	p->args = at = tlh_alloc(p->args_size);
	if (!at)
		return -TL_ENOMEM;
	memcpy(at, text, p->args_size);
	while (!err && next_param(&at, &name, &value))
		err = set(p, module, name, value);
	return err;
}
