/* SPDX-License-Identifier: MIT */
/*
 * survey_isa.h - what the survey asks of x86/words.c or arm64/words.c
 */
#ifndef SURVEY_ISA_H
#define SURVEY_ISA_H

#include <stdint.h>

struct survey;
struct tl_plan;

/* The length of the instruction at @addr; 0: it is none, or not before @end. */
unsigned int survey_length(uint64_t addr, uint64_t end);

/* Tell @s what padding the island of @plan, at @addr, may be in. */
void survey_padding(const struct survey *s, const struct tl_plan *plan,
		    uint64_t addr);

#endif
