/* The reference: one entry per frame, sums by zone, and what must agree with it. */
#include <stdlib.h>
#include <string.h>

#include "life.h"

#include "zone/tree.h"

/* --- frames ----------------------------------------------------------------------------------------------------------- */

static bool counts_as_managed(const struct life *l, uint32_t f)
{
	return l->state[f] == FREE || l->state[f] == TAKEN || l->state[f] == OUT;
}

/* Sums with (1) or without (-1) the frame. */
static void count(struct life *l, uint32_t f, int sign)
{
	uint8_t zone = l->zone[f];
	uint64_t one = sign > 0 ? 1 : UINT64_MAX;

	l->out += l->failing[f] == FAILS_OUT ? one : 0;
	l->pending += l->failing[f] == FAILS_PENDING ? one : 0;
	l->foreign += l->failing[f] == FAILS_FOREIGN ? one : 0;
	if (zone == NO_ZONE)
		return;
	l->present[zone] += one;
	l->free[zone] += l->state[f] == FREE ? one : 0;
	l->taken[zone] += l->state[f] == TAKEN ? one : 0;
	l->managed[zone] += counts_as_managed(l, f) ? one : 0;
}

void set_state(struct life *l, uint32_t f, enum frame_state state)
{
	count(l, f, -1);
	l->state[f] = (uint8_t)state;
	count(l, f, 1);
}

void set_failing(struct life *l, uint32_t f, enum failing failing)
{
	count(l, f, -1);
	l->failing[f] = (uint8_t)failing;
	count(l, f, 1);
}

void set_gone(struct life *l, uint32_t f, bool gone)
{
	count(l, f, -1);
	l->gone[f] = gone;
	count(l, f, 1);
}

void set_zone(struct life *l, uint32_t f, uint8_t zone)
{
	count(l, f, -1);
	l->zone[f] = zone;
	count(l, f, 1);
}

struct quire_zone *zone_by_key(struct life *l, uint8_t key)
{
	return key == NO_ZONE ? NULL : &l->q.topology.nodes[key / 8]->zones[key % 8];
}

struct quire_zone *zone_of(struct life *l, quire_pfn_t pfn)
{
	uint32_t f = frame_of(l, pfn);

	return f == NO_FRAME ? NULL : zone_by_key(l, l->zone[f]);
}

/* Metadata inside the machine comes from frames that were free, and goes back: what was reserved may turn out to be free. */
static void follow_metadata(struct life *l, uint32_t f)
{
	if (!l->exact && f != NO_FRAME && l->state[f] == RESERVED && !l->own[f])
		set_state(l, f, FREE);
}

/* --- who has what ----------------------------------------------------------------------------------------------------- */

static uint64_t *stamp_at(struct life *l, quire_pfn_t pfn)
{
	return l->q.platform->phys_to_virt(l->q.platform->ctx, pfn << shift_of(l), 64);
}

/* The frame's place in the reference, where it is free: the engine says so, or hands it out. */
static uint32_t free_here(struct life *l, quire_pfn_t at, const char *what)
{
	uint32_t f = frame_of(l, at);

	follow_metadata(l, f);
	if (f == NO_FRAME || l->state[f] != FREE)
		broken(l, "frame %#llx %s, but it is %u in the reference", (unsigned long long)at, what,
		       f == NO_FRAME ? 99 : l->state[f]);
	return f;
}

uint32_t take(struct life *l, quire_pfn_t pfn, uint64_t frames, unsigned order, enum kind kind)
{
	uint32_t i = l->holding_count++;
	struct holding *h = &l->holdings[i];

	must(l, i < l->holding_max);
	*h = (struct holding){ .pfn = pfn, .count = frames, .order = order, .kind = kind, .used = true, .references = 1,
			       .stamp = ++l->stamp * 0x9e3779b97f4a7c15ull };
	for (quire_pfn_t at = pfn; at < pfn + frames; at++) {
		uint32_t f = free_here(l, at, "was handed out");

		set_state(l, f, TAKEN);
		l->holder[f] = i;
	}
	/* Whoever else believes to have the frame will be sorry. */
	*stamp_at(l, pfn) = h->stamp;
	*stamp_at(l, pfn + frames - 1) = h->stamp;
	return i;
}

static void check_stamp(struct life *l, const struct holding *h)
{
	if (*stamp_at(l, h->pfn) != h->stamp || *stamp_at(l, h->pfn + h->count - 1) != h->stamp)
		broken(l, "somebody wrote to block %#llx, which was in use", (unsigned long long)h->pfn);
}

static void free_frame(struct life *l, quire_pfn_t pfn)
{
	uint32_t f = frame_of(l, pfn);

	must(l, l->state[f] == TAKEN);
	l->holder[f] = NOBODY;
	set_gone(l, f, false);
	if (l->failing[f] == FAILS_PENDING) {
		set_failing(l, f, FAILS_OUT);
		set_state(l, f, OUT);
	} else {
		set_state(l, f, FREE);
	}
}

/* The last one takes the empty place. */
static void drop(struct life *l, uint32_t i)
{
	struct holding *h = &l->holdings[i], *last = &l->holdings[--l->holding_count];

	if (h != last) {
		*h = *last;
		for (quire_pfn_t at = h->pfn; at < h->pfn + h->count; at++)
			l->holder[frame_of(l, at)] = i;
	}
}

void give(struct life *l, uint32_t i)
{
	const struct holding *h = &l->holdings[i];

	check_stamp(l, h);
	for (quire_pfn_t at = h->pfn; at < h->pfn + h->count; at++)
		free_frame(l, at);
	drop(l, i);
}

void give_part(struct life *l, uint32_t i, uint64_t frames)
{
	struct holding *h = &l->holdings[i];

	if (frames == h->count) {
		give(l, i);
		return;
	}
	check_stamp(l, h);
	for (quire_pfn_t at = h->pfn; at < h->pfn + frames; at++)
		free_frame(l, at);
	h->pfn += frames;
	h->count -= frames;
	*stamp_at(l, h->pfn) = h->stamp;
}

void move(struct life *l, uint32_t i, quire_pfn_t to)
{
	struct holding h = l->holdings[i];

	check_stamp(l, &h);
	for (quire_pfn_t at = to; at < to + h.count; at++) {
		follow_metadata(l, frame_of(l, at));
		must(l, frame_of(l, at) != NO_FRAME && l->state[frame_of(l, at)] == FREE);
		set_state(l, frame_of(l, at), TAKEN);
		l->holder[frame_of(l, at)] = i;
	}
	for (quire_pfn_t at = h.pfn; at < h.pfn + h.count; at++)
		free_frame(l, at);
	l->holdings[i].pfn = to;
	*stamp_at(l, to) = h.stamp;
	*stamp_at(l, to + h.count - 1) = h.stamp;
}

uint32_t some_holding(struct life *l, unsigned kinds)
{
	uint32_t from = l->holding_count ? (uint32_t)draw(l, l->holding_count) : 0;

	for (uint32_t n = 0; n < l->holding_count && n < 200; n++) {
		uint32_t i = (from + n) % l->holding_count;

		if (kinds >> l->holdings[i].kind & 1)
			return i;
	}
	return NOBODY;
}

bool is_cut(const struct life *l, const struct holding *h)
{
	for (quire_pfn_t at = h->pfn; at < h->pfn + h->count; at++)
		if (l->failing[frame_of(l, at)] != SOUND)
			return true;
	return false;
}

/* --- ranges ----------------------------------------------------------------------------------------------------------- */

struct contents look(const struct life *l, quire_pfn_t pfn, uint64_t frames)
{
	struct contents c = { 0 };

	for (quire_pfn_t at = pfn; at < pfn + frames; at++) {
		uint32_t f = frame_of(l, at);
		const struct holding *h;

		if (f == NO_FRAME) {
			c.of[ABSENT]++;
			continue;
		}
		c.of[l->state[f]]++;
		c.cma += quire_cma_area_of(&l->q, at) != NULL;
		c.reserved += (l->state[f] == RESERVED && !l->own[f]) || l->gone[f];
		if (l->state[f] != TAKEN)
			continue;
		h = &l->holdings[l->holder[f]];
		c.pending += l->failing[f] != SOUND;
		c.driver += h->kind == CMA;
		if ((h->kind == OWNED || h->kind == BALLOON) && !h->pinned && !is_cut(l, h)) {
			c.movable++;
			c.largest = h->order > c.largest ? h->order : c.largest;
		} else {
			c.fixed++;
		}
	}
	return c;
}

struct block *block_at(struct life *l, quire_pfn_t pfn)
{
	for (struct block *b = l->blocks; b; b = b->next)
		if (pfn - b->pfn < b->pages)
			return b;
	return NULL;
}

struct block *some_block(struct life *l)
{
	struct block *b;
	uint64_t n = 0;

	for (b = l->blocks; b; b = b->next)
		n++;
	if (!n)
		return NULL;
	n = draw(l, n);
	for (b = l->blocks; n--; b = b->next)
		;
	return b;
}

/* --- comparing -------------------------------------------------------------------------------------------------------- */

static void compare_zone(struct life *l, const struct quire_zone *zone)
{
	uint8_t key = zone_key(zone->node->nid, zone->type);
	uint64_t has = (zone->tree ? qi_tree_free_pages(zone->tree) : 0) + quire_zone_kept_pages(zone);

	if (zone->present != l->present[key] || (l->exact && (zone->managed != l->managed[key] || has != l->free[key])))
		broken(l, "node %d, zone %s: present %llu, managed %llu, free %llu; the reference has %llu, %llu, %llu",
		       zone->node->nid, quire_zone_name(zone->type), (unsigned long long)zone->present,
		       (unsigned long long)zone->managed, (unsigned long long)has, (unsigned long long)l->present[key],
		       (unsigned long long)l->managed[key], (unsigned long long)l->free[key]);
	/* Nobody isolates from one operation to the next. */
	must(l, !zone->tree || !zone->tree->free_special[QUIRE_MIGRATE_ISOLATE]);
}

static void compare_block(struct life *l, const struct block *b)
{
	struct quire_zone *zone = zone_by_key(l, l->zone[frame_of(l, b->pfn + b->own)]);
	struct quire_block found;

	must(l, quire_block_at(&l->q, b->pfn + b->pages / 2, &found) == QUIRE_OK);
	must(l, found.pfn == b->pfn && found.pages == b->pages && found.own_memmap == b->own && found.nid == b->nid);
	must(l, found.hotplugged == b->added);
	must(l, found.state == (b->online ? QUIRE_BLOCK_ONLINE : QUIRE_BLOCK_OFFLINE));
	must(l, !b->added || found.zone == (b->online ? zone : NULL));
}

void compare(struct life *l)
{
	struct quire_poison_counts counts;

	for (unsigned nid = 0; nid < l->q.topology.node_count; nid++)
		for (unsigned type = 0; l->q.topology.nodes[nid] && type < QUIRE_ZONE_DEVICE; type++)
			compare_zone(l, &l->q.topology.nodes[nid]->zones[type]);
	quire_poison_count(&l->q, 0, UINT64_MAX, &counts);
	if (counts.out != l->out || counts.pending != l->pending || counts.foreign != l->foreign)
		broken(l, "failing frames out %llu, pending %llu, foreign %llu; the reference has %llu, %llu, %llu",
		       (unsigned long long)counts.out, (unsigned long long)counts.pending,
				(unsigned long long)counts.foreign,
		       (unsigned long long)l->out, (unsigned long long)l->pending, (unsigned long long)l->foreign);
	must(l, l->going == 0);
}

static bool see_free(void *ctx, quire_pfn_t pfn, uint64_t frames)
{
	struct life *l = ctx;

	for (quire_pfn_t at = pfn; at < pfn + frames; at++)
		free_here(l, at, "is free");
	return true;
}

static void compare_books(struct life *l)
{
	uint64_t cursor = 0, blocks = 0, there = 0;
	struct quire_block found;
	quire_pfn_t at = 0, pfn;

	for (const struct block *b = l->blocks; b; b = b->next, blocks++)
		compare_block(l, b);
	while (l->blocks_here && quire_block_next(&l->q, &cursor, &found))
		there++;
	must(l, there == blocks);
	while (quire_poison_next(&l->q, &at, &pfn))
		must(l, frame_of(l, pfn) != NO_FRAME && l->failing[frame_of(l, pfn)] != SOUND);
}

void compare_all(struct life *l)
{
	must(l, quire_drain_frames(&l->q) == QUIRE_OK);
	compare(l);
	for (unsigned nid = 0; nid < l->q.topology.node_count; nid++)
		for (unsigned type = 0; l->q.topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++)
			quire_zone_walk_free(&l->q.topology.nodes[nid]->zones[type], see_free, l);
	compare_books(l);
	for (uint32_t i = 0; i < l->holding_count; i++)
		check_stamp(l, &l->holdings[i]);
	must(l, quire_check(&l->q) == QUIRE_OK);
}

/* --- as it was -------------------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t sum, uint64_t value)
{
	return (sum ^ value) * 0x9e3779b97f4a7c15ull + (sum >> 29);
}

uint64_t fingerprint(struct life *l)
{
	const struct quire_memblock_type *memory = &l->q.memblock.memory;
	uint64_t sum = memory->cnt;

	for (size_t i = 0; i < memory->cnt; i++)
		sum = mix(mix(sum, memory->regions[i].base), memory->regions[i].size);
	for (unsigned nid = 0; nid < l->q.topology.node_count; nid++) {
		const struct quire_node *node = l->q.topology.nodes[nid];

		if (!node)
			continue;
		sum = mix(mix(mix(sum, node->online), node->start_pfn), node->end_pfn);
		sum = mix(sum, node->online ? node->zonelists[0].count : 0);
		for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
			const struct quire_zone *z = &node->zones[type];

			sum = mix(mix(mix(mix(sum, z->start_pfn), z->spanned), z->present), z->managed);
			sum = mix(mix(sum, z->present_early), z->watermark[QUIRE_WMARK_LOW]);
		}
	}
	for (unsigned i = 0; i < l->window_count; i++)
		for (uint64_t at = 0; at < l->window_frames; at += l->section_frames)
			sum = mix(sum, quire_pfn_valid(&l->q.memmap, l->windows[i].pfn + at));
	for (const struct block *b = l->blocks; b; b = b->next) {
		struct quire_block found = { 0 };

		must(l, quire_block_at(&l->q, b->pfn, &found) == QUIRE_OK);
		sum = mix(mix(sum, found.pfn), (uint64_t)found.state);
	}
	return sum;
}
