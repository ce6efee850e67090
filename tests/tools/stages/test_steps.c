/* steps.txt: what is understood, in which order, and that anything else is passed over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "stages/steps.h"

static struct steps steps;

static const struct step *read_text(const char *text)
{
	struct textfile file;

	steps_free(&steps);
	assert_int_equal(textfile_from_memory(&file, "steps.txt", text, strlen(text)), QUIRE_OK);
	steps_from_text(&steps, &file);
	textfile_free(&file);
	return steps.list.items;
}

static void a_dimm_is_plugged_in_and_pulled_out(void **state)
{
	const struct step *step = read_text(
		"qmp object-add {\"qom-type\": \"memory-backend-ram\", \"id\": \"hm1\", \"size\": 134217728} -> {\"return\": {}}\n"
		"qmp object-add {\"qom-type\": \"memory-backend-ram\", \"id\": \"hm0\", \"size\": 1073741824} -> {\"return\": {}}\n"
		"qmp device_add {\"driver\": \"pc-dimm\", \"id\": \"d0\", \"memdev\": \"hm0\", \"node\": 1} -> {\"return\": {}}\n"
		"qmp device_add {\"driver\": \"pc-dimm\", \"id\": \"d1\", \"memdev\": \"hm1\", \"addr\": 6442450944} -> {\"return\": {}}\n"
		"dump added\n"
		"qmp device_del {\"id\": \"d0\"} -> {\"return\": {}}\n"
		"qmp device_del {\"id\": \"d1\"} -> {\"error\": {\"class\": \"GenericError\"}}\n"
		"dump unplugged\n");

	(void)state;
	assert_int_equal(steps.list.count, 5);
	assert_int_equal(step[0].kind, STEP_PLUG);
	assert_string_equal(step[0].name, "d0");
	assert_int_equal(step[0].size, 1 << 30);
	assert_int_equal(step[0].nid, 1);
	assert_false(step[0].has_address);
	assert_int_equal(step[0].origin.line, 3);
	assert_int_equal(step[1].size, 128 << 20);
	assert_true(step[1].has_address);
	assert_int_equal(step[1].address, 6442450944);
	assert_int_equal(step[2].kind, STEP_DUMP);
	assert_string_equal(step[2].name, "added");
	assert_int_equal(step[3].kind, STEP_UNPLUG);
	assert_string_equal(step[3].name, "d0");
	assert_string_equal(step[4].name, "unplugged");
}

static void shell_writes_states_tunables_and_cpus(void **state)
{
	const struct step *step = read_text(
		"sh: for b in /sys/devices/system/memory/memory*; do [ \"$(cat $b/state)\" = offline ] && echo online_movable "
		">$b/state; done; sleep 1\n"
		"sh: for i in 34 35; do echo offline >/sys/devices/system/memory/memory$i/state; echo \"off $i rc=$?\"; done\n"
		"sh: echo online >/sys/devices/system/memory/memory15/state\n"
		"sh: echo 10 >/proc/sys/vm/watermark_scale_factor; echo \"64 64 16 1 1\" >/proc/sys/vm/lowmem_reserve_ratio\n"
		"sh: echo 0 >/sys/devices/system/cpu/cpu3/online; sleep 1\n"
		"qmp qom-set {\"path\": \"vmem0\", \"property\": \"requested-size\", \"value\": 268435456} -> {\"return\": {}}\n");

	(void)state;
	assert_int_equal(steps.list.count, 8);
	assert_int_equal(step[0].kind, STEP_ONLINE_ALL);
	assert_string_equal(step[0].word, "online_movable");
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(step[i].kind, STEP_BLOCK);
		assert_int_equal(step[i].number, 33 + i);
		assert_string_equal(step[i].word, "offline");
	}
	assert_int_equal(step[3].number, 15);
	assert_string_equal(step[3].word, "online");
	assert_int_equal(step[4].kind, STEP_SYSCTL);
	assert_string_equal(step[4].name, "watermark_scale_factor");
	assert_string_equal(step[4].word, "10");
	assert_string_equal(step[5].name, "lowmem_reserve_ratio");
	assert_string_equal(step[5].word, "64 64 16 1 1");
	assert_int_equal(step[6].kind, STEP_CPU);
	assert_int_equal(step[6].number, 3);
	assert_string_equal(step[6].word, "0");
	assert_int_equal(step[7].kind, STEP_RESIZE);
	assert_int_equal(step[7].size, 256 << 20);
}

/* A recording's folder lies beside steps.txt and nowhere else; half a line says nothing. */
static void what_makes_no_sense_is_passed_over(void **state)
{
	(void)state;
	read_text("dump ../elsewhere\n"
		  "qmp device_add {\"id\": \"d0\"}\n"
		  "qmp object-add {\"id\": \"x\", \"size\": many}\n"
		  "sh: echo\nsh: echo >\nsh: for i in\nsh: for i in 1; do echo online >$i\n"
		  "sh: echo offline >/sys/devices/system/memory/memory/state\n"
		  "sh: insmod /lib/x.ko; sleep 2\nevent {}\n\n;;;\n");
	assert_int_equal(steps.list.count, 0);
}

static int finish(void **state)
{
	(void)state;
	steps_free(&steps);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dimm_is_plugged_in_and_pulled_out),
		cmocka_unit_test(shell_writes_states_tunables_and_cpus),
		cmocka_unit_test(what_makes_no_sense_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, finish);
}
