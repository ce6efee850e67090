/*
 * The list of owners. It only changes under its lock and while nobody is being asked, so it is walked without: the same
 * way as the shrinkers'.
 */
#include "mobility/mobility.h"

#ifndef QUIRE_WITHOUT_MOBILITY

static struct qi_lock *owners_lock(struct quire *q) { return (struct qi_lock *)&q->mobility.lock; }

static struct quire_owner *next_of(struct quire_owner *const *at) { return __atomic_load_n(at, __ATOMIC_ACQUIRE); }

enum quire_status quire_register_owner(struct quire *q, struct quire_owner *owner)
{
	struct quire_owner **end = &q->mobility.owners;
	enum quire_status status = QUIRE_OK;

	if (!owner || !owner->name || !owner->holds)
		return QUIRE_EINVAL;
	qi_lock(owners_lock(q));
	for (; *end; end = &(*end)->next)
		if (*end == owner)
			status = QUIRE_EEXIST;
	if (status == QUIRE_OK) {
		owner->next = NULL;
		__atomic_store_n(end, owner, __ATOMIC_RELEASE);
	}
	qi_unlock(owners_lock(q));
	return status;
}

enum quire_status quire_unregister_owner(struct quire *q, struct quire_owner *owner)
{
	struct quire_owner **at = &q->mobility.owners;
	enum quire_status status = QUIRE_OK;

	qi_lock(owners_lock(q));
	while (*at && *at != owner)
		at = &(*at)->next;
	if (!*at)
		status = QUIRE_ENOENT;
	else if (q->mobility.asking)
		status = QUIRE_EBUSY;
	else
		__atomic_store_n(at, owner->next, __ATOMIC_RELEASE);
	qi_unlock(owners_lock(q));
	return status;
}

void qi_owners_enter(struct quire *q)
{
	qi_lock(owners_lock(q));
	q->mobility.asking++;
	qi_unlock(owners_lock(q));
}

void qi_owners_leave(struct quire *q)
{
	qi_lock(owners_lock(q));
	q->mobility.asking--;
	qi_unlock(owners_lock(q));
}

const struct quire_owner *qi_owner_of(const struct quire *q, const struct qi_block *block, struct quire_held *held,
				      const char **why)
{
	*why = NULL;
	for (const struct quire_owner *o = next_of(&q->mobility.owners); o; o = next_of(&o->next)) {
		*held = (struct quire_held){ .pfn = block->pfn };
		if (!o->holds(o->ctx, block->pfn, held))
			continue;
		if (held->pfn == block->pfn && held->order == block->order)
			return o;
		*why = "is not the block its owner takes it for";
		return NULL;
	}
	return NULL;
}

void qi_obstacle_note(struct quire_obstacle *first, quire_pfn_t pfn, const struct qi_block *block,
		      const struct quire_owner *owner, const char *why)
{
	if (first->pfn <= pfn)
		return;
	*first = (struct quire_obstacle){ .pfn = pfn, .head = block->pfn, .order = block->order,
					  .owner = owner ? owner->name : NULL, .why = why };
}

#endif
