/* Opening zones and handing memory over; see zone.h. */
#include "zone/zone.h"

#include "base/pins.h"
#include "boot/meta.h"
#include "debug/road.h"
#include "zone/front_cpus.h"
#include "zone/purse.h"
#include "zone/stock.h"

/*
 * Room for nodes that hand-over may need beyond what the free ranges of now ask for: the other zones' own metadata
 * splits them.
 */
#define SPARE_BYTES (6 * QI_CHUNK * sizeof(struct qi_node) + 2 * QI_MID_CHUNK * sizeof(struct qi_upper))

static bool is_late(const struct quire *q) { return q->stage >= QUIRE_STAGE_HANDOVER; }

static void *zone_meta_alloc(void *ctx, size_t bytes)
{
	struct qi_zone *za = ctx;
	const struct quire_platform *platform = za->q->platform;
	void *memory = NULL;

	bytes = (size_t)qi_align_up(bytes, 64);
	if (platform->meta_alloc) {
		memory = platform->meta_alloc(platform->ctx, bytes, 64, za->zone->node->nid);
		if (memory)
			qi_meta_charge(za->q, &za->q->metadata.trees, (int64_t)bytes);
	} else if (bytes <= za->pool_bytes) {
		memory = za->pool;
		memset(memory, 0, bytes);
		za->pool += bytes;
		za->pool_bytes -= bytes;
		if (qi_purse_is_low(za) && is_late(za->q))
			qi_poke(&za->tree.hungry, true);
	}
	return memory;
}

static void zone_meta_free(void *ctx, void *address, size_t bytes)
{
	struct qi_zone *za = ctx;
	const struct quire_platform *platform = za->q->platform;

	/* The pool goes back with the rest of boot's metadata. */
	if (!platform->meta_alloc)
		return;
	bytes = (size_t)qi_align_up(bytes, 64);
	platform->meta_free(platform->ctx, address, bytes);
	qi_meta_charge(za->q, &za->q->metadata.trees, -(int64_t)bytes);
}

static void *zone_frame_address(void *ctx, quire_pfn_t pfn, uint64_t frames)
{
	const struct qi_zone *za = ctx;
	const struct quire_platform *platform = za->q->platform;
	unsigned shift = quire_page_shift(&za->q->config);

	if (platform->meta_alloc || !qi_purse_may_carve(za))
		return NULL;
	if (qi_watched(za->q))
		qi_debug_needed(za->q, pfn, frames);
	return platform->phys_to_virt(platform->ctx, pfn << shift, frames << shift);
}

static const struct qi_tree_hooks zone_hooks = {
	.meta_alloc = zone_meta_alloc,
	.meta_free = zone_meta_free,
	.frame_address = zone_frame_address,
	.leaf_break = QI_TELLS_FIRST_USE ? qi_stock_leaf_break : NULL,
	.replenish = QI_MAY_BE_LAZY ? qi_stock_replenish : QI_NEEDS_PURSE ? qi_purse_replenish : NULL,
};

static struct qi_tree_config tree_config(struct quire *q, struct qi_zone *za, quire_pfn_t start, uint64_t span)
{
	return (struct qi_tree_config){
		.start_pfn = start, .span = span,
		.max_order = quire_max_order(&q->config), .pageblock_order = quire_pageblock_order(&q->config),
		.page_shift = quire_page_shift(&q->config), .hooks = &zone_hooks, .hook_ctx = za,
	};
}

/*
 * What nodes the free ranges of this zone will need: a level-2 node for each 2^27 frames they touch, a chunk of level-1
 * nodes where a range begins or ends unaligned to 2^18 frames, a chunk of leaves where that is unaligned to 512; then the
 * directories.
 */
struct pool_need {
	size_t bytes;
	uint64_t next_top, mid_chunk, leaf_chunk;	/* counted so far: below; the last of them */
};

static void need_end(struct pool_need *need, quire_pfn_t pfn)
{
	uint64_t mid_chunk = pfn >> QI_MID_SHIFT, leaf_chunk = pfn / (QI_FAN * QI_CHUNK);

	mid_chunk /= QI_MID_CHUNK;
	if (pfn % (1ull << QI_MID_SHIFT) && mid_chunk != need->mid_chunk) {
		need->bytes += QI_MID_CHUNK * sizeof(struct qi_upper);
		need->mid_chunk = mid_chunk;
	}
	if (pfn % QI_FAN && leaf_chunk != need->leaf_chunk) {
		need->bytes += QI_CHUNK * sizeof(struct qi_node);
		need->leaf_chunk = leaf_chunk;
	}
}

static size_t pool_size(const struct quire *q, const struct quire_zone *zone)
{
	struct pool_need need = { .mid_chunk = QUIRE_PFN_NONE, .leaf_chunk = QUIRE_PFN_NONE };
	unsigned shift = quire_page_shift(&q->config);
	struct quire_memblock_range range;
	uint64_t cursor;

	quire_memblock_for_each_free(&q->memblock, cursor, QUIRE_NO_NODE, 0, &range) {
		quire_pfn_t start = qi_max(qi_pfn_up(range.start, shift), zone->start_pfn);
		quire_pfn_t end = qi_min(qi_pfn_down(range.end, shift), zone->start_pfn + zone->spanned);
		uint64_t first_top = qi_max(start >> QI_TOP_SHIFT, need.next_top);

		if (start >= end)
			continue;
		need.next_top = ((end - 1) >> QI_TOP_SHIFT) + 1;
		need.bytes += (size_t)(need.next_top - qi_min(first_top, need.next_top)) * sizeof(struct qi_top);
		need_end(&need, start);
		need_end(&need, end);
	}
	return need.bytes + SPARE_BYTES + qi_tree_fixed_bytes(zone->start_pfn, zone->spanned);
}

/* After hand-over: one range, and the ends it has. */
static size_t late_pool_size(quire_pfn_t start, uint64_t span)
{
	return 2 * sizeof(struct qi_top) + SPARE_BYTES + qi_tree_fixed_bytes(start, span);
}

static enum quire_status open_range(struct quire *q, struct quire_zone *zone, quire_pfn_t start, uint64_t span)
{
	size_t pool = q->platform->meta_alloc ? 0 : is_late(q) ? late_pool_size(start, span) : pool_size(q, zone);
	struct qi_meta_chunk *before = qi_meta_mark(q), *after;
	struct qi_tree_config config;
	enum quire_status status;
	struct qi_zone *za;

	/* In one piece, so that there is nothing to give back if the second failed. */
	za = qi_meta_alloc_raw(q, sizeof(*za) + pool, 64, zone->node->nid, &q->metadata.trees);
	if (!za)
		return QUIRE_ENOMEM;
	after = qi_meta_mark(q);
	memset(za, 0, sizeof(*za));
	za->q = q;
	za->zone = zone;
	za->platform = q->platform;
	za->fronts_disabled = qi_watched(q);
	za->pool = (uint8_t *)(za + 1);
	za->pool_bytes = pool;
	config = tree_config(q, za, start, span);
	status = qi_tree_init(&za->tree, &config);
	/* Another order in each zone; the generator must not be 0. */
	if (q->config.options.shuffle)
		za->tree.shuffle = (q->config.options.debug.shuffle_seed + zone->start_pfn + 1) * 0x9e3779b97f4a7c15ull | 1;
	za->tree.hungry = QI_MAY_BE_HUNGRY && is_late(q) && !q->platform->meta_alloc;
	if (status == QUIRE_OK)
		__atomic_store_n(&zone->tree, &za->tree, __ATOMIC_RELEASE);
	else if (qi_meta_mark(q) == after)
		qi_meta_release(q, before);
	return status;
}

enum quire_status qi_zone_open(struct quire *q, struct quire_zone *zone)
{
	return open_range(q, zone, zone->start_pfn, zone->spanned);
}

/* Where a zone's nodes are not the platform's: at least so much in the pool. What is left of the old one is too little. */
static enum quire_status fill_pool(struct qi_zone *za, size_t bytes)
{
	size_t room = (size_t)qi_max(bytes, SPARE_BYTES);
	uint8_t *pool;

	if (za->platform->meta_alloc || !is_late(za->q) || bytes <= za->pool_bytes)
		return QUIRE_OK;
	pool = qi_meta_alloc_raw(za->q, room, 64, za->zone->node->nid, &za->q->metadata.trees);
	if (!pool)
		return QUIRE_ENOMEM;
	qi_zone_lock(za);
	za->pool = pool;
	za->pool_bytes = room;
	qi_zone_unlock(za);
	return QUIRE_OK;
}

enum quire_status qi_zone_provide(struct qi_zone *za, quire_pfn_t pfn, uint64_t count)
{
	return za->q ? fill_pool(za, qi_tree_range_bytes(&za->tree, pfn, count, true)) : QUIRE_OK;
}

enum quire_status qi_zone_extend(struct quire *q, struct quire_zone *zone, quire_pfn_t start, uint64_t span)
{
	struct qi_zone *za = qi_zone_of(zone);
	enum quire_status status;

	if (!za)
		return open_range(q, zone, start, span);
	status = fill_pool(za, qi_tree_extend_bytes(&za->tree, start, span));
	if (status != QUIRE_OK)
		return status;
	qi_zone_lock(za);
	status = qi_tree_extend(&za->tree, start, span);
	qi_zone_unlock(za);
	return status;
}

enum quire_status qi_zone_retune(struct qi_zone *za)
{
	enum quire_status status;

	/* Fronts that are not open yet find the right size when they are. */
	if (!__atomic_load_n(&za->fronts_tried, __ATOMIC_ACQUIRE))
		return QUIRE_OK;
	status = qi_front_disable(za);
	if (status != QUIRE_OK)
		return status;
	qi_fronts_tune(za, za->zone->managed);
	qi_front_enable(za);
	return QUIRE_OK;
}

void qi_zone_close(struct quire *q, struct quire_zone *zone)
{
	(void)q;
	if (zone->tree) {
		qi_fronts_close(qi_zone_of(zone));
		qi_tree_destroy(zone->tree);
	}
	zone->tree = NULL;
	zone->managed = 0;
	zone->cma_pages = 0;
}

/* Frames go to the zone's tree, or leave it (`by` does that), with managed. */
static enum quire_status move_frames(struct quire_zone *zone, quire_pfn_t pfn, uint64_t count, uint64_t managed,
				     enum quire_status (*by)(struct qi_tree *tree, quire_pfn_t pfn, uint64_t count))
{
	struct qi_zone *za = qi_zone_of(zone);
	enum quire_status status;

	if (!za)
		return QUIRE_EINVAL;
	qi_zone_lock(za);
	status = by(&za->tree, pfn, count);
	if (status == QUIRE_OK)
		zone->managed += managed;
	qi_zone_unlock(za);
	return status;
}

enum quire_status qi_zone_hand_over(struct quire *q, struct quire_zone *zone, quire_pfn_t pfn, uint64_t count)
{
	(void)q;
	return move_frames(zone, pfn, count, count, qi_tree_add_free);
}

enum quire_status qi_zone_remove(struct quire *q, struct quire_zone *zone, quire_pfn_t pfn, uint64_t count)
{
	(void)q;
	return move_frames(zone, pfn, count, -count, qi_tree_remove_free);
}

enum quire_status qi_zone_hand_over_cma(struct quire *q, struct quire_zone *zone, quire_pfn_t pfn, uint64_t count)
{
	uint64_t block = 1ull << quire_pageblock_order(&q->config);
	enum quire_status status = qi_zone_hand_over(q, zone, pfn, count);
	struct qi_zone *za = qi_zone_of(zone);

	if (status != QUIRE_OK)
		return status;
	qi_zone_lock(za);
	for (quire_pfn_t at = pfn; at < pfn + count && status == QUIRE_OK; at = qi_align_down(at, block) + block)
		status = qi_tree_set_type(&za->tree, at, QUIRE_MIGRATE_CMA);
	if (status == QUIRE_OK)
		zone->cma_pages += count;
	qi_zone_unlock(za);
	return status;
}

bool qi_zone_any_free(const struct quire_zone *zone, quire_pfn_t pfn, uint64_t count)
{
	struct qi_zone *za = qi_zone_of(zone);
	bool any;

	if (!za)
		return false;
	qi_zone_lock(za);
	any = qi_tree_any_ours(&za->tree, pfn, count);
	qi_zone_unlock(za);
	return any;
}

enum quire_status qi_check_zones(const struct quire *q)
{
	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		for (unsigned type = 0; q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			const struct quire_zone *zone = &q->topology.nodes[nid]->zones[type];
			const char *what = "managed is not what was handed over";
			enum quire_status status = QUIRE_OK;

			if (zone->tree && zone->managed != zone->tree->handed_over + qi_zone_of(zone)->failing)
				status = QUIRE_ECORRUPT;
			else if (zone->tree)
				status = qi_check_tree(zone->tree, &what);
			if (status == QUIRE_OK)
				continue;
			qi_log(q->platform, QUIRE_LOG_ERROR, "node %u zone %s: %s", nid, quire_zone_name(type), what);
			return status;
		}
	return QUIRE_OK;
}
