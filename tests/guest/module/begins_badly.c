/* SPDX-License-Identifier: MIT */
/* begins_badly.c - a module whose beginning fails */

int init_module(void);

int init_module(void)
{
	return -77;
}
