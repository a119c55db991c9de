/* SPDX-License-Identifier: MIT */
/*
 * patch.pml - the protocol of engine/patch.c: text changed under running CPUs
 *
 * planted: NO_SYNC_HEAD NO_SYNC_TAIL NO_EVICT TAIL_FIRST LATE_KNOWN
 *
 * A window of three bytes holds two instructions, `head rest` and `second`; a
 * jump takes the place of all three.  A CPU executes what it has fetched, and
 * it fetches each byte when it likes: without a sync it may go on with old
 * bytes, some or all, for ever (SDM vol. 3, 9.1.3).  A trap serializes.
 *
 * Checked: X1, no CPU executes a mixture of old and new bytes, or begins inside
 * of the jump; X2, a breakpoint that is met is known as ours and has a copy to
 * lead to, whatever happens between the two looks of tl_trap_breakpoint().
 */
#define CPUS  2
#define ARMS  2
#define LOOKS 4 /* engine/trap.c */

mtype = { OLD, BRK, NEW };
mtype = { AT_HEAD, AT_SECOND, IN_TRAP, IN_DETOUR };

mtype head = OLD, rest = OLD, second = OLD; /* memory */
mtype line[CPUS * 3];			    /* as fetched */
mtype at[CPUS];
bool known;  /* point->breakpoint */
bool copy;   /* point->copy */
bool ended;

#define H(c) line[(c) * 3]
#define R(c) line[(c) * 3 + 1]
#define S(c) line[(c) * 3 + 2]

inline fetch_all(c)
{
	H(c) = head;
	R(c) = rest;
	S(c) = second
}

/* tlh_sync_cores(): every CPU forgets what it has fetched. */
inline sync()
{
	d_step {
		i = 0;
		do
		:: i < CPUS -> fetch_all(i); i++
		:: else -> break
		od;
		i = 0
	}
}

/* tlh_evict(): whoever stands inside goes on in the copy. */
inline evict()
{
	d_step {
		i = 0;
		do
		:: i < CPUS ->
			if
			:: at[i] == AT_SECOND -> at[i] = IN_DETOUR
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0
	}
}

/* tl_trap_breakpoint(): is it ours?  Else is there still a breakpoint? */
inline trap(c)
{
	looks = 0;
	do
	:: looks < LOOKS ->
		looks++;
		ours = known;
		if
		:: ours ->
			assert(copy); /* X2 */
			at[c] = IN_DETOUR;
			break
		:: else
		fi;
		if
		:: head != BRK ->
			d_step { fetch_all(c); at[c] = AT_HEAD }
			break
		:: else
		fi
	:: else ->
		assert(false) /* X2: taken for somebody else's */
	od;
	looks = 0;
	ours = false
}

proctype cpu(byte c)
{
	byte looks;
	bool ours;

end:	do
	:: atomic { at[c] == AT_HEAD && H(c) != head -> H(c) = head }
	:: atomic { at[c] == AT_HEAD && R(c) != rest -> R(c) = rest }
	:: atomic { at[c] != IN_TRAP && S(c) != second -> S(c) = second }
	:: atomic {
		at[c] == AT_HEAD && H(c) == OLD ->
			assert(R(c) == OLD); /* X1 */
			at[c] = AT_SECOND
	   }
	:: atomic {
		at[c] == AT_HEAD && H(c) == NEW ->
			assert(R(c) == NEW && S(c) == NEW); /* X1 */
			at[c] = IN_DETOUR
	   }
	:: atomic { at[c] == AT_HEAD && H(c) == BRK -> at[c] = IN_TRAP }
		trap(c)
	:: atomic {
		at[c] == AT_SECOND ->
			assert(S(c) == OLD); /* X1 */
			at[c] = AT_HEAD
	   }
	:: atomic { at[c] == IN_DETOUR -> at[c] = AT_HEAD }
	od
}

inline tails(to)
{
	rest = to;
	second = to
}

/* write_running(), to and fro, as arm.c calls it. */
inline change(to)
{
#ifndef LATE_KNOWN
	copy = true;
	known = true;
#endif
#ifdef TAIL_FIRST
	tails(to);
#endif
	head = BRK; /* 1 */
#ifndef NO_SYNC_HEAD
	sync();
#endif
#ifdef LATE_KNOWN
	copy = true;
	known = true;
#endif
#ifndef NO_EVICT
	if
	:: to == NEW -> evict() /* 2 */
	:: else
	fi;
#endif
#ifndef TAIL_FIRST
	tails(to); /* 3 */
#endif
#ifndef NO_SYNC_TAIL
	sync();
#endif
	head = to; /* 4 */
	sync();
	known = false /* commit() */
}

init {
	byte i, n;

	d_step {
		do
		:: i < CPUS -> fetch_all(i); at[i] = AT_HEAD; i++
		:: else -> break
		od;
		i = 0
	}
	run cpu(0);
	run cpu(1);
	do
	:: n < ARMS ->
		change(NEW);
		change(OLD);
		n++
	:: else -> break
	od;
	ended = true
}
