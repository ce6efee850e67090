/* A free tree over malloc'ed metadata, with counted and failing hooks. */
#ifndef TREE_FIXTURE_H
#define TREE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "zone/tree.h"

struct fixture {
	struct qi_tree tree;
	size_t meta_now, meta_calls;
	size_t fail_at;			/* the how-manyth meta_alloc fails, once; 0: none */
	bool no_meta;			/* all fail */
	size_t break_calls, break_fail_at;
	uint8_t *broken;		/* per frame from start_pfn: leaf_break saw it; may be NULL */
	uint8_t *frames;		/* what frame_address gives, frame_count of them; may be NULL */
	size_t page_bytes, frame_count;
};

static void *fixture_alloc(void *ctx, size_t bytes)
{
	struct fixture *f = ctx;
	void *memory;

	f->meta_calls++;
	if (f->no_meta || f->meta_calls == f->fail_at)
		return NULL;
	memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
	assert_non_null(memory);
	memset(memory, 0, bytes);
	f->meta_now += bytes;
	return memory;
}

static void fixture_free(void *ctx, void *memory, size_t bytes)
{
	struct fixture *f = ctx;

	f->meta_now -= bytes;
	free(memory);
}

static enum quire_status fixture_break(void *ctx, quire_pfn_t pfn, uint64_t frames)
{
	struct fixture *f = ctx;

	f->break_calls++;
	assert_int_equal(pfn % 512, 0);
	assert_int_equal(frames % 512, 0);
	if (f->break_calls == f->break_fail_at)
		return QUIRE_ENOMEM;
	for (uint64_t i = 0; f->broken && i < frames; i++)
		if (pfn + i >= f->tree.start_pfn && pfn + i < f->tree.end_pfn)
			f->broken[pfn + i - f->tree.start_pfn] = 1;
	return QUIRE_OK;
}

static void *fixture_frame(void *ctx, quire_pfn_t pfn, uint64_t frames)
{
	struct fixture *f = ctx;

	assert_true(!f->frames || pfn % f->frame_count + frames <= f->frame_count);
	return f->frames ? f->frames + pfn % f->frame_count * f->page_bytes : NULL;
}

static const struct qi_tree_hooks fixture_hooks = {
	.meta_alloc = fixture_alloc, .meta_free = fixture_free, .frame_address = fixture_frame, .leaf_break = fixture_break,
};

static inline struct qi_tree_config fixture_config(struct fixture *f, quire_pfn_t start, uint64_t span)
{
	return (struct qi_tree_config){ .start_pfn = start, .span = span, .max_order = 10, .pageblock_order = 9,
					.page_shift = 12, .hooks = &fixture_hooks, .hook_ctx = f };
}

static inline void fixture_open(struct fixture *f, quire_pfn_t start, uint64_t span)
{
	struct qi_tree_config config = fixture_config(f, start, span);

	assert_int_equal(qi_tree_init(&f->tree, &config), QUIRE_OK);
}

static inline void fixture_close(struct fixture *f)
{
	qi_tree_destroy(&f->tree);
	assert_int_equal(f->meta_now, 0);
}

static inline void check(const struct qi_tree *tree)
{
	const char *what = NULL;

	if (qi_check_tree(tree, &what) != QUIRE_OK)
		fail_msg("%s", what);
}

/* Counts of one type and order, or of an order over all types (type QUIRE_MIGRATE_TYPES). */
static inline uint64_t count_of(const struct qi_tree *tree, unsigned type, unsigned order)
{
	qi_tree_counts_t counts = { { 0 } };
	uint64_t n = 0;

	qi_tree_counts(tree, counts);
	for (unsigned t = 0; t < QUIRE_MIGRATE_TYPES; t++)
		if (t == type || type == QUIRE_MIGRATE_TYPES)
			n += counts[t][order];
	return n;
}

#endif
