/*
 * What the yardstick of frame allocators does not ask: requests of a booted machine, one by one and in bulk, with and
 * without descriptors; and of the free tree by itself what it costs to be there for 1 TiB, to grow, to isolate, and how
 * long the zone's lock is held at most. CPU time, medians.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <quire/pages.h>

#include "memmap_rig.h"
#include "zone/front_internal.h"
#include "zone/tree_exact.h"

#define GIB ((uint64_t)1 << 30)
#define TIB_FRAMES ((uint64_t)1 << 28)
#define BLOCK ((uint64_t)1 << 15)		/* 128 MiB */
#define RUNS 9
#define PAIRS 200000u
#define BULK 512u

/* --- a booted machine ------------------------------------------------------------------------------------------------- */

static struct rig rig;

static double pairs_of_frames(void)
{
	uint64_t values[RUNS];
	quire_pfn_t pfn;

	for (unsigned run = 0; run < RUNS; run++) {
		uint64_t start = rig_cpu();

		for (unsigned i = 0; i < PAIRS; i++) {
			rig_check(quire_alloc_frames(&rig.q, 0, 0, QUIRE_GFP_KERNEL, &pfn) == QUIRE_OK, "alloc");
			rig_check(quire_free_frames(&rig.q, pfn, 0) == QUIRE_OK, "free");
		}
		values[run] = rig_cpu() - start;
	}
	return (double)rig_median(values, RUNS) / PAIRS;
}

static double pairs_of_pages(void)
{
	uint64_t values[RUNS];
	struct quire_page *page;

	for (unsigned run = 0; run < RUNS; run++) {
		uint64_t start = rig_cpu();

		for (unsigned i = 0; i < PAIRS; i++) {
			rig_check(quire_alloc_pages(&rig.q, 0, 0, QUIRE_GFP_KERNEL, &page) == QUIRE_OK, "alloc page");
			rig_check(quire_free_pages(&rig.q, page, 0) == QUIRE_OK, "free page");
		}
		values[run] = rig_cpu() - start;
	}
	return (double)rig_median(values, RUNS) / PAIRS;
}

/* As many frames as fit into half of the machine, taken and given back; nanoseconds per frame taken. */
static double fill(bool bulk, quire_pfn_t *pfns, size_t count)
{
	uint64_t values[RUNS];

	for (unsigned run = 0; run < RUNS; run++) {
		uint64_t start = rig_cpu();

		for (size_t i = 0; i < count; i += BULK) {
			if (bulk)
				rig_check(quire_alloc_frames_bulk(&rig.q, 0, QUIRE_GFP_KERNEL, BULK, pfns + i) == BULK,
					  "bulk");
			for (size_t k = i; !bulk && k < i + BULK; k++)
				rig_check(quire_alloc_frames(&rig.q, 0, 0, QUIRE_GFP_KERNEL, &pfns[k]) == QUIRE_OK, "alloc");
		}
		values[run] = rig_cpu() - start;
		for (size_t i = 0; i < count; i += BULK)
			rig_check(!quire_free_frames_bulk(&rig.q, BULK, pfns + i), "free in bulk");
	}
	return (double)rig_median(values, RUNS) / (double)count;
}

static void requests(void)
{
	size_t count = (size_t)1 << 18;
	quire_pfn_t *pfns = malloc(count * sizeof(*pfns));
	double frames, pages, one, bulk;

	rig_check(pfns, "memory");
	memset(pfns, 0xff, count * sizeof(*pfns));		/* QUIRE_PFN_NONE: to be filled */
	rig_make(&rig, 2 * GIB, 1, QUIRE_MODEL_SPARSEMEM_VMEMMAP, QUIRE_INIT_LAZY, RIG_FLAT);
	rig_boot(&rig, QUIRE_STAGE_LATE);
	frames = pairs_of_frames();
	pages = pairs_of_pages();
	rig_row("request: frame taken and given back", "-", "%.1f ns", frames);
	rig_row("  with descriptor, reference set and dropped", "-", "%.1f ns, %.2f x", pages, pages / frames);
	one = fill(false, pfns, count);
	bulk = fill(true, pfns, count);
	rig_row("request: 1 GiB of frames one by one, each", "-", "%.1f ns", one);
	rig_row("  in bulks of 512", "<= one by one", "%.1f ns, %.2f x", bulk, bulk / one);
	rig_drop(&rig);
	free(pfns);
}

/* --- the tree alone --------------------------------------------------------------------------------------------------- */

static struct meta {
	char *base;
	size_t size, used;
} meta;

static void *meta_alloc(void *ctx, size_t bytes)
{
	char *at = meta.base + meta.used;

	(void)ctx;
	bytes = (bytes + 63) & ~(size_t)63;
	if (meta.size - meta.used < bytes)
		return NULL;
	meta.used += bytes;
	return memset(at, 0, bytes);
}

static const struct qi_tree_hooks hooks = { .meta_alloc = meta_alloc };
static struct qi_zone zone;
static struct qi_front *front;

static void open_tree(uint64_t frames)
{
	const struct qi_tree_config config = { .span = frames, .max_order = 10, .pageblock_order = 9, .page_shift = 12,
					       .hooks = &hooks };

	meta.used = 0;
	memset(&zone, 0, sizeof(zone));
	rig_check(qi_tree_init(&zone.tree, &config) == QUIRE_OK, "tree");
	front = meta_alloc(NULL, qi_fronts_bytes(1));
	qi_fronts_init(&zone, front, 1);
	qi_fronts_tune(&zone, frames);
}

static void being_there(void)
{
	uint64_t values[RUNS], start;
	const struct qi_request one = { .type = QUIRE_MIGRATE_MOVABLE };
	quire_pfn_t pfn;

	for (unsigned run = 0; run < RUNS; run++) {
		start = rig_cpu();
		open_tree(TIB_FRAMES);
		rig_check(qi_tree_add_free(&zone.tree, 256, TIB_FRAMES - 1000) == QUIRE_OK, "hand over");
		rig_check(qi_front_alloc(&zone, 0, &one, &pfn) == QUIRE_OK, "first frame");
		values[run] = rig_cpu() - start;
	}
	rig_row("tree: 1 TiB, from nothing to the first frame", "<= 1 ms", "%.3f ms",
		(double)rig_median(values, RUNS) / 1e6);
	rig_row("  metadata touched", "<= 1 MiB", "%.2f MiB", (double)meta.used / (1 << 20));
	for (unsigned run = 0; run < RUNS; run++) {
		open_tree(BLOCK);
		start = rig_cpu();
		for (uint64_t at = 0; at < TIB_FRAMES; at += BLOCK)
			rig_check(qi_tree_extend(&zone.tree, at, BLOCK) == QUIRE_OK &&
				  qi_tree_add_free(&zone.tree, at, BLOCK) == QUIRE_OK, "growth");
		values[run] = rig_cpu() - start;
	}
	rig_row("tree: growing to 1 TiB by 128 MiB", "<= 1 ms", "%.3f ms", (double)rig_median(values, RUNS) / 1e6);
}

static void going_away(void)
{
	uint64_t isolate[RUNS], back[RUNS], removal[RUNS], start, blocks = 64 * BLOCK / 512;

	open_tree(64 * BLOCK);
	rig_check(qi_tree_add_free(&zone.tree, 0, 64 * BLOCK) == QUIRE_OK, "hand over");
	for (unsigned run = 0; run < RUNS; run++) {
		start = rig_cpu();
		for (uint64_t at = 0; at < 64 * BLOCK; at += 512)
			rig_check(qi_tree_isolate(&zone.tree, at) == QUIRE_OK, "isolate");
		isolate[run] = rig_cpu() - start;
		start = rig_cpu();
		for (uint64_t at = 0; at < 64 * BLOCK; at += 512)
			rig_check(qi_tree_unisolate(&zone.tree, at, QUIRE_MIGRATE_TYPES) == QUIRE_OK, "unisolate");
		back[run] = rig_cpu() - start;
		start = rig_cpu();
		for (uint64_t at = 0; at < 64 * BLOCK; at += BLOCK)
			rig_check(qi_tree_remove_free(&zone.tree, at, BLOCK) == QUIRE_OK, "remove");
		removal[run] = rig_cpu() - start;
		rig_check(qi_tree_add_free(&zone.tree, 0, 64 * BLOCK) == QUIRE_OK, "add again");
	}
	rig_row("tree: a pageblock isolated", "<= 200 ns", "%.0f ns", (double)rig_median(isolate, RUNS) / (double)blocks);
	rig_row("  and given back", "<= 200 ns", "%.0f ns", (double)rig_median(back, RUNS) / (double)blocks);
	rig_row("tree: 128 MiB untouched removed", "-", "%.2f us", (double)rig_median(removal, RUNS) / 64e3);
}

/* --- how long the lock is held ---------------------------------------------------------------------------------------- */

/* The longest in the median run of what is done with the lock held in one go: the time of reading the clock is in it. */
struct hold {
	const char *what;
	uint64_t worst[RUNS];
};

static void note(struct hold *hold, unsigned run, uint64_t since)
{
	uint64_t took = rig_cpu() - since;

	if (took > hold->worst[run])
		hold->worst[run] = took;
}

/* Half of 4 GiB is taken, frame by frame at random, so that each word and each leaf is somewhere else. */
static void scatter(uint64_t frames)
{
	uint64_t word, mask, seed = 1;

	while (qi_tree_alloc_word(&zone.tree, 0, QUIRE_MIGRATE_MOVABLE, 0, 64, &word, &mask) == QUIRE_OK)
		continue;
	for (uint64_t i = 0; i < frames / 2; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		qi_tree_free(&zone.tree, (seed >> 33) % frames, 0);
	}
}

static void lock_held(void)
{
	struct hold spill = { .what = "64 scattered words given back" }, refill = { .what = "8 words taken" };
	struct hold range = { .what = "32768 frames taken by number" }, worst = { .what = "worst" };
	uint64_t frames = 1 << 20, seed = 7, start, word, mask;

	open_tree(frames);
	rig_check(qi_tree_add_free(&zone.tree, 0, frames) == QUIRE_OK, "hand over");
	scatter(frames);
	for (unsigned run = 0; run < RUNS; run++) {
		for (unsigned turn = 0; turn < 50; turn++) {
			struct qi_word_entry entries[QI_FRONT_ENTRIES];
			struct qi_node *leaves[QI_FRONT_ENTRIES];

			start = rig_cpu();
			for (unsigned i = 0; i < QI_FRONT_STOCK; i++)
				qi_tree_alloc_word(&zone.tree, 0, QUIRE_MIGRATE_MOVABLE, 0, 64, &word, &mask);
			note(&refill, run, start);
			for (unsigned i = 0; i < QI_FRONT_ENTRIES; i++) {
				seed = seed * 6364136223846793005ull + 1442695040888963407ull;
				entries[i].word = (seed >> 33) % (frames / 64);
				entries[i].mask = 0;
				for (unsigned k = 0; k < 64 && !entries[i].mask; k++)
					entries[i].mask = qi_tree_vouches(&zone.tree, 0, entries[i].word, 1ull << k) &
							  1ull << k;
			}
			qi_tree_fetch_words(&zone.tree, entries, leaves, QI_FRONT_ENTRIES);
			start = rig_cpu();
			qi_tree_free_words(&zone.tree, entries, leaves, QI_FRONT_ENTRIES);
			note(&spill, run, start);
		}
	}
	open_tree(frames);
	rig_check(qi_tree_add_free(&zone.tree, 0, frames) == QUIRE_OK, "hand over");
	for (unsigned run = 0; run < RUNS; run++) {
		start = rig_cpu();
		rig_check(qi_tree_take_frames(&zone.tree, run * BLOCK, BLOCK, QUIRE_MIGRATE_MOVABLE) == QUIRE_OK, "take");
		note(&range, run, start);
	}
	for (unsigned run = 0; run < RUNS; run++)
		worst.worst[run] = spill.worst[run] > refill.worst[run] ? spill.worst[run] : refill.worst[run];
	rig_row("zone lock held: a CPU takes or gives back, the longest", "<= 20 us", "%.1f us (%s %.1f, %s %.1f)",
		(double)rig_median(worst.worst, RUNS) / 1e3, spill.what, (double)rig_median(spill.worst, RUNS) / 1e3,
		refill.what, (double)rig_median(refill.worst, RUNS) / 1e3);
	rig_row("  a contiguous range at a time", "-", "%.1f us (%s)", (double)rig_median(range.worst, RUNS) / 1e3,
		range.what);
}

int main(void)
{
	meta.size = 32 << 20;
	meta.base = aligned_alloc(4096, meta.size);
	rig_check(meta.base, "memory");
	memset(meta.base, 1, meta.size);
	requests();
	being_there();
	going_away();
	lock_held();
	free(meta.base);
	return 0;
}
