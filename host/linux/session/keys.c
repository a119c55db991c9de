/* SPDX-License-Identifier: MIT */
/*
 * keys.c - counts and times for each key (K1 to K3 of events.h)
 *
 * Nobody waits: a thread that is interrupted while it fills in a key has told
 * nobody of it.  Of two that bring the same key at once one comes first; what
 * the other has filled in is kept for whoever brings the next key.
 */
#include "session/session.h"

static uint32_t hash_of(const struct tl_made *m, uint32_t probe)
{
	uint64_t h = probe * 0x9e3779b97f4a7c15ull + m->key_n;

	for (uint32_t i = 0; i < m->key_n; i++) {
		h = (h ^ m->key[i]) * 0xff51afd7ed558ccdull;
		h ^= h >> 32;
	}
	return (uint32_t)(h ^ h >> 15);
}

static bool is(const struct tl_key *k, const struct tl_made *m, uint32_t probe)
{
	uint64_t other = k->probe ^ probe;

	other |= (k->n ^ m->key_n) | (k->fault ^ m->key_fault);
	for (uint32_t i = 0; i < m->key_n; i++)
		other |= k->word[i] ^ m->key[i];
	return !other;
}

/* A key of its own, filled in; 0: there is none; else one more than its index. */
static uint32_t begin(struct tl_keys *t, const struct tl_made *m,
		      uint32_t probe)
{
	uint64_t at = __atomic_exchange_n(&t->spare, 0, __ATOMIC_ACQUIRE);
	struct tl_key *k;

	if (!at && __atomic_load_n(&t->taken, __ATOMIC_RELAXED) < TL_MAX_KEYS)
		at = __atomic_add_fetch(&t->taken, 1, __ATOMIC_RELAXED);
	if (!at || at > TL_MAX_KEYS)
		return 0;
	k = &t->key[at - 1];
	k->probe = probe;
	k->n = m->key_n;
	k->fault = m->key_fault;
	for (uint32_t i = 0; i < m->key_n; i++)
		k->word[i] = m->key[i];
	return (uint32_t)at;
}

/* The key's number, one more than its index; 0: there is no room. */
static uint32_t find(struct tl_keys *t, const struct tl_made *m, uint32_t probe)
{
	uint32_t hash = hash_of(m, probe), mine = 0, found = 0;

	for (uint32_t i = 0; i < TL_KEY_REACH && !found; i++) {
		uint32_t *slot = &t->slot[(hash + i) % TL_KEY_SLOTS];
		/* Acquire: the key; pairs with the exchange below (K1). */
		uint32_t at = __atomic_load_n(slot, __ATOMIC_ACQUIRE);

		if (!at && !mine) {
			mine = begin(t, m, probe);
			if (!mine)
				return 0;
		}
		if (!at && __atomic_compare_exchange_n(slot, &at, mine, false,
						       __ATOMIC_RELEASE,
						       __ATOMIC_ACQUIRE))
			return mine;
		if (at <= TL_MAX_KEYS && is(&t->key[at - 1], m, probe))
			found = at;
	}
	if (mine) /* Not lost, unless another one is kept already. */
		__atomic_store_n(&t->spare, mine, __ATOMIC_RELEASE);
	return found;
}

void tl_key_add(const struct tl_hit *h, const struct tl_made *m, uint32_t probe)
{
	struct tl_keys *t = &h->events->keys;
	uint32_t at = find(t, m, probe);

	if (!at || (m->to.histogram && at > TL_KEY_TIMES)) {
		__atomic_fetch_add(&t->lost, 1, __ATOMIC_RELAXED); /* K3 */
		return;
	}
	__atomic_fetch_add(&t->key[at - 1].count, 1, __ATOMIC_RELAXED);
	if (m->to.histogram)
		tl_time_add(&t->times[at - 1], h->took);
}
