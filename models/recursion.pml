/* SPDX-License-Identifier: MIT */
/*
 * recursion.pml - one context: hits in handlers, in signals, handlers left by
 * longjmp; tl_section_enter() and tl_section_leave() of engine/grace.c
 *
 * planted: LEAVE_ALWAYS NO_RELEASE DEPTH_LATE LEFT_FIRST_AND_EARLY FRAME_ONCE
 *
 * A thread hits probes; its handler may hit another one, and may be left by
 * longjmp.  A signal may come between any two steps, and does the same, and a
 * second signal within the first.  They nest strictly: who was interrupted
 * stands still.  Stacks grow down; a level is (10 - 3 * owner) and its handler's
 * frame is one below.
 *
 * Checked: H1, no handler is called while one runs in this context, and each hit
 * is called or missed, once; that a handler that is gone does not keep others
 * from being called, at a hit above its frame; and, by an observer that does what
 * await_context() does, G1 and G3: when it has waited, the section that it has
 * seen under way has ended.
 */
#define HITS 2

byte owner;	  /* who runs: 0 the thread, 1 a signal, 2 one within it */
byte cx_depth, left; /* struct tl_context */
byte frame;	  /* stack[0].sp */

/* What is checked, and not the engine's. */
byte live;	  /* handlers that run */
byte current;	  /* the outermost section that looks at our data, or 0 */
byte serial;
byte calls, hits, misses;
byte gone;	  /* handlers that were left by longjmp */
bool finished;

#define LEVEL(o) (10 - 3 * (o))

inline leave_context()
{
#ifdef LEFT_FIRST_AND_EARLY
	cx_depth = 0
#else
	current = 0;
	cx_depth = 0; /* G3: before left */
	left++
#endif
}

inline enter(sp, nested)
{
#ifndef NO_RELEASE
	if
	:: cx_depth && sp > frame -> leave_context() /* released() */
	:: else
	fi;
#endif
	if
	:: cx_depth -> nested = true
	:: else ->
		nested = false;
		/* A handler of a signal here may never put back what was. */
		do
		:: frame = sp - 1;
#ifndef DEPTH_LATE
			cx_depth = 1; /* G1 */
#endif
#ifdef FRAME_ONCE
			break
#else
			if
			:: frame == sp - 1 -> break
			:: else
			fi
#endif
		od;
		skip;
		d_step { serial++; current = serial }
	fi
}

inline leave(nested)
{
	if
	:: !nested ->
#ifdef LEFT_FIRST_AND_EARLY
		current = 0;
#endif
		leave_context()
	:: else ->
#ifdef LEAVE_ALWAYS
		leave_context()
#else
		skip
#endif
	fi
}

/* A hit in a handler, at @sp: nobody is called. */
inline hit_inside(sp)
{
	calls++;
	enter(sp, inner);
	assert(inner); /* H1 */
	misses++;
	leave(inner)
}

inline hit(sp)
{
	d_step { calls++; before = gone }
	enter(sp, nested);
	if
	:: nested ->
		/* What was gone before may not be in the way above its frame. */
		assert(live || sp <= frame || gone != before);
		misses++;
		leave(nested)
	:: else ->
		d_step { hits++; live++ }
		assert(live == 1); /* H1 */
#ifdef DEPTH_LATE
		cx_depth = 1;
#endif
		if
		:: hit_inside(sp - 2)
		:: skip
		fi;
#ifdef LEFT_FIRST_AND_EARLY
		left++;
#endif
		if
		:: live--; leave(nested)
		:: d_step { live--; gone++; current = 0 } /* longjmp */
		fi
	fi
}

proctype thread() provided (owner == 0)
{
	byte n;
	bool nested, inner;
	byte before;

	do
	:: n < HITS -> hit(LEVEL(0)); n++
	:: else -> break
	od;
	finished = true
}

proctype signal1() provided (owner == 1)
{
	bool nested, inner;
	byte before;

end:	skip;
	hit(LEVEL(1));
	owner = 0
}

proctype signal2() provided (owner == 2)
{
	bool nested, inner;
	byte before;

end:	skip;
	hit(LEVEL(2));
	owner = 1
}

/* When signals come: any time, once each. */
active proctype kernel()
{
	if
	:: atomic { owner == 0 && !finished -> owner = 1 }
	:: finished -> goto out
	fi;
	if
	:: atomic { owner == 1 -> owner = 2 }
	:: owner == 0
	fi;
out:	skip
}

/* await_context() of another thread, after its sync. */
active proctype observer()
{
	byte seen, l;

	d_step { seen = (cx_depth -> current : 0); l = left }
	if
	:: cx_depth -> (cx_depth == 0 || left != l || finished)
	:: else
	fi;
	assert(!seen || current != seen || finished) /* G1, G3 */
}

init {
	atomic { run thread(); run signal1(); run signal2() }
	(finished && owner == 0);
	assert(hits + misses == calls)
}
