/* SPDX-License-Identifier: MIT */
/* lacks_symbol.c - a module that wants what nobody exports */

int init_module(void);
int arch_start_cpus(void);

int init_module(void)
{
	return arch_start_cpus();
}
