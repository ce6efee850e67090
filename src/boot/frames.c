/*
 * The allocator as hotplug sees it: where room for the descriptors of added memory comes from, and where that of memory
 * from boot goes when the memory is removed. Ordinary requests, made with no lock held.
 */
#include "boot/handover.h"

#include <quire/page_alloc.h>

#include "base/base.h"

#ifndef QUIRE_WITHOUT_HOTPLUG

/* The new memory's node first; it may be one that has no memory, and no list of zones, yet. */
static enum quire_status take(void *ctx, int nid, unsigned order, quire_pfn_t *pfn)
{
	struct quire *q = ctx;
	const struct quire_node *node = quire_topology_node(&q->topology, nid);

	if (order > quire_max_order(&q->config) || q->stage < QUIRE_STAGE_WATERMARKS)
		return QUIRE_ENOMEM;
	if (!node || !node->zonelists[QUIRE_ZONELIST_FALLBACK].count)
		nid = QUIRE_NO_NODE;
	return quire_alloc_frames(q, nid, order, QUIRE_GFP_KERNEL | QUIRE_GFP_RETRY_MAYFAIL | QUIRE_GFP_NOWARN, pfn);
}

static void give(void *ctx, quire_pfn_t pfn, unsigned order)
{
	quire_free_frames(ctx, pfn, order);
}

static enum quire_status split(void *ctx, quire_pfn_t pfn, unsigned order, unsigned to)
{
	return quire_split_frames(ctx, pfn, order, to);
}

static void release(void *ctx, quire_pfn_t pfn, quire_pfn_t pages)
{
	struct quire *q = ctx;
	unsigned shift = quire_page_shift(&q->config);
	enum quire_status status = quire_free_late(q, pfn << shift, pages << shift);

	if (status != QUIRE_OK)
		qi_log(q->platform, QUIRE_LOG_WARNING, "memmap: %llu frames from %#llx that held descriptors are lost: %s",
		       (unsigned long long)pages, (unsigned long long)pfn, quire_status_string(status));
}

void qi_frames_open(struct quire *q)
{
	const struct quire_frame_allocator allocator = {
		.take = take, .give = give, .split = split, .release = release, .ctx = q,
	};

	quire_memmap_set_allocator(q, &allocator);
}

#endif
