/* Memory blocks: added, on line, off line, removed; kept back by a driver; and requests that make no sense. */
#include <stdlib.h>

#include "life.h"

#include "zone/tree.h"

#define NOT_HERE (STATUS(EUNSUPPORTED))

/* --- the reference's part --------------------------------------------------------------------------------------------- */

static void goes_online(struct life *l, struct block *b, uint8_t zone)
{
	b->online = true;
	for (quire_pfn_t at = b->pfn; at < b->pfn + b->pages; at++) {
		uint32_t f = frame_of(l, at);

		set_zone(l, f, zone);
		if (l->own[f]) {
			set_state(l, f, RESERVED);
		} else if (l->kept[f]) {
			set_state(l, f, KEPT);
		} else if (l->failing[f] == FAILS_FOREIGN) {
			set_failing(l, f, FAILS_OUT);
			set_state(l, f, OUT);
		} else {
			set_state(l, f, FREE);
		}
	}
}

static void goes_offline(struct life *l, struct block *b)
{
	b->online = false;
	for (quire_pfn_t at = b->pfn; at < b->pfn + b->pages; at++) {
		uint32_t f = frame_of(l, at);

		must(l, l->state[f] != TAKEN);
		if (l->failing[f] == FAILS_OUT)
			set_failing(l, f, FAILS_FOREIGN);
		set_state(l, f, OFFLINE);
		set_zone(l, f, NO_ZONE);
	}
}

/* The engine's word for the zone, as far as it may choose. */
static void note_online(struct life *l, struct block *b, enum quire_online_type type)
{
	struct quire_block found;

	must(l, quire_block_at(&l->q, b->pfn, &found) == QUIRE_OK && found.zone && found.zone->node->nid == b->nid);
	if (type == QUIRE_ONLINE_MOVABLE && (l->config.zone_mask >> QUIRE_ZONE_MOVABLE & 1))
		must(l, found.zone->type == QUIRE_ZONE_MOVABLE);
	if (type == QUIRE_ONLINE_KERNEL)
		must(l, found.zone->type != QUIRE_ZONE_MOVABLE);
	goes_online(l, b, zone_key(b->nid, found.zone->type));
}

/* --- which blocks ----------------------------------------------------------------------------------------------------- */

struct stretch {
	quire_pfn_t pfn;
	uint64_t pages;
	bool whole;			/* blocks one after the other, none cut */
};

static bool is_whole(struct life *l, const struct stretch *s)
{
	quire_pfn_t at = s->pfn;

	while (at < s->pfn + s->pages) {
		const struct block *b = block_at(l, at);

		if (!b || b->pfn != at)
			return false;
		at += b->pages;
	}
	return s->pages && at == s->pfn + s->pages;
}

static struct stretch draw_stretch(struct life *l)
{
	const struct block *b = some_block(l), *last = b;
	struct stretch s = { .pfn = some_pfn(l), .pages = draw(l, 3 * l->section_frames) };

	if (b && !one_in(l, 12)) {
		for (unsigned n = one_in(l, 2) ? 0 : (unsigned)draw(l, 4); n && last->next; n--)
			last = last->next;
		s = (struct stretch){ .pfn = b->pfn, .pages = last->pfn + last->pages - b->pfn };
	}
	if (one_in(l, 40))
		s.pages = draw(l, 2) ? 0 : UINT64_MAX - draw(l, 5000);
	s.whole = s.pages < l->frames * 2ull * WINDOWS && is_whole(l, &s);
	tell(l, "[%#llx, +%#llx)", (unsigned long long)s.pfn, (unsigned long long)s.pages);
	return s;
}

/* --- adding ----------------------------------------------------------------------------------------------------------- */

static void draw_place(struct life *l, struct quire_memory_add *add)
{
	quire_phys_t section = l->section_frames << shift_of(l);
	const struct window *w = &l->windows[draw(l, l->window_count)];
	uint64_t size = 1 + (one_in(l, 2) ? draw(l, 4) : 0);

	*add = (struct quire_memory_add){ .nid = w->nid, .memmap_on_memory = one_in(l, 3) };
	add->base = (w->pfn << shift_of(l)) + draw(l, WINDOW_SECTIONS) * section;
	add->size = size * section;
	if (one_in(l, 2))
		add->block_size = add->size;
	else if (one_in(l, 4))
		add->block_size = (1 + draw(l, 3)) * section;
	if (one_in(l, 30))
		add->base += section / 2;
	if (one_in(l, 30))
		add->size = draw(l, 2) ? 0 : draw(l, UINT64_MAX);
	if (one_in(l, 30))
		add->base = draw(l, UINT64_MAX) & -section;
	if (one_in(l, 30))
		add->nid = draw(l, 2) ? -1 : (int)draw(l, 3000);
	if (one_in(l, 60))
		add->block_size = draw(l, 2) ? section / 3 : draw(l, UINT64_MAX);
}

static bool device_touches(const struct life *l, quire_pfn_t pfn, uint64_t pages)
{
	return l->device_there && l->device_range.pfn < pfn + pages && pfn < l->device_range.pfn + l->device_range.count;
}

static unsigned judge_add(struct life *l, const struct quire_memory_add *add)
{
	quire_phys_t block = add->block_size ? add->block_size : quire_boot_block_size(&l->q), section;
	unsigned shift = shift_of(l);

	if (!l->blocks_here)
		return NOT_HERE;
	section = l->section_frames << shift;
	if (!add->size || add->base + add->size < add->base || block % section || add->base % block || add->size % block)
		return STATUS(EINVAL);
	if (add->base + add->size > 1ull << l->config.geometry.physmem_bits)
		return STATUS(ERANGE);
	for (quire_phys_t at = add->base; at < add->base + add->size; at += (quire_phys_t)1 << shift) {
		uint32_t f = frame_of(l, at >> shift);

		/* There is nothing behind it in this machine. */
		if (f == NO_FRAME)
			return 0;
		if (l->state[f] != ABSENT)
			return STATUS(EEXIST);
	}
	if (device_touches(l, add->base >> shift, add->size >> shift))
		return STATUS(EEXIST) | (quire_topology_node(&l->q.topology, add->nid) ? 0 : STATUS(EINVAL));
	if (!quire_topology_node(&l->q.topology, add->nid))
		return STATUS(EINVAL);
	return OK | (l->plan.fault ? FAULTS : 0) | (l->exact ? 0 : STATUS(ENOMEM));
}

static void enter_block(struct life *l, quire_pfn_t pfn, uint64_t pages, const struct quire_memory_add *add)
{
	struct block **at = &l->blocks, *b = calloc(1, sizeof(*b));
	struct quire_block found;

	while (*at && (*at)->pfn < pfn)
		at = &(*at)->next;
	*b = (struct block){ .pfn = pfn, .pages = pages, .nid = add->nid, .added = true, .next = *at };
	*at = b;
	must(l, quire_block_at(&l->q, pfn, &found) == QUIRE_OK);
	must(l, found.pfn == pfn && found.pages == pages && found.hotplugged && found.nid == add->nid);
	must(l, !found.own_memmap || add->memmap_on_memory || quire_hotplug_policy(&l->q)->memmap_on_memory);
	must(l, found.own_memmap <= pages / 2);
	b->own = found.own_memmap;
	for (quire_pfn_t p = pfn; p < pfn + pages; p++) {
		set_state(l, frame_of(l, p), OFFLINE);
		l->own[frame_of(l, p)] = p < pfn + b->own;
	}
	if (found.state == QUIRE_BLOCK_ONLINE)
		note_online(l, b, quire_hotplug_policy(&l->q)->auto_online);
	else
		must(l, quire_hotplug_policy(&l->q)->auto_online == QUIRE_ONLINE_NONE || l->plan.veto_at ||
				l->plan.fault || !l->exact);
}

void do_add(struct life *l)
{
	uint64_t before = fingerprint(l), block;
	struct quire_memory_add add;
	unsigned mask;

	draw_place(l, &add);
	mask = judge_add(l, &add);
	tell(l, "[%#llx, +%#llx) blocks of %#llx, node %d%s", (unsigned long long)add.base, (unsigned long long)add.size,
	     (unsigned long long)add.block_size, add.nid, add.memmap_on_memory ? ", descriptors inside" : "");
	if (!mask)
		return;
	if (!answer(l, quire_memory_add(&l->q, &add, NULL), mask)) {
		must(l, fingerprint(l) == before);
		return;
	}
	block = (add.block_size ? add.block_size : quire_boot_block_size(&l->q)) >> shift_of(l);
	for (uint64_t at = 0; at < add.size >> shift_of(l); at += block)
		enter_block(l, (add.base >> shift_of(l)) + at, block, &add);
}

void do_remove(struct life *l)
{
	struct stretch s = draw_stretch(l);
	unsigned mask = OK | (l->plan.fault ? FAULTS : 0) | (l->exact ? 0 : STATUS(ENOMEM));
	struct block **at = &l->blocks;
	uint64_t before = fingerprint(l);

	if (!l->blocks_here)
		mask = NOT_HERE;
	else if (!s.whole)
		mask = STATUS(EINVAL) | STATUS(ENOENT);
	for (struct block *b = l->blocks; b && s.whole; b = b->next)
		if (b->pfn - s.pfn < s.pages && b->online)
			mask = (mask & ~OK) | STATUS(EBUSY);
	if (!answer(l, quire_memory_remove(&l->q, s.pfn << shift_of(l), s.pages << shift_of(l), NULL), mask)) {
		must(l, fingerprint(l) == before);
		return;
	}
	while (*at) {
		struct block *b = *at;

		if (b->pfn - s.pfn >= s.pages) {
			at = &b->next;
			continue;
		}
		for (quire_pfn_t pfn = b->pfn; pfn < b->pfn + b->pages; pfn++) {
			l->own[frame_of(l, pfn)] = l->kept[frame_of(l, pfn)] = 0;
			set_state(l, frame_of(l, pfn), ABSENT);
		}
		*at = b->next;
		free(b);
	}
}

/* --- on line ---------------------------------------------------------------------------------------------------------- */

void do_online(struct life *l)
{
	static const enum quire_online_type types[] = { QUIRE_ONLINE_KERNEL, QUIRE_ONLINE_MOVABLE, QUIRE_ONLINE_AUTO };
	struct stretch s = draw_stretch(l);
	enum quire_online_type type = one_in(l, 50) ? QUIRE_ONLINE_NONE : types[draw(l, 3)];
	unsigned mask = OK | (l->plan.fault ? FAULTS : 0) | (l->plan.veto_at ? STATUS(EPERM) : 0) | (l->exact ? 0 :
			STATUS(ENOMEM));
	uint64_t before = fingerprint(l);

	if (!l->blocks_here)
		mask = NOT_HERE;
	else if (type == QUIRE_ONLINE_NONE)
		mask = STATUS(EINVAL);
	else if (!s.whole)
		mask = STATUS(EINVAL) | STATUS(ENOENT);
	tell(l, " type %d", type);
	if (!answer(l, quire_memory_online(&l->q, s.pfn, s.pages, type, NULL), mask)) {
		must(l, fingerprint(l) == before);
		return;
	}
	for (struct block *b = l->blocks; b; b = b->next)
		if (b->pfn - s.pfn < s.pages && !b->online)
			note_online(l, b, type);
}

/* --- off line --------------------------------------------------------------------------------------------------------- */

/* Room for movable frames outside of [pfn, pfn + pages), surely. */
static uint64_t room_elsewhere(struct life *l, const struct stretch *s)
{
	uint64_t room = 0;

	for (unsigned nid = 0; nid < l->q.topology.node_count; nid++)
		for (unsigned type = 0; l->q.topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			const struct quire_zone *z = &l->q.topology.nodes[nid]->zones[type];
			uint64_t has = l->free[zone_key((int)nid, (enum quire_zone_type)type)], needs;

			needs = z->watermark[QUIRE_WMARK_HIGH] + z->watermark_boost + z->lowmem_reserve[QUIRE_ZONE_MOVABLE] +
				quire_zone_highatomic_pages(z) + 64;
			room += has - (has < needs ? has : needs);
		}
	for (quire_pfn_t at = s->pfn; at < s->pfn + s->pages; at++)
		room -= room && frame_of(l, at) != NO_FRAME && l->state[frame_of(l, at)] == FREE;
	return room;
}

/* May what can move be refused for want of room? */
static unsigned judge_room(struct life *l, const struct stretch *s, const struct contents *c)
{
	if (!c->movable || (!c->largest && l->exact && room_elsewhere(l, s) > c->movable + 600))
		return 0;
	return STATUS(ENOMEM);
}

static unsigned disturbed(const struct life *l, const struct contents *c)
{
	const struct plan *p = &l->plan;

	return (p->refuse_at && c->movable ? STATUS(EBUSY) : 0) | (p->cancel_at && c->movable ? STATUS(EINTR) : 0) |
	       (p->hypervisor_at && c->movable ? STATUS(EBUSY) : 0) | (p->fault ? FAULTS | STATUS(EBUSY) : 0) |
	       (l->exact ? 0 : STATUS(ENOMEM) | STATUS(EBUSY) | STATUS(ENOENT));
}

static unsigned judge_offline_block(struct life *l, const struct block *b)
{
	unsigned faults = l->plan.fault || !l->exact ? FAULTS : 0;
	const struct stretch s = { b->pfn, b->pages, true };
	struct contents c = look(l, b->pfn, b->pages);
	uint8_t zone = l->zone[frame_of(l, b->pfn + b->own)];

	if (c.of[ABSENT])
		return STATUS(EINVAL) | faults;
	for (quire_pfn_t at = b->pfn; at < b->pfn + b->pages; at++)
		if (l->zone[frame_of(l, at)] != zone)
			return STATUS(EINVAL) | faults;
	if (c.reserved)
		return STATUS(EBUSY) | faults;
	if (c.fixed || c.cma)
		return STATUS(EBUSY) | judge_room(l, &s, &c) | disturbed(l, &c);
	return OK | judge_room(l, &s, &c) | disturbed(l, &c);
}

/* The answers that blocks allow, together: good only if all are. */
static unsigned judge_offline(struct life *l, const struct stretch *s, bool notifiers)
{
	struct contents c = look(l, s->pfn, s->pages);
	unsigned mask = 0;
	bool good = true, any = false;

	for (const struct block *b = l->blocks; b; b = b->next)
		if (b->pfn - s->pfn < s->pages && b->online) {
			unsigned one = judge_offline_block(l, b);

			any = true;
			good &= one & OK ? true : false;
			mask |= one & ~OK;
		}
	if (!any)
		return OK | (l->plan.fault ? FAULTS : 0);
	if (notifiers && l->plan.veto_at)
		mask |= STATUS(EPERM);
	return mask | judge_room(l, s, &c) | (good ? OK : 0);
}

void do_offline(struct life *l)
{
	struct stretch s = draw_stretch(l);
	unsigned mask = NOT_HERE;
	uint64_t before = fingerprint(l);

	if (l->blocks_here)
		mask = s.whole ? judge_offline(l, &s, true) : STATUS(EINVAL) | STATUS(ENOENT);
	if (!answer(l, quire_memory_offline(&l->q, s.pfn, s.pages, NULL), mask)) {
		must(l, fingerprint(l) == before);
		return;
	}
	for (struct block *b = l->blocks; b; b = b->next)
		if (b->pfn - s.pfn < s.pages && b->online)
			goes_offline(l, b);
}

void do_survey(struct life *l)
{
	struct stretch s = draw_stretch(l);
	unsigned mask = NOT_HERE;
	struct quire_survey survey;
	struct contents sum = { 0 };

	if (l->blocks_here)
		mask = s.whole ? judge_offline(l, &s, false) | STATUS(ENOMEM) : STATUS(EINVAL) | STATUS(ENOENT);
	answer(l, quire_memory_offline_survey(&l->q, s.pfn, s.pages, &survey, NULL), mask);
	if (!s.whole || !l->blocks_here || !l->exact || l->plan.fault)
		return;
	for (const struct block *b = l->blocks; b; b = b->next)
		if (b->pfn - s.pfn < s.pages && b->online) {
			struct contents c = look(l, b->pfn, b->pages);

			sum.of[FREE] += c.of[FREE];
			sum.movable += c.movable;
			sum.fixed += c.fixed;
			sum.reserved += c.reserved + c.pending;
		}
	if (sum.reserved)
		return;
	must(l, survey.free == sum.of[FREE] && survey.movable == sum.movable && survey.unmovable == sum.fixed);
}

/* --- a driver that keeps frames back ---------------------------------------------------------------------------------- */

static uint64_t pageblock(const struct life *l) { return 1ull << l->config.geometry.pageblock_order; }

/* All of [pfn, pfn + pages) is kept back and on line: let go of it. */
static void let_go(struct life *l, quire_pfn_t pfn, uint64_t pages)
{
	for (quire_pfn_t at = pfn; at < pfn + pages; at++)
		l->kept[frame_of(l, at)] = 0;
	if (!answer(l, quire_free_late(&l->q, pfn << shift_of(l), pages << shift_of(l)), OK | (l->plan.fault ? FAULTS : 0) |
		    (l->exact ? 0 : STATUS(ENOMEM)))) {
		for (quire_pfn_t at = pfn; at < pfn + pages; at++)
			l->kept[frame_of(l, at)] = l->state[frame_of(l, at)] == KEPT;
		return;
	}
	for (quire_pfn_t at = pfn; at < pfn + pages; at++) {
		uint32_t f = frame_of(l, at);

		if (l->failing[f] == FAILS_FOREIGN)
			set_failing(l, f, FAILS_OUT);
		set_state(l, f, l->failing[f] == FAILS_OUT ? OUT : FREE);
	}
}

static void withdraw(struct life *l, quire_pfn_t pfn, uint64_t pages)
{
	const struct stretch s = { pfn, pages, true };
	struct contents c = look(l, pfn, pages);
	unsigned mask = OK | judge_room(l, &s, &c) | disturbed(l, &c);
	uint8_t zone = l->zone[frame_of(l, pfn)];

	if (c.of[FREE] + c.of[TAKEN] != pages || c.pending || c.reserved)
		mask = STATUS(ENOENT) | STATUS(EBUSY) | disturbed(l, &c);
	else if (c.fixed || c.cma)
		mask = STATUS(EBUSY) | STATUS(ENOMEM) | disturbed(l, &c);
	for (quire_pfn_t at = pfn; at < pfn + pages; at++)
		if (l->zone[frame_of(l, at)] != zone || zone == NO_ZONE)
			mask = STATUS(EINVAL) | STATUS(ENOENT) | STATUS(EBUSY);
	if ((pfn | pages) & (pageblock(l) - 1))
		mask = STATUS(EINVAL);
	if (!l->blocks_here)
		mask = NOT_HERE;
	if (!answer(l, quire_memory_withdraw(&l->q, pfn, pages, NULL), mask))
		return;
	for (quire_pfn_t at = pfn; at < pfn + pages; at++) {
		set_state(l, frame_of(l, at), KEPT);
		l->kept[frame_of(l, at)] = 1;
	}
}

void do_keeper(struct life *l)
{
	quire_pfn_t pfn = some_pfn(l) & -pageblock(l);
	uint64_t pages = pageblock(l) * (1 + draw(l, 3));
	struct contents c;

	/* An initrd, a loader's tables. */
	if (one_in(l, 3)) {
		pfn = some_pfn(l);
		for (pages = 0; pages < 200 && frame_of(l, pfn + pages) != NO_FRAME; pages++)
			if (l->state[frame_of(l, pfn + pages)] != RESERVED || l->own[frame_of(l, pfn + pages)])
				break;
		if (!pages)
			return;
	}
	c = look(l, pfn, pages);

	if (frame_of(l, pfn) == NO_FRAME || frame_of(l, pfn + pages - 1) == NO_FRAME)
		return;
	tell(l, "[%#llx, +%#llx)", (unsigned long long)pfn, (unsigned long long)pages);
	if (c.of[OFFLINE] == pages) {
		bool kept = one_in(l, 2);

		for (quire_pfn_t at = pfn; at < pfn + pages; at++)
			l->kept[frame_of(l, at)] = kept && !l->own[frame_of(l, at)];
		tell(l, " %s", kept ? "kept" : "not kept");
	} else if (c.of[KEPT] == pages || (l->exact && c.reserved == pages && c.of[RESERVED] == pages)) {
		let_go(l, pfn, pages);
	} else {
		withdraw(l, pfn, pages);
	}
}

void do_policy(struct life *l)
{
	struct quire_hotplug_policy policy = {
		.auto_online = (enum quire_online_type)draw(l, 4), .online_policy = (enum quire_online_policy)draw(l, 2),
		.auto_movable_ratio = (unsigned)draw(l, 600), .auto_movable_numa_aware = one_in(l, 2),
		.memmap_on_memory = one_in(l, 4),
	};
	bool wrong = one_in(l, 10);

	if (wrong)
		policy.auto_movable_ratio = 20000;
	answer(l, quire_hotplug_set_policy(&l->q, &policy), wrong ? STATUS(EINVAL) : OK);
}
