/*
 * The roads of the page allocator where something of debugging is on; see debug.h. Requests: may it fail on purpose, is
 * there room for guards, what was in the frames, who has them now. Frees: judged by the tree first, so that nothing is
 * written to a frame that is not the caller's to give back.
 */
#include "debug/debug.h"

#include "boot/meta.h"

#ifndef QUIRE_WITHOUT_DEBUG

/* Options as they take effect: some need another, some take another's place. */
static struct quire_debug_options effective(const struct quire *q)
{
	struct quire_debug_options o = q->config.options.debug;

	o.guardpage_minorder = o.debug_pagealloc ? (unsigned)qi_min(o.guardpage_minorder, QUIRE_GUARD_ORDER_MAX) : 0;
	if (o.debug_pagealloc && !q->platform->set_mapped) {
		o.debug_pagealloc = false;
		o.page_poison = true;
	}
	if (o.page_poison)
		o.init_on_alloc = o.init_on_free = false;
	return o;
}

static void tell(const struct quire *q, const struct quire_debug_options *o)
{
	qi_log(q->platform, QUIRE_LOG_INFO, "mem auto-init: heap alloc:%s, heap free:%s", o->init_on_alloc ? "on" : "off",
	       o->init_on_free ? "on" : "off");
	qi_log(q->platform, QUIRE_LOG_INFO, "debugging:%s%s%s%s%s", o->page_poison ? " page_poison" : "",
	       o->page_owner ? " page_owner" : "", o->debug_pagealloc ? " debug_pagealloc" : "",
	       o->guardpage_minorder ? " guards" : "", o->faults.probability ? " fail_page_alloc" : "");
}

void qi_debug_open(struct quire *q)
{
	struct quire_debug_options o = effective(q);
	bool watch = o.page_poison || o.page_owner || o.debug_pagealloc || o.guardpage_minorder;
	struct qi_meta_chunk *mark = qi_meta_mark(q);
	struct qi_debug *d;

	if (!watch && !o.init_on_alloc && !o.init_on_free && !o.faults.probability)
		return;
	d = qi_meta_alloc(q, sizeof(*d), 64, QUIRE_NO_NODE, &q->metadata.debug);
	if (d) {
		d->options = o;
		d->watch = watch;
		d->random = o.faults.seed;
	}
	if (!d || (watch && qi_notes_open(q, d) != QUIRE_OK)) {
		qi_log(q->platform, QUIRE_LOG_WARNING, "no memory for debugging: it is off");
		qi_meta_release(q, mark);
		return;
	}
	__atomic_store_n(&d->faulty, o.faults.probability > 0, __ATOMIC_RELAXED);
	__atomic_store_n(&q->page_alloc.debug, d, __ATOMIC_RELEASE);
	q->page_alloc.watched = watch;
	tell(q, &o);
}

struct qi_debug *qi_debug_open_late(struct quire *q)
{
	struct qi_debug *d = qi_meta_alloc(q, sizeof(*d), 64, QUIRE_NO_NODE, &q->metadata.debug);

	if (d) {
		__atomic_store_n(&q->page_alloc.debug, d, __ATOMIC_RELEASE);
		qi_at_hand_void(q);
	}
	return d;
}

/* --- requests -------------------------------------------------------------------------------------------------------- */

/* With guards where there is room for them, above the low mark; else as any other request. */
static enum quire_status take(struct qi_walk *walk, const struct qi_debug *d, quire_pfn_t *pfn)
{
	unsigned order = walk->request.order, around = d->options.guardpage_minorder;

	if (order < around) {
		enum quire_status status;

		walk->request.order = around;
		status = qi_walk_first(walk, pfn);
		walk->request.order = order;
		if (status == QUIRE_OK && qi_guard_set(walk->q, *pfn, order, around) == QUIRE_OK)
			return QUIRE_OK;
		if (status == QUIRE_OK)
			qi_free_frames(walk->q, *pfn, around);
	}
	return qi_walk_take(walk, pfn);
}

enum quire_status qi_debug_run(struct qi_walk *walk, const void *site, quire_pfn_t *pfn)
{
	struct quire *q = walk->q;
	const struct qi_debug *d = qi_debug_of(q);
	unsigned order = walk->request.order;
	quire_pfn_t got;
	enum quire_status status;

	if (qi_fault_due(q, order, walk->gfp))
		return QUIRE_ENOMEM;
	status = take(walk, d, &got);
	if (status != QUIRE_OK)
		return status;
	qi_contents_taken(q, got, order);
	qi_owner_taken(q, got, order, walk->gfp, site);
	if (d->options.init_on_alloc)
		qi_zero_frames(q, got, order);
	status = qi_walk_finish(walk, got);
	if (status == QUIRE_OK)
		*pfn = got;
	return status;
}

void qi_debug_taken(struct quire *q, quire_pfn_t pfn, uint64_t count, quire_gfp_t gfp, const void *site)
{
	for (quire_pfn_t at = pfn; at < pfn + count; at++) {
		qi_contents_taken(q, at, 0);
		qi_owner_taken(q, at, 0, gfp, site);
		if (qi_debug_of(q)->options.init_on_alloc)
			qi_zero_frames(q, at, 0);
	}
}

/* --- frees ----------------------------------------------------------------------------------------------------------- */

/* May it be given back? Statuses of qi_tree_free(), which will be asked once more. */
static enum quire_status judge(struct qi_zone *za, const struct qi_debug *d, quire_pfn_t pfn, unsigned order)
{
	quire_pfn_t head = pfn;
	unsigned is = order;
	enum quire_status status;

	qi_lock(&za->lock);
	status = qi_tree_lookup(&za->tree, pfn, &head, &is);
	qi_unlock(&za->lock);
	if (status == QUIRE_OK && (head != pfn || is != order))
		return QUIRE_EINVAL;
	return status == QUIRE_OK && (qi_note_flags(d, pfn) & QI_NOTE_GUARD) ? QUIRE_EPERM : status;
}

enum quire_status qi_debug_free(struct quire *q, struct qi_zone *za, unsigned cpu, quire_pfn_t pfn, unsigned order,
				const void *site)
{
	const struct qi_debug *d = qi_debug_of(q);
	enum quire_status status = judge(za, d, pfn, order);

	if (status != QUIRE_OK)
		return status;
	qi_owner_freed(q, pfn, order, cpu, site);
	qi_contents_freed(q, pfn, order);
	status = qi_front_free(za, cpu, pfn, order);
	if (status == QUIRE_OK && d->options.guardpage_minorder)
		qi_guard_release(q, za, cpu, pfn);
	return status;
}

void quire_debug_counts(const struct quire *q, struct quire_debug_counts *counts)
{
	struct qi_debug *d = qi_debug_of(q);
	unsigned long state;

	*counts = (struct quire_debug_counts){ 0 };
	if (!d)
		return;
	state = qi_lock_irqsave(q->platform, &d->lock);
	*counts = d->counts;
	qi_unlock_irqrestore(q->platform, &d->lock, state);
}

#endif
