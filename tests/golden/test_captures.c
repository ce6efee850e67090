/* Every machine folder there is verifies without a difference. */
#define _GNU_SOURCE
#include "machines.h"

#include <stdio.h>
#include <string.h>

/* "144050 items checked, 0 differ": the last such line counts all. */
static unsigned long total_checked(const char *output)
{
	const char *found = NULL, *next = output;

	while ((next = strstr(next, " items checked, ")))
		found = next++;
	assert_non_null(found);
	while (found > output && found[-1] >= '0' && found[-1] <= '9')
		found--;
	return strtoul(found, NULL, 10);
}

static void verify_all(const char *directory, unsigned long least_per_machine)
{
	char *paths[MACHINES_MAX], *output = NULL;
	size_t count = machines_in(directory, paths);
	int result;

	if (!count) {
		print_message("no machines in %s: skipped\n", directory);
		skip();
	}
	result = verify_to_text(paths, count, &output);
	if (result != 0)
		print_message("%s", output);
	assert_int_equal(result, 0);
	/* Nothing checked would be equal too. */
	assert_true(total_checked(output) > least_per_machine * count);
	free(output);
	machines_free(paths, count);
}

static void samples(void **state)
{
	(void)state;
	verify_all("samples/machines", 200);
}

static void captures(void **state)
{
	(void)state;
	verify_all(captures_directory(), 200);
}

/* A log alone is a capture too: what other files would say is not available, what the log says is compared. */
static void log_alone(void **state)
{
	char *paths[MACHINES_MAX], *output = NULL, path[1024], *one = path;
	size_t count = machines_in("samples/machines", paths);

	(void)state;
	assert_true(count > 0);
	for (size_t i = 0; i < count; i++) {
		/* The log of a device-tree machine does not have the device tree. */
		if (strstr(paths[i], "arm64"))
			continue;
		snprintf(path, sizeof(path), "%s/dmesg.txt", paths[i]);
		if (verify_to_text(&one, 1, &output) != 0)
			fail_msg("%s", output);
		assert_true(total_checked(output) > 50);
		free(output);
	}
	machines_free(paths, count);
}

/* A capture in stages: each is played and compared, and one changed number in a stage is noticed there. */
static void stages(void **state)
{
	char *sample = "samples/machines/x86_64-virtio-mem", folder[] = "/tmp/quire-stages-XXXXXX", command[256],
	     *copy = folder;
	char *output = NULL;

	(void)state;
	assert_int_equal(verify_to_text(&sample, 1, &output), 0);
	assert_true(total_checked(output) > 700);
	free(output);
	assert_non_null(mkdtemp(folder));
	snprintf(command, sizeof(command), "cp -r %s/. %s && cd %s && sed -i 's/present  262144$/present  262145/' "
		 "req1G_online/zoneinfo.txt", sample, folder, folder);
	assert_int_equal(system(command), 0);
	assert_int_equal(verify_to_text(&copy, 1, &output), 1);
	assert_non_null(strstr(output, "req1G_online: present of node 0 zone Movable: ours 262144 theirs 262145"));
	free(output);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples),
		cmocka_unit_test(captures),
		cmocka_unit_test(log_alone),
		cmocka_unit_test(stages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
