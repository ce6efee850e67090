/* What the memblock tests share: cmocka, comparing tables, a platform that counts and fails. */
#ifndef TEST_MEMBLOCK_COMMON_H
#define TEST_MEMBLOCK_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <quire/memblock.h>

#define NONE QUIRE_NO_NODE

struct expected {
	quire_phys_t start, end;
	int nid;
	uint32_t flags;
};

static inline void expect_regions(const struct quire_memblock *mb, const struct quire_memblock_type *type,
				  const struct expected *expected, size_t count)
{
	quire_phys_t total = 0;

	assert_int_equal(quire_check_memblock(mb), QUIRE_OK);
	assert_int_equal(type->cnt, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(type->regions[i].base, expected[i].start);
		assert_int_equal(type->regions[i].size, expected[i].end - expected[i].start);
		assert_int_equal(type->regions[i].nid, expected[i].nid);
		assert_int_equal(type->regions[i].flags, expected[i].flags);
		total += type->regions[i].size;
	}
	assert_int_equal(type->total_size, total);
}

#define EXPECT(mb, type, ...)                                                                                           \
	expect_regions((mb), (type), (const struct expected[]){ __VA_ARGS__ },                                          \
		       sizeof((const struct expected[]){ __VA_ARGS__ }) / sizeof(struct expected))

/* Counts messages by level and keeps the last one of each. */
struct messages {
	unsigned count[4];
	char last[4][512];
};

static inline void keep_message(void *ctx, enum quire_log_level level, const char *text, size_t len)
{
	struct messages *messages = ctx;

	assert_int_equal(strlen(text), len);
	messages->count[level]++;
	snprintf(messages->last[level], sizeof(messages->last[level]), "%s", text);
}

/* xorshift: the same sequence everywhere. */
static inline uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static inline uint64_t random_below(uint64_t *state, uint64_t bound) { return (next_random(state) >> 11) % bound; }

#endif
