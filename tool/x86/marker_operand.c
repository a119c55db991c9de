/* SPDX-License-Identifier: MIT */
/*
 * marker_operand.c - what assembly calls the argument of a marker: x86-64
 */
#include <stdio.h>
#include <string.h>

#include "expr.h"
#include "registers.h"

/* A register of any size as assembly calls it, without the %. */
static int word_of_register(const char *name, size_t len)
{
	/* The letters that all names of a register have; words of pt_regs. */
	static const struct {
		const char *names;
		uint8_t word;
	} known[] = {
		{ " rax eax ax al ", 10 },     { " rbx ebx bx bl ", 5 },
		{ " rcx ecx cx cl ", 11 },     { " rdx edx dx dl ", 12 },
		{ " rsi esi si sil ", 13 },    { " rdi edi di dil ", 14 },
		{ " rbp ebp bp bpl ", 4 },     { " rsp esp sp spl ", 19 },
		{ " r8 r8d r8w r8b ", 9 },     { " r9 r9d r9w r9b ", 8 },
		{ " r10 r10d r10w r10b ", 7 }, { " r11 r11d r11w r11b ", 6 },
		{ " r12 r12d r12w r12b ", 3 }, { " r13 r13d r13w r13b ", 2 },
		{ " r14 r14d r14w r14b ", 1 }, { " r15 r15d r15w r15b ", 0 },
	};
	char word[8];

	if (!len || len > 4)
		return -1;
	snprintf(word, sizeof(word), " %.*s ", (int)len, name);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strstr(known[i].names, word))
			return known[i].word;
	return -1;
}

static const struct node *take_register(struct expr *e, const char **at)
{
	size_t len = **at == '%' ? expr_word_length(*at + 1) : 0;
	int word = len ? word_of_register(*at + 1, len) : -1;

	*at += len ? len + 1 : 0;
	return word >= 0 ? expr_register(e, (uint16_t)word) : NULL;
}

/* DISP(BASE,INDEX,SCALE), of which BASE alone must be there. */
static const struct node *take_memory(struct expr *e, const char *at,
				      int64_t disp)
{
	const struct node *n, *index;
	int64_t scale = 1;

	if (*at++ != '(')
		return NULL;
	n = take_register(e, &at);
	if (n && *at == ',') {
		at++;
		index = take_register(e, &at);
		if (*at == ',') {
			at++;
			if (!marker_number(&at, &scale))
				return NULL;
		}
		n = index ? expr_index(e, n, index, scale) : NULL;
	}
	if (!n || *at != ')')
		return NULL;
	if (at[1])
		return NULL;
	return disp ? expr_offset(e, n, disp) : n;
}

const struct node *marker_operand(struct expr *e, const char *at, uint8_t bytes)
{
	const struct node *n;
	int64_t number = 0;

	if (*at == '%') {
		n = take_register(e, &at);
		return *at ? NULL : n;
	}
	if (*at == '$') {
		at++;
		return marker_number(&at, &number) && !*at
			       ? expr_number(e, number)
			       : NULL;
	}
	if (*at != '(' && !marker_number(&at, &number))
		return NULL;
	return expr_load(e, take_memory(e, at, number), bytes);
}
