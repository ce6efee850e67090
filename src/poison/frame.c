/*
 * A frame fails: what it is, who is asked, what comes of it.
 *
 * The frame is entered in the books first, so that two who report the same one do not work on it at the same time. Then
 * it is looked at in order of rising trouble: not the allocator's, free, in use. A block in use is cut first; then its owner
 * is asked, without any lock, and what he gives up goes the way of a block that is freed.
 */
#include "poison/poison.h"

#include "device/device.h"
#include "mobility/mobility.h"
#include "page_alloc/page_alloc.h"
#include "zone/front_cpus.h"
#include "zone/tree_exact.h"

#ifndef QUIRE_WITHOUT_POISON

/* A failure on its way. */
struct failure {
	struct quire *q;
	quire_pfn_t pfn;
	unsigned flags;
	struct qi_zone *za;
	enum quire_poison_result result;
	/* For the message: what the frame is, and whose. */
	const char *what, *owner;
};

const char *quire_poison_result_name(enum quire_poison_result result)
{
	static const char *const names[] = { "Ignored", "Failed", "Delayed", "Recovered" };

	return (unsigned)result < QI_ARRAY_SIZE(names) ? names[result] : "?";
}

/* --- not the allocator's ---------------------------------------------------------------------------------------------- */

static enum quire_status fail_device_frame(struct failure *f, const struct quire_device *device)
{
	f->what = "frame of device";
	f->owner = device->name;
	if (!device->failing)
		return QUIRE_EBUSY;
	f->result = device->failing(device->ctx, f->pfn) == QUIRE_OK ? QUIRE_POISON_RECOVERED : QUIRE_POISON_FAILED;
	return f->result == QUIRE_POISON_RECOVERED ? QUIRE_OK : QUIRE_EBUSY;
}

static enum quire_status fail_foreign(struct failure *f)
{
	const struct quire_device *device = qi_device_at(f->q, f->pfn);
	quire_phys_t base = f->pfn << quire_page_shift(&f->q->config);

	if (device)
		return fail_device_frame(f, device);
	if (f->pfn > QUIRE_PHYS_MAX >> quire_page_shift(&f->q->config) || !quire_memblock_is_memory(&f->q->memblock, base))
		return QUIRE_ENOENT;
	f->what = "reserved or offline frame";
	return QUIRE_EBUSY;
}

/* --- free ------------------------------------------------------------------------------------------------------------- */

/* Zone locked. A free frame goes out; QUIRE_EBUSY: it is not free. */
static enum quire_status take_free(struct failure *f)
{
	enum quire_status status = qi_tree_take_frames(&f->za->tree, f->pfn, 1, QUIRE_MIGRATE_MOVABLE);

	/* A hole may be the map's for this zone, and beyond its tree. */
	if (status != QUIRE_OK)
		return status == QUIRE_ERANGE ? QUIRE_ENOENT : status;
	qi_poison_withdraw(f->za, f->pfn);
	qi_poison_set_state(f->q, f->pfn, QI_POISON_OUT, 0);
	f->what = "free frame";
	f->result = QUIRE_POISON_RECOVERED;
	return QUIRE_OK;
}

/* What still can be read is moved away by its owner; then the frame is ours. */
static enum quire_status take_softly(struct failure *f)
{
	struct quire_obstacle obstacle = { .why = "cannot be had" };
	quire_gfp_t gfp = QUIRE_GFP_KERNEL | QUIRE_GFP_NOWARN;
	enum quire_status status = qi_alloc_range(f->q, f->pfn, 1, gfp, QI_RANGE_CMA, &obstacle, NULL);

	if (status == QUIRE_EBUSY) {
		qi_log(f->q->platform, QUIRE_LOG_WARNING, "soft offline: %#llx: frame of %s %s", (unsigned long long)f->pfn,
		       obstacle.owner ? obstacle.owner : "nobody known", obstacle.why);
		return QUIRE_EPERM;
	}
	if (status != QUIRE_OK)
		return status;
	qi_zone_lock(f->za);
	qi_poison_withdraw(f->za, f->pfn);
	qi_poison_set_state(f->q, f->pfn, QI_POISON_OUT, 0);
	qi_zone_unlock(f->za);
	f->what = "frame cleared in time";
	f->result = QUIRE_POISON_RECOVERED;
	return QUIRE_OK;
}

/* --- in use ----------------------------------------------------------------------------------------------------------- */

/* Ask whoever holds the block. True: he does not use it any more. */
static bool ask_owner(struct failure *f, const struct qi_block *block)
{
	const struct quire_owner *owner;
	struct quire_held held;
	enum quire_status status;
	const char *why;

	f->what = "frame nobody claims";
	qi_owners_enter(f->q);
	owner = qi_owner_of(f->q, block, &held, &why);
	if (owner) {
		f->what = "frame of";
		f->owner = owner->name;
	}
	if (owner && owner->failing) {
		status = owner->failing(owner->ctx, block->pfn, block->order, f->pfn);
		f->result = status == QUIRE_OK ? QUIRE_POISON_RECOVERED :
			    status == QUIRE_EBUSY ? QUIRE_POISON_DELAYED : QUIRE_POISON_FAILED;
	}
	qi_owners_leave(f->q);
	return f->result == QUIRE_POISON_RECOVERED;
}

/* The owner is done with the block, so nobody holds a reference to it. */
static void forget_references(struct quire *q, quire_pfn_t head)
{
	struct quire_page *page;

	if (!quire_pfn_initialised(&q->memmap, head))
		return;
	page = quire_pfn_to_page(&q->memmap, head);
	quire_page_clear(page, QUIRE_PAGE_HEAD);
	quire_page_set_order(page, 0);
	quire_page_set_refs(page, 0);
}

/* Zone locked, fronts disabled. The block in use loses its frame: it is pending. */
static enum quire_status cut_block(struct failure *f, const struct qi_block *block)
{
	enum quire_status status;

	/* Before it is absent: who then frees it and is refused must find it here. */
	f->za->refused = qi_poison_refused;
	qi_poison_set_state(f->q, f->pfn, QI_POISON_PENDING, block->order);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	status = qi_poison_cut(f->za, block->pfn, block->order, f->pfn);
	return status == QUIRE_OK ? QUIRE_EBUSY : status;
}

/* Zone locked. Another frame of the block fails already: it has been cut. */
static enum quire_status join_block(struct failure *f, uint64_t key)
{
	const struct qi_tree *tree = &f->za->tree;
	struct qi_block piece;
	enum quire_status status = qi_tree_lookup(tree, f->pfn, &piece.pfn, &piece.order);

	qi_poison_set_state(f->q, f->pfn, QI_POISON_PENDING, qi_poison_order(key));
	f->what = "frame of a block that has another failing one";
	if (status == QUIRE_OK && piece.order)
		status = qi_poison_cut(f->za, piece.pfn, piece.order, f->pfn);
	else if (status == QUIRE_OK)
		qi_poison_withdraw(f->za, f->pfn);
	/* Else it is the first frame of what was cut, and absent already. */
	return status == QUIRE_OK || status == QUIRE_ENOENT ? QUIRE_EBUSY : status;
}

/* Zone locked, fronts disabled. By what the frame is now; *cut: it is pending as the first one of *block. */
static enum quire_status settle_state(struct failure *f, struct qi_block *block, bool *cut)
{
	enum quire_status status = qi_tree_lookup(&f->za->tree, f->pfn, &block->pfn, &block->order);
	uint64_t key;

	if (qi_poison_pending_block(f->q, f->pfn, &key))
		return join_block(f, key);
	if (status == QUIRE_EEXIST)
		return take_free(f);
	if (status != QUIRE_OK)
		return QUIRE_ENOENT;
	status = cut_block(f, block);
	*cut = status == QUIRE_EBUSY;
	return status;
}

/* The block has been cut: its owner hears of it, and if he is done with it all of it is free but the frame. */
static enum quire_status tell_owner(struct failure *f, const struct qi_block *block)
{
	bool given_up = ask_owner(f, block);
	uint64_t key;
	bool out;

	if (given_up)
		forget_references(f->q, block->pfn);
	qi_zone_lock(f->za);
	if (given_up)
		qi_poison_refused(f->za, block->pfn, block->order);
	/* He may have freed it himself. */
	out = qi_poison_key(f->q, f->pfn, &key) && qi_poison_state(key) == QI_POISON_OUT;
	qi_zone_unlock(f->za);
	if (out)
		f->result = QUIRE_POISON_RECOVERED;
	return out ? QUIRE_OK : QUIRE_EBUSY;
}

static enum quire_status fail_in_use(struct failure *f)
{
	struct qi_block block = { 0 };
	enum quire_status status;
	bool cut = false;

	status = qi_front_disable(f->za);
	if (status != QUIRE_OK)
		return status;
	qi_zone_lock(f->za);
	status = qi_tree_lookup(&f->za->tree, f->pfn, &block.pfn, &block.order);
	qi_zone_unlock(f->za);
	/* Nodes for cutting it. Should there be no memory now, some may be there all the same. */
	if (status == QUIRE_OK)
		qi_zone_provide(f->za, block.pfn, 1ull << block.order);
	qi_zone_lock(f->za);
	status = settle_state(f, &block, &cut);
	qi_zone_unlock(f->za);
	/* Only now: what the owner gives up is not to be lost for want of memory. */
	if (cut)
		status = tell_owner(f, &block);
	qi_front_enable(f->za);
	return status;
}

/* --- all of it -------------------------------------------------------------------------------------------------------- */

static enum quire_status fail_in_zone(struct failure *f)
{
	enum quire_status status;
	bool in_use = false;
	uint64_t key;

	if ((f->flags & QUIRE_POISON_SOFT) && qi_zone_of_frame(f->q, f->pfn))
		return take_softly(f);
	qi_zone_lock(f->za);
	status = take_free(f);
	if (status == QUIRE_ENOENT && qi_poison_pending_block(f->q, f->pfn, &key))
		status = join_block(f, key);
	else if (status == QUIRE_EBUSY)
		in_use = true;
	qi_zone_unlock(f->za);
	return in_use ? fail_in_use(f) : status == QUIRE_ENOENT ? fail_foreign(f) : status;
}

enum quire_status quire_poison_frame(struct quire *q, quire_pfn_t pfn, unsigned flags, enum quire_poison_result *result)
{
	struct failure f = { .q = q, .pfn = pfn, .flags = flags, .what = "frame" };
	enum quire_status status;

	if (q->stage < QUIRE_STAGE_WATERMARKS || flags & ~(QUIRE_POISON_SOFT | QUIRE_POISON_TEST))
		return QUIRE_EINVAL;
	if (pfn > QUIRE_PHYS_MAX >> quire_page_shift(&q->config))
		return QUIRE_ENOENT;
	status = qi_poison_claim(q, pfn, flags);
	if (status != QUIRE_OK)
		return status;
	f.za = qi_poison_zone(q, pfn);
	status = f.za ? fail_in_zone(&f) : fail_foreign(&f);
	if (status != QUIRE_OK && status != QUIRE_EBUSY) {
		qi_poison_forget(q, pfn);
		return status;
	}
	qi_poison_mark(q, pfn, true);
	qi_log(q->platform, QUIRE_LOG_ERROR, "Memory failure: %#llx: recovery action for %s%s%s: %s",
	       (unsigned long long)pfn, f.what, f.owner ? " " : "", f.owner ? f.owner : "",
	       quire_poison_result_name(f.result));
	if (result)
		*result = f.result;
	return status;
}

#endif
