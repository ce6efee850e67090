/*
 * Frames for descriptors that come into being on demand.
 *
 * LAZY descriptors of a pageblock are made when something in it is first taken: inside the tree, with the zone locked. Their frames
 * cannot come from the tree at that moment, so each node keeps a stock of frames that were taken before: a few blocks, handed
 * out frame by frame. A tree whose node's stock runs low is "hungry" and takes another block before its next search. Where
 * the frames come from is purse.h's business.
 *
 * Locks: zone, then memmap, then stock.
 */
#ifndef QI_ZONE_STOCK_H
#define QI_ZONE_STOCK_H

#include <quire/quire.h>

#include "base/lock.h"

struct qi_zone;
struct qi_stock_block;

struct qi_stock {
	struct qi_lock lock __attribute__((aligned(64)));
	struct qi_stock_block *blocks;
	uint64_t free;			/* frames in them */
	uint64_t stranded;		/* … of them too scattered for the largest demand, as far as is known */
	bool on;			/* some zone of the node can be hungry */
};

/*
 * Zones are open, nothing is handed over: from now on descriptors of these zones' memory are made when it is first taken.
 * QUIRE_ENOMEM.
 */
enum quire_status qi_stock_open(struct quire *q);

/* Tree hooks; ctx is the struct qi_zone, which is locked. */
enum quire_status qi_stock_leaf_break(void *ctx, quire_pfn_t pfn, uint64_t frames);
void qi_stock_replenish(void *ctx, unsigned order);

/* The descriptors of so many of the zone's frames will be made outside the tree. Not locked. */
void qi_stock_expect(struct qi_zone *za, uint64_t frames);

/* Frames of node nid that wait to become descriptors. */
uint64_t qi_stock_frames(const struct quire *q, int nid);

#endif
