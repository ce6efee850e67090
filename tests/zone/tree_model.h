/*
 * The naive reference of the tree's model test: a byte per frame that says free, taken or absent, and the order of each
 * block at its first frame; and what the tree says of itself held against that.
 */
#ifndef TREE_MODEL_H
#define TREE_MODEL_H

#include "tree_fixture.h"

enum { ABSENT, FREE, TAKEN };

struct model {
	struct fixture f;
	quire_pfn_t start;		/* the tree's range; it may grow to all of the world */
	uint64_t span;
	quire_pfn_t world_start;
	uint64_t world_span;
	uint8_t *state;			/* from `start` on, as the others */
	int8_t *order;			/* of the block that begins here, -1: none does */
	struct { quire_pfn_t pfn; unsigned order; } *live;
	size_t count, cap;
	uint64_t free;
	uint64_t seed;
	unsigned max_request;
	uint64_t refused;
};

static inline uint64_t rnd(struct model *m)
{
	m->seed ^= m->seed << 13;
	m->seed ^= m->seed >> 7;
	m->seed ^= m->seed << 17;
	return m->seed * 0x2545f4914f6cdd1dull >> 8;
}

static inline uint64_t below(struct model *m, uint64_t n) { return rnd(m) % n; }

static inline unsigned type_at(struct model *m, quire_pfn_t pfn) { return qi_tree_type(&m->f.tree, pfn); }

/*
 * Is [pfn, pfn + 2^order) free as one block of the buddy rules: all free, and pageblocks of different special types
 * never join.
 */
static inline bool is_free_block(struct model *m, quire_pfn_t pfn, unsigned order)
{
	uint64_t n = 1ull << order, step = 1ull << m->f.tree.config.pageblock_order;

	if (pfn < m->start || n > m->span || pfn - m->start > m->span - n)
		return false;
	for (uint64_t i = 0; i < n; i++)
		if (m->state[pfn - m->start + i] != FREE)
			return false;
	for (uint64_t i = step; i < n; i += step)
		if (type_at(m, pfn + i) != type_at(m, pfn))
			return false;
	return true;
}

static inline void compare_counts(struct model *m)
{
	qi_tree_counts_t ours = { { 0 } }, theirs = { { 0 } };
	uint64_t per_type[QUIRE_MIGRATE_TYPES] = { 0 }, step = 1ull << m->f.tree.config.pageblock_order;
	uint64_t blocks[QUIRE_MIGRATE_TYPES] = { 0 }, naive_blocks[QUIRE_MIGRATE_TYPES] = { 0 };

	qi_tree_counts(&m->f.tree, ours);
	for (quire_pfn_t pfn = m->start; pfn < m->start + m->span;) {
		unsigned order = m->f.tree.config.max_order;

		if (m->state[pfn - m->start] != FREE) {
			pfn++;
			continue;
		}
		while (order && (pfn % (1ull << order) || !is_free_block(m, pfn, order)))
			order--;
		theirs[type_at(m, pfn)][order]++;
		per_type[type_at(m, pfn)] += 1ull << order;
		pfn += 1ull << order;
	}
	for (unsigned t = 0; t < QUIRE_MIGRATE_TYPES; t++) {
		for (unsigned k = 0; k < QUIRE_MAX_ORDERS; k++)
			if (ours[t][k] != theirs[t][k])
				fail_msg("type %u order %u: tree counts %lu, model %lu", t, k, ours[t][k], theirs[t][k]);
		if (t >= QUIRE_MIGRATE_PCPTYPES)
			assert_int_equal(m->f.tree.free_special[t], per_type[t]);
	}
	assert_int_equal(qi_tree_free_pages(&m->f.tree), m->free - per_type[QUIRE_MIGRATE_ISOLATE]);
	qi_tree_pageblocks(&m->f.tree, blocks);
	for (quire_pfn_t pfn = m->start / step * step; pfn < m->start + m->span; pfn += step) {
		bool any = false;
		quire_pfn_t at = 0;

		for (uint64_t i = 0; i < step && !any; i++) {
			at = pfn + i;
			any = at >= m->start && at < m->start + m->span && m->state[at - m->start] != ABSENT;
		}
		if (any)
			naive_blocks[type_at(m, at)]++;
	}
	assert_memory_equal(blocks, naive_blocks, sizeof(blocks));
}

struct walked { struct model *m; quire_pfn_t at; };

static inline bool visit(void *ctx, quire_pfn_t pfn, uint64_t count)
{
	struct walked *w = ctx;

	for (; w->at < pfn; w->at++)
		assert_int_not_equal(w->m->state[w->at - w->m->start], FREE);
	for (; w->at < pfn + count; w->at++)
		assert_int_equal(w->m->state[w->at - w->m->start], FREE);
	return true;
}

static inline void compare_walk(struct model *m)
{
	struct walked w = { m, m->start };

	qi_tree_walk_free(&m->f.tree, visit, &w);
	for (; w.at < m->start + m->span; w.at++)
		assert_int_not_equal(m->state[w.at - m->start], FREE);
}

/* Blocks as they are visited, up to `left` of them. */
struct visited { struct model *m; quire_pfn_t at; uint64_t left; };

static inline bool visit_block(void *ctx, quire_pfn_t head, unsigned order)
{
	struct visited *v = ctx;

	/* The first may begin before the range. */
	while (v->at < head)
		assert_int_not_equal(v->m->state[v->at++ - v->m->start], TAKEN);
	assert_int_equal(v->m->order[head - v->m->start], order);
	v->at = head + (1ull << order);
	return --v->left;
}

/* Any part of the range, visited in several goes; and what is in it. */
static inline void compare_range(struct model *m)
{
	quire_pfn_t pfn = m->start + below(m, m->span), end = pfn + 1 + below(m, m->start + m->span - pfn);
	struct visited v = { .m = m, .at = pfn };
	struct qi_tree_range_counts counts = qi_tree_count_range(&m->f.tree, pfn, end), naive = { 0 };

	for (quire_pfn_t at = pfn; at < end; at++) {
		naive.free += m->state[at - m->start] == FREE;
		naive.allocated += m->state[at - m->start] == TAKEN;
		naive.absent += m->state[at - m->start] == ABSENT;
	}
	assert_memory_equal(&counts, &naive, sizeof(counts));
	do {
		v.left = 1 + below(m, 30);
		qi_tree_walk_allocated(&m->f.tree, v.at, end, visit_block, &v);
	} while (!v.left);
	for (; v.at < end; v.at++)
		assert_int_not_equal(m->state[v.at - m->start], TAKEN);
}

static inline quire_pfn_t later(quire_pfn_t a, quire_pfn_t b) { return a > b ? a : b; }

/* The type of a pageblock whose first frames may lie outside the tree. */
static inline unsigned block_type(struct model *m, quire_pfn_t block, uint64_t n)
{
	for (quire_pfn_t pfn = later(block, m->start); pfn < block + n && pfn < m->start + m->span; pfn++)
		if (type_at(m, pfn) != QUIRE_MIGRATE_TYPES)
			return type_at(m, pfn);
	return QUIRE_MIGRATE_TYPES;
}

static inline bool any_taken(struct model *m, quire_pfn_t block, uint64_t n)
{
	for (quire_pfn_t pfn = later(block, m->start); pfn < block + n && pfn < m->start + m->span; pfn++)
		if (m->state[pfn - m->start] == TAKEN)
			return true;
	return false;
}

/* A run of frames goes: only if all of it is free. */
static inline void op_remove(struct model *m)
{
	quire_pfn_t pfn = m->start + below(m, m->span);
	uint64_t room = m->start + m->span - pfn, n = 1 + below(m, below(m, 3) ? 2000 : m->span), run = 0;
	uint64_t before = m->f.tree.free_pages, handed = m->f.tree.handed_over;
	bool taken = false, absent = false;
	enum quire_status status;

	if (below(m, 2))
		pfn = later(m->start, pfn & ~511ull);
	n = n < room ? n : room;
	while (run < n && m->state[pfn - m->start + run] == FREE)
		run++;
	if (run && below(m, 4))
		n = run;
	for (uint64_t i = 0; i < n; i++) {
		taken |= m->state[pfn - m->start + i] == TAKEN;
		absent |= m->state[pfn - m->start + i] == ABSENT;
	}
	status = qi_tree_remove_free(&m->f.tree, pfn, n);
	if (status == QUIRE_EBUSY)
		assert_true(taken);
	else if (status == QUIRE_ENOENT)
		assert_true(absent);
	else
		assert_true(status == QUIRE_OK && !taken && !absent);
	assert_int_equal(m->f.tree.free_pages, before - (status == QUIRE_OK ? n : 0));
	assert_int_equal(m->f.tree.handed_over, handed - (status == QUIRE_OK ? n : 0));
	if (status != QUIRE_OK)
		return;
	memset(m->state + (pfn - m->start), ABSENT, n);
	memset(m->f.broken + (pfn - m->start), 0, n);
	m->free -= n;
}

/* The tree's range grows towards the borders of the world. */
static inline void op_extend(struct model *m)
{
	uint64_t down = below(m, m->start - m->world_start + 1) >> below(m, 10);
	uint64_t up = below(m, m->world_start + m->world_span - m->start - m->span + 1) >> below(m, 10);

	if (below(m, 2))
		assert_int_equal(qi_tree_extend(&m->f.tree, m->start + m->span - 1, up + 1), QUIRE_OK);
	else
		assert_int_equal(qi_tree_extend(&m->f.tree, m->start - down, down + m->span + up), QUIRE_OK);
	down = m->start - m->f.tree.start_pfn;
	m->start = m->f.tree.start_pfn;
	m->span = m->f.tree.end_pfn - m->start;
	m->state -= down;
	m->order -= down;
	m->f.broken -= down;
}

#endif
