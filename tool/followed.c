/* SPDX-License-Identifier: MIT */
/*
 * followed.c - children and new programs become targets of a run
 *
 * A fork child is a target with the probes of its parent, and figures of its own,
 * from its first instruction on.  A program that a process runs anew is a target
 * like one of -p: it waits at its entry point while its names are resolved and its
 * probes armed.  What is known of those that have ended stays; what is held of
 * them is given up as soon as no child needs it.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "follower.h"
#include "late.h"
#include "run.h"
#include "text.h"

int followed_begin(struct run *r)
{
	if (follower_start(&r->follower) == 0)
		return 0;
	say_error("%s", session_error());
	return -1;
}

void followed_take(struct run *r, pid_t pid, struct target *t)
{
	follower_take(r->follower, pid, t ? t->session : NULL);
}

/* The target that @pid is now; NULL: none. */
static struct target *now(struct run *r, pid_t pid)
{
	for (size_t i = r->n_targets; i > 0; i--)
		if (r->targets[i - 1]->pid == pid && !r->targets[i - 1]->ended)
			return r->targets[i - 1];
	return NULL;
}

/* Does anybody live who would be cleaned by the guardian of @t? */
static bool is_needed(const struct run *r, const struct target *t)
{
	for (size_t i = 0; i < r->n_targets; i++)
		if ((r->targets[i] == t || r->targets[i]->origin == t) &&
		    !r->targets[i]->ended)
			return true;
	return false;
}

/* Process @pid is not any more what it was. */
static void ended(struct run *r, pid_t pid)
{
	struct target *t = now(r, pid), *origin;

	if (!t)
		return;
	t->ended = true;
	target_read(t);
	if (t->origin) {
		session_ended(t->session);
		target_detach(t);
	}
	origin = t->origin ? t->origin : t;
	if (is_needed(r, origin))
		return;
	target_read(origin);
	if (origin->session)
		session_begin_detach(origin->session);
}

/* Somebody may wait for probes in a library, and not for long. */
static void serve_late(struct run *r)
{
	for (size_t i = 0; i < r->n_targets; i++) {
		struct target *t = r->targets[i];

		if (!t->late || !t->session || t->ended)
			continue;
		session_state(t->session);
		late_serve(t);
	}
}

/* Those whose guardians have answered by now. */
static void reap(struct run *r)
{
	for (size_t i = 0; i < r->n_targets; i++) {
		struct target *t = r->targets[i];

		if (!t->session || !session_is_detached(t->session))
			continue;
		target_detach(t);
		target_speak(NULL);
	}
}

static void forked(struct run *r, const struct follower_news *n)
{
	struct target *parent = now(r, n->parent), *t = NULL;
	struct session *s = NULL;

	if (n->err || !parent || !parent->session) {
		r->unprobed++;
		say_detail("process %d, forked by process %d, is not probed: "
			   "%s",
			   (int)n->pid, (int)n->parent,
			   n->err ? strerror(-n->err) : "its parent has ended");
	} else if (session_adopt(&s, parent->session, n->files) < 0) {
		r->unprobed++;
		say_error("%s", session_error());
		return;
	} else {
		t = target_fork(parent, n->pid, s, n->name);
	}
	if (t) {
		run_keep_target(r, t);
		say_detail("process %d was forked by process %d", (int)n->pid,
			   (int)n->parent);
		return;
	}
	for (int i = 0; i < 2 && !s; i++)
		if (n->files[i] >= 0)
			close(n->files[i]);
}

/* Its probes, if it has places for them. */
static void execed(struct run *r, const struct follower_news *n)
{
	struct target *t;

	ended(r, n->pid);
	t = run_add_target(r, n->pid);
	say_softly = true;
	if (n->err) {
		target_speak(t);
		say_note("it is a program that cannot be probed from its "
			 "beginning: %s",
			 strerror(-n->err));
	} else if (target_resolve(t) == 0 && target_attach(t) == 0) {
		followed_take(r, n->pid, t);
		t = NULL;
	} else {
		/* It has a place for a probe, or what is known of it has not. */
		r->unprobed += t->places.n != 0;
		followed_take(r, n->pid, NULL);
	}
	if (t)
		run_drop_target(r, r->n_targets - 1);
	say_softly = false;
	target_speak(NULL);
}

/* Its probes came when its patience had ended. */
static void began_before(struct run *r, pid_t pid)
{
	say_detail("process %d began before its probes were there", (int)pid);
	r->began_before++;
}

/* @last: nobody waits for us any more. */
static void serve(struct run *r, const struct follower_news *n, bool last)
{
	switch (n->what) {
	case FOLLOWER_TAKEN:
		/* It has ended even, most likely by itself. */
		if (n->err == -ETIMEDOUT || (n->err == -ESRCH && n->parent))
			began_before(r, n->pid);
		else if (n->err && !r->refused)
			say_note("process %d is not followed: %s", (int)n->pid,
				 strerror(-n->err));
		break;
	case FOLLOWER_FORKED:
		forked(r, n);
		break;
	case FOLLOWER_EXECED:
		if (last)
			ended(r, n->pid);
		else
			execed(r, n);
		break;
	case FOLLOWER_EXITED:
		ended(r, n->pid);
		break;
	case FOLLOWER_NONE:
		r->all_gone = true;
		break;
	case FOLLOWER_LOST:
		r->lost = true;
		if (!last)
			say_note("the follower is gone: children and new "
				 "programs are not probed any more");
		break;
	}
}

void followed_await(struct run *r, size_t n)
{
	struct follower_news news;

	while (n && follower_next(r->follower, &news, true)) {
		n -= news.what == FOLLOWER_TAKEN;
		if (news.what == FOLLOWER_LOST)
			n = 0;
		r->all_gone = false;
		serve(r, &news, false);
	}
}

void followed_serve(struct run *r)
{
	struct follower_news n;

	while (follower_next(r->follower, &n, false)) {
		/* Who takes the last one may have been on its way. */
		r->all_gone = false;
		serve(r, &n, false);
		serve_late(r);
	}
	reap(r);
}

void followed_end(struct run *r)
{
	struct follower_news n;

	follower_end(r->follower);
	while (follower_next(r->follower, &n, true))
		serve(r, &n, true);
	follower_free(r->follower);
	r->follower = NULL;
	if (r->unprobed)
		say_note("%" PRIu64 " children or programs could not be probed "
			 "(-v names them)",
			 r->unprobed);
	if (r->began_before)
		say_note("%" PRIu64 " programs began before their probes were "
			 "there (-v names them)",
			 r->began_before);
}
