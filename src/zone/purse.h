/*
 * The purse: memory for metadata that a zone needs while it is locked, had before its search begins.
 *
 * Breaking a free pageblock may need nodes for the tree and frames for descriptors. Paid for with the first frames of what
 * is being broken, they would stay in it for good: a block of ZONE_MOVABLE could never go off line again, a CMA area or a
 * gigantic page never be cleared. So each zone has bytes in reserve (qi_zone.pool), and they, as the blocks of the
 * descriptors' stock, are cut from kernel zones, as unmovable blocks, which gather in pageblocks of their kind: from the
 * zone itself if it is one, else from those below it in its node's fallback list. Only a machine without any such zone pays
 * with what it has.
 *
 * With metadata outside the machine there is no purse.
 *
 * Locks: the source's inside the zone's own; locks of zones nest only from higher types to lower ones.
 */
#ifndef QI_ZONE_PURSE_H
#define QI_ZONE_PURSE_H

#include "zone/zone.h"

/* May unmovable memory that is written through the direct map live here? */
bool qi_purse_fits(const struct quire_zone *zone);

/* The next zone metadata for `za` may be cut from; *cursor 0 to begin with. NULL: no more. */
struct qi_zone *qi_purse_source(struct qi_zone *za, size_t *cursor);
/* Lock a source inside the lock of za, which may be the same. */
void qi_purse_lock(struct qi_zone *za, struct qi_zone *from);
void qi_purse_unlock(struct qi_zone *za, struct qi_zone *from);

/*
 * An unmovable block of up to 2^*order frames, but at least 2^least, leaves the allocator for good: its address, *pfn and
 * *order. Locked. NULL: there is none.
 */
void *qi_purse_cut(struct qi_zone *za, unsigned *order, unsigned least, quire_pfn_t *pfn);

/* Less in it than one search may need? Locked. */
bool qi_purse_is_low(const struct qi_zone *za);
/* Fill it again if so and if there is memory. Locked, between searches. */
void qi_purse_fill(struct qi_zone *za);
/* The same as a tree hook, for zones without a stock; ctx is the struct qi_zone. */
void qi_purse_replenish(void *ctx, unsigned order);
/* May nodes for this zone be paid for with frames of its own, should the purse be empty? */
bool qi_purse_may_carve(const struct qi_zone *za);

#endif
