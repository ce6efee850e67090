/*
 * A memory map as a sorted list of disjoint ranges, worked on in place. Internal.
 *
 * The functions need no storage of their own; what they need is room in machine->map, which their callers check beforehand
 * (each says how much), so that none of them can fail half way.
 */
#ifndef QI_RANGES_H
#define QI_RANGES_H

#include <quire/machine.h>

/* Last address of a range. The range must not be empty and must not wrap. */
static inline quire_phys_t qi_range_last(const struct quire_memory_range *range)
{
	return range->base + (range->size - 1);
}

/*
 * Sort by address and resolve overlaps: where ranges overlap the one with the greater type wins, among equal types the
 * one with more attribute bits, then the one with the greater node id. Neighbours alike in all three are joined. No range
 * may be empty or wrap. Leaves at most one range less than there are different borders, 2 * map_count - 1 in the worst
 * case, and needs room for one more than that. O(n log n) for maps with few kinds of range.
 */
void qi_ranges_normalize(struct quire_machine *m);

/* On a normalised map: make `address` a border between two ranges if it lies inside one. May add one range. */
void qi_ranges_split(struct quire_machine *m, quire_phys_t address);

/*
 * On a normalised map: ranges of type `from` (QUIRE_MEMORY_TYPES: any) inside [first, last] become `to`
 * (QUIRE_MEMORY_TYPES: are removed) and get `attributes` in addition. May add two ranges. Stays normalised.
 */
void qi_ranges_change(struct quire_machine *m, quire_phys_t first, quire_phys_t last, enum quire_memory_type from,
		      enum quire_memory_type to, uint32_t attributes);

#endif
