/* SPDX-License-Identifier: MIT */
/*
 * never.S - what only a session that has begun is asked: never, on arm64 (nobody.c)
 */
	.text
	.irp	name, follower_end, follower_fd, follower_next, \
		follower_take, \
		pages_close, pages_cost, pages_ended, pages_fd, pages_gone, \
		pages_killed, pages_lost, pages_next, pages_stop, \
		session_add, session_begin_detach, session_bucket_low, \
		session_caught_up, session_cost, session_date_back, \
		session_detach_stats, session_ended, session_events_upto, \
		session_fd, session_get_stats, session_hits, \
		session_is_detached, session_keys, \
		session_loaded, session_missed, session_on_events, \
		session_poll_events, session_set_program, session_state, \
		session_times, session_watch_loader, \
		effect_apply, effect_find
	.globl	\name
	.type	\name, %function
\name:
	.endr
	brk	#1

	.section .note.GNU-stack, "", %progbits
