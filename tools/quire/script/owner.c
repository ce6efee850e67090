/*
 * The script as an owner of memory: it tells the engine which block a frame is part of, and lets blocks of movable memory
 * be moved. There is nothing in them, so a move is a new number.
 *
 * Blocks are found by their first frame in a table with open addressing. A block that is not the first at its frame's
 * number is found by looking for the head of every order that could hold it.
 *
 * A refused free leaves a block known: it is freed twice on purpose, and the first time it was left.
 */
#define _GNU_SOURCE
#include "script.h"

#include <stdlib.h>
#include <string.h>

static size_t home_of(const struct script_owner *o, quire_pfn_t pfn)
{
	return (size_t)(pfn * 0x9e3779b97f4a7c15ull >> 20) & (o->room - 1);
}

/* Where the block that begins at pfn is, or the empty slot where it would be. */
static size_t slot_of(const struct script_owner *o, quire_pfn_t pfn)
{
	size_t at = home_of(o, pfn);

	while (o->slots[at] && o->slots[at]->pfn != pfn)
		at = (at + 1) & (o->room - 1);
	return at;
}

static struct script_block *block_at(const struct script_owner *o, quire_pfn_t pfn)
{
	for (unsigned order = 0; o->room && order < QUIRE_MAX_ORDERS; order++) {
		quire_pfn_t head = pfn & ~(((quire_pfn_t)1 << order) - 1);
		struct script_block *block = o->slots[slot_of(o, head)];

		if (block && pfn - head < (quire_pfn_t)1 << block->order)
			return block;
	}
	return NULL;
}

static bool grow(struct script_owner *o)
{
	struct script_owner bigger = *o;

	if (2 * (o->count + 1) <= o->room)
		return true;
	bigger.room = o->room ? 2 * o->room : 256;
	bigger.slots = calloc(bigger.room, sizeof(*bigger.slots));
	if (!bigger.slots)
		return false;
	for (size_t i = 0; i < o->room; i++)
		if (o->slots[i])
			bigger.slots[slot_of(&bigger, o->slots[i]->pfn)] = o->slots[i];
	free(o->slots);
	*o = bigger;
	return true;
}

bool script_owner_enter(struct script *s, struct script_block *block)
{
	if (!grow(&s->owner))
		return false;
	s->owner.slots[slot_of(&s->owner, block->pfn)] = block;
	s->owner.count++;
	return true;
}

/* Those behind the empty slot move up to where they will be looked for. */
void script_owner_leave(struct script *s, struct script_block *block)
{
	struct script_owner *o = &s->owner;
	size_t hole = slot_of(o, block->pfn), mask = o->room - 1;

	if (o->slots[hole] != block)
		return;
	for (size_t at = (hole + 1) & mask; o->slots[at]; at = (at + 1) & mask)
		if (((at - home_of(o, o->slots[at]->pfn)) & mask) >= ((at - hole) & mask)) {
			o->slots[hole] = o->slots[at];
			hole = at;
		}
	o->slots[hole] = NULL;
	o->count--;
}

static bool holds(void *ctx, quire_pfn_t pfn, struct quire_held *held)
{
	const struct script *s = ctx;
	const struct script_block *block = block_at(&s->owner, pfn);

	if (!block)
		return false;
	*held = (struct quire_held){ .pfn = block->pfn, .order = block->order };
	held->movable = block->movable && !block->pinned;
	if (!held->movable)
		held->why = block->pinned ? "is pinned" : "was not taken as movable memory";
	return true;
}

static void migrate(void *ctx, struct quire_move *moves, unsigned n, enum quire_migrate_mode mode)
{
	struct script *s = ctx;

	(void)mode;
	for (unsigned i = 0; i < n; i++) {
		struct script_block *block = block_at(&s->owner, moves[i].from);

		if (!block || block->pfn != moves[i].from || block->order != moves[i].order) {
			moves[i].status = QUIRE_ENOENT;
		} else if (!block->movable || block->pinned) {
			moves[i].status = QUIRE_EPERM;
		} else {
			script_owner_leave(s, block);
			block->pfn = moves[i].to;
			moves[i].status = script_owner_enter(s, block) ? QUIRE_OK : QUIRE_ENOMEM;
		}
	}
}

void script_owner_open(struct script *s)
{
	s->owner.owner = (struct quire_owner){ .name = "script", .holds = holds, .migrate = migrate, .ctx = s };
	quire_register_owner(s->sim->q, &s->owner.owner);
}

void script_owner_close(struct script *s)
{
	if (s->sim)
		quire_unregister_owner(s->sim->q, &s->owner.owner);
	free(s->owner.slots);
	memset(&s->owner, 0, sizeof(s->owner));
}
