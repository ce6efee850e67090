/*
 * Ranges cleared of what is in use: what the engine costs beside the copying. Real memory, touched beforehand; an owner that
 * copies with memcpy, or only keeps his books, so that what is left is the engine. The reference copies the same frames to
 * the same targets again, in the same order, in the same run. CPU time of this thread, medians.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <quire/contig.h>
#include <quire/frames.h>

#include "memmap_rig.h"
#include "mobility/mobility.h"

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)
#define RAM (2 * GIB)
#define FRAMES (RAM >> 12)
#define BLOCK (128 * MIB >> 12)
#define AREA (64 * MIB >> 12)
#define FIRST (256 * MIB >> 12)
#define CMA (FIRST + 512)		/* the pageblock before may hold nodes of the tree */
#define RUNS 5

static struct rig rig;
static char *ram;			/* address of frame 0 */
static bool held[FRAMES], copying;
static struct { uint32_t from, to; } *moved;
static uint64_t moves;

static bool holds(void *ctx, quire_pfn_t pfn, struct quire_held *block)
{
	(void)ctx;
	*block = (struct quire_held){ .pfn = pfn, .movable = true };
	return pfn < FRAMES && held[pfn];
}

static void migrate(void *ctx, struct quire_move *list, unsigned n, enum quire_migrate_mode mode)
{
	(void)ctx;
	(void)mode;
	for (unsigned i = 0; i < n; i++) {
		uint64_t from = list[i].from, to = list[i].to;

		if (copying)
			memcpy(ram + (to << 12), ram + (from << 12), 4096);
		held[from] = false;
		held[to] = true;
		moved[moves].from = (uint32_t)from;
		moved[moves++].to = (uint32_t)to;
		list[i].status = QUIRE_OK;
	}
}

static struct quire_owner owner = { .name = "bench", .holds = holds, .migrate = migrate };

/* Other memory goes through the CPU's caches, so that nothing of what is copied is in them. */
static void cool_down(void)
{
	for (uint64_t at = GIB; at < GIB + 384 * MIB; at += 64)
		(void)*(volatile char *)(ram + at);
}

/* The same bytes once more. */
static uint64_t copy_again(void)
{
	uint64_t start;

	cool_down();
	start = rig_cpu();
	for (uint64_t i = 0; i < moves; i++)
		memcpy(ram + ((uint64_t)moved[i].to << 12), ram + ((uint64_t)moved[i].from << 12), 4096);
	return rig_cpu() - start;
}

static void free_all(void)
{
	for (quire_pfn_t pfn = 0; pfn < FRAMES; pfn++)
		if (held[pfn]) {
			held[pfn] = false;
			rig_check(quire_free_frames(&rig.q, pfn, 0) == QUIRE_OK, "giving back");
		}
}

/* Single movable frames everywhere, then `percent` of them left; all of them in [full, full + AREA). */
static void fill(unsigned percent, quire_pfn_t full)
{
	uint64_t seed = 88172645463325252u;
	quire_pfn_t pfn;

	free_all();
	while (quire_alloc_frames(&rig.q, 0, 0, QUIRE_GFP_MOVABLE | QUIRE_GFP_NOWARN, &pfn) == QUIRE_OK)
		held[pfn] = true;
	for (pfn = 0; pfn < FRAMES; pfn++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		if (!held[pfn] || seed % 100 < percent || pfn - full < AREA)
			continue;
		held[pfn] = false;
		rig_check(quire_free_frames(&rig.q, pfn, 0) == QUIRE_OK, "giving back");
	}
	rig_check(quire_drain_frames(&rig.q) == QUIRE_OK, "draining");
}

static void print(const char *what, double ns, double frames, double reference)
{
	printf("%-44s %9.0f frames  %7.1f ns/frame", what, frames, ns / frames);
	if (reference > 0)
		printf("  memcpy %7.1f ns/frame  ratio %.3f", reference / frames, ns / reference);
	printf("\n");
}

static void set_types(quire_pfn_t first, uint64_t count, enum quire_migratetype type)
{
	for (quire_pfn_t pfn = first; pfn < first + count; pfn += 512)
		quire_set_pageblock_type(&rig.q, pfn, type);
}

static void clear_area(quire_pfn_t first, uint64_t count)
{
	rig_check(qi_alloc_range(&rig.q, first, count, QUIRE_GFP_KERNEL, QI_RANGE_CMA, NULL, NULL) == QUIRE_OK, "the area");
}

static void clear_block(quire_pfn_t first, uint64_t count, struct qi_evacuation *how)
{
	rig_check(qi_isolate_range(&rig.q, first, count, how->flags, NULL) == QUIRE_OK, "isolating");
	rig_check(qi_evacuate_range(&rig.q, first, count, how, NULL) == QUIRE_OK, "clearing");
}

/* A range cleared and given up again; the time without and with copying, and of copying alone. */
static void measure(const char *what, quire_pfn_t first, uint64_t count, unsigned flags)
{
	uint64_t books[RUNS], whole[RUNS], copy[RUNS], frames = 0;

	for (unsigned run = 0; run < 2 * RUNS; run++) {
		struct qi_evacuation how = { .gfp = QUIRE_GFP_KERNEL, .mode = QUIRE_MIGRATE_SYNC, .flags = flags };
		uint64_t start;

		fill(50, flags & QI_RANGE_CMA ? first : FRAMES);
		if (flags & QI_RANGE_CMA)
			set_types(first, count, QUIRE_MIGRATE_CMA);
		copying = run & 1;
		moves = 0;
		cool_down();
		start = rig_cpu();
		if (flags & QI_RANGE_CMA)
			clear_area(first, count);
		else
			clear_block(first, count, &how);
		*(run & 1 ? &whole[run / 2] : &books[run / 2]) = rig_cpu() - start;
		if (run & 1)
			copy[run / 2] = copy_again();
		frames = moves;
		if (flags & QI_RANGE_CMA)
			rig_check(quire_free_range(&rig.q, first, count) == QUIRE_OK, "giving the area back");
		else
			qi_unisolate_range(&rig.q, first, count);
		if (flags & QI_RANGE_CMA)
			set_types(first, count, QUIRE_MIGRATE_MOVABLE);
	}
	print(what, (double)rig_median(whole, RUNS), (double)frames, (double)rig_median(copy, RUNS));
	print("  of that engine and the owner's books", (double)rig_median(books, RUNS), (double)frames,
	      (double)rig_median(copy, RUNS));
}

static void pageblocks(const char *what, unsigned percent)
{
	uint64_t isolate[RUNS], unisolate[RUNS], n = (RAM - FIRST * 4096) / (2 * MIB) - 8;

	fill(percent, FRAMES);
	if (!percent)
		free_all();
	quire_drain_frames(&rig.q);
	for (unsigned run = 0; run < RUNS; run++) {
		uint64_t start = rig_cpu();

		for (uint64_t i = 0; i < n; i++)
			qi_isolate_range(&rig.q, FIRST + i * 512, 512, QI_RANGE_UNCHECKED, NULL);
		isolate[run] = (rig_cpu() - start) * 10 / n;
		start = rig_cpu();
		for (uint64_t i = 0; i < n; i++)
			qi_unisolate_range(&rig.q, FIRST + i * 512, 512);
		unisolate[run] = (rig_cpu() - start) * 10 / n;
	}
	printf("%-44s isolate %.1f ns, unisolate %.1f ns\n", what, (double)rig_median(isolate, RUNS) / 10,
	       (double)rig_median(unisolate, RUNS) / 10);
}

static void contiguous(const char *what, uint64_t count)
{
	uint64_t whole[RUNS], copy[RUNS], frames = 0;
	quire_pfn_t pfn;

	for (unsigned run = 0; run < RUNS; run++) {
		uint64_t start;

		fill(20, FRAMES);
		copying = true;
		moves = 0;
		cool_down();
		start = rig_cpu();
		rig_check(quire_alloc_contig(&rig.q, 0, count, count, QUIRE_GFP_KERNEL, &pfn, NULL) == QUIRE_OK, what);
		whole[run] = rig_cpu() - start;
		copy[run] = copy_again();
		frames = moves;
		quire_free_range(&rig.q, pfn, count);
	}
	print(what, (double)rig_median(whole, RUNS), (double)(frames ? frames : 1), (double)rig_median(copy, RUNS));
}

int main(void)
{
	rig_make(&rig, RAM, 1, QUIRE_MODEL_SPARSEMEM_VMEMMAP, QUIRE_INIT_LAZY, RIG_FLAT);
	rig_boot(&rig, QUIRE_STAGE_LATE);
	ram = rig.q.platform->phys_to_virt(rig.q.platform->ctx, MIB, RAM - 64 * MIB);
	rig_check(ram != NULL, "reaching the machine's memory");
	ram -= MIB;
	moved = calloc(FRAMES, sizeof(*moved));
	rig_check(moved != NULL && quire_register_owner(&rig.q, &owner) == QUIRE_OK, "the owner");
	fill(100, FRAMES);
	for (quire_pfn_t pfn = 0; pfn < FRAMES; pfn++)
		if (held[pfn])
			memset(ram + (pfn << 12), (int)pfn, 4096);
	pageblocks("pageblocks that are free", 0);
	pageblocks("pageblocks half in use", 50);
	measure("128 MiB, half in use, cleared", FIRST, BLOCK, QI_RANGE_OFFLINE);
	measure("64 MiB CMA area full of movable frames", CMA, AREA, QI_RANGE_CMA);
	contiguous("2 MiB anywhere, 20 % in use", 2 * MIB >> 12);
	contiguous("64 MiB anywhere, 20 % in use", AREA);
	free_all();
	rig_check(quire_unregister_owner(&rig.q, &owner) == QUIRE_OK, "the owner's leave");
	rig_drop(&rig);
	return 0;
}
