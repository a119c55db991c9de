# SPDX-License-Identifier: MIT
# mksyms.awk - from `nm -n -S` of a kernel to its symbol table, in assembly
#
# Keeps text symbols that have a size, in the order of their addresses.  The
# layout is that of struct symbol in kern/symbols.h.

BEGIN {
	print "\t.section .rodata"
	print "\t.balign 8"
	print "\t.globl symbol_table, symbol_table_len"
	print "symbol_table:"
}

NF == 4 && $3 ~ /^[tT]$/ {
	printf "\t.quad 0x%s, 0x%s, .L%d\n", $1, $2, n
	names[n++] = $4
}

END {
	print "symbol_table_len:"
	printf "\t.quad %d\n", n
	for (i = 0; i < n; i++)
		printf ".L%d:\t.asciz \"%s\"\n", i, names[i]
	print "\t.section .note.GNU-stack, \"\", @progbits"
}
