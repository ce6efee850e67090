/*
 * Quire: one physical-memory manager. This header is the way in; it includes the others.
 *
 *	struct quire_config config;
 *	quire_config_defaults(&config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_12);
 *	quire_init(&q, &config, &machine, &platform);
 *	quire_boot(&q);
 *	quire_alloc_frames(&q, QUIRE_NO_NODE, 0, QUIRE_GFP_KERNEL, &pfn);		(page_alloc.h)
 *
 * No globals: everything hangs off struct quire, which the embedder provides (it is about 28 KiB; static is fine, and
 * it must not move once quire_init() has seen it). Several may live side by side.
 *
 * The other headers, one room each; those with a star are not included here:
 *
 *	types, config, machine, platform	names and limits; what goes in; what the embedder provides
 *	firmware*				readers that fill a machine
 *	memblock, topology, memmap, watermark	what boot does (memmap brings page and memmap_plan)
 *	page_alloc, pages*, frames*		requests: by number, with descriptors, for particular frames
 *	mobility, contig, cma, compaction*	frames that move, and what needs them to
 *	reclaim*, balloon*, reporting*		memory that is short, or wanted by a hypervisor
 *	hotplug, device, poison			memory that comes and goes, is a driver's, fails
 *	report*, explain*, vmstat*, debug*	texts, reasons, counters and hooks, finding mistakes
 *
 * Locking: init, boot, fini, free_late and check are for one caller at a time. Allocation may begin on all CPUs when
 * QUIRE_STAGE_WATERMARKS is reached.
 */
#ifndef QUIRE_H
#define QUIRE_H

#include <quire/cma.h>
#include <quire/config.h>
#include <quire/device.h>
#include <quire/hotplug.h>
#include <quire/machine.h>
#include <quire/memblock.h>
#include <quire/memmap.h>
#include <quire/mobility.h>
#include <quire/page_alloc.h>
#include <quire/platform.h>
#include <quire/poison.h>
#include <quire/topology.h>
#include <quire/types.h>
#include <quire/watermark.h>

/* How far boot has come. Stages run in this order, each exactly once; q->stage is the last that succeeded. */
enum quire_boot_stage {
	/* quire_init() has run. */
	QUIRE_STAGE_NONE,
	/* Firmware's map and reservations are in the ledger. */
	QUIRE_STAGE_MEMBLOCK,
	/* Regions have nodes; CMA areas and the crash kernel have a place. */
	QUIRE_STAGE_NODES,
	/* Zone limits, movable zones, spans, zonelists. From here on memory and nodes do not change. */
	QUIRE_STAGE_ZONES,
	/* Sections are present, the memory model is ready. */
	QUIRE_STAGE_SECTIONS,
	/* Gigantic pages are taken, the early part of the init policy is done. */
	QUIRE_STAGE_DESCRIPTORS,
	/* Free memory is in the zones' trees, managed is known. The ledger gives out nothing more. */
	QUIRE_STAGE_HANDOVER,
	/* Watermarks, reserves, per-CPU sizes: the allocator is open. */
	QUIRE_STAGE_WATERMARKS,
	/* DEFERRED: the workers have initialised the rest; other policies: nothing. */
	QUIRE_STAGE_LATE,
	/* Number of stages, not one of them. */
	QUIRE_STAGES
};

/* One line of the cost sheet. */
struct quire_stage_cost {
	/* Of the stage; NULL: it has not run. */
	const char *name;
	/* Nanoseconds by platform->now_ns; 0 without it. */
	uint64_t ns;
};

/* What the engine took for itself, by kind, in bytes; for the cost sheet. */
struct quire_metadata {
	/* Node structures, zonelists, distances, the map from frames to zones. */
	uint64_t nodes;
	/* Section table and usage maps. */
	uint64_t sections;
	/* What backs page descriptors. */
	uint64_t descriptors;
	/* As far as the engine allocated them; the window's page tables are the platform's, so 0. */
	uint64_t page_tables;
	/* Free trees, and the books of frames kept for descriptors. */
	uint64_t trees;
	/* Per-CPU fronts. */
	uint64_t percpu;
	/* Notes about frames, with debugging. */
	uint64_t debug;
	/* Bitmaps of CMA areas, sets of failing frames and of balloons' pieces, hotplug's groups and ranges. */
	uint64_t books;
};

/* All kinds together. */
static inline uint64_t quire_metadata_total(const struct quire_metadata *m)
{
	return m->nodes + m->sections + m->descriptors + m->page_tables + m->trees + m->percpu + m->debug + m->books;
}

/* One machine's memory. Written by the engine only; reading it between calls is fine. */
struct quire {
	/* The copy quire_init() made, and what it was given. */
	struct quire_config config;
	const struct quire_machine *machine;
	const struct quire_platform *platform;
	enum quire_boot_stage stage;
	/* The rooms; each header says from when on its part means something. */
	struct quire_memblock memblock;
	struct quire_topology topology;
	struct quire_memmap memmap;
	struct quire_watermark_state watermarks;
	struct quire_page_alloc page_alloc;
	struct quire_mobility mobility;
	struct quire_metadata metadata;
	struct quire_cma_area cma[QUIRE_CMA_AREAS];
	size_t cma_count;
	struct quire_poison poison;
	struct quire_devices devices;
	struct quire_hotplug hotplug;
	/* Where the crash kernel was placed, bytes; size 0: none. */
	quire_phys_t crash_base, crash_size;
	/* ,low: what was set aside below 4 GiB (or where devices reach) for a crash kernel above it; size 0: nothing was. */
	quire_phys_t crash_low_base, crash_low_size;
	/* Bytes of gigantic pages taken at boot. */
	quire_phys_t gigantic_bytes;
	/* By node: frames for descriptors to come. NULL before hand-over. */
	struct qi_stock *stocks;
	/* The engine's metadata, newest first, and their lock. */
	struct qi_meta_chunk *meta_chunks;
	uint32_t meta_lock;
	/* By stage. */
	struct quire_stage_cost costs[QUIRE_STAGES];
};

/*
 * Begin with a machine: checks that the three fit each other, and zeroes and fills *q. The configuration is copied,
 * machine and platform are kept by reference and must outlive q. Takes no memory.
 *
 * With a logged sentence, and *q untouched: QUIRE_EINVAL, the platform lacks phys_to_virt or panic, or has meta_alloc
 * without meta_free; the configuration makes no sense (config.h), or is for another architecture than the machine.
 * QUIRE_ERANGE: its geometry is out of range.
 */
enum quire_status quire_init(struct quire *q, const struct quire_config *config, const struct quire_machine *machine,
			     const struct quire_platform *platform);

/*
 * Run all stages that have not run. On failure what the failing stage took is given back, the stage reached stays as it
 * was and the log says which stage and why; the caller may change something and try again, or call quire_fini().
 *
 * QUIRE_ENOMEM: no usable memory, or too little of it for the engine's own tables. QUIRE_EUNSUPPORTED: the memory model
 * cannot describe this machine, or the platform cannot carry it. QUIRE_ERANGE: memory beyond the geometry. Others as
 * the stages' own functions say.
 */
enum quire_status quire_boot(struct quire *q);

/*
 * Run stages up to and including `stage`: for embedders who reserve their own things in between, and for simulation. A
 * stage that was reached before is not run again. Errors as quire_boot().
 */
enum quire_status quire_boot_until(struct quire *q, enum quire_boot_stage stage);

/*
 * The end of a machine: everything the engine took from the platform or from memory is given back, and *q is zeroed.
 * Only where no frame is in use any more and no other CPU is inside the engine. Fine at any stage, also for a zeroed
 * *q.
 */
void quire_fini(struct quire *q);

/*
 * Give [base, base + size), bytes, back that was reserved when the zones took over: an initrd, boot-time code, firmware
 * tables. Whole pages only, rounded inward; managed grows and the frames are free. The ledger still shows them
 * reserved. Watermarks stay as they were computed.
 *
 * QUIRE_EINVAL: before hand-over, or the range wraps. QUIRE_ENOENT: part of it is a hole, or in no zone. QUIRE_EEXIST:
 * part of it
 * is the allocator's already, free or not. In these nothing was given back. QUIRE_ENOMEM: no metadata for the free
 * tree or for descriptors; where the range spans zones, those before may have got their part.
 */
enum quire_status quire_free_late(struct quire *q, quire_phys_t base, quire_phys_t size);

/*
 * The checkers of every room that has come to life: ledger, topology, memmap, zones. Reads only, takes as long as going
 * over all books does; nobody may allocate or free meanwhile. QUIRE_ECORRUPT, with a logged sentence: the first broken
 * invariant.
 */
enum quire_status quire_check(const struct quire *q);

#endif
