/* SPDX-License-Identifier: MIT */
/*
 * quiescence.pml - when a copy may be freed: engine/grace.c and slot.c
 *
 * planted: NO_SYNC NO_GRACE NO_QUIESCE GRACE_FIRST QUIESCE_FIRST
 *
 * Threads run into a breakpoint, look for the copy in a section, and go on in
 * it, where they may sleep.  The writer takes the copy out of sight, makes a
 * barrier in every thread, waits for sections (grace period) and then until
 * nobody is in the copy (quiescence), and frees it; then it makes another one.
 * The store of `depth` may stay in a CPU's buffer while later loads are done:
 * the thread has a barrier for the compiler alone (G1).
 *
 * Checked: nobody executes, or is about to execute, a copy that is freed; nobody
 * in a section looks at a point that is.  S1, G1, G2.
 */
#define THREADS 2
#define COPIES	2

bool armed;		 /* a breakpoint in the text */
byte copy;		 /* what it leads to: 1 …, 0: none */
bool freed[COPIES + 1];

bool cx_depth[THREADS];	 /* as others see it */
bool buffered[THREADS];	 /* cx_depth = 1, on its way to memory */
byte left[THREADS];
byte in[THREADS];	 /* the copy that its ip, or its saved ip, is in */
bool over;

inline flush(t)
{
	d_step {
		if
		:: buffered[t] -> cx_depth[t] = 1; buffered[t] = 0
		:: else
		fi
	}
}

proctype thread(byte t)
{
	byte c;

end:	do
	:: armed ->
		buffered[t] = 1; /* section 1 */
		if
		:: flush(t)
		:: skip
		fi;
		c = copy; /* section 2 */
		assert(!freed[c]);
		if
		:: c -> in[t] = c /* the ip that it will return to */
		:: else
		fi;
		assert(!freed[c]);
		flush(t);
		cx_depth[t] = 0; /* section 3 */
		left[t] = 1 - left[t];
		if
		:: c ->
			assert(!freed[c]);
			skip; /* asleep, perhaps */
			assert(!freed[c]);
			d_step { in[t] = 0; c = 0 }
		:: else
		fi
	:: over -> break
	od
}

/* tlh_sync_cores() */
inline sync()
{
	flush(0);
	flush(1)
}

/* await_context() */
inline await(t)
{
	l = left[t];
	do
	:: cx_depth[t] && left[t] == l
	:: else -> break
	od;
	l = 0
}

inline grace()
{
#ifndef NO_SYNC
	sync();
#endif
	await(0);
	await(1)
}

/* tlh_quiesce(), again and again; the host looks at one after the other. */
inline quiesce(c)
{
	(in[0] != c);
	(in[1] != c)
}

init {
	byte c = 1, l;

	run thread(0);
	run thread(1);
	do
	:: c <= COPIES ->
		copy = c;
		armed = true;
		armed = false;
#ifdef GRACE_FIRST
		grace();
#endif
#ifdef QUIESCE_FIRST
		quiesce(c);
#endif
		copy = 0; /* grace 1: out of sight */
#if !defined(NO_GRACE) && !defined(GRACE_FIRST)
		grace(); /* 2, 3 */
#endif
#if !defined(NO_QUIESCE) && !defined(QUIESCE_FIRST)
		quiesce(c);
#endif
		freed[c] = true;
		c++
	:: else -> break
	od;
	over = true
}
