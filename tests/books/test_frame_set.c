/* The sorted set of frames against a bitmap: random insertions, removals, lookups; memory that fails; promises. */
#include "booted.h"

#include "books/frame_set.h"

#define FRAMES 20000u

struct model {
	bool in[FRAMES];
	uint8_t info[FRAMES];
	uint64_t count;
};

static struct booted *open_machine(uint32_t hosted)
{
	const struct booted_options options = { .hosted = hosted };

	return booted_open(&options);
}

static void compare(const struct qi_frame_set *set, const struct model *m, quire_pfn_t pfn)
{
	quire_pfn_t up = pfn, down = pfn + 1;
	uint64_t key;

	while (up < FRAMES && !m->in[up])
		up++;
	assert_int_equal(qi_frame_set_next(set, pfn, &key), up < FRAMES);
	if (up < FRAMES)
		assert_int_equal(key, qi_frame_key(up, m->info[up]));
	while (down && !m->in[down - 1])
		down--;
	assert_int_equal(qi_frame_set_last(set, pfn, &key), down > 0);
	if (down)
		assert_int_equal(key, qi_frame_key(down - 1, m->info[down - 1]));
}

static void step(struct qi_frame_set *set, struct model *m, quire_pfn_t pfn, unsigned what, unsigned info)
{
	assert_int_equal(qi_frame_set_ready(set), true);
	if (what == 0) {
		assert_int_equal(qi_frame_set_erase(set, pfn), m->in[pfn]);
		m->count -= m->in[pfn];
		m->in[pfn] = false;
	} else if (m->in[pfn]) {
		qi_frame_set_change(set, qi_frame_key(pfn, info));
		m->info[pfn] = (uint8_t)info;
	} else {
		qi_frame_set_insert(set, qi_frame_key(pfn, info));
		m->in[pfn] = true;
		m->info[pfn] = (uint8_t)info;
		m->count++;
	}
}

static void random_steps(void **state)
{
	struct booted *b = open_machine(0);
	struct qi_frame_set *set = qi_frame_set_new(&b->q);
	struct model *m = calloc(1, sizeof(*m));
	struct qi_lock lock = { 0 };
	unsigned long irq_state;
	uint64_t seed = 88172645463325252ull;

	(void)state;
	/* Growing, then shrinking: several chunks come and go. */
	for (unsigned i = 0; i < 60000; i++) {
		uint64_t r = booted_random(&seed);
		unsigned what = i < 30000 ? (r >> 40) % 4 : (r >> 40) % 4 == 3;

		assert_true(qi_frame_set_lock(&b->q, set, &lock, &irq_state));
		step(set, m, r % FRAMES, what, (r >> 20) & 0xff);
		qi_unlock(&lock);
		assert_int_equal(set->count, m->count);
		compare(set, m, (r >> 32) % FRAMES);
		if (i % 500 == 0)
			assert_true(qi_check_frame_set(set));
	}
	assert_true(set->chunk_count > 2);
	for (quire_pfn_t pfn = 0; pfn < FRAMES; pfn++)
		qi_frame_set_erase(set, pfn);
	assert_int_equal(set->chunk_count, 0);
	assert_int_equal(set->count, 0);
	free(m);
	booted_close(b);
}

/* Rising order, as a map of holes: chunks are filled, not halved. */
static void rising_keys_fill_chunks(void **state)
{
	struct booted *b = open_machine(0);
	struct qi_frame_set *set = qi_frame_set_new(&b->q);
	struct qi_lock lock = { 0 };
	unsigned long irq_state;

	(void)state;
	for (quire_pfn_t pfn = 0; pfn < 10 * QI_FRAME_CHUNK_KEYS; pfn++) {
		assert_true(qi_frame_set_lock(&b->q, set, &lock, &irq_state));
		qi_frame_set_insert(set, qi_frame_key(pfn * 3, 1));
		qi_unlock(&lock);
	}
	assert_int_equal(set->chunk_count, 10);
	assert_true(qi_check_frame_set(set));
	booted_close(b);
}

/* Without memory what is there lasts a while, and no insertion breaks a promise. */
static void memory_ends(void **state)
{
	struct booted *b = open_machine(QUIRE_HOSTED_OUTSIDE_METADATA);
	struct qi_frame_set *set = qi_frame_set_new(&b->q);
	struct qi_lock lock = { 0 };
	unsigned long irq_state;
	unsigned before, after = 0;

	(void)state;
	assert_true(qi_frame_set_lock(&b->q, set, &lock, &irq_state));
	set->promised = 2;
	qi_unlock(&lock);
	for (before = 0; before < 100000; before++) {
		quire_hosted_fail(b->host, QUIRE_HOSTED_META_ALLOC, 1);
		if (!qi_frame_set_lock(&b->q, set, &lock, &irq_state))
			break;
		qi_frame_set_insert(set, qi_frame_key(before, 0));
		qi_unlock(&lock);
	}
	/* Two spare chunks were had: four less two promised. */
	assert_in_range(before, QI_FRAME_CHUNK_KEYS, 2 * QI_FRAME_CHUNK_KEYS);
	quire_hosted_fail(b->host, QUIRE_HOSTED_META_ALLOC, 0);
	assert_int_equal(set->spares, 2);
	while (set->promised) {
		set->promised--;
		assert_true(qi_frame_set_ready(set));
		qi_frame_set_insert(set, qi_frame_key(200000 + after++, 0));
	}
	assert_true(qi_check_frame_set(set));
	assert_int_equal(set->count, before + after);
	booted_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_steps),
		cmocka_unit_test(rising_keys_fill_chunks),
		cmocka_unit_test(memory_ends),
	};

	return cmocka_run_group_tests_name("frame set", tests, NULL, NULL);
}
