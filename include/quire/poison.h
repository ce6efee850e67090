/*
 * Failing memory: frames that must not be used again.
 *
 * Somebody (the machine-check handler, a patrol scrubber, a test) names a frame. Quire remembers it for as long as the
 * machine lives and sees to it that nobody gets it:
 *
 *	free			taken out of the free tree; what was free around it stays free
 *	kept by a CPU		the CPUs' fronts are emptied first, so that it is free
 *	in use			its owner is told (quire_owner.failing) or, with SOFT, moves out (quire_owner.migrate).
 *				Where neither helps, it stays with who has it and is taken out when he gives it back: he
 *				frees his block as he took it, and the allocator gets all of it but the failing frame
 *	reserved, offline	remembered, and left out when it is handed over or comes on line
 *	of a device		its driver is told (quire_device.failing)
 *
 * A frame that is out is no longer the allocator's, and giving it back is refused. As in the field it still counts as
 * managed: watermarks and per-CPU sizes do not change because a frame fails.
 *
 * The books are a sorted set beside the descriptors, so they need none and outlive them; 8 bytes a frame.
 *
 * Locking: any CPU. May wait (callbacks of owners, which may free, but must not come back here). The set has a lock of
 * its own, inside the zones'. Available from QUIRE_STAGE_WATERMARKS on.
 *
 * Limits. A block in use that has a failing frame cannot be split by its holder, and its memory block cannot go off line.
 * That somebody gives back a part of it is not noticed as wrong. Where CPUs' fronts are out of reach
 * (several CPUs, no barrier_all) frames in use are refused, because a front could hand the block out again unasked.
 */
#ifndef QUIRE_POISON_H
#define QUIRE_POISON_H

#include <quire/mobility.h>

struct quire;
struct quire_zone;
struct quire_node;

/* It still can be read: move what is in it away first, instead of telling the owner that it is lost. */
#define QUIRE_POISON_SOFT	0x1u
/* Not the hardware's word but a test's: quire_unpoison_frame() will take it back. */
#define QUIRE_POISON_TEST	0x2u

/* What came of it, with the field's words. */
enum quire_poison_result {
	/* Nobody could be asked: reserved, offline, or no owner claims it. */
	QUIRE_POISON_IGNORED,
	/* The owner was asked and could not let go of it. */
	QUIRE_POISON_FAILED,
	/* The owner will give it back, but has not yet. */
	QUIRE_POISON_DELAYED,
	/* Nobody uses it any more, and nobody will get it. */
	QUIRE_POISON_RECOVERED,
};
const char *quire_poison_result_name(enum quire_poison_result result);

/* Frames known to fail. */
struct quire_poison_counts {
	/* Out of the allocator. */
	uint64_t out;
	/* Still in use; taken out when they are given back. */
	uint64_t pending;
	/* Not the allocator's: reserved, offline, a device's. */
	uint64_t foreign;
};

/*
 * Frame pfn fails. The log has one line, "Memory failure: 0x1234: recovery action for free frame: Recovered".
 *
 * QUIRE_OK: it is out (*result RECOVERED). QUIRE_EBUSY: remembered, but whoever has it has it still; *result says why.
 * QUIRE_EEXIST: known already. QUIRE_ENOENT: no memory. QUIRE_ENOMEM: no metadata; with SOFT also: nowhere to move to.
 * QUIRE_EUNSUPPORTED: see Limits. QUIRE_EINVAL: flags, too early. After the last four, and with SOFT where the block
 * could not be moved (QUIRE_EPERM), nothing has changed. *result, unless `result` is NULL, is written with OK and
 * EBUSY.
 */
enum quire_status quire_poison_frame(struct quire *q, quire_pfn_t pfn, unsigned flags,
				     enum quire_poison_result *result);

/*
 * Take it back: for tests. The frame is free again, or whatever it was.
 *
 * QUIRE_ENOENT: not known to fail. QUIRE_EPERM: the hardware says so. QUIRE_EBUSY: it is still in use; when its holder
 * has given it back it can be had. QUIRE_ENOMEM: no metadata for the free tree. Nothing has changed then.
 */
enum quire_status quire_unpoison_frame(struct quire *q, quire_pfn_t pfn);

/* Is it known to fail? */
bool quire_frame_poisoned(struct quire *q, quire_pfn_t pfn);

/*
 * How many there are: of [pfn, pfn + count), of a zone's span (on its own node), of a node, of the machine (pfn 0, count
 * UINT64_MAX).
 */
void quire_poison_count(struct quire *q, quire_pfn_t pfn, uint64_t count, struct quire_poison_counts *counts);
void quire_poison_count_zone(struct quire *q, const struct quire_zone *zone, struct quire_poison_counts *counts);
void quire_poison_count_node(struct quire *q, const struct quire_node *node, struct quire_poison_counts *counts);

/* The next failing frame from *cursor (0 to begin with) on, in rising order. False: no more. */
bool quire_poison_next(struct quire *q, quire_pfn_t *cursor, quire_pfn_t *pfn);

/* The books. Part of struct quire; the engine's, all zero to begin with. */
struct quire_poison {
	/* Sorted keys in chunks, see frame_set.h. */
	struct qi_frame_set *set;
	uint32_t lock;
	/* Keys that are pending: a free that is refused looks for them only if there are any. */
	uint32_t pending;
	/* All keys. */
	uint64_t count;
};

#endif
