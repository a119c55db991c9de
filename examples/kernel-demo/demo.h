/* SPDX-License-Identifier: MIT */
/* demo.h - between the files of the demo */
#ifndef DEMO_H
#define DEMO_H

#include <stdbool.h>

/* The text behind @word, if @line begins with that; else NULL. */
const char *behind(const char *line, const char *word);

/* tasks.c: programs in ring 3 and modules.  false: not a command for these. */
bool tasks_obey(const char *line);
void tasks_help(void);

/* Start looking after tasks that end; and stop, with all of them. */
void tasks_begin(void);
void tasks_end(void);

#endif
