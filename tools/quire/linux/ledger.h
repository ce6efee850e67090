/*
 * The ledger of a Linux kernel at the moment it hands memory over, and what it gives back afterwards.
 *
 * Engine, firmware and command line decide nodes and zones; how many pages of each zone the allocator ends up with
 * depends on what the kernel took for itself before. Where a log has the kernel's memblock calls they are replayed
 * and the answer is exact; elsewhere footprint.h estimates them.
 */
#ifndef QUIRE_TOOL_LINUX_LEDGER_H
#define QUIRE_TOOL_LINUX_LEDGER_H

#include <quire/quire.h>

#include "../verify/list.h"

struct observed;
struct findings;
struct replay;

/* Pages given to the allocator after hand-over, or counted as managed only then. */
enum linux_release_kind {
	LINUX_RELEASE_EARLY,		/* before watermarks are first computed: code for one CPU only */
	LINUX_RELEASE_GIGANTIC,		/* of the pool: managed between first watermarks and khugepaged */
	LINUX_RELEASE_LATE,		/* initrd, initialisation code, gaps of the image */
};
struct linux_release {
	enum linux_release_kind kind;
	quire_phys_t base, size;
	const char *what;
	size_t log_line;		/* 0: not from a log */
};

struct linux_ledger {
	bool replayed;			/* false: estimated */
	LIST(struct linux_release) releases;
	/* Bytes of firmware's CMA pools that cannot work (over a hole): the kernel counts them, and fails. */
	quire_phys_t cma_refused;
};

/*
 * Bring q, booted up to QUIRE_STAGE_MEMBLOCK, to the ledger at hand-over; its stage is QUIRE_STAGE_NODES then and
 * boot can go on with the zones. `o` is what the input's log says, NULL for a machine without one. Gigantic pages the
 * command line asks for have been taken: q->config.options no longer asks for them. `replay` (may be NULL) keeps the
 * replay for its owner to continue and free; `f` (may be NULL) takes the checks made on the way.
 */
enum quire_status linux_ledger_make(struct linux_ledger *ledger, struct quire *q, const struct observed *o,
				    struct replay *replay, struct findings *f);

/* Give what the kernel gives back after hand-over to q's zones (quire_free_late). Needs QUIRE_STAGE_HANDOVER. */
enum quire_status linux_ledger_release(const struct linux_ledger *ledger, struct quire *q);

/* Note one release; size 0 is none. */
void linux_ledger_add(struct linux_ledger *ledger, enum linux_release_kind kind, quire_phys_t base, quire_phys_t size,
		      const char *what, size_t log_line);

void linux_ledger_free(struct linux_ledger *ledger);

/* --- counting, without the allocator ----------------------------------------------------------------------- */

/* Pages by node and zone. */
struct linux_count {
	uint64_t pages[QUIRE_MAX_NODES][QUIRE_ZONE_TYPES];
};

/* Add the whole pages of [base, base + size) that are memory to the zones that hold them. Needs zones. */
void linux_count_range(const struct quire *q, struct linux_count *count, quire_phys_t base, quire_phys_t size);

/* Add everything free in q's ledger, below `split[nid]` only if split is not NULL. Needs zones. */
void linux_count_free(const struct quire *q, struct linux_count *count, const quire_pfn_t *split);

uint64_t linux_count_total(const struct linux_count *count);

#endif
