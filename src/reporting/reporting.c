/*
 * Free page reporting; see quire/reporting.h. A zone's books are a bit per pageblock, "the host knows"; whether it was used
 * since is asked of the tree. While a batch is with the host its pageblocks are isolated: free, but out of reach.
 */
#include <quire/reporting.h>

#include "boot/meta.h"
#include "page_alloc/page_alloc.h"
#include "zone/tree_report.h"

#ifndef QUIRE_WITHOUT_GUEST

#define DELAY_NS 2000000000ull
#define LOOK_AT_ONCE 64u		/* pageblocks per hold of the zone's lock */
#define ISOLATE_AT_ONCE 4u		/* ... of which so many change hands */
#define BUDGET_PART 16u

struct zone_books {
	const struct quire_zone *zone;
	uint64_t *known;			/* by pageblock, from `first` on */
	quire_pfn_t first;
	uint64_t blocks, handed_over;
};

struct qi_reporting {
	unsigned count;
	struct zone_books books[];
};

struct batch {
	quire_pfn_t pfn[QUIRE_REPORTING_BATCH];
	unsigned count;
};

static uint64_t block_frames(const struct quire *q)
{
	return 1ull << qi_max(quire_pageblock_order(&q->config), QI_FAN_SHIFT);
}

static enum quire_status open_books(struct quire *q, struct zone_books *b, const struct quire_zone *zone)
{
	uint64_t frames = block_frames(q);

	b->zone = zone;
	b->first = qi_align_up(zone->start_pfn, frames);
	b->blocks = qi_div64(qi_max(qi_align_down(zone->start_pfn + zone->spanned, frames), b->first) - b->first, frames);
	b->known = qi_meta_alloc(q, (size_t)(b->blocks / 64 + 1) * sizeof(uint64_t), 64, zone->node->nid,
				 &q->metadata.trees);
	b->handed_over = qi_zone_of(zone)->tree.handed_over;
	return b->known ? QUIRE_OK : QUIRE_ENOMEM;
}

enum quire_status quire_reporting_open(struct quire *q, struct quire_reporting *r)
{
	unsigned most = q->topology.node_count * QUIRE_ZONE_TYPES;
	enum quire_status status = QUIRE_OK;

	if (!r->report || q->stage < QUIRE_STAGE_WATERMARKS)
		return QUIRE_EINVAL;
	r->state = qi_meta_alloc(q, sizeof(*r->state) + most * sizeof(struct zone_books), 64, QUIRE_NO_NODE,
				 &q->metadata.trees);
	if (!r->state)
		return QUIRE_ENOMEM;
	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		for (unsigned type = 0; q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES && status == QUIRE_OK; type++)
			if (q->topology.nodes[nid]->zones[type].tree)
				status = open_books(q, &r->state->books[r->state->count++],
						    &q->topology.nodes[nid]->zones[type]);
	if (status != QUIRE_OK)
		r->state = NULL;
	return status;
}

/* --- one batch ------------------------------------------------------------------------------------------------------- */

/* May a batch, which may have begun, be out of reach for a while? */
static bool room_for_batch(const struct qi_zone *za, const struct batch *batch)
{
	return qi_tree_free_pages(&za->tree) >
	       qi_mark(za->zone, QUIRE_WMARK_LOW) + (QUIRE_REPORTING_BATCH - batch->count) * block_frames(za->q);
}

/* Zone locked. The next few pageblocks; those to be told are isolated. */
static void look(struct qi_zone *za, struct zone_books *b, uint64_t *at, uint64_t end, struct batch *batch)
{
	uint64_t frames = block_frames(za->q);
	unsigned most = (unsigned)qi_min(batch->count + ISOLATE_AT_ONCE, QUIRE_REPORTING_BATCH);

	for (; *at < end && batch->count < most; (*at)++) {
		quire_pfn_t pfn = b->first + *at * frames;
		bool known = b->known[*at / 64] >> (*at % 64) & 1;

		if (!qi_tree_holds(&za->tree, pfn, frames) || !qi_tree_block_free(&za->tree, pfn) ||
		    (known && !qi_tree_block_used(&za->tree, pfn)))
			continue;
		if (qi_tree_isolate_range(&za->tree, pfn, frames) == QUIRE_OK)
			batch->pfn[batch->count++] = pfn;
	}
}

/* From block *at on: a batch, or what there is of one. */
static void collect(struct qi_zone *za, struct zone_books *b, uint64_t *at, struct batch *batch)
{
	batch->count = 0;
	while (*at < b->blocks && batch->count < QUIRE_REPORTING_BATCH) {
		qi_zone_lock(za);
		if (room_for_batch(za, batch))
			look(za, b, at, qi_min(*at + LOOK_AT_ONCE, b->blocks), batch);
		else
			*at = b->blocks;
		qi_zone_unlock(za);
	}
}

static enum quire_status tell(struct quire_reporting *r, const struct batch *batch, uint64_t frames)
{
	struct quire_free_range ranges[QUIRE_REPORTING_BATCH];
	unsigned n = 0;

	for (unsigned i = 0; i < batch->count; i++) {
		if (n && ranges[n - 1].pfn + ranges[n - 1].count == batch->pfn[i])
			ranges[n - 1].count += frames;
		else
			ranges[n++] = (struct quire_free_range){ batch->pfn[i], frames };
	}
	r->calls++;
	return r->report(r->ctx, ranges, n);
}

/* Within reach again; with what the host knows now. */
static void put_back(struct qi_zone *za, struct zone_books *b, const struct batch *batch, bool told)
{
	uint64_t frames = block_frames(za->q);

	for (unsigned i = 0; i < batch->count; i++) {
		uint64_t at = qi_div64(batch->pfn[i] - b->first, frames), bit = 1ull << at % 64;

		qi_zone_lock(za);
		if (told) {
			qi_tree_block_forget(&za->tree, batch->pfn[i]);
			b->known[at / 64] |= bit;
		} else {
			b->known[at / 64] &= ~bit;
		}
		qi_tree_unisolate_range(&za->tree, batch->pfn[i], frames);
		qi_zone_unlock(za);
	}
}

/* --- a round --------------------------------------------------------------------------------------------------------- */

static uint64_t report_zone(struct quire_reporting *r, struct zone_books *b)
{
	struct qi_zone *za = qi_zone_of(b->zone);
	uint64_t at = 0, reported = 0, frames, calls;
	struct batch batch;

	if (!za)
		return 0;
	frames = block_frames(za->q);
	calls = qi_div64(qi_tree_free_pages(&za->tree), frames * QUIRE_REPORTING_BATCH * BUDGET_PART) + 1;
	/* Memory that came is not known to the host, whatever was at its place before. */
	if (b->handed_over != za->tree.handed_over)
		memset(b->known, 0, (size_t)(b->blocks / 64 + 1) * sizeof(uint64_t));
	b->handed_over = za->tree.handed_over;
	while (calls--) {
		bool told;

		collect(za, b, &at, &batch);
		if (!batch.count)
			break;
		told = tell(r, &batch, frames) == QUIRE_OK;
		put_back(za, b, &batch, told);
		r->failed += !told;
		reported += told ? batch.count * frames : 0;
		if (!told)
			break;
	}
	return reported;
}

uint64_t quire_reporting_tick(struct quire *q, struct quire_reporting *r)
{
	uint64_t now = q->platform->now_ns ? q->platform->now_ns(q->platform->ctx) : 0, reported = 0;

	if (!r->state || (q->platform->now_ns && now < r->next_ns))
		return 0;
	r->next_ns = now + (r->delay_ns ? r->delay_ns : DELAY_NS);
	for (unsigned i = 0; i < r->state->count; i++)
		reported += report_zone(r, &r->state->books[i]);
	r->reported += reported;
	return reported;
}

#endif
