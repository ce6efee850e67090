/*
 * The memory test: fill everything that is free with a pattern, then read all of it back, for each pattern. Filling before
 * reading is what finds address lines that do not work. Bad words are reserved, and so never used.
 *
 * Memory is mapped a chunk at a time, because the platform may map less than a whole free range; chunks it does not map are
 * skipped. Reserving bad words changes the table the walk goes over, so after that the walk starts again and passes over
 * what lies below the place it had reached.
 */
#include "memblock/internal.h"

#define WORD sizeof(uint64_t)
#define CHUNK ((quire_phys_t)0x10000)

static const uint64_t patterns[] = {
	0,
	0xffffffffffffffffull,
	0x5555555555555555ull,
	0xaaaaaaaaaaaaaaaaull,
	0x1111111111111111ull,
	0x2222222222222222ull,
	0x4444444444444444ull,
	0x8888888888888888ull,
	0x3333333333333333ull,
	0x6666666666666666ull,
	0x9999999999999999ull,
	0xccccccccccccccccull,
	0x7777777777777777ull,
	0xbbbbbbbbbbbbbbbbull,
	0xddddddddddddddddull,
	0xeeeeeeeeeeeeeeeeull,
	0x7a6c7258554e494cull,
};

/* One free range under test, and the run of bad words being collected. */
struct test {
	struct quire_memblock *mb;
	uint64_t pattern;
	struct qi_span bad;		/* empty: no run */
	quire_phys_t bad_bytes;
};

static void end_bad_run(struct test *test)
{
	struct qi_span bad = test->bad;

	if (bad.start == bad.end)
		return;
	test->bad = (struct qi_span){ 0, 0 };
	test->bad_bytes += bad.end - bad.start;
	if (quire_memblock_reserve(test->mb, bad.start, bad.end - bad.start) == QUIRE_OK)
		qi_log(test->mb->platform, QUIRE_LOG_WARNING,
		       "memtest: pattern 0x%016llx bad memory " QI_RANGE_FORMAT " reserved",
		       (unsigned long long)test->pattern, QI_RANGE_VALUES(bad.start, bad.end));
}

static void add_bad_word(struct test *test, quire_phys_t address)
{
	/* Reserving an earlier run may have grown the table into what is being tested. */
	if (quire_memblock_is_reserved(test->mb, address))
		return;
	if (test->bad.start < test->bad.end && test->bad.end == address) {
		test->bad.end += WORD;
		return;
	}
	end_bad_run(test);
	test->bad = (struct qi_span){ address, address + WORD };
}

/* The mapped words of the chunk that starts at `start`; NULL if it is not mapped. *next is where the next one starts. */
static volatile uint64_t *map_chunk(const struct test *test, quire_phys_t start, quire_phys_t end, quire_phys_t *next)
{
	const struct quire_platform *platform = test->mb->platform;

	*next = start + qi_min(CHUNK - start % CHUNK, end - start);
	return platform->phys_to_virt(platform->ctx, start, *next - start);
}

static void fill(const struct test *test, quire_phys_t start, quire_phys_t end)
{
	for (quire_phys_t next; start < end; start = next) {
		volatile uint64_t *words = map_chunk(test, start, end, &next);

		for (size_t i = 0; words && i < (size_t)(next - start) / WORD; i++)
			words[i] = test->pattern;
	}
}

static void verify(struct test *test, quire_phys_t start, quire_phys_t end)
{
	for (quire_phys_t next; start < end; start = next) {
		volatile uint64_t *words = map_chunk(test, start, end, &next);

		for (size_t i = 0; words && i < (size_t)(next - start) / WORD; i++)
			if (words[i] != test->pattern)
				add_bad_word(test, start + i * WORD);
	}
	end_bad_run(test);
}

static void one_pass(struct test *test, quire_phys_t start, quire_phys_t end)
{
	struct quire_memblock *mb = test->mb;
	struct quire_memblock_range range;
	uint64_t cursor = 0;

	while (start < end &&
	       quire_memblock_next_range(mb, &cursor, QUIRE_NO_NODE, QUIRE_MEMBLOCK_NONE, &mb->memory, &mb->reserved,
					 &range)) {
		quire_phys_t from = qi_max(range.start, start), to = qi_min(range.end, end), bad_before = test->bad_bytes;

		if (from >= to || to - from < WORD)
			continue;
		from = qi_align_up(from, WORD);
		if (to - from < WORD)
			continue;
		to -= (to - from) % WORD;
		fill(test, from, to);
		verify(test, from, to);
		if (test->bad_bytes != bad_before) {
			start = to;
			cursor = 0;
		}
	}
}

quire_phys_t quire_memblock_memtest(struct quire_memblock *mb, quire_phys_t start, quire_phys_t end, unsigned passes)
{
	struct test test = { .mb = mb };

	if (!mb->platform || !mb->platform->phys_to_virt) {
		qi_log(mb->platform, QUIRE_LOG_WARNING, "memtest: the platform maps no memory; nothing was tested");
		return 0;
	}
	for (unsigned i = passes; i-- > 0;) {
		test.pattern = patterns[i % QI_ARRAY_SIZE(patterns)];
		one_pass(&test, start, end);
	}
	return test.bad_bytes;
}
