/*
 * A naive owner for tests: one entry per frame says what block it is part of and what is in it. Frames carry contents, so
 * that a move that loses or mixes something shows. On the two-node machine of the page allocator's tests.
 */
#ifndef TESTS_MOBILITY_HOLDER_H
#define TESTS_MOBILITY_HOLDER_H

#include "page_alloc/machine.h"

#include <quire/contig.h>
#include <quire/frames.h>
#include <quire/mobility.h>

#include "mobility/mobility.h"

#define FRAMES (NODE1_START + ZONE_PAGES)
#define ALL_FRAMES (3 * ZONE_PAGES)
#define NO_BLOCK 0xffffffffu

struct holder {
	struct quire *q;
	struct quire_owner owner;
	uint32_t head[FRAMES];		/* of the block the frame is part of; NO_BLOCK: not held */
	uint8_t order[FRAMES];		/* at heads */
	uint8_t pinned[FRAMES];		/* at heads */
	uint32_t content[FRAMES];
	uint32_t next_content;
	uint64_t held;			/* frames */
	unsigned migrations;		/* moves asked for */
	/* Faults, counted in moves; 0: never. */
	unsigned refuse_at, vanish_at;
	enum quire_status refusal;
	bool lie_about_order, deny;
};

static bool holder_holds(void *ctx, quire_pfn_t pfn, struct quire_held *held)
{
	struct holder *h = ctx;
	uint32_t head = pfn < FRAMES ? h->head[pfn] : NO_BLOCK;

	if (head == NO_BLOCK || h->deny)
		return false;
	held->pfn = head;
	held->order = h->order[head] + h->lie_about_order;
	held->movable = !h->pinned[head];
	held->why = h->pinned[head] ? "is pinned by the test" : NULL;
	return true;
}

static void holder_note(struct holder *h, quire_pfn_t pfn, unsigned order)
{
	for (quire_pfn_t at = pfn; at < pfn + (1u << order); at++) {
		assert_true(at < FRAMES);
		assert_true(h->head[at] == NO_BLOCK);
		h->head[at] = (uint32_t)pfn;
	}
	h->order[pfn] = (uint8_t)order;
	h->pinned[pfn] = 0;
	h->held += 1u << order;
}

static void holder_forget(struct holder *h, quire_pfn_t pfn)
{
	unsigned order = h->order[pfn];

	for (quire_pfn_t at = pfn; at < pfn + (1u << order); at++) {
		assert_true(h->head[at] == pfn);
		h->head[at] = NO_BLOCK;
	}
	h->held -= 1u << order;
}

static void holder_migrate(void *ctx, struct quire_move *moves, unsigned n, enum quire_migrate_mode mode)
{
	struct holder *h = ctx;

	(void)mode;
	assert_in_range(n, 1, QUIRE_MOVES);
	for (unsigned i = 0; i < n; i++) {
		struct quire_move *move = &moves[i];
		quire_pfn_t from = move->from;

		h->migrations++;
		assert_int_equal(move->status, QUIRE_EBUSY);
		if (h->migrations == h->vanish_at) {
			holder_forget(h, from);
			assert_int_equal(quire_free_frames(h->q, from, move->order), QUIRE_OK);
		}
		if (h->head[from] != from || h->order[from] != move->order) {
			move->status = QUIRE_ENOENT;
			continue;
		}
		if (h->refuse_at && h->migrations >= h->refuse_at && h->refusal != QUIRE_OK) {
			move->status = h->refusal;
			continue;
		}
		holder_forget(h, from);
		holder_note(h, move->to, move->order);
		for (unsigned k = 0; k < 1u << move->order; k++)
			h->content[move->to + k] = h->content[from + k];
		move->status = QUIRE_OK;
	}
}

static struct holder *holder_open(struct machine *m)
{
	struct holder *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	h->q = &m->q;
	memset(h->head, 0xff, sizeof(h->head));
	h->owner = (struct quire_owner){ .name = "the holder", .holds = holder_holds, .migrate = holder_migrate, .ctx = h };
	h->refusal = QUIRE_EBUSY;
	assert_int_equal(quire_register_owner(&m->q, &h->owner), QUIRE_OK);
	return h;
}

/* A block for the holder, with contents of its own. QUIRE_PFN_NONE: none to be had. */
static quire_pfn_t holder_take(struct holder *h, int nid, unsigned order, quire_gfp_t gfp)
{
	quire_pfn_t pfn;

	if (quire_alloc_frames(h->q, nid, order, gfp | QUIRE_GFP_NOWARN, &pfn) != QUIRE_OK)
		return QUIRE_PFN_NONE;
	holder_note(h, pfn, order);
	for (unsigned k = 0; k < 1u << order; k++)
		h->content[pfn + k] = ++h->next_content;
	return pfn;
}

static void holder_give(struct holder *h, quire_pfn_t pfn)
{
	unsigned order = h->order[pfn];

	holder_forget(h, pfn);
	assert_int_equal(quire_free_frames(h->q, pfn, order), QUIRE_OK);
}

static void holder_give_all(struct holder *h)
{
	for (quire_pfn_t pfn = 0; pfn < FRAMES; pfn++)
		if (h->head[pfn] == pfn)
			holder_give(h, pfn);
	assert_int_equal(h->held, 0);
}

static void holder_close(struct holder *h)
{
	assert_int_equal(quire_unregister_owner(h->q, &h->owner), QUIRE_OK);
	free(h);
}

/* Sum of all contents: a move changes nothing of it. */
static uint64_t holder_sum(const struct holder *h)
{
	uint64_t sum = 0;

	for (quire_pfn_t pfn = 0; pfn < FRAMES; pfn++)
		if (h->head[pfn] != NO_BLOCK)
			sum += (uint64_t)h->content[pfn] * 2654435761u + (pfn - h->head[pfn]);
	return sum;
}

/* Free frames of the trees after a drain, isolated ones included: kept by nobody, whatever their type. */
static uint64_t free_everywhere(struct machine *m)
{
	uint64_t pages = 0;

	assert_int_equal(quire_drain_frames(&m->q), QUIRE_OK);
	for (int nid = 0; nid < 2; nid++)
		for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
			if (m->nodes[nid].zones[type].tree)
				pages += m->nodes[nid].zones[type].tree->free_pages;
	return pages;
}

static void check_machine(struct machine *m)
{
	const char *what = "";

	for (int nid = 0; nid < 2; nid++)
		for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
			const struct qi_tree *tree = m->nodes[nid].zones[type].tree;

			if (tree && qi_check_tree(tree, &what) != QUIRE_OK)
				fail_msg("node %d zone %u: %s", nid, type, what);
		}
	assert_int_equal(qi_check_zones(&m->q), QUIRE_OK);
}

#endif
