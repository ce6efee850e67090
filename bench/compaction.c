/*
 * Whole 2 MiB blocks brought back by compaction: how many, and how many frames are moved for it. Beside it the classic
 * scheme on a picture of the same memory: one scanner goes up and takes out what is in use, one comes down and takes what
 * is free, in pageblocks that are not free as a whole, until they meet. Nothing is copied; frames moved are counted.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <quire/compaction.h>
#include <quire/frames.h>

#include "memmap_rig.h"

#define MIB ((uint64_t)1 << 20)
#define RAM (1024 * MIB)
#define FRAMES (RAM >> 12)
#define BLOCKS (FRAMES / 512)
#define ROUNDS 16u

static struct rig rig;
static bool held[FRAMES], picture[FRAMES];
static uint32_t list[FRAMES];		/* frames held, in any order; place[] is where */
static uint32_t place[FRAMES], live;
static uint64_t seed = 88172645463325252u, moved;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed >> 8;
}

static void note(quire_pfn_t pfn)
{
	held[pfn] = true;
	place[pfn] = live;
	list[live++] = (uint32_t)pfn;
}

static void forget(quire_pfn_t pfn)
{
	held[pfn] = false;
	list[place[pfn]] = list[--live];
	place[list[live]] = place[pfn];
}

static bool holds(void *ctx, quire_pfn_t pfn, struct quire_held *block)
{
	(void)ctx;
	*block = (struct quire_held){ .pfn = pfn, .movable = true };
	return pfn < FRAMES && held[pfn];
}

static void migrate(void *ctx, struct quire_move *moves, unsigned n, enum quire_migrate_mode mode)
{
	(void)ctx;
	(void)mode;
	for (unsigned i = 0; i < n; i++) {
		forget(moves[i].from);
		note(moves[i].to);
		moves[i].status = QUIRE_OK;
	}
	moved += n;
}

static struct quire_owner owner = { .name = "bench", .holds = holds, .migrate = migrate };

static void give(quire_pfn_t pfn)
{
	forget(pfn);
	rig_check(quire_free_frames(&rig.q, pfn, 0) == QUIRE_OK, "giving back");
}

static bool take(void)
{
	quire_pfn_t pfn;

	if (quire_alloc_frames(&rig.q, 0, 0, QUIRE_GFP_MOVABLE | QUIRE_GFP_NOWARN, &pfn) != QUIRE_OK)
		return false;
	note(pfn);
	return true;
}

/* All taken, then so many percent left at random; then rounds in which a quarter of it changes. */
static void churn(unsigned percent, unsigned rounds)
{
	uint32_t most;

	while (live)
		give(list[live - 1]);
	while (take())
		continue;
	most = (uint32_t)((uint64_t)live * percent / 100);
	while (live > most)
		give(list[rnd() % live]);
	for (unsigned round = 0; round < rounds; round++) {
		for (uint32_t n = most / 4; n; n--)
			give(list[rnd() % live]);
		while (live < most && take())
			continue;
	}
	rig_check(quire_drain_frames(&rig.q) == QUIRE_OK, "draining");
}

/* Pageblocks that are memory, and none of it in use. What is not ours counts as in use. */
static uint64_t whole_blocks(const bool *used)
{
	uint64_t whole = 0;

	for (uint64_t block = 0; block < BLOCKS; block++)
		whole += !memchr(used + block * 512, true, 512);
	return whole;
}

/* A picture of what cannot be used for targets: in use, or not the allocator's. */
static bool paint(void *ctx, quire_pfn_t pfn, uint64_t count)
{
	(void)ctx;
	memset(picture + pfn, 0, count);
	return true;
}

static void take_picture(void)
{
	memset(picture, true, sizeof(picture));
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
		quire_zone_walk_free(&rig.q.topology.nodes[0]->zones[type], paint, NULL);
}

/* Two scanners over [first, last) pageblocks of one zone. Frames moved. */
static uint64_t classic(uint64_t first, uint64_t last)
{
	uint64_t up = first * 512, down = last * 512, moves = 0;

	for (uint64_t source = first; source < last && up < down; source++) {
		for (up = source * 512; up < (source + 1) * 512 && up < down; up++) {
			if (!held[up])
				continue;
			/* The next free frame from above, not out of a whole pageblock. */
			do {
				down--;
				if (down % 512 == 511 && !memchr(picture + down - 511, true, 512))
					down -= 511;
			} while (down > up && picture[down]);
			if (down / 512 <= source)
				return moves;
			picture[down] = true;
			picture[up] = false;
			moves++;
		}
	}
	return moves;
}

static uint64_t classic_all(void)
{
	uint64_t moves = 0;

	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		const struct quire_zone *zone = &rig.q.topology.nodes[0]->zones[type];

		if (zone->tree)
			moves += classic((zone->start_pfn + 511) / 512, (zone->start_pfn + zone->spanned) / 512);
	}
	return moves;
}

static void row(const char *what, uint64_t before, uint64_t after, uint64_t moves)
{
	printf("  %-10s whole %3" PRIu64 " -> %3" PRIu64 ", %6" PRIu64 " frames moved", what, before, after, moves);
	if (after > before)
		printf(", %4.0f a block", (double)moves / (double)(after - before));
	printf("\n");
}

static void compare(unsigned percent, unsigned rounds)
{
	uint64_t before, theirs, after;

	churn(percent, rounds);
	take_picture();
	before = whole_blocks(picture);
	theirs = classic_all();
	printf("%u %% live, %u rounds of churn\n", percent, rounds);
	row("classic", before, whole_blocks(picture), theirs);
	moved = 0;
	quire_compact_node(&rig.q, 0);
	rig_check(quire_drain_frames(&rig.q) == QUIRE_OK, "draining");
	take_picture();
	after = whole_blocks(picture);
	row("quire", before, after, moved);
}

int main(void)
{
	static const unsigned live_percent[] = { 50, 65, 80 };

	rig_make(&rig, RAM, 1, QUIRE_MODEL_SPARSEMEM_VMEMMAP, QUIRE_INIT_LAZY, RIG_FLAT);
	rig_boot(&rig, QUIRE_STAGE_LATE);
	rig_check(quire_register_owner(&rig.q, &owner) == QUIRE_OK, "the owner");
	for (unsigned i = 0; i < sizeof(live_percent) / sizeof(live_percent[0]); i++) {
		compare(live_percent[i], 0);
		compare(live_percent[i], ROUNDS);
	}
	while (live)
		give(list[live - 1]);
	rig_check(quire_unregister_owner(&rig.q, &owner) == QUIRE_OK, "the owner's leave");
	rig_drop(&rig);
	return 0;
}
