/*
 * Taking frames of an area and giving them back. The bitmap says which frames drivers have; a request marks
 * its bits first, then has the frames cleared of what movable allocations put there, and where something cannot be moved
 * it looks on behind that.
 *
 * Bits are set and cleared under a spin lock. Moving may take long, and two requests that work on the same pageblock
 * would only get into each other's way, so one at a time moves within an area, and others wait their turn.
 */
#include "cma/cma.h"

#include "base/base.h"
#include "base/lock.h"
#include "mobility/mobility.h"

#ifndef QUIRE_WITHOUT_CMA

#define MOST_ALIGN 26u

/* What a request is, in bits of its area. */
struct wish {
	struct quire *q;
	struct quire_cma_area *area;
	uint64_t count, bits;
	unsigned align;
	quire_gfp_t gfp;
	struct quire_cma_failure *failure;
};

static struct qi_lock *lock_of(struct quire_cma_area *area) { return (struct qi_lock *)&area->lock; }

/* The area as q's own; NULL: it is not, or not active. */
static struct quire_cma_area *own_area(struct quire *q, const struct quire_cma_area *area)
{
	for (size_t i = 0; i < q->cma_count; i++)
		if (&q->cma[i] == area)
			return q->cma[i].active && q->stage >= QUIRE_STAGE_WATERMARKS ? &q->cma[i] : NULL;
	return NULL;
}

static void take_turn(struct quire *q, struct quire_cma_area *area)
{
	while (__atomic_exchange_n(&area->turn, 1, __ATOMIC_ACQUIRE)) {
		if (q->platform->wait)
			q->platform->wait(q->platform->ctx);
		qi_relax();
	}
}

static void end_turn(struct quire_cma_area *area)
{
	__atomic_store_n(&area->turn, 0, __ATOMIC_RELEASE);
}

static uint64_t granule(const struct quire_cma_area *area) { return 1ull << area->order_per_bit; }

/* Mark the first place from bit `from` on as taken. */
static uint64_t mark_place(const struct wish *wish, struct quire_cma_range *range, uint64_t from)
{
	unsigned per_bit = wish->area->order_per_bit;
	uint64_t mask = wish->align > per_bit ? (1ull << (wish->align - per_bit)) - 1 : 0;
	uint64_t offset = (range->base_pfn & ((1ull << wish->align) - 1)) >> per_bit, bit;

	qi_lock(lock_of(wish->area));
	bit = qi_cma_find_bits(range->bitmap, qi_cma_bits(wish->area, range), from, wish->bits, mask, offset);
	if (bit != QI_CMA_NO_BIT)
		qi_cma_set_bits(range->bitmap, bit, wish->bits, true);
	qi_unlock(lock_of(wish->area));
	return bit;
}

/* It was not to be had: the bit from which to look on, behind the obstacle. */
static uint64_t pass_over(const struct wish *wish, struct quire_cma_range *range, uint64_t bit,
			  const struct quire_obstacle *obstacle)
{
	quire_pfn_t behind = obstacle->head + (1ull << obstacle->order), next;
	struct quire_cma_failure *failure = wish->failure;

	qi_lock(lock_of(wish->area));
	qi_cma_set_bits(range->bitmap, bit, wish->bits, false);
	wish->area->counters.passed_over++;
	qi_unlock(lock_of(wish->area));
	if (failure) {
		failure->tried++;
		if (failure->obstacles < QI_ARRAY_SIZE(failure->obstacle))
			failure->obstacle[failure->obstacles++] = *obstacle;
	}
	next = range->base_pfn + ((bit + 1) << wish->area->order_per_bit);
	next = behind > next && behind - range->base_pfn <= range->count ? behind : next;
	return qi_align_up(next - range->base_pfn, granule(wish->area)) >> wish->area->order_per_bit;
}

/* QUIRE_ENOENT: the range has no run of bits for it any more. */
static enum quire_status take_in_range(const struct wish *wish, struct quire_cma_range *range, quire_pfn_t *pfn)
{
	enum quire_status result = QUIRE_ENOENT, status;
	struct quire_obstacle obstacle;
	uint64_t bit = 0, moved;

	for (;;) {
		quire_pfn_t place;

		bit = mark_place(wish, range, bit);
		if (bit == QI_CMA_NO_BIT)
			return result;
		place = range->base_pfn + (bit << wish->area->order_per_bit);
		obstacle = (struct quire_obstacle){ .pfn = place, .head = place, .why = "cannot be had" };
		moved = 0;
		status = qi_alloc_range(wish->q, place, wish->count, wish->gfp, QI_RANGE_CMA, &obstacle, &moved);
		qi_lock(lock_of(wish->area));
		wish->area->counters.moved += moved;
		qi_unlock(lock_of(wish->area));
		if (status == QUIRE_OK) {
			*pfn = place;
			return QUIRE_OK;
		}
		bit = pass_over(wish, range, bit, &obstacle);
		/* A frame in it may be none of the allocator's: a failing one. */
		if (status != QUIRE_EBUSY && status != QUIRE_ENOENT)
			return status;
		result = QUIRE_EBUSY;
	}
}

static enum quire_status take(const struct wish *wish, quire_pfn_t *pfn)
{
	enum quire_status result = QUIRE_ENOENT;

	for (unsigned i = 0; i < wish->area->range_count; i++) {
		enum quire_status status = take_in_range(wish, &wish->area->ranges[i], pfn);

		if (status != QUIRE_ENOENT && status != QUIRE_EBUSY)
			return status;
		result = status == QUIRE_EBUSY ? status : result;
	}
	return result;
}

static const char *why_of(enum quire_status status)
{
	switch (status) {
	case QUIRE_ENOENT: return "drivers have too much of it, or in the wrong places";
	case QUIRE_EBUSY: return "something in each place cannot be moved";
	case QUIRE_ENOMEM: return "there is no room to move what is in it to";
	default: return quire_status_string(status);
	}
}

/* Tell the caller and the log. The status for the caller. */
static enum quire_status explain(const struct wish *wish, enum quire_status status)
{
	struct quire_cma_failure *failure = wish->failure;
	const struct quire_obstacle *first = failure->obstacles ? &failure->obstacle[0] : NULL;
	struct quire_cma_stats stats;

	quire_cma_stats(wish->q, wish->area, &stats);
	failure->why = why_of(status);
	failure->available = stats.count - stats.used;
	failure->largest = stats.largest;
	if (!(wish->gfp & QUIRE_GFP_NOWARN)) {
		qi_log(wish->q->platform, QUIRE_LOG_WARNING, "cma: area %s: no %llu pages aligned to order %u: %s; "
		       "%llu of %llu pages are not drivers', %llu in one run; %llu places tried", wish->area->name,
		       (unsigned long long)wish->count, wish->align, failure->why, (unsigned long long)failure->available,
		       (unsigned long long)stats.count, (unsigned long long)failure->largest,
		       (unsigned long long)failure->tried);
		if (first)
			qi_log(wish->q->platform, QUIRE_LOG_WARNING, "cma: area %s: frame %#llx of %s %s", wish->area->name,
			       (unsigned long long)first->pfn, first->owner ? first->owner : "nobody known", first->why);
	}
	return status == QUIRE_ENOENT ? QUIRE_ENOMEM : status;
}

enum quire_status quire_cma_alloc(struct quire *q, const struct quire_cma_area *area, uint64_t count, unsigned align_order,
				  quire_gfp_t gfp, quire_pfn_t *pfn, struct quire_cma_failure *failure)
{
	struct quire_cma_failure own = { 0 };
	struct wish wish = { .q = q, .area = own_area(q, area), .count = count, .align = align_order, .gfp = gfp,
			     .failure = &own };
	enum quire_status status = QUIRE_ENOENT;

	if (!wish.area || !count || align_order > MOST_ALIGN)
		return QUIRE_EINVAL;
	if (count <= wish.area->count) {
		wish.bits = (count + granule(wish.area) - 1) >> wish.area->order_per_bit;
		take_turn(q, wish.area);
		status = take(&wish, pfn);
		end_turn(wish.area);
	}
	qi_lock(lock_of(wish.area));
	if (status == QUIRE_OK)
		wish.area->counters.successes++;
	else
		wish.area->counters.failures++;
	qi_unlock(lock_of(wish.area));
	if (status == QUIRE_OK)
		return QUIRE_OK;
	status = explain(&wish, status);
	if (failure)
		*failure = own;
	return status;
}

static struct quire_cma_range *range_of(struct quire_cma_area *area, quire_pfn_t pfn)
{
	for (unsigned i = 0; i < area->range_count; i++)
		if (pfn - area->ranges[i].base_pfn < area->ranges[i].count)
			return &area->ranges[i];
	return NULL;
}

enum quire_status quire_cma_release(struct quire *q, const struct quire_cma_area *area, quire_pfn_t pfn, uint64_t count)
{
	struct quire_cma_area *mine = own_area(q, area);
	struct quire_cma_range *range = mine ? range_of(mine, pfn) : NULL;
	uint64_t bit, bits;
	enum quire_status status;
	bool taken;

	if (!mine || !count)
		return QUIRE_EINVAL;
	if (!range || count > range->count - (pfn - range->base_pfn))
		return QUIRE_ENOENT;
	if ((pfn - range->base_pfn) & (granule(mine) - 1))
		return QUIRE_EINVAL;
	bit = (pfn - range->base_pfn) >> mine->order_per_bit;
	bits = (count + granule(mine) - 1) >> mine->order_per_bit;
	qi_lock(lock_of(mine));
	taken = qi_cma_all_set(range->bitmap, bit, bits);
	qi_unlock(lock_of(mine));
	if (!taken)
		return QUIRE_EEXIST;
	/* First the frames, then the bits: whoever finds bits clear finds the frames free. */
	status = quire_free_range(q, pfn, count);
	qi_lock(lock_of(mine));
	qi_cma_set_bits(range->bitmap, bit, bits, false);
	mine->counters.releases++;
	qi_unlock(lock_of(mine));
	return status;
}

#endif
