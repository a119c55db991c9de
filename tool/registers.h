/* SPDX-License-Identifier: MIT */
/*
 * registers.h - registers as probes, debug information and markers name them
 *
 * Each is known by its word of struct pt_regs.  The tables are in registers.c and
 * marker_operand.c of x86/ and arm64/.
 */
#ifndef TL_REGISTERS_H
#define TL_REGISTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* That a probe calls %@name, without the %; or -1. */
int register_word(const char *name, size_t len);

/* DWARF's number @n: its name, or NULL if it is no general one; its word, or -1. */
const char *dwarf_register_name(int64_t n);
int dwarf_register_word(int64_t n);

/*
 * Of integer and pointer arguments the first ISA_ARGS are in registers, from 0 on;
 * the others lie ISA_STACK_ARGS above the stack pointer at the entry, 8 bytes each.
 */
uint16_t argument_word(unsigned int n);

/* The same of Go's ABIInternal, which has nothing on the stack; -1: no such. */
int go_argument_word(unsigned int n);

/* What is returned; the stack pointer; where it goes on. */
uint16_t return_word(void);
uint16_t sp_word(void);
uint16_t pc_word(void);

struct expr;
struct node;

/*
 * What a marker's note has behind the @ of an argument of @bytes bytes: a register, a
 * number, or memory, in the notation of assembly.  NULL: it is none of these, or
 * there is no room for it (then expr_wrong() was called).
 */
const struct node *marker_operand(struct expr *e, const char *at,
				  uint8_t bytes);

/* In marker_args.c: a number as assembly has it, from *@at on, which is led on. */
bool marker_number(const char **at, int64_t *out);

#endif
