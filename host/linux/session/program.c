/* SPDX-License-Identifier: MIT */
/*
 * program.c - the check of a program, and what does it (see events.h)
 */
#include <program.h>

/* Words of struct pt_regs. */
#define N_REGS TL_STACK_REGS

static inline uint32_t words_of(uint32_t bytes)
{
	return (bytes + 7) / 8;
}

/* ---- the check ----------------------------------------------------------- */

struct check {
	const struct tl_program *p;
	bool call, entry; /* entry: in that part of it */
	bool ended;	  /* there was an operation that ends it */
	uint32_t depth;
	uint32_t fields, bytes, key;
	uint64_t words;	  /* bit i: word i is saved, */
	uint64_t strings; /* or a string of length begins there */
	int saved;
	uint8_t *length; /* of those strings; junk elsewhere */
};

static bool is_width(uint8_t size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

static bool push(struct check *c)
{
	return c->depth++ < TL_MAX_DEPTH;
}

static bool has(const struct check *c, uint32_t n)
{
	return c->depth >= n;
}

static bool pop(struct check *c)
{
	return c->depth-- > 0;
}

static bool check_fetch(struct check *c, const struct tl_op *o)
{
	switch (o->op) {
	case TL_OP_REG:
		return o->arg < N_REGS && push(c);
	case TL_OP_CONST:
	case TL_OP_THREAD:
		return push(c);
	case TL_OP_HIGH:
	case TL_OP_OFFSET:
		return has(c, 1);
	case TL_OP_LOAD:
	case TL_OP_ZERO:
	case TL_OP_SIGN:
		return is_width(o->size) && has(c, 1);
	case TL_OP_TOOK:
		return c->call && !c->entry && push(c);
	case TL_OP_SAVED:
		return !c->entry && o->arg < TL_SAVED_WORDS &&
		       c->words >> o->arg & 1 && push(c);
	case TL_OP_EQUAL:
		return o->size < TL_MAX_COMPARE &&
		       (uint32_t)o->arg + o->size <= TL_MAX_TEXT && has(c, 1);
	}
	return false;
}

/* Words [@from, @from + @n) are saved now, and were not. */
static bool save(struct check *c, uint32_t from, uint32_t n, bool string)
{
	uint64_t mask;

	if (!c->entry || from >= TL_SAVED_WORDS || n > TL_SAVED_WORDS - from)
		return false;
	mask = ((1ull << n) - 1) << from;
	for (uint32_t i = 0; i < from; i++)
		if (c->strings >> i & 1 && i + c->length[i] > from)
			return false;
	if ((c->words | c->strings) & mask)
		return false;
	if (string)
		c->strings |= 1ull << from;
	else
		c->words |= 1ull << from;
	c->length[from] = (uint8_t)n;
	if ((int)(from + n) > c->saved)
		c->saved = (int)(from + n);
	return true;
}

static bool is_string(const struct tl_op *o)
{
	return o->imm >= 1 && o->imm <= TL_MAX_STRING;
}

static bool add_key(struct check *c, uint32_t words)
{
	c->key += words;
	return !c->entry && c->key <= TL_KEY_WORDS;
}

static bool add_field(struct check *c, uint32_t words)
{
	c->fields++;
	c->bytes += 8 * words;
	return !c->entry && c->fields <= TL_MAX_FIELDS &&
	       c->bytes <= TL_MAX_RECORD;
}

static bool was_saved(const struct check *c, const struct tl_op *o)
{
	return o->arg < TL_SAVED_WORDS && c->strings >> o->arg & 1;
}

static bool check_use(struct check *c, const struct tl_op *o)
{
	switch (o->op) {
	case TL_OP_FILTER:
	case TL_OP_LENGTH:
		return pop(c);
	case TL_OP_SAVE:
		return pop(c) && save(c, o->arg, 1, false);
	case TL_OP_SAVE_STRING:
		return pop(c) && is_string(o) &&
		       save(c, o->arg, 1 + words_of((uint32_t)o->imm), true);
	case TL_OP_KEY:
		return pop(c) && add_key(c, 1);
	case TL_OP_KEY_STRING:
		return pop(c) && is_string(o) &&
		       add_key(c, words_of((uint32_t)o->imm));
	case TL_OP_EMIT:
		return pop(c) && add_field(c, 1);
	case TL_OP_STRING:
		return pop(c) && is_string(o) &&
		       add_field(c, 1 + words_of((uint32_t)o->imm));
	case TL_OP_SAVED_STRING:
		return was_saved(c, o) && add_field(c, c->length[o->arg]);
	case TL_OP_KEY_SAVED:
		return was_saved(c, o) && add_key(c, c->length[o->arg] - 1u);
	case TL_OP_KEY_NAME:
		return add_key(c, 2);
	}
	return false;
}

/* What comes last: in the order of their numbers, each once. */
static bool check_end(struct check *c, uint32_t i)
{
	const struct tl_op *o = &c->p->op[i];

	if (c->entry || (i && c->p->op[i - 1].op >= o->op))
		return false;
	c->ended = true;
	switch (o->op) {
	case TL_OP_STACK:
		return o->imm >= 8 && o->imm <= TL_MAX_STACK && o->imm % 8 == 0;
	case TL_OP_COUNT:
	case TL_OP_EVENT:
		return true;
	case TL_OP_HISTOGRAM:
		return c->call;
	}
	return false;
}

static bool check_one(struct check *c, uint32_t i)
{
	const struct tl_op *o = &c->p->op[i];

	if (o->op == TL_OP_STACK || o->op >= TL_OP_COUNT)
		return check_end(c, i);
	if (c->ended)
		return false;
	if (o->op >= TL_OP_FILTER)
		return check_use(c, o);
	if (o->op >= TL_OP_NOT)
		return o->op <= TL_OP_FLIP && has(c, 1);
	if (o->op >= TL_OP_ADD)
		return o->op <= TL_OP_EITHER && has(c, 2) && pop(c);
	return check_fetch(c, o);
}

int tl_program_check(const struct tl_program *p, bool call)
{
	uint8_t length[TL_SAVED_WORDS];
	struct check c = {
		.p = p, .call = call, .bytes = TL_EVENT_HEAD, .length = length
	};

	if (p->version != TL_PROGRAM_VERSION || p->n > TL_MAX_OPS ||
	    p->entry > p->n || p->reserved || (p->entry && !call))
		return -1;
	for (uint32_t i = 0; i < p->n; i++) {
		c.entry = i < p->entry;
		if (i == p->entry && c.depth)
			return -1;
		if (!check_one(&c, i))
			return -1;
	}
	/* Whatever comes last leaves nothing behind. */
	return c.depth ? -1 : c.saved;
}

/* ---- doing it ------------------------------------------------------------ */

struct stack {
	uint64_t word[TL_MAX_DEPTH];
	uint32_t n;
	uint32_t bad;	 /* bit i: word i is a fault */
	uint64_t length; /* of the next text; NO_LENGTH: up to a zero byte */
};

#define NO_LENGTH  ~0ull
#define BAD_LENGTH (NO_LENGTH - 1)

static inline void put(struct stack *s, uint64_t v, bool bad)
{
	s->word[s->n] = v;
	s->bad = (s->bad & ~(1u << s->n)) | (uint32_t)bad << s->n;
	s->n++;
}

static inline uint64_t take(struct stack *s, bool *bad)
{
	s->n--;
	*bad = s->bad >> s->n & 1;
	return s->word[s->n];
}

static inline uint64_t narrow(uint64_t v, uint32_t size, bool sign)
{
	uint32_t unused = 64 - 8 * size;

	return sign ? (uint64_t)((int64_t)(v << unused) >> unused)
		    : v << unused >> unused;
}

/* Of a text, in one fetch. */
#define PIECE 64u

/* The same, of a text of @length bytes, which end where memory does or at a zero. */
static uint64_t fetch_bytes(const struct tl_hit *h, uint64_t *to, uint64_t from,
			    uint32_t limit, uint64_t length)
{
	uint32_t all = length < limit ? (uint32_t)length : limit, len = 0;
	uint8_t *text = (uint8_t *)to;
	uint32_t got = all ? tl_fetch(h, text, from, all) : 0;

	if (length == BAD_LENGTH)
		return ~0ull;
	while (len < got && (got == all || text[len]))
		len++;
	if (got < all && len == got)
		return ~0ull;
	for (uint32_t i = len; i < 8 * words_of(limit); i++)
		text[i] = 0;
	return len | (len < length ? TL_CUT : 0);
}

/*
 * The text at @from as words at @to, zeros behind it; its length and TL_CUT, or
 * ~0: a fault.  A text that ends before memory does is one.
 */
static uint64_t fetch_string(const struct tl_hit *h, uint64_t *to,
			     uint64_t from, uint32_t limit, uint64_t length)
{
	uint8_t *text = (uint8_t *)to;
	uint32_t got = 0, len = 0, want;

	if (length != NO_LENGTH)
		return fetch_bytes(h, to, from, limit, length);

	/* Most texts are short, and may be near what was fetched before. */
	do {
		want = limit - got < PIECE ? limit - got : PIECE;
		want = tl_fetch(h, text + got, from + got, want);
		for (got += want; len < got && text[len]; len++)
			;
	} while (want == PIECE && len == got && got < limit);
	if (len == got && got < limit)
		return ~0ull;
	for (uint32_t i = len; i < 8 * words_of(limit); i++)
		text[i] = 0;
	return len | (len == limit ? TL_CUT : 0);
}

/*
 * Is the text at @from, of @length bytes if they are known, the @len bytes at @want?
 * A fault: it cannot be told.
 */
static bool equal(const struct tl_hit *h, uint64_t from, uint64_t length,
		  const uint8_t *want, uint32_t len, bool *bad)
{
	uint8_t text[TL_MAX_COMPARE];
	uint32_t all = len + (length == NO_LENGTH), got;

	*bad |= length == BAD_LENGTH;
	if (*bad || (length != NO_LENGTH && length != len))
		return false;
	got = all ? tl_fetch(h, text, from, all) : 0;
	for (uint32_t i = 0; i < got; i++)
		if (text[i] != (i < len ? want[i] : 0))
			return false;
	*bad |= got < all;
	return got == all;
}

static uint64_t divide(uint8_t op, uint64_t a, uint64_t b, bool *bad)
{
	if (!b) {
		*bad = true;
		return 0;
	}
	if (op == TL_OP_DIV_U)
		return a / b;
	if (op == TL_OP_MOD_U)
		return a % b;
	/* The one quotient that has no place. */
	if (b == ~0ull)
		return op == TL_OP_DIV ? -a : 0;
	return op == TL_OP_DIV ? (uint64_t)((int64_t)a / (int64_t)b)
			       : (uint64_t)((int64_t)a % (int64_t)b);
}

static uint64_t compute(uint8_t op, uint64_t a, uint64_t b, bool *bad)
{
	switch (op) {
	case TL_OP_ADD:
		return a + b;
	case TL_OP_SUB:
		return a - b;
	case TL_OP_MUL:
		return a * b;
	case TL_OP_AND:
		return a & b;
	case TL_OP_OR:
		return a | b;
	case TL_OP_XOR:
		return a ^ b;
	case TL_OP_SHL:
		return a << (b & 63);
	case TL_OP_SHR:
		return (uint64_t)((int64_t)a >> (b & 63));
	case TL_OP_SHR_U:
		return a >> (b & 63);
	case TL_OP_EQ:
		return a == b;
	case TL_OP_NE:
		return a != b;
	case TL_OP_LT:
		return (int64_t)a < (int64_t)b;
	case TL_OP_LE:
		return (int64_t)a <= (int64_t)b;
	case TL_OP_LT_U:
		return a < b;
	case TL_OP_LE_U:
		return a <= b;
	}
	return divide(op, a, b, bad);
}

static void two(struct stack *s, uint8_t op)
{
	bool bad_a, bad_b, bad;
	uint64_t b = take(s, &bad_b), a = take(s, &bad_a);

	bad = bad_a || bad_b;
	if (op == TL_OP_BOTH || op == TL_OP_EITHER) {
		/* One that decides it is enough. */
		bool want = op == TL_OP_EITHER;

		if ((!bad_a && !!a == want) || (!bad_b && !!b == want))
			put(s, want, false);
		else
			put(s, !want, bad);
		return;
	}
	a = compute(op, a, b, &bad);
	put(s, a, bad);
}

static void fetch(struct stack *s, const struct tl_program *p,
		  const struct tl_op *o, const struct tl_hit *h)
{
	uint64_t v = 0, loaded = 0;
	bool bad = false;

	if (o->op == TL_OP_HIGH || o->op == TL_OP_OFFSET ||
	    o->op == TL_OP_LOAD || o->op == TL_OP_ZERO || o->op == TL_OP_SIGN ||
	    o->op == TL_OP_EQUAL || o->op >= TL_OP_NOT)
		v = take(s, &bad);
	switch (o->op) {
	case TL_OP_REG:
		v = h->regs[o->arg];
		break;
	case TL_OP_CONST:
		v = (uint64_t)(int64_t)o->imm;
		break;
	case TL_OP_HIGH:
		v = (uint32_t)v | (uint64_t)(uint32_t)o->imm << 32;
		break;
	case TL_OP_OFFSET:
		v += (uint64_t)(int64_t)o->imm;
		break;
	case TL_OP_LOAD:
		if (!bad)
			bad = tl_fetch(h, &loaded, v, o->size) != o->size;
		v = loaded;
		break;
	case TL_OP_ZERO:
	case TL_OP_SIGN:
		v = narrow(v, o->size, o->op == TL_OP_SIGN);
		break;
	case TL_OP_THREAD:
		v = tl_thread_number();
		break;
	case TL_OP_TOOK:
		v = h->took;
		break;
	case TL_OP_SAVED:
		v = h->saved[o->arg];
		bad = *h->saved_faults >> o->arg & 1;
		break;
	case TL_OP_EQUAL:
		if (!bad)
			v = equal(h, v, s->length, p->text + o->arg, o->size,
				  &bad);
		s->length = NO_LENGTH;
		break;
	case TL_OP_NOT:
		v = !v;
		break;
	case TL_OP_NEG:
		v = -v;
		break;
	case TL_OP_FLIP:
		v = ~v;
		break;
	}
	put(s, v, bad);
}

static void emit(struct tl_made *m, uint64_t v, bool bad, uint32_t field)
{
	m->words[m->n++] = bad ? 0 : v;
	m->faults |= (uint32_t)bad << field;
}

static void emit_string(struct tl_made *m, uint64_t length, uint32_t field)
{
	bool bad = length == ~0ull;

	emit(m, length, bad, field);
	if (!bad)
		m->n += words_of((uint32_t)length);
}

static void add_key_text(struct tl_made *m, uint32_t words, bool bad)
{
	m->key_fault |= (uint32_t)bad << m->key_n;
	for (uint32_t i = 0; bad && i < words; i++)
		m->key[m->key_n + i] = 0;
	m->key_n += words;
}

/* The words of text that were reserved for what is saved at @at. */
static uint32_t reserved(const struct tl_program *p, uint32_t at)
{
	for (uint32_t i = 0; i < p->entry; i++)
		if (p->op[i].op == TL_OP_SAVE_STRING && p->op[i].arg == at)
			return words_of((uint32_t)p->op[i].imm);
	return 0;
}

static void add_key_saved(struct tl_made *m, const struct tl_program *p,
			  const struct tl_op *o, const struct tl_hit *h)
{
	uint32_t words = reserved(p, o->arg);

	for (uint32_t i = 0; i < words; i++)
		m->key[m->key_n + i] = h->saved[o->arg + 1 + i];
	add_key_text(m, words, *h->saved_faults >> o->arg & 1);
}

/* The next field is what was saved at @o->arg, where others may have written. */
static void emit_saved(struct tl_made *m, const struct tl_program *p,
		       const struct tl_op *o, const struct tl_hit *h,
		       uint32_t field)
{
	uint64_t length = h->saved[o->arg];
	uint32_t words = words_of((uint32_t)length);
	bool bad = *h->saved_faults >> o->arg & 1;

	bad |= words > reserved(p, o->arg);
	for (uint32_t i = 0; i < words && !bad; i++)
		m->words[m->n + 1 + i] = h->saved[o->arg + 1 + i];
	emit_string(m, bad ? ~0ull : length, field);
}

static void save_word(const struct tl_hit *h, uint32_t at, uint64_t v, bool bad)
{
	h->saved[at] = v;
	*h->saved_faults |= (uint64_t)bad << at;
}

/* Uses of a word from the stack. */
static void use(const struct tl_op *o, const struct tl_hit *h,
		struct tl_made *m, struct stack *s, uint64_t v, bool bad,
		uint32_t *field)
{
	uint64_t length;

	switch (o->op) {
	case TL_OP_LENGTH:
		s->length = bad ? BAD_LENGTH : v & INT64_MAX;
		return;
	case TL_OP_SAVE:
		save_word(h, o->arg, v, bad);
		return;
	case TL_OP_SAVE_STRING:
		length = bad ? ~0ull
			     : fetch_string(h, h->saved + o->arg + 1, v,
					    (uint32_t)o->imm, s->length);
		s->length = NO_LENGTH;
		save_word(h, o->arg, length == ~0ull ? 0 : length,
			  length == ~0ull);
		return;
	case TL_OP_KEY:
		m->key[m->key_n] = v;
		add_key_text(m, 1, bad);
		return;
	case TL_OP_KEY_STRING:
		length = bad ? ~0ull
			     : fetch_string(h, m->key + m->key_n, v,
					    (uint32_t)o->imm, s->length);
		s->length = NO_LENGTH;
		add_key_text(m, words_of((uint32_t)o->imm), length == ~0ull);
		return;
	case TL_OP_EMIT:
		emit(m, v, bad, (*field)++);
		return;
	case TL_OP_STRING:
		length = bad ? ~0ull
			     : fetch_string(h, m->words + m->n + 1, v,
					    (uint32_t)o->imm, s->length);
		s->length = NO_LENGTH;
		emit_string(m, length, (*field)++);
		return;
	}
}

static void use_other(const struct tl_program *p, const struct tl_op *o,
		      const struct tl_hit *h, struct tl_made *m,
		      uint32_t *field)
{
	switch (o->op) {
	case TL_OP_SAVED_STRING:
		emit_saved(m, p, o, h, (*field)++);
		return;
	case TL_OP_KEY_SAVED:
		add_key_saved(m, p, o, h);
		return;
	case TL_OP_KEY_NAME:
		tl_thread_name(m->key + m->key_n);
		m->key_n += 2;
		return;
	case TL_OP_STACK:
		m->stack = (uint32_t)o->imm;
		return;
	case TL_OP_COUNT:
		m->to.count = true;
		return;
	case TL_OP_HISTOGRAM:
		m->to.histogram = true;
		return;
	case TL_OP_EVENT:
		m->to.event = true;
		return;
	}
}

/* Operations [@i, @end). */
static enum tl_verdict run(const struct tl_program *p, uint32_t i, uint32_t end,
			   const struct tl_hit *h, struct tl_made *m)
{
	struct stack s;
	uint32_t field = 0;

	s.n = 0;
	s.bad = 0;
	s.length = NO_LENGTH;
	for (; i < end; i++) {
		const struct tl_op *o = &p->op[i];
		uint64_t v;
		bool bad;

		if (o->op < TL_OP_ADD ||
		    (o->op >= TL_OP_NOT && o->op < TL_OP_FILTER)) {
			fetch(&s, p, o, h);
		} else if (o->op < TL_OP_NOT) {
			two(&s, o->op);
		} else if (o->op >= TL_OP_SAVED_STRING) {
			use_other(p, o, h, m, &field);
		} else {
			v = take(&s, &bad);
			if (o->op == TL_OP_FILTER && (bad || !v))
				return bad ? TL_UNKNOWN : TL_FILTERED;
			use(o, h, m, &s, v, bad, &field);
		}
	}
	return TL_PASSED;
}

enum tl_verdict tl_program_enter(const struct tl_program *p,
				 const struct tl_hit *h)
{
	if (h->saved_faults)
		*h->saved_faults = 0;
	return run(p, 0, p->entry, h, NULL);
}

enum tl_verdict tl_program_run(const struct tl_program *p,
			       const struct tl_hit *h, struct tl_made *m)
{
	m->n = TL_EVENT_HEAD / 8;
	m->faults = 0;
	m->stack = 0;
	m->to.count = m->to.histogram = m->to.event = false;
	m->key_n = 0;
	m->key_fault = 0;
	return run(p, p->entry, p->n, h, m);
}
