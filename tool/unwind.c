/* SPDX-License-Identifier: MIT */
/*
 * unwind.c - from a piece of a stack to the functions on it
 *
 * The stack was copied when the event was made, with the registers; here libdwfl
 * goes from frame to frame by the unwind tables of the files that the process has
 * mapped, and reads memory from the copy alone.  Names are found once for each
 * address.
 */
#define _GNU_SOURCE
#include "debug.h"
#include "unwind.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <events.h>

#include "isa.h"
#include "names.h"
#include "registers.h"
#include "text.h"

/* Functions at one address, of which all but the last are inlined there. */
#define INLINED 12

struct place_names {
	uint64_t pc;
	size_t n;
	const char *name[INLINED];
};

struct unwinder {
	Dwfl *dwfl;
	struct process *process;
	void *names;  /* a tree of char * */
	void *places; /* a tree of struct place_names */
	void *known;  /* a tree of struct known */
	/* The event that is looked at. */
	const uint64_t *regs;
	const uint8_t *stack;
	uint64_t from, bytes;
	const char **out;
	size_t n;
	bool refused; /* memory was asked for that is not in the copy */
};

static const char cut[] = "[cut]";

const char *unwinder_cut(void)
{
	return cut;
}

/* ---- names --------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* @name, which is taken over, or the one that is there already. */
static const char *intern(struct unwinder *u, char *name)
{
	char **found = tsearch(name, &u->names, by_text);

	if (!found || *found != name) {
		const char *old = found ? *found : "?";

		free(name);
		return old;
	}
	return name;
}

/* A name that was made already, by where its symbol's is. */
struct known {
	const char *symbol;
	bool full;
};

static int by_symbol(const void *va, const void *vb)
{
	const struct known *a = va, *b = vb;

	return a->symbol < b->symbol ? -1 : a->symbol > b->symbol;
}

/* Has @img a function that looks like @symbol without its parameters? */
static bool has_overload(struct image *img, const char *symbol)
{
	char *plain = name_demangle(symbol, false);
	bool has = false;

	image_names(img);
	for (size_t i = 0; plain && i < img->n && !has; i++) {
		const struct symbol *s = &img->symbols[i];

		has = s->plain != s->name && strcmp(s->plain, plain) == 0 &&
		      strcmp(s->name, symbol) != 0;
	}
	free(plain);
	return has;
}

/* Is @symbol, of debug information of @m's file, to be shown with parameters? */
static bool is_overloaded(struct unwinder *u, struct module *m,
			  const char *symbol)
{
	struct known key = { .symbol = symbol }, *k, **found;

	if (!m || strncmp(symbol, "_Z", 2) != 0)
		return false;
	found = tfind(&key, &u->known, by_symbol);
	if (found)
		return (*found)->full;
	k = must_alloc(1, sizeof(*k));
	k->symbol = symbol;
	k->full = has_overload(m->image, symbol);
	tsearch(k, &u->known, by_symbol);
	return k->full;
}

/* As everywhere else: with parameters if another one would look the same. */
static const char *intern_symbol(struct unwinder *u, const char *symbol,
				 bool full)
{
	char *plain = name_demangle(symbol, full);
	char *clean = text_clean_dup(plain ? plain : symbol);

	free(plain);
	/* What divides names in folded stacks. */
	for (char *c = clean; *c; c++)
		if (*c == ';')
			*c = ':';
	return intern(u, clean);
}

/* @place without the name of its library, as the other frames have none. */
static const char *behind_binary(const struct unwinder *u, const char *place)
{
	for (size_t i = 0; i < u->process->n; i++) {
		const struct module *m = &u->process->modules[i];
		size_t len = strlen(m->name);

		if (!m->is_main && !strncmp(place, m->name, len) &&
		    place[len] == ':' && place[len + 1] != ':')
			return place + len + 1;
	}
	return place;
}

const char *unwinder_name(struct unwinder *u, const char *place)
{
	char *name = must_dup(behind_binary(u, place));
	char *percent = strrchr(name, '%');
	const char *kept;

	if (percent && !strcmp(percent, "%return"))
		*percent = '\0';
	kept = intern_symbol(u, name, false);
	free(name);
	return kept;
}

static const char *die_name(Dwarf_Die *die)
{
	Dwarf_Attribute a;
	const char *linkage;

	linkage = dwarf_formstring(
		dwarf_attr_integrate(die, DW_AT_linkage_name, &a));
	return linkage ? linkage : dwarf_diename(die);
}

/* The functions that are inlined at @pc, the innermost first. */
static void add_inlined(struct unwinder *u, Dwfl_Module *mod, struct module *m,
			struct place_names *p)
{
	Dwarf_Addr bias = 0;
	Dwarf_Die *cu = dwfl_module_addrdie(mod, p->pc, &bias), *scopes = NULL;
	int n = cu ? debug_scopes(cu, p->pc - bias, &scopes) : 0;

	for (int i = 0; i < n && p->n < INLINED - 1; i++) {
		const char *name;

		if (dwarf_tag(&scopes[i]) == DW_TAG_subprogram)
			break;
		if (dwarf_tag(&scopes[i]) != DW_TAG_inlined_subroutine)
			continue;
		name = die_name(&scopes[i]);
		if (name)
			p->name[p->n++] = intern_symbol(
				u, name, is_overloaded(u, m, name));
	}
	free(scopes);
}

/* @symbol, which is at @pc, without its version: f@@V1 is f. */
static const char *intern_unversioned(struct unwinder *u, struct module *m,
				      uint64_t pc, const char *symbol)
{
	size_t len = strcspn(symbol, "@");
	char *name =
		must_print("%.*s", (int)(len ? len : strlen(symbol)), symbol);
	const struct symbol *s = NULL;
	const char *kept;

	if (m) {
		image_names(m->image);
		s = image_find(m->image, pc - m->bias);
	}
	kept = intern_symbol(u, name,
			     s && s->plain != s->name && s->shown != s->plain &&
				     strcmp(s->name, name) == 0);
	free(name);
	return kept;
}

static void find_names(struct unwinder *u, struct place_names *p)
{
	Dwfl_Module *mod = dwfl_addrmodule(u->dwfl, p->pc);
	struct module *m = process_module_at(u->process, p->pc);
	const char *symbol = NULL;
	GElf_Off off;
	GElf_Sym sym;

	if (mod) {
		symbol = dwfl_module_addrinfo(mod, p->pc, &off, &sym, NULL,
					      NULL, NULL);
		/* Who has just been called has called nobody yet. */
		if (!symbol || off)
			add_inlined(u, mod, m, p);
	}
	if (symbol && *symbol)
		p->name[p->n++] = intern_unversioned(u, m, p->pc, symbol);
	else if (m)
		p->name[p->n++] = intern(
			u, must_print("[%s+%#lx]", m->name, p->pc - m->bias));
	else
		p->name[p->n++] = intern(u, must_print("[%#lx]", p->pc));
}

static int by_pc(const void *va, const void *vb)
{
	const struct place_names *a = va, *b = vb;

	return a->pc < b->pc ? -1 : a->pc > b->pc;
}

static const struct place_names *names_at(struct unwinder *u, uint64_t pc)
{
	struct place_names key = { .pc = pc }, *p;
	struct place_names **found = tfind(&key, &u->places, by_pc);

	if (found)
		return *found;
	p = must_alloc(1, sizeof(*p));
	p->pc = pc;
	find_names(u, p);
	tsearch(p, &u->places, by_pc);
	return p;
}

/* ---- what libdwfl asks ------------------------------------------------------ */

static pid_t next_thread(Dwfl *dwfl, void *dwfl_arg, void **thread_arg)
{
	(void)dwfl;
	if (*thread_arg)
		return 0;
	*thread_arg = dwfl_arg;
	return 1;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *dwfl_arg, void **thread_arg)
{
	(void)dwfl;
	(void)tid;
	*thread_arg = dwfl_arg;
	return true;
}

/*
 * A return address may be signed (arm64), in the bits that addresses have not: if
 * the rest is an address of code, it is that.
 */
static uint64_t address_of(const struct unwinder *u, uint64_t word)
{
	uint64_t plain = word & ISA_ADDRESS_MASK;

	return plain != word && process_module_at(u->process, plain) ? plain
								     : word;
}

static bool read_memory(Dwfl *dwfl, Dwarf_Addr addr, Dwarf_Word *result,
			void *dwfl_arg)
{
	struct unwinder *u = dwfl_arg;

	(void)dwfl;
	if (addr < u->from || addr - u->from > u->bytes ||
	    u->bytes - (addr - u->from) < sizeof(*result)) {
		u->refused = true;
		return false;
	}
	memcpy(result, u->stack + (addr - u->from), sizeof(*result));
	*result = address_of(u, *result);
	return true;
}

static bool set_registers(Dwfl_Thread *thread, void *thread_arg)
{
	struct unwinder *u = thread_arg;
	Dwarf_Word words[ISA_DWARF_REGS], pc = u->regs[pc_word()];
	int word;

	for (int i = 0; i < ISA_DWARF_REGS; i++) {
		word = dwarf_register_word(i);
		words[i] = word < 0 ? pc : address_of(u, u->regs[word]);
	}
	if (!dwfl_thread_state_registers(thread, 0, ISA_DWARF_REGS, words))
		return false;
	dwfl_thread_state_register_pc(thread, pc);
	return true;
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
	.next_thread = next_thread,
	.get_thread = get_thread,
	.memory_read = read_memory,
	.set_initial_registers = set_registers,
};

static int take_frame(Dwfl_Frame *state, void *arg)
{
	struct unwinder *u = arg;
	const struct place_names *p;
	Dwarf_Addr pc;
	bool activation;

	if (!dwfl_frame_pc(state, &pc, &activation))
		return DWARF_CB_ABORT;
	/* A return address is behind the call, maybe in the next function. */
	p = names_at(u, activation ? pc : pc - 1);
	for (size_t i = 0; i < p->n; i++) {
		if (u->n == UNWIND_FRAMES - 1) {
			u->refused = true;
			return DWARF_CB_ABORT;
		}
		u->out[u->n++] = p->name[i];
	}
	return DWARF_CB_OK;
}

size_t unwind(struct unwinder *u, const uint64_t *words, size_t n,
	      const char *names[UNWIND_FRAMES])
{
	if (n < TL_STACK_HEAD || words[0] > 8 * (n - TL_STACK_HEAD))
		return 0;
	u->regs = words + 1;
	u->stack = (const uint8_t *)(words + TL_STACK_HEAD);
	u->from = u->regs[sp_word()];
	u->bytes = words[0];
	u->out = names;
	u->n = 0;
	u->refused = false;
	dwfl_getthread_frames(u->dwfl, 1, take_frame, u);
	if (u->refused || !u->n)
		names[u->n++] = cut;
	return u->n;
}

/* ---- opening ------------------------------------------------------------- */

static const Dwfl_Callbacks callbacks = {
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.section_address = dwfl_offline_section_address,
};

/* The files that are open already, as the process sees them. */
static void report(struct unwinder *u)
{
	for (size_t i = 0; i < u->process->n; i++) {
		const struct module *m = &u->process->modules[i];
		int fd;

		if (m->lack || m->image->fd < 0)
			continue;
		fd = dup(m->image->fd);
		if (fd >= 0 && !dwfl_report_elf(u->dwfl, m->name, m->path, fd,
						m->bias, true))
			close(fd);
	}
}

/* What takes its time is done before there are events. */
static int warm(Dwfl_Module *mod, void **unused, const char *name,
		Dwarf_Addr base, void *arg)
{
	Dwarf_Addr bias;

	(void)unused;
	(void)name;
	(void)arg;
	dwfl_module_getsymtab(mod);
	dwfl_module_eh_cfi(mod, &bias);
	dwfl_module_addrdie(mod, base, &bias);
	return DWARF_CB_OK;
}

struct unwinder *unwinder_open(struct process *p)
{
	struct unwinder *u = must_alloc(1, sizeof(*u));
	Elf *elf = NULL;

	u->process = p;
	/* What is not on this machine is not asked for. */
	unsetenv("DEBUGINFOD_URLS");
	u->dwfl = dwfl_begin(&callbacks);
	if (u->dwfl) {
		dwfl_report_begin(u->dwfl);
		report(u);
		dwfl_report_end(u->dwfl, NULL, NULL);
		dwfl_getmodules(u->dwfl, warm, NULL, 0);
	}
	if (u->dwfl &&
	    dwfl_attach_state(u->dwfl, elf, p->pid, &thread_callbacks, u))
		return u;
	say_error("cannot unwind stacks: %s", dwfl_errmsg(-1));
	unwinder_close(u);
	return NULL;
}

void unwinder_close(struct unwinder *u)
{
	if (!u)
		return;
	if (u->dwfl)
		dwfl_end(u->dwfl);
	tdestroy(u->places, free);
	tdestroy(u->known, free);
	tdestroy(u->names, free);
	free(u);
}
