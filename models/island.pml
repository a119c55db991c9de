/* SPDX-License-Identifier: MIT */
/*
 * island.pml - the life of an island (engine/island.c), under running CPUs
 *
 * planted: ISLAND_LAST NO_SYNC NO_ASK ASK_DETOUR ASK_TWICE
 *
 * A short jump leads to an island, and that to a detour.  That the short jump comes
 * and goes whole is patch.pml's; here it does so at once, with the sync that
 * ends its change.  A CPU executes what it has fetched, and it may have fetched
 * padding before it became an island; without a sync it may go on with that for
 * ever.
 *
 * Checked: I2, who comes to an island executes the jump; I3, an island is put back,
 * and its detour freed, when nobody is in either or on the way from one to the
 * other.
 */
#define CPUS 2
#define ARMS 2

mtype = { OLD, NEW };
mtype = { AT_HEAD, AT_ISLAND, IN_DETOUR };

mtype head = OLD, isle = OLD; /* memory */
mtype line[CPUS * 2];	      /* as fetched */
mtype at[CPUS];
bool detour; /* there is one */

#define H(c) line[(c) * 2]
#define I(c) line[(c) * 2 + 1]

/* tlh_sync_cores() */
inline sync()
{
	d_step {
		i = 0;
		do
		:: i < CPUS -> H(i) = head; I(i) = isle; i++
		:: else -> break
		od;
		i = 0
	}
}

/* tlh_quiesce(): each CPU is looked at once, one after the other, until none is in. */
inline ask(in_island, in_detour)
{
	busy = true;
	do
	:: busy ->
		busy = false;
		i = 0;
		do
		:: i < CPUS ->
			atomic {
				if
				:: in_island && at[i] == AT_ISLAND ->
					/* it may be moved to the probe */
					if
					:: at[i] = AT_HEAD
					:: busy = true
					fi
				:: in_detour && at[i] == IN_DETOUR ->
					busy = true
				:: else
				fi;
				i++
			}
		:: else -> break
		od;
		i = 0
	:: else -> break
	od
}

proctype cpu(byte c)
{
end:	do
	:: atomic { H(c) != head -> H(c) = head }
	:: atomic { I(c) != isle -> I(c) = isle }
	:: atomic { at[c] == AT_HEAD && H(c) == NEW -> at[c] = AT_ISLAND }
	:: atomic {
		at[c] == AT_ISLAND ->
			assert(I(c) == NEW); /* I2, I3 */
			at[c] = IN_DETOUR
	   }
	:: atomic {
		at[c] == IN_DETOUR ->
			assert(detour); /* I3 */
			at[c] = AT_HEAD
	   }
	od
}

inline arm()
{
	detour = true;
#ifndef ISLAND_LAST
	isle = NEW; /* patch.c, 0 */
#ifndef NO_SYNC
	sync(); /* that of step 1 */
#endif
#endif
	head = NEW;
	sync();
#ifdef ISLAND_LAST
	isle = NEW;
	sync()
#endif
}

inline disarm()
{
	head = OLD;
	sync();
#ifdef NO_ASK
	skip;
#else
#ifdef ASK_DETOUR
	ask(false, true);
#else
#ifdef ASK_TWICE
	ask(false, true);
	detour = false;
	ask(true, false);
#else
	ask(true, true);
#endif
#endif
#endif
	isle = OLD; /* tl_islands_restore() */
	detour = false
}

init {
	byte i, n;
	bool busy;

	d_step {
		do
		:: i < CPUS -> H(i) = OLD; I(i) = OLD; at[i] = AT_HEAD; i++
		:: else -> break
		od;
		i = 0
	}
	run cpu(0);
	run cpu(1);
	do
	:: n < ARMS ->
		arm();
		disarm();
		n++
	:: else -> break
	od
}
