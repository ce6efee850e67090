/* Per-CPU fronts: how much each may keep, by its share of the zone, and how much it does. */
#include "zone/front_internal.h"

#include "zone/front_cpus.h"

#ifndef QUIRE_WITHOUT_FRONTS

/* Words that are kept even if that is four times a CPU's share: they seldom are full. */
#define FEW_WORDS 8u

/* Most order-9 blocks taken at once. A CPU whose share is less than HUGE_LEAST keeps one: in a small zone each is missed. */
#define HUGE_BATCH 16u
#define HUGE_LEAST 16u

/* Sizes of fronts that nobody is in, of a zone that manages so much. */
static void tune(struct qi_front *fronts, unsigned cpus, uint64_t managed)
{
	uint64_t share = cpus ? qi_div64(managed, 32ull * cpus) : 0;
	uint64_t few = cpus ? qi_min(qi_div64(managed, 8ull * cpus) / 2 / 64, FEW_WORDS) : 0;

	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		struct qi_front *front = &fronts[cpu];

		front->frames.limit = (uint16_t)qi_clamp(share / 2 / 64, few, QI_FRONT_ENTRIES);
		front->frames.most = (uint16_t)qi_clamp(share / 2 / 8, QI_FRONT_BATCH, QI_FRONT_BATCH_MOST);
		front->huge.limit = (uint16_t)qi_min(share / 2 / QI_FAN / 2, QI_FRONT_HUGE_ENTRIES);
		front->huge.most = (uint16_t)qi_clamp(share / 2 / QI_FAN, 1, QI_FRONT_HUGE_ENTRIES * 64);
		front->huge.batch = (uint8_t)qi_clamp(share / 2 / QI_FAN / 2, 1, HUGE_BATCH);
		if (front->huge.most < HUGE_LEAST) {
			front->huge.limit = (uint16_t)qi_min(front->huge.limit, 1);
			front->huge.most = front->huge.batch = 1;
		}
	}
}

void qi_fronts_init(struct qi_zone *za, struct qi_front *fronts, unsigned cpus)
{
	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		struct qi_front *front = &fronts[cpu];

		qi_words_reset(&front->frames);
		qi_words_reset(&front->huge);
		front->za = za;
		front->taken = za->fronts_disabled != 0;
		for (unsigned type = 0; type < QUIRE_MIGRATE_PCPTYPES; type++)
			for (unsigned i = 0; i < QI_FRONT_ORDERS; i++) {
				front->stacks[type][i].block[0] = QUIRE_PFN_NONE;
				front->stacks[type][i].spent = -QI_STACK_CREDIT;
			}
	}
	tune(fronts, cpus, za->zone ? za->zone->managed : 0);
	__atomic_store_n(&za->fronts, fronts, __ATOMIC_RELEASE);
	__atomic_store_n(&za->cpus, cpus, __ATOMIC_RELEASE);
}

void qi_fronts_tune(struct qi_zone *za, uint64_t managed)
{
	tune(za->fronts, za->cpus, managed);
}

/* Of another CPU's front it reads what that CPU may be changing: counts, not places, so the worst is a wrong number. */
QI_RACES uint64_t qi_front_held(const struct qi_zone *za, unsigned cpu)
{
	const struct qi_front *front;
	uint64_t pages = 0;

	if (cpu >= qi_front_count(za))
		return 0;
	front = qi_front_of(za, cpu);
	for (unsigned huge = 0; huge < 2; huge++) {
		const struct qi_word_cache *cache = huge ? &front->huge : &front->frames;
		unsigned shift = huge ? QI_LEAF_SHIFT : 0;

		for (unsigned type = 0; type < QUIRE_MIGRATE_PCPTYPES; type++)
			pages += (uint64_t)qi_popcount(cache->serve[type].mask) << shift;
		for (unsigned i = 0; i < cache->stocked; i++)
			pages += (uint64_t)qi_popcount(cache->stock[i].mask) << shift;
		for (unsigned i = 1; i <= cache->count; i++)
			pages += (uint64_t)qi_popcount(cache->entries[i].mask) << shift;
	}
	for (unsigned type = 0; type < QUIRE_MIGRATE_PCPTYPES; type++)
		for (unsigned i = 0; i < QI_FRONT_ORDERS; i++)
			pages += (uint64_t)front->stacks[type][i].count << (i + 1);
	return pages;
}

#endif
