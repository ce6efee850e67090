/* Events to calls; see player.h for the rules. */
#include "replay/player.h"

#include <stdlib.h>
#include <string.h>

#include <quire/frames.h>
#include <quire/page_alloc.h>

/* What our requests know; the rest of the field's bits does not matter here. */
#define KNOWN_GFP \
	(QUIRE_GFP_DMA | QUIRE_GFP_HIGHMEM | QUIRE_GFP_DMA32 | QUIRE_GFP_MOVABLE | QUIRE_GFP_RECLAIMABLE | QUIRE_GFP_HIGH | \
	 QUIRE_GFP_MEMALLOC | QUIRE_GFP_NOMEMALLOC | QUIRE_GFP_IO | QUIRE_GFP_FS | QUIRE_GFP_RECLAIM | QUIRE_GFP_THISNODE)

static bool is_huge(const struct player *player, unsigned order)
{
	return order >= quire_pageblock_order(&player->q->config);
}

/* --- what the kernel's frames become ---------------------------------------------------------------------------------- */

static const struct frame free_frame = { .state = FREE_FRAME };

/* Does another frame of the kernel's block that `pfn` was handed out in still live? */
static bool block_lives(const struct player *player, quire_pfn_t pfn, const struct frame *frame)
{
	quire_pfn_t head = pfn & ~((1ull << frame->order) - 1);

	for (quire_pfn_t at = head; at < head + (1ull << frame->order); at++) {
		struct frame other;

		ledger_get(&player->ledger, at, &other);
		if (at != pfn && other.state == GIVEN_FRAME && other.order == frame->order &&
		    other.ours - at == frame->ours - pfn)
			return true;
	}
	return false;
}

/* A block of ours is no longer needed where the kernel's was; `moving`: it lives on elsewhere. */
static void let_go(struct player *player, const struct trace_event *event, quire_pfn_t ours, unsigned order, bool moving)
{
	if (moving && player_push_moved(player, ours, order))
		return;
	player_give(player, event->cpu, ours, order);
}

/* One frame of the kernel's is free now. Returns if that was news. */
static bool drop_frame(struct player *player, const struct trace_event *event, quire_pfn_t pfn, bool moving)
{
	struct frame frame;
	quire_pfn_t ours;

	ledger_get(&player->ledger, pfn, &frame);
	switch (frame.state) {
	case FREE_FRAME:
		if (moving || !player_pop_moved(player, 0, &ours))
			return moving;
		player_give(player, event->cpu, ours, 0);
		return true;
	case OLD_FRAME:
		let_go(player, event, pfn, 0, moving);
		break;
	case GIVEN_FRAME:
		if (!block_lives(player, pfn, &frame))
			let_go(player, event, frame.ours & ~((1ull << frame.order) - 1), frame.order, moving);
		break;
	case MISSED_FRAME:
		break;
	}
	ledger_set(&player->ledger, pfn, &free_frame);
	return true;
}

/* The kernel has this frame free, whatever we thought: it was in a per-CPU list when the record began. */
static void found_free(struct player *player, const struct trace_event *event)
{
	struct frame frame;

	for (quire_pfn_t pfn = event->pfn; pfn < event->pfn + (1ull << event->order); pfn++) {
		ledger_get(&player->ledger, pfn, &frame);
		if (frame.state != OLD_FRAME)
			continue;
		drop_frame(player, event, pfn, false);
		player->odd.kept++;
	}
}

void player_learn_type(struct player *player, const struct trace_event *event)
{
	struct ledger_piece *piece = ledger_piece(&player->ledger, event->pfn, false);

	if (event->failed || !piece || !piece->untyped || event->type < 0 || event->type >= QUIRE_MIGRATE_PCPTYPES)
		return;
	piece->untyped = false;
	quire_set_pageblock_type(player->q, event->pfn, (enum quire_migratetype)event->type);
}

/* False: not frames of this machine. */
static bool in_machine(struct player *player, const struct trace_event *event)
{
	uint64_t frames = 1ull << event->order;

	if (event->order <= player->max_order && event->pfn < player->ledger.end &&
	    frames <= player->ledger.end - event->pfn && !(event->pfn & (frames - 1)))
		return true;
	player->odd.foreign++;
	return false;
}

/* --- events ----------------------------------------------------------------------------------------------------------- */

/*
 * The node a request named is not in the record. The one its frames came from is the best guess; where there is only
 * one it does not matter.
 */
static int node_of(const struct player *player, quire_pfn_t pfn)
{
	for (size_t i = 0; i < player->zone_count && player->q->topology.node_count > 1; i++)
		if (pfn - player->zones[i]->start_pfn < player->zones[i]->spanned)
			return player->zones[i]->node->nid;
	return QUIRE_NO_NODE;
}

/* Where flags and mobility contradict each other, the mobility is what the kernel went by. */
static uint32_t request_flags(const struct trace_event *event)
{
	uint32_t gfp = event->gfp & KNOWN_GFP;

	if (event->type >= 0 && event->type < QUIRE_MIGRATE_PCPTYPES) {
		gfp &= ~(QUIRE_GFP_MOVABLE | QUIRE_GFP_RECLAIMABLE);
		gfp |= event->type == QUIRE_MIGRATE_MOVABLE ? QUIRE_GFP_MOVABLE :
		       event->type == QUIRE_MIGRATE_RECLAIMABLE ? QUIRE_GFP_RECLAIMABLE : 0;
	}
	return gfp;
}

static void failed_request(struct player *player, const struct trace_event *event)
{
	quire_pfn_t ours;
	bool met = player_take(player, event->cpu, QUIRE_NO_NODE, event->order, request_flags(event), &ours);

	if (met)
		player_give(player, event->cpu, ours, event->order);
	player->now.rescued += met;
	player->now.failed_by_both += !met;
	player->now.huge_rescued += met && is_huge(player, event->order);
	player->now.huge_failed += !met && is_huge(player, event->order);
}

/* A frame handed out that was handed out already: the free between was lost. */
static void clear_block(struct player *player, const struct trace_event *event)
{
	struct frame frame;

	found_free(player, event);
	for (quire_pfn_t pfn = event->pfn; pfn < event->pfn + (1ull << event->order); pfn++) {
		ledger_get(&player->ledger, pfn, &frame);
		if (frame.state != GIVEN_FRAME && frame.state != MISSED_FRAME)
			continue;
		player->odd.given_twice++;
		drop_frame(player, event, pfn, false);
	}
}

static void met_request(struct player *player, const struct trace_event *event)
{
	struct frame frame = { .order = event->order, .type = event->type < 0 ? 0 : (unsigned)event->type };
	quire_pfn_t ours = 0;
	bool met;

	if (!in_machine(player, event))
		return;
	player_learn_type(player, event);
	clear_block(player, event);
	met = player_take(player, event->cpu, node_of(player, event->pfn), event->order, request_flags(event), &ours);
	frame.state = met ? GIVEN_FRAME : MISSED_FRAME;
	for (uint64_t i = 0; i < 1ull << event->order; i++) {
		frame.ours = met ? ours + i : 0;
		if (!ledger_set(&player->ledger, event->pfn + i, &frame))
			player->odd.no_memory++;
	}
	player->now.met_by_both += met;
	player->now.missed += !met;
	player->now.huge_met += met && is_huge(player, event->order);
	player->now.huge_missed += !met && is_huge(player, event->order);
}

/* The usual case in one go: freed as it was handed out. */
static bool drop_block(struct player *player, const struct trace_event *event, bool moving)
{
	struct frame head;
	quire_pfn_t ours;

	ledger_get(&player->ledger, event->pfn, &head);
	if (head.state == FREE_FRAME && event->order && !moving && player_pop_moved(player, event->order, &ours))
		player_give(player, event->cpu, ours, event->order);
	else if (head.state == GIVEN_FRAME && head.order == event->order)
		let_go(player, event, head.ours, head.order, moving);
	else
		return false;
	for (quire_pfn_t pfn = event->pfn; pfn < event->pfn + (1ull << event->order); pfn++)
		ledger_set(&player->ledger, pfn, &free_frame);
	return true;
}

static void freed(struct player *player, const struct trace_event *event)
{
	bool moving = player_is_moving(player, event->pid), news = false;
	struct frame head;

	if (!in_machine(player, event) || drop_block(player, event, moving))
		return;
	ledger_get(&player->ledger, event->pfn, &head);
	player->odd.split_frees += head.state == GIVEN_FRAME;
	for (quire_pfn_t pfn = event->pfn; pfn < event->pfn + (1ull << event->order); pfn++)
		news |= drop_frame(player, event, pfn, moving);
	player->odd.unknown_frees += !news;
}

static void buddy_event(struct player *player, const struct trace_event *event)
{
	if (!in_machine(player, event))
		return;
	player_learn_type(player, event);
	found_free(player, event);
}

enum quire_status player_event(struct player *player, const struct trace_event *event)
{
	if (player->over || event->kind == TRACE_LOST)
		return QUIRE_OK;
	if (!player->first_us)
		player->first_us = player->phase_us = event->time_us;
	player->last_us = event->time_us;
	player->now.events++;
	switch (event->kind) {
	case TRACE_ALLOC:
		if (event->failed)
			failed_request(player, event);
		else
			met_request(player, event);
		break;
	case TRACE_FREE:
		freed(player, event);
		break;
	case TRACE_ZONE_LOCKED:
	case TRACE_DRAIN:
		buddy_event(player, event);
		break;
	case TRACE_EXTFRAG:
		player->now.extfrag++;
		player->now.fragmenting += event->fragmenting;
		break;
	case TRACE_ISOLATE_MIGRATE:
		player_move_starts(player, event);
		break;
	case TRACE_MIGRATED:
		player_move_ends(player, event);
		break;
	case TRACE_COMPACTION:
		player->now.compactions++;
		break;
	case TRACE_RECLAIM:
		player->now.reclaims++;
		break;
	case TRACE_KSWAPD:
		player->now.kswapd++;
		break;
	case TRACE_MARKER:
		return player_marker(player, event);
	default:
		break;
	}
	return QUIRE_OK;
}

/* --- begin, end ------------------------------------------------------------------------------------------------------- */

static enum quire_status find_zones(struct player *player, quire_pfn_t *end)
{
	struct quire_topology *t = &player->q->topology;

	*end = 0;
	player->zones = calloc((size_t)t->node_count * QUIRE_ZONE_TYPES + 1, sizeof(*player->zones));
	if (!player->zones)
		return QUIRE_ENOMEM;
	for (unsigned nid = 0; nid < t->node_count; nid++)
		for (unsigned type = 0; t->nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			struct quire_zone *zone = &t->nodes[nid]->zones[type];

			if (!zone->present)
				continue;
			player->zones[player->zone_count++] = zone;
			if (zone->start_pfn + zone->spanned > *end)
				*end = zone->start_pfn + zone->spanned;
		}
	return QUIRE_OK;
}

enum quire_status player_begin(struct player *player, struct quire *q, const struct recorded *recorded)
{
	enum quire_status status;
	quire_pfn_t end;

	*player = (struct player){ .q = q, .recorded = recorded, .max_order = quire_max_order(&q->config) };
	strcpy(player->phase, "start");
	player->cpu = UINT32_MAX;
	player_calibrate(player);
	status = find_zones(player, &end);
	if (status == QUIRE_OK)
		status = ledger_init(&player->ledger, end);
	if (status == QUIRE_OK) {
		player->managed = calloc(player->ledger.piece_count + 1, sizeof(*player->managed));
		status = player->managed ? player_start_state(player) : QUIRE_ENOMEM;
	}
	return status;
}

enum quire_status player_end(struct player *player)
{
	return player->over ? QUIRE_OK : player_close_phase(player);
}

void player_free(struct player *player)
{
	for (size_t i = 0; i < player->phase_count; i++)
		free(player->phases[i].zones);
	for (unsigned order = 0; order < QUIRE_MAX_ORDERS; order++)
		free(player->moved[order].pfn);
	free(player->phases);
	free(player->zones);
	free(player->managed);
	ledger_free(&player->ledger);
}
