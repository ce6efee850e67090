/* The reader that stands in for libfdt against libfdt itself: the same answers for sound trees, no trust in broken ones. */
#include "support.h"

#include <dirent.h>

#include "blob_walk.h"

#define TEXT_BYTES (1 << 18)

static char expected[TEXT_BYTES], got[TEXT_BYTES];
static const char *seeds = "fuzz/seeds/fdt";

/* Exactly `size` bytes, so that a sanitizer sees a read behind them. */
static uint8_t *copy_of(const uint8_t *blob, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	assert_non_null(copy);
	memcpy(copy, blob, size);
	return copy;
}

/*
 * What libfdt refuses is refused, and what both accept reads the same. True if both did. Ours may be the stricter one:
 * it also wants a root.
 */
static bool compare(const uint8_t *blob, size_t size)
{
	uint8_t *copy = copy_of(blob, size);
	int theirs = walk_with_libfdt(copy, size, expected, sizeof(expected));
	int ours = walk_with_blob(copy, size, got, sizeof(got));

	free(copy);
	assert_true(theirs == 0 || ours != 0);
	if (!ours)
		assert_string_equal(expected, got);
	return ours == 0;
}

static void each_blob(void (*visit)(const uint8_t *blob, size_t size))
{
	DIR *directory = opendir(seeds);
	struct dirent *entry;
	unsigned count = 0;

	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		char path[512];
		size_t size;
		uint8_t *blob;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", seeds, entry->d_name);
		blob = read_file(path, &size);
		assert_non_null(blob);
		visit(blob, size);
		free(blob);
		count++;
	}
	closedir(directory);
	assert_true(count > 0);
}

static void visit_whole(const uint8_t *blob, size_t size)
{
	assert_int_equal(compare(blob, size), walk_with_libfdt(blob, size, expected, sizeof(expected)) == 0);
}

static void sound_trees_read_the_same(void **state)
{
	(void)state;
	each_blob(visit_whole);
}

/* Cut anywhere, a tree is refused; nothing behind the cut is read. */
static void visit_cut(const uint8_t *blob, size_t size)
{
	if (!compare(blob, size))
		return;
	for (size_t cut = 0; cut < size; cut += 1 + size / 1024) {
		uint8_t *copy = copy_of(blob, cut);

		assert_int_not_equal(walk_with_blob(copy, cut, got, sizeof(got)), 0);
		free(copy);
	}
}

static void cut_trees_are_refused(void **state)
{
	(void)state;
	each_blob(visit_cut);
}

static void visit_spoilt(const uint8_t *blob, size_t size)
{
	uint64_t random = 0x9e3779b97f4a7c15u ^ size;

	if (size < 64)
		return;
	for (int round = 0; round < 3000; round++) {
		uint8_t *copy = copy_of(blob, size);
		/* Half of the damage is done to the header and the first tokens. */
		size_t reach = round % 2 ? size : 256 < size ? 256 : size;

		for (int i = 0; i <= round % 3; i++)
			copy[next_random(&random) % reach] = (uint8_t)next_random(&random) >> (round % 8);
		compare(copy, size);
		free(copy);
	}
}

static void spoilt_trees_are_not_trusted(void **state)
{
	(void)state;
	each_blob(visit_spoilt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound_trees_read_the_same),
		cmocka_unit_test(cut_trees_are_refused),
		cmocka_unit_test(spoilt_trees_are_not_trusted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
