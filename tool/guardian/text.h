/* SPDX-License-Identifier: MIT */
/*
 * text.h - changing the target's text, and putting it back
 */
#ifndef TL_GUARDIAN_TEXT_H
#define TL_GUARDIAN_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protocol.h>
#include <trapline/host.h>

#include "maps.h"
#include "worker.h"

/*
 * Give the pages of [@addr, @addr + @len) back to their file, those that are
 * private copies and equal to it.  True if no page is left that differs.  @maps: as
 * they are, or were a moment ago.
 */
bool text_give_back(struct worker *w, const struct maps *maps, uint64_t addr,
		    size_t len);

/*
 * Write down in @journal, which is empty at first, that @now is at [@addr,
 * @addr + @len), unless it is there already.  @island: see TL_JOURNAL_ISLAND;
 * all of it, or all that is in one page.  0, or -ENOSPC, -ENOMEM.
 */
int text_note(struct tl_journal *journal, uint64_t addr, const uint8_t *now,
	      size_t len, bool island);

/*
 * Where @journal, a copy of ours, and the file disagree, and the text around
 * is the file's, the file is right.  To be done before anybody is stopped: it
 * reads files.
 */
void text_prefer_file(struct tl_journal *journal, size_t n, struct worker *w);

/* Does the entry say anything? */
bool text_is_noted(const struct tl_journal *e);

/*
 * Put back what @journal, a copy of ours, says was there, wherever there is
 * a change of ours now: a breakpoint, or a jump into [@ours], be it by way of an
 * island.  Entries of that @kind alone, and of text not what is in one of
 * @islands: all those of the journal, in order.  Nobody may run meanwhile, or come
 * to islands.  Returns how many places are left changed.
 */
struct text_islands {
	const struct tl_range *at;
	size_t n;
};

size_t text_restore(const struct tl_journal *journal, size_t n,
		    enum tl_journal_kind kind,
		    const struct text_islands *islands, struct worker *w,
		    bool (*ours)(void *arg, uint64_t addr), void *arg);

/*
 * Where the jump at @addr leads; of one by way of an island, where that is is
 * stored at @island (else 0).  0: there is no jump.
 */
uint64_t text_jump(int mem, uint64_t addr, uint64_t *island);

#endif
