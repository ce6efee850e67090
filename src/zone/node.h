/*
 * One node of the free tree as arithmetic on its 512-bit map: how free it is, where an aligned block lies, setting
 * and clearing ranges. No pointers to other nodes are followed here. What requests for one frame need is inline; the rest
 * is in node.c.
 */
#ifndef QI_ZONE_NODE_H
#define QI_ZONE_NODE_H

#include "base/base.h"
#include "zone/tree.h"

#define QI_BYTES_LOW 0x0101010101010101ull	/* bit 0 of every byte */
#define QI_HAS_WORD 0x7fu			/* of a word that is wholly free */
#define QI_HAS_ALL (QI_HAS_WORD * QI_BYTES_LOW)

/* Positions in a word at which a block of 2^k units can start. */
static const uint64_t qi_block_starts[7] = {
	0xffffffffffffffffull, 0x5555555555555555ull, 0x1111111111111111ull, 0x0101010101010101ull,
	0x0001000100010001ull, 0x0000000100000001ull, 0x0000000000000001ull,
};

/* Bits [first, first + n) of a word, 1 <= n <= 64 - first. */
static inline uint64_t qi_bits(unsigned first, unsigned n)
{
	return (~0ull >> (64 - n)) << first;
}

static inline bool qi_test(const uint64_t *map, unsigned i) { return map[i >> 6] >> (i & 63) & 1; }
static inline void qi_set(uint64_t *map, unsigned i) { map[i >> 6] |= 1ull << (i & 63); }
static inline void qi_clear(uint64_t *map, unsigned i) { map[i >> 6] &= ~(1ull << (i & 63)); }

/* Of units [first, first + n) of a map, n >= 1, word by word: which they are. */
#define QI_FOR_WORDS(first, n, w, bits) \
	for (unsigned w = (first) >> 6, qi_end = (first) + (n); w <= (qi_end - 1) >> 6; w++) \
		for (uint64_t bits = qi_word_part(w, first, qi_end); bits; bits = 0)

static inline uint64_t qi_word_part(unsigned w, unsigned first, unsigned end)
{
	unsigned low = first > w * 64 ? first - w * 64 : 0, high = end < (w + 1) * 64 ? end - w * 64 : 64;

	return qi_bits(low, high - low);
}

/* All of them: set, clear, are any set, are all set. */
void qi_set_range(uint64_t *map, unsigned first, unsigned n);
void qi_clear_range(uint64_t *map, unsigned first, unsigned n);
bool qi_any(const uint64_t *map, unsigned first, unsigned n);
bool qi_all(const uint64_t *map, unsigned first, unsigned n);

/* How many units of a map are set. */
unsigned qi_weight(const uint64_t *map);

/* How many bits of a word are set from bit `at` on. */
static inline unsigned qi_ones(uint64_t word, unsigned at)
{
	uint64_t zeros = ~(word >> at);

	return zeros ? (unsigned)qi_min(qi_ctz(zeros), 64 - at) : 64;
}

/* How many of units [first, first + n) of a map are set, from the first on. */
static inline unsigned qi_run(const uint64_t *map, unsigned first, unsigned n)
{
	unsigned at = first, end = first + n;

	while (at < end) {
		unsigned ones = qi_ones(map[at >> 6], at & 63);

		at += ones;
		if (!ones || at & 63)
			break;
	}
	return qi_min(at, end) - first;
}

/* Starts of free blocks of 2^(k+1) units, given those of 2^k. */
static inline uint64_t qi_pairs(uint64_t starts, unsigned k)
{
	return starts & starts >> (1u << k) & qi_block_starts[k + 1];
}

/* The byte of `has` for a word: bits 0 .. k where k is the largest order of a free block in it. Branch-free. */
static inline unsigned qi_word_has(uint64_t word)
{
	unsigned orders = word != 0;
	uint64_t starts = word;

	for (unsigned k = 0; k < 6; k++) {
		starts = qi_pairs(starts, k);
		orders += starts != 0;
	}
	return (1u << orders) - 1;
}

static inline void qi_set_has(struct qi_node *node, unsigned w, unsigned has)
{
	node->has = (node->has & ~(0xffull << w * 8)) | (uint64_t)has << w * 8;
}

/* True if that changed anything, and so maybe the class. */
static inline bool qi_has_update(struct qi_node *node, unsigned w)
{
	unsigned has = qi_word_has(node->map[w]);

	if ((node->has >> w * 8 & 0xff) == has)
		return false;
	qi_set_has(node, w, has);
	return true;
}

/* Whole words as bit 0 of their byte; aligned pairs and quads of whole words likewise, at the first one's byte. */
static inline uint64_t qi_whole_words(uint64_t has) { return has >> 6 & QI_BYTES_LOW; }
static inline uint64_t qi_whole_pairs(uint64_t whole) { return whole & whole >> 8 & 0x0001000100010001ull; }
static inline uint64_t qi_whole_quads(uint64_t pairs) { return pairs & pairs >> 16 & 0x0000000100000001ull; }

/* The largest order of a free block, 9 if all is free, QI_CLASS_NONE if nothing is. */
static inline unsigned qi_class(uint64_t has)
{
	uint64_t any = has | has >> 32, pairs, quads;

	any |= any >> 16;
	any = (any | any >> 8) & 0x7f;
	if (!any)
		return QI_CLASS_NONE;
	if (any < 0x40)
		return qi_log2(any);
	pairs = qi_whole_pairs(qi_whole_words(has));
	if (!pairs)
		return 6;
	quads = qi_whole_quads(pairs);
	if (!quads)
		return 7;
	return quads & quads >> 32 ? 9 : 8;
}

/* First of the smallest free blocks in a word that have at least 2^order units; there must be one. */
static inline unsigned qi_word_find(uint64_t word, unsigned order)
{
	uint64_t starts = word;

	for (unsigned k = 0; k < order; k++)
		starts = qi_pairs(starts, k);
	for (; order < 6; order++) {
		uint64_t larger = qi_pairs(starts, order);
		uint64_t alone = starts & ~(larger | larger << (1u << order));

		if (alone)
			return qi_ctz(alone);
		starts = larger;
	}
	return 0;
}

/*
 * Word to take a block of 2^order units from, order <= 8: the one whose largest free block is smallest. There must be
 * one.
 */
static inline unsigned qi_find_word(uint64_t has, unsigned order)
{
	uint64_t whole, pairs, quads, alone;

	for (unsigned k = order; k < 6; k++) {
		uint64_t exact = has >> k & ~(has >> (k + 1)) & QI_BYTES_LOW;

		if (exact)
			return qi_ctz(exact) / 8;
	}
	whole = qi_whole_words(has);
	pairs = qi_whole_pairs(whole);
	alone = whole & ~(pairs | pairs << 8);
	if (order <= 6 && alone)
		return qi_ctz(alone) / 8;
	quads = qi_whole_quads(pairs);
	alone = pairs & ~(quads | quads << 16);
	if (order <= 7 && alone)
		return qi_ctz(alone) / 8;
	return qi_ctz(quads) / 8;
}

/* Unit at which to take a block of 2^order units, order <= 8, from a node whose class is at least that. */
static inline unsigned qi_node_find(const struct qi_node *node, unsigned order)
{
	unsigned w = qi_find_word(node->has, order);

	return w * 64 + (order < 6 ? qi_word_find(node->map[w], order) : 0);
}

/*
 * Four bits per child of an upper node: its type, and whether it is isolated. Isolated or not, what is not of one of the
 * ordinary types is QUIRE_MIGRATE_PCPTYPES or more in all four.
 */
#define QI_TYPE_ISOLATED 8u

static inline unsigned qi_child_type_bits(const struct qi_upper *node, unsigned i)
{
	return qi_peek(&node->types[i >> 1]) >> (i & 1) * 4 & 15;
}

static inline unsigned qi_child_type(const struct qi_upper *node, unsigned i)
{
	unsigned bits = qi_child_type_bits(node, i);

	return bits & QI_TYPE_ISOLATED ? QUIRE_MIGRATE_ISOLATE : bits;
}

/* ISOLATE covers the type there is, any other type ends that. */
static inline void qi_set_child_type(struct qi_upper *node, unsigned i, unsigned type)
{
	uint8_t *pair = &node->types[i >> 1];
	unsigned shift = (i & 1) * 4, now = *pair >> shift & 15;

	if (type == QUIRE_MIGRATE_ISOLATE)
		type = now | QI_TYPE_ISOLATED;
	qi_poke(pair, (uint8_t)((*pair & ~(15u << shift)) | type << shift));
}

/* The same for children [first, first + n), all four bits given. */
static inline void qi_set_children(struct qi_upper *node, unsigned first, unsigned n, unsigned bits)
{
	unsigned end = first + n;

	for (unsigned i = first; i < end; i += 2 - (i & 1)) {
		uint8_t *pair = &node->types[i >> 1], keep = i & 1 ? 0x0f : i + 1 == end ? 0xf0 : 0;

		qi_poke(pair, (uint8_t)((*pair & keep) | ((bits << 4 | bits) & ~(unsigned)keep)));
	}
}

#endif
