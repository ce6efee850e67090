/*
 * Quire: one physical-memory manager. This header is the way in; it includes the others.
 *
 *	struct quire_config config;
 *	quire_config_defaults(&config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_12);
 *	quire_init(&q, &config, &machine, &platform);
 *	quire_boot(&q);
 *
 * No globals: everything hangs off struct quire, which the embedder provides (it is about 20 KiB; static is fine).
 */
#ifndef QUIRE_H
#define QUIRE_H

#include <quire/cma.h>
#include <quire/config.h>
#include <quire/machine.h>
#include <quire/memblock.h>
#include <quire/memmap.h>
#include <quire/page_alloc.h>
#include <quire/platform.h>
#include <quire/topology.h>
#include <quire/types.h>
#include <quire/watermark.h>

/* How far boot has come. Stages run in this order, each exactly once. */
enum quire_boot_stage {
	QUIRE_STAGE_NONE,
	QUIRE_STAGE_MEMBLOCK,		/* firmware's map and reservations are in the ledger */
	QUIRE_STAGE_NODES,		/* regions have nodes */
	QUIRE_STAGE_ZONES,		/* limits, movable zones, spans, zonelists */
	QUIRE_STAGE_SECTIONS,		/* sections present, memory model ready */
	QUIRE_STAGE_DESCRIPTORS,	/* the early part of the init policy is done */
	QUIRE_STAGE_HANDOVER,		/* free memory is in the zones' trees, managed is known */
	QUIRE_STAGE_WATERMARKS,		/* watermarks, reserves, per-CPU sizes: the allocator is open */
	QUIRE_STAGE_LATE,		/* DEFERRED: the workers have initialised the rest; other policies: nothing */
	QUIRE_STAGES
};

/* One line of the cost sheet. */
struct quire_stage_cost {
	const char *name;
	uint64_t ns;
};

/* What the engine took for itself, by kind, in bytes. */
struct quire_metadata {
	uint64_t nodes;			/* node structures and zonelists */
	uint64_t sections;		/* section table and usage maps */
	uint64_t descriptors;		/* page descriptors */
	uint64_t page_tables;		/* as far as the engine allocated them */
	uint64_t trees;			/* free trees */
	uint64_t percpu;		/* per-CPU fronts */
};

struct quire {
	struct quire_config config;
	const struct quire_machine *machine;
	const struct quire_platform *platform;
	enum quire_boot_stage stage;
	struct quire_memblock memblock;
	struct quire_topology topology;
	struct quire_memmap memmap;
	struct quire_watermark_state watermarks;
	struct quire_page_alloc page_alloc;
	struct quire_metadata metadata;
	struct quire_cma_area cma[QUIRE_CMA_AREAS];
	size_t cma_count;
	quire_phys_t crash_base, crash_size;	/* crash kernel, size 0: none */
	quire_phys_t gigantic_bytes;		/* gigantic pages taken at boot */
	struct qi_stock *stocks;		/* by node: frames for descriptors to come */
	struct qi_meta_chunk *meta_chunks;	/* boot-time metadata, newest first */
	struct quire_stage_cost costs[QUIRE_STAGES];
};

/* Take configuration (copied), machine and platform (kept by reference). QUIRE_EINVAL with a logged sentence if they do not fit. */
enum quire_status quire_init(struct quire *q, const struct quire_config *config, const struct quire_machine *machine,
			     const struct quire_platform *platform);

/* Run all stages that have not run. On failure everything taken is given back and the stage reached stays as it was. */
enum quire_status quire_boot(struct quire *q);

/* Run stages up to and including `stage`: for embedders who reserve their own things in between, and for simulation. */
enum quire_status quire_boot_until(struct quire *q, enum quire_boot_stage stage);

/*
 * The end of a machine: everything the engine took from the platform or from memory is given back, and *q is zeroed. Only where no
 * frame is in use any more and no other CPU is inside the engine. Fine at any stage, also for a zeroed *q.
 */
void quire_fini(struct quire *q);

/*
 * Give [base, base + size) back that was reserved when the zones took over: an initrd, boot-time code, firmware tables. Whole pages
 * only, rounded inward; managed grows. QUIRE_EINVAL before hand-over, QUIRE_ENOENT if part of it is in no zone, QUIRE_EEXIST
 * if part of it is free already; then nothing was given back.
 */
enum quire_status quire_free_late(struct quire *q, quire_phys_t base, quire_phys_t size);

/* The checkers of every room that has come to life. QUIRE_ECORRUPT with a logged sentence. */
enum quire_status quire_check(const struct quire *q);

#endif
