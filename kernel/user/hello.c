/* SPDX-License-Identifier: MIT */
/* hello.c - a user program: says hello, and its argument */

#include "user.h"

int main(const char *arg)
{
	put("hello from ring 3, ");
	put(arg);
	put("\n");
	return 42;
}
