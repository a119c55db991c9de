/* SPDX-License-Identifier: MIT */
/*
 * help.c - the table of verbs, and what --help prints
 */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "isa.h"
#include "match.h"
#include "output.h"
#include "text.h"

/* clang-format off */
#define NAME_HELP \
	"a function; a glob (*, ?, [a-z]) takes all that match. The program\n" \
	"           itself comes first, then its libraries. C++ and Rust names are\n" \
	"           demangled: 'ns::A::get', 'std::vector<*>::push_back', 'f(int, char)'.\n"

#define BINARY_HELP \
	"  BINARY   a mapped file, with or without path and version: libc, libssl.so.3\n" \
	"           one that is not loaded yet (NAME.so) is waited for\n" \
	"A probe is a jump or nothing; what cannot be one is named with its reason.\n"

#define PROBE_HELP \
	"PROBE is [BINARY:]FUNC[+OFFSET], [BINARY:]FILE:LINE or [BINARY:]0xADDRESS.\n" \
	"  FUNC     " NAME_HELP \
	"  OFFSET   bytes into it, to the beginning of an instruction\n" \
	"FUNC%inlined are the copies inlined into others; FUNC@VERSION is a version.\n" \
	"A marker (USDT) is PROVIDER:NAME, as python:gc__start.\n" \
	BINARY_HELP

#define FUNC_HELP \
	"FUNC is [BINARY:]NAME or [BINARY:]0xADDRESS, the entry of a function.\n" \
	"  NAME     " NAME_HELP \
	BINARY_HELP

#define COND_HELP \
	"COND is an expression of C, of 64 bits, over FETCH[:TYPE] and numbers; and\n" \
	"FETCH:string == \"TEXT\". What a function of type int returns is $retval:s32.\n" \
	"A COND that cannot be read lets nothing pass; such hits are counted.\n"

#define FETCH_HELP \
	"  $arg1 $arg2 ...       integer and pointer arguments, as they were at the entry\n" \
	"  $retval               what is returned; at %return, and of 'time'\n" \
	"  " ISA_REGISTERS "         a register\n" \
	"  c->argv[0]->ptr       variables and what is reached from them, by debug\n" \
	"                        information; 'trapline list --vars' shows which\n" \
	"  tid                   the number of the thread\n" \
	"  +8(FETCH) -8(FETCH)   what is in memory, 8 bytes behind or before FETCH\n" \
	"TYPE is u8 to u64, s8 to s64, x8 to x64 (x64 if none is given), or string or\n" \
	"string[N]: the text of N bytes (128) at most that FETCH points to, or that\n" \
	"begins at +8(FETCH). What cannot be read is shown as <fault>.\n"

#define KEY_HELP \
	"With 'by KEY' there is a row for each value of KEY: comm (the name of the\n" \
	"thread), tid, FETCH[:TYPE] or an expression. FETCH is one of\n" \
	FETCH_HELP

#define MIN_HELP \
	"      --min TIME        only calls that took so long, as 1ms or 50us\n"

#define RUN_HELP \
	"  -p, --pid PID,...     a running process, or several: -p 12,34 or -p 12 -p 34\n" \
	"  -- COMMAND ARG...     or start one; it is probed before its own code runs\n" \
	"      --follow          also the children, and what they all run, each by itself\n" \
	"  -t, --tid TID         only what this thread of the process does\n" \
	"  -d, --duration TIME   end after so long: 10, 500ms, 2m (else: Ctrl-C, or its end)\n" \
	"  -n, --events N        end after so many hits or calls\n" \
	"  -i, --interval TIME   print the figures so far that often\n" \
	"      --json            one object a line, nothing else on standard output\n" \
	"  -o, --output FILE     write there instead of standard output\n" \
	"      --force           attach also where a seccomp filter cannot be judged\n" \
	"      --dry-run         only show what would be probed, how, and why not\n" \
	"  -q, --quiet           errors only; -v, --verbose: every reason and every zero\n"

#define TRACE_RUN_HELP \
	"  -p, --pid PID,...     a running process, or several: -p 12,34 or -p 12 -p 34\n" \
	"  -- COMMAND ARG...     or start one; it is probed before its own code runs\n" \
	"      --follow          also the children, and what they all run, each by itself\n" \
	"  -t, --tid TID         only what this thread of the process does\n" \
	"  -d, --duration TIME   end after so long: 10, 500ms, 2m (else: Ctrl-C, or its end)\n" \
	"  -n, --events N        end after so many events\n" \
	"  -i, --interval TIME   print how it stands that often\n" \
	"      --json            one object a line, nothing else on standard output\n" \
	"  -o, --output FILE     write there instead of standard output\n" \
	"      --force           attach also where a seccomp filter cannot be judged\n" \
	"      --dry-run         only show what would be probed, how, and why not\n" \
	"  -q, --quiet           errors only; -v, --verbose: every reason\n"

const struct verb verbs[] = {
	{
		"trace", OPT_PID | OPT_PIDS | OPT_COMMAND | OPT_RUN | OPT_OUTPUT | OPT_TIMES | OPT_STACKS | OPT_CHROME | OPT_THREAD | OPT_BLOCKS, cmd_trace,
		"[-d TIME] [-n N] PROBE... (-p PID,... | -- COMMAND...)",
		"events, as they happen, with arguments and results",
		"Prints an event for each hit of a probe: when, in which thread, and its\n"
		"arguments. Events that there was no room for are counted as lost.\n\n"
		"PROBE is one word for the shell:\n"
		"'[BINARY:]FUNC[+OFFSET][%return] ARG... [if COND]'.\n"
		"  FUNC     " NAME_HELP
		"  %inlined in place of that: the copies inlined into other functions\n"
		"  %return  one event for a whole call, when it returns: the arguments as\n"
		"           they were at the entry, the result, and how long it took\n"
		BINARY_HELP
		"ARG is [NAME=]FETCH[:TYPE]; FETCH is one of\n"
		FETCH_HELP COND_HELP "\n"
		TRACE_RUN_HELP MIN_HELP
		"      --stack           the functions on the stack, too, the innermost first\n"
		"      --block           let threads wait where there is no room for an event, up to\n"
		"                        a second\n"
		"      --format FORMAT   text, json, chrome: for the viewers of Chrome and Perfetto, or\n"
		"                        ctf: a folder (-o DIR) for babeltrace2 and Trace Compass\n\n"
		"Examples:\n"
		"  trapline trace -p 1234 'libc:open64 path=$arg1:string flags=$arg2:x32'\n"
		"  trapline trace -p 1234 'malloc%return size=$arg1:u64 p=$retval'\n"
		"  trapline trace -p 1234 'libc:read%return fd=$arg1:s32 if $retval < 0'\n"
		"  trapline trace -p 1234 --min 10ms 'call%return'\n"
		"  trapline trace -p 1234 'call c->id c->cmd->fullname if c->argc > 2'\n"
		"  trapline trace -p 1234 -n 10 --json 'call cmd=+64($arg1):x64'\n"
		"  trapline trace 'sqlite3_prepare_v2 sql=$arg2:string[256]' -- sqlite3 my.db\n"
	},
	{
		"count", OPT_PID | OPT_PIDS | OPT_COMMAND | OPT_RUN | OPT_OUTPUT | OPT_STACKS | OPT_THREAD, cmd_count,
		"[-d TIME] PROBE... (-p PID,... | -- COMMAND...)",
		"hits per probe",
		"Counts how often probes are hit, exactly, in the process itself.\n\n"
		PROBE_HELP
		"'PROBE if COND' counts the hits of which it is true, 'FUNC%return' returns.\n"
		KEY_HELP COND_HELP "\n" RUN_HELP
		"      --stack           who calls it: the most frequent stacks, the innermost first\n\n"
		"Examples:\n"
		"  trapline count -p 1234 processCommand call\n"
		"  trapline count -p 1234 -d 10 'lookupKey*' libc:malloc\n"
		"  trapline count -p 1234 libc:free           if several libraries have it\n"
		"  trapline count -p 1234 main+0x1c 0x401136 --json\n"
		"  trapline count 'libc:*printf' -- ls -l\n"
		"  trapline count -p 1234 -d 10 'malloc if $arg1 > 65536 by comm'\n"
		"  trapline count -p 1234 -d 10 'libc:write%return by $retval:s32'\n"
	},
	{
		"time", OPT_PID | OPT_PIDS | OPT_COMMAND | OPT_RUN | OPT_OUTPUT | OPT_TIMES | OPT_THREAD, cmd_time,
		"[-d TIME] FUNC... (-p PID,... | -- COMMAND...)",
		"latency from entry to return: histogram, percentiles",
		"Measures how long functions take, from entry to return.\n\n"
		FUNC_HELP
		"'FUNC if COND' times the calls of which it is true.\n"
		KEY_HELP COND_HELP "\n" RUN_HELP MIN_HELP "\n"
		"Calls that could not be followed to their return are counted as missed.\n\n"
		"Examples:\n"
		"  trapline time -p 1234 -d 10 call\n"
		"  trapline time -p 1234 --json 'db*' > latency.jsonl\n"
		"  trapline time libc:qsort -- sort /etc/services\n"
		"  trapline time -p 1234 -d 10 'libc:read by $arg1:s32'\n"
	},
	{
		"stack", OPT_PID | OPT_PIDS | OPT_COMMAND | OPT_RUN | OPT_OUTPUT | OPT_TIMES | OPT_SVG | OPT_THREAD, cmd_stack,
		"[-d TIME] PROBE... (-p PID,... | -- COMMAND...)",
		"call stacks, folded or as a flame graph",
		"Counts the call stacks with which probes are hit. A line is a stack: its\n"
		"functions, the outermost first, divided by ;, and how often it was seen, as\n"
		"flame graph programs take it; '--format svg' draws the flame graph.\n"
		"Functions are found by the unwind tables, in the last 8192 bytes of a stack:\n"
		"one that is deeper has [cut] in front. Stacks that were not unwound in time are\n"
		"counted as lost.\n\n"
		PROBE_HELP
		"'PROBE if COND' takes the hits of which it is true, 'FUNC%return' returns.\n"
		COND_HELP
		"FETCH is one of\n"
		FETCH_HELP "\n" TRACE_RUN_HELP MIN_HELP
		"      --format FORMAT   text, json or svg\n\n"
		"Examples:\n"
		"  trapline stack -p 1234 -d 10 libc:malloc > stacks.folded\n"
		"  trapline stack -p 1234 -d 10 --format svg -o flame.svg 'malloc if $arg1 > 65536'\n"
		"  trapline stack --min 1ms 'libc:write%return' -p 1234\n"
	},
	{
		"watch", OPT_PID | OPT_COMMAND | OPT_WATCH | OPT_OUTPUT | OPT_STACKS | OPT_THREAD, cmd_watch,
		"[-d TIME] [-n N] [-t TID] VARIABLE[:LEN][:ACCESS]... (-p PID | -- COMMAND...)",
		"who changes a variable, from what to what",
		"Prints a line for each access: when, which thread, the old and the new value,\n"
		"and the instruction that did it. The CPU has four registers for places of 1, 2,\n"
		"4 or 8 bytes, and the process is never stopped for these. What has no room\n"
		"there is watched for writes by page protection: any number of places, of any\n"
		"length; each write to such a page then costs some 100 us.\n\n"
		"VARIABLE is [BINARY:]NAME, NAME.MEMBER, NAME[INDEX] (these two from debug\n"
		"information), NAME+OFFSET or 0xADDRESS; or, with :x, a function. NAME may be\n"
		"one with all that it is in: ns::name, Go's main.name.\n"
		"  LEN      bytes; the variable's if that is not given\n"
		"  ACCESS   w: writes, if none is given; rw: reads too; x: execution\n\n"
		"  -p, --pid PID         a running process\n"
		"  -- COMMAND ARG...     or start one; it is watched before its own code runs\n"
		"  -t, --tid TID         only this thread of it\n"
		"  -d, --duration TIME   end after so long: 10, 500ms, 2m (else: Ctrl-C, or its end)\n"
		"  -n, --events N        end after so many accesses\n"
		"      --if CONDITION    only accesses with this: old, new, tid and numbers, compared\n"
		"                        by == != < <= > >=, joined by &&\n"
		"      --stack           callers too, where the program keeps frame pointers\n"
		"      --pages           by page protection, also where a register would do\n"
		"      --json            one object a line, nothing else on standard output\n"
		"  -o, --output FILE     write there instead of standard output\n"
		"      --dry-run         only show what would be watched\n"
		"  -q, --quiet           errors only\n"
		"  -v, --verbose         what page protection has cost, too\n\n"
		"A value that the instruction does not tell, and nothing else does, is `?`.\n\n"
		"Examples:\n"
		"  trapline watch -p 1234 counter\n"
		"  trapline watch -p 1234 -n 10 'server.stat_numcommands'\n"
		"  trapline watch -p 1234 --if 'new > 100 && new != old' pool.used\n"
		"  trapline watch -p 1234 --json 0x404040:4:rw\n"
		"  trapline watch -p 1234 -d 5 main_loop:x\n"
		"  trapline watch counter -- ./program\n"
	},
	{
		"list", OPT_PID | OPT_OUTPUT | OPT_SOURCE, cmd_list,
		"[--lines | --vars] (-p PID | FILE) [[BINARY:]GLOB]",
		"what can be probed",
		"Lists functions with address and size. Names of one address are one line.\n"
		"Indirect functions (IFUNC) are marked: their code only chooses another one.\n"
		"Markers (USDT) come behind the functions of their file.\n\n"
		"  -p, --pid PID         of a running process and its libraries\n"
		"  -L, --lines           the source lines of the functions, and the probe of each\n"
		"      --vars            the variables that are visible at a FUNC[+OFFSET] or\n"
		"                        FILE:LINE, and where they are; -v: global ones too\n"
		"      --json            one object a line\n"
		"  -o, --output FILE     write there instead of standard output\n"
		"  -v, --verbose         labels and cold parts too\n\n"
		"Examples:\n"
		"  trapline list /usr/bin/redis-server 'lookup*'\n"
		"  trapline list -p 1234 'libc:*alloc'\n"
		"  trapline list --lines -p 1234 processCommand\n"
		"  trapline list --vars -p 1234 server.c:3412\n"
	},
	{
		"coverage", OPT_OUTPUT, cmd_coverage,
		"FILE [GLOB]",
		"what a jump reaches in a program, and why not the rest",
		"Judges every instruction of a program or library as arming would, without\n"
		"running it: can a probe there be a jump, or else a breakpoint, or nothing?\n"
		"A function is what a symbol or, without one, the unwind table says. A\n"
		"process that is attached to is given jumps alone.\n\n"
		"      --json            one object a line: each function, then the summary\n"
		"  -o, --output FILE     write there instead of standard output\n"
		"  -v, --verbose         the reasons of each function; the offsets, with --json\n\n"
		"Examples:\n"
		"  trapline coverage /usr/bin/redis-server\n"
		"  trapline coverage -v /usr/bin/redis-server 'lookup*'\n"
	},
	{
		"status", OPT_PID | OPT_PIDS | OPT_OUTPUT, cmd_status,
		"-p PID,...",
		"active probes: kind, hits, misses, why not a jump",
		"Shows what is armed in a process, by whomever, without disturbing it.\n\n"
		"  -p, --pid PID,...     the process, or several\n"
		"      --json            one object a line\n"
		"  -o, --output FILE     write there instead of standard output\n\n"
		"Examples:\n"
		"  trapline status -p 1234\n"
	},
	{
		"detach", OPT_PID | OPT_PIDS, cmd_detach,
		"-p PID,...",
		"remove everything",
		"Removes every probe and everything else of ours from a process: also what a\n"
		"killed trapline and a killed guardian left behind.\n\n"
		"  -p, --pid PID,...     the process, or several\n"
		"  -q, --quiet           errors only\n\n"
		"Examples:\n"
		"  trapline detach -p 1234\n"
	},
	{
		"help", 0, cmd_help,
		"[COMMAND]",
		"this, or the help of one command",
		"Examples:\n"
		"  trapline help count\n"
	},
	{ NULL, 0, NULL, NULL, NULL, NULL },
};
/* clang-format on */

int help_print(const struct verb *v)
{
	struct output out;

	if (output_open(&out, NULL) != 0)
		return EXIT_FAILED;
	if (v) {
		output_text(&out, "usage: trapline %s %s\n\n%s", v->name,
			    v->usage, v->help);
		return output_close(&out) != 0 ? EXIT_FAILED : EXIT_DONE;
	}
	output_text(&out, "usage: trapline COMMAND ...\n\n"
			  "Probes in live processes: attach, trace, count, "
			  "time, detach, and leave nothing behind.\n\n");
	for (v = verbs; v->name; v++)
		output_text(&out, "  %-8s %s\n", v->name, v->summary);
	output_text(&out, "\n'trapline help COMMAND' tells more, with "
			  "examples. Exit status: 0 done,\n"
			  "1 it failed (one line on standard error), 2 wrong "
			  "usage.\n");
	return output_close(&out) != 0 ? EXIT_FAILED : EXIT_DONE;
}

int verb_unknown(const char *name)
{
	const struct verb *v;
	struct near near;

	near_init(&near, name);
	for (v = verbs; v->name; v++)
		near_offer(&near, v->name, NULL, 0);
	if (near.n)
		usage_error(NULL, "no command '%s'; near names: %s", name,
			    near.best[0].name);
	else
		usage_error(NULL, "no command '%s'", name);
	return EXIT_USAGE;
}

int cmd_help(const struct options *o)
{
	const struct verb *v = NULL;

	if (o->n_args > 1) {
		usage_error(o->verb, "'%s' is one argument too many",
			    o->args[1]);
		return EXIT_USAGE;
	}
	if (o->n_args) {
		v = verb_find(o->args[0]);
		if (!v)
			return verb_unknown(o->args[0]);
	}
	return help_print(v);
}
