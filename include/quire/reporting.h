/*
 * Free page reporting: telling a hypervisor which memory a guest does not use, so that the host can have it back.
 *
 * Whole free pageblocks are reported, at most 32 at a time; while a batch is reported they cannot be taken. What was
 * reported is not reported again until somebody used it. Blocks are found by going over the zones' trees, a few hundred
 * at a time under the zone's lock, in the embedder's thread or timer; nothing is added to any request. Memory that a zone
 * grew by after quire_reporting_open() is not looked at. (Compare balloon.h: there the host asks for memory, here the guest
 * offers what is free anyway, and may use it at any time.)
 *
 *	struct quire_reporting r = { .report = tell_host, .ctx = device };
 *	quire_reporting_open(&q, &r);
 *	every now and then: quire_reporting_tick(&q, &r);
 *
 * The structure is the embedder's, one per machine; one caller at a time for all of its calls, no context that must not
 * block. Available from QUIRE_STAGE_WATERMARKS on.
 */
#ifndef QUIRE_REPORTING_H
#define QUIRE_REPORTING_H

#include <quire/types.h>

struct quire;

/* Neighbouring free frames. */
struct quire_free_range {
	quire_pfn_t pfn;
	uint64_t count;
};

/* Most ranges of one call. */
#define QUIRE_REPORTING_BATCH 32u

struct quire_reporting {
	/*
	 * Tell the host. The frames are free, and nobody can take them until this returns; their contents may be lost.
	 * Anything but QUIRE_OK: it could not be told, they are offered again with the next tick.
	 */
	enum quire_status (*report)(void *ctx, const struct quire_free_range *ranges, unsigned count);
	void *ctx;
	/* From one round to the next, by platform now_ns; 0: 2 s as in the field. Without a clock each tick is a round. */
	uint64_t delay_ns;
	/* Frames reported so far, calls of `report`, and those of them that failed. */
	uint64_t reported, calls, failed;
	/* The engine's. */
	struct qi_reporting *state;
	uint64_t next_ns;
};

/*
 * Begin. QUIRE_EINVAL: no callback, or too early; QUIRE_ENOMEM. The books it takes, a bit per pageblock, stay until the
 * machine ends.
 */
enum quire_status quire_reporting_open(struct quire *q, struct quire_reporting *r);

/*
 * A round, if it is time: in each zone as many batches as a sixteenth of what is free there fills, as long as the zone
 * stays above its low mark without a batch. Returns frames reported.
 */
uint64_t quire_reporting_tick(struct quire *q, struct quire_reporting *r);

#endif
