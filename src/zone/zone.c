/* Opening zones and handing memory over; see zone.h. */
#include "zone/zone.h"

#include "boot/meta.h"
#include "zone/front_cpus.h"
#include "zone/stock.h"

/*
 * Room for nodes that hand-over may need beyond what the free ranges of now ask for: the other zones' own metadata
 * splits them.
 */
#define SPARE_CHUNKS 6u

static void *zone_meta_alloc(void *ctx, size_t bytes)
{
	struct qi_zone *za = ctx;
	const struct quire_platform *platform = za->q->platform;
	void *memory = NULL;

	bytes = (size_t)qi_align_up(bytes, 64);
	if (platform->meta_alloc) {
		memory = platform->meta_alloc(platform->ctx, bytes, 64, za->zone->node->nid);
		if (memory)
			za->q->metadata.trees += bytes;
	} else if (bytes <= za->pool_bytes) {
		memory = za->pool;
		memset(memory, 0, bytes);
		za->pool += bytes;
		za->pool_bytes -= bytes;
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
	za->q->metadata.trees -= bytes;
}

static void *zone_frame_address(void *ctx, quire_pfn_t pfn, uint64_t frames)
{
	const struct qi_zone *za = ctx;
	const struct quire_platform *platform = za->q->platform;
	unsigned shift = quire_page_shift(&za->q->config);

	if (platform->meta_alloc)
		return NULL;
	if (za->q->page_alloc.watched)
		qi_debug_needed(za->q, pfn, frames);
	return platform->phys_to_virt(platform->ctx, pfn << shift, frames << shift);
}

static const struct qi_tree_hooks zone_hooks = {
	.meta_alloc = zone_meta_alloc,
	.meta_free = zone_meta_free,
	.frame_address = zone_frame_address,
	.leaf_break = qi_stock_leaf_break,
	.replenish = qi_stock_replenish,
};

static struct qi_tree_config tree_config(struct quire *q, struct qi_zone *za)
{
	return (struct qi_tree_config){
		.start_pfn = za->zone->start_pfn, .span = za->zone->spanned,
		.max_order = quire_max_order(&q->config), .pageblock_order = quire_pageblock_order(&q->config),
		.page_shift = quire_page_shift(&q->config), .hooks = &zone_hooks, .hook_ctx = za,
	};
}

/*
 * What nodes the free ranges of this zone will need: a chunk of leaves for every 64 leaves in which a range begins or
 * ends unaligned, and in a zone too large for a flat level 1 a chunk of that too; then the fixed arrays.
 */
static size_t pool_size(const struct quire *q, const struct quire_zone *zone)
{
	unsigned shift = quire_page_shift(&q->config);
	uint64_t cursor, leaf_chunks = SPARE_CHUNKS, mid_chunks = 2, last = QUIRE_PFN_NONE;
	quire_pfn_t zone_end = zone->start_pfn + zone->spanned;
	struct quire_memblock_range range;

	quire_memblock_for_each_free(&q->memblock, cursor, QUIRE_NO_NODE, 0, &range) {
		quire_pfn_t ends[2] = {
			qi_max(qi_pfn_up(range.start, shift), zone->start_pfn),
			qi_min(qi_pfn_down(range.end, shift), zone_end)
		};

		for (unsigned i = 0; i < 2 && ends[0] < ends[1]; i++) {
			uint64_t chunk = ends[i] / (QI_FAN * QI_CHUNK);

			if (ends[i] % QI_FAN == 0 || chunk == last)
				continue;
			mid_chunks += last == QUIRE_PFN_NONE || chunk / QI_FAN != last / QI_FAN;
			leaf_chunks++;
			last = chunk;
		}
	}
	if (zone->spanned <= qi_tree_flat_span())
		mid_chunks = 0;
	return (size_t)(leaf_chunks * QI_CHUNK * sizeof(struct qi_node) + mid_chunks * QI_CHUNK * sizeof(struct qi_upper)) +
	       qi_tree_fixed_bytes(zone->start_pfn, zone->spanned);
}

enum quire_status qi_zone_open(struct quire *q, struct quire_zone *zone)
{
	struct qi_zone *za = qi_meta_alloc(q, sizeof(*za), 64, zone->node->nid, &q->metadata.trees);
	struct qi_tree_config config;
	enum quire_status status;

	if (!za)
		return QUIRE_ENOMEM;
	za->q = q;
	za->zone = zone;
	za->platform = q->platform;
	za->fronts_disabled = q->page_alloc.watched;
	if (!q->platform->meta_alloc) {
		za->pool_bytes = pool_size(q, zone);
		za->pool = qi_meta_alloc_raw(q, za->pool_bytes, 64, zone->node->nid, &q->metadata.trees);
		if (!za->pool)
			return QUIRE_ENOMEM;
	}
	config = tree_config(q, za);
	status = qi_tree_init(&za->tree, &config);
	if (status == QUIRE_OK)
		zone->tree = &za->tree;
	return status;
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

enum quire_status qi_zone_hand_over(struct quire *q, struct quire_zone *zone, quire_pfn_t pfn, uint64_t count)
{
	struct qi_zone *za = qi_zone_of(zone);
	enum quire_status status;

	(void)q;
	if (!za)
		return QUIRE_EINVAL;
	qi_lock(&za->lock);
	status = qi_tree_add_free(&za->tree, pfn, count);
	if (status == QUIRE_OK)
		zone->managed += count;
	qi_unlock(&za->lock);
	return status;
}

enum quire_status qi_zone_hand_over_cma(struct quire *q, struct quire_zone *zone, quire_pfn_t pfn, uint64_t count)
{
	uint64_t block = 1ull << quire_pageblock_order(&q->config);
	enum quire_status status = qi_zone_hand_over(q, zone, pfn, count);
	struct qi_zone *za = qi_zone_of(zone);

	if (status != QUIRE_OK)
		return status;
	qi_lock(&za->lock);
	for (quire_pfn_t at = pfn; at < pfn + count && status == QUIRE_OK; at = qi_align_down(at, block) + block)
		status = qi_tree_set_type(&za->tree, at, QUIRE_MIGRATE_CMA);
	if (status == QUIRE_OK)
		zone->cma_pages += count;
	qi_unlock(&za->lock);
	return status;
}

bool qi_zone_any_free(const struct quire_zone *zone, quire_pfn_t pfn, uint64_t count)
{
	return zone->tree && qi_tree_any_ours(zone->tree, pfn, count);
}

enum quire_status qi_check_zones(const struct quire *q)
{
	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		for (unsigned type = 0; q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			const struct quire_zone *zone = &q->topology.nodes[nid]->zones[type];
			const char *what = "managed is not what was handed over";
			enum quire_status status = QUIRE_OK;

			if (zone->tree && zone->managed != zone->tree->handed_over)
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
