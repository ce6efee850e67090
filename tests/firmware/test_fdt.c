/* Device trees: real ones, ones made for each rule, and broken ones. */
#include "support.h"

#include <libfdt.h>

#define GIB ((quire_phys_t)1 << 30)
#define BLOB_BYTES 65536

static struct test_machine t;
static struct test_log l;

static _Alignas(8) uint8_t blob[BLOB_BYTES];

/* --- Making trees. --- */

#define OK(call) assert_int_equal(call, 0)

static void start(void)
{
	OK(fdt_create(blob, sizeof(blob)));
}

static void start_root(uint32_t address_cells, uint32_t size_cells)
{
	OK(fdt_finish_reservemap(blob));
	OK(fdt_begin_node(blob, ""));
	OK(fdt_property_u32(blob, "#address-cells", address_cells));
	OK(fdt_property_u32(blob, "#size-cells", size_cells));
}

static void node(const char *name)
{
	OK(fdt_begin_node(blob, name));
}

static void end(void)
{
	OK(fdt_end_node(blob));
}

static void text(const char *name, const char *value)
{
	OK(fdt_property_string(blob, name, value));
}

static void flag(const char *name)
{
	OK(fdt_property(blob, name, NULL, 0));
}

/* A property of `count` 32-bit words. */
static void words(const char *name, size_t count, const uint32_t *values)
{
	uint8_t bytes[256];

	assert_true(count * 4 <= sizeof(bytes));
	for (size_t i = 0; i < count; i++)
		for (int b = 0; b < 4; b++)
			bytes[i * 4 + (size_t)b] = (uint8_t)(values[i] >> (24 - 8 * b));
	OK(fdt_property(blob, name, bytes, (int)(count * 4)));
}

#define WORDS(name, ...) words(name, sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t), (uint32_t[]){ __VA_ARGS__ })

static void memory(const char *name, uint32_t high, uint32_t low, uint32_t size_high, uint32_t size_low, int nid)
{
	node(name);
	text("device_type", "memory");
	WORDS("reg", high, low, size_high, size_low);
	if (nid >= 0)
		OK(fdt_property_u32(blob, "numa-node-id", (uint32_t)nid));
	end();
}

static enum quire_status read_blob(void)
{
	log_reset(&l);
	return quire_read_fdt(&t.m, blob, fdt_totalsize(blob), &l.log);
}

static enum quire_status finish(void)
{
	end();
	OK(fdt_finish(blob));
	machine_reset(&t, QUIRE_ARCH_ARM64);
	return read_blob();
}

static void expect_map(size_t i, quire_phys_t base, quire_phys_t size, uint32_t attributes, int nid)
{
	assert_true(i < t.m.map_count);
	assert_int_equal(t.m.map[i].type, QUIRE_MEMORY_RAM);
	assert_true(t.m.map[i].base == base && t.m.map[i].size == size);
	assert_int_equal(t.m.map[i].attributes, attributes);
	assert_int_equal(t.m.map[i].nid, nid);
}

static void expect_reservation(size_t i, quire_phys_t base, quire_phys_t size, enum quire_reservation_kind kind,
			       const char *name)
{
	assert_true(i < t.m.reservation_count);
	assert_true(t.m.reservations[i].base == base && t.m.reservations[i].size == size);
	assert_int_equal(t.m.reservations[i].kind, kind);
	assert_string_equal(t.m.reservations[i].name, name);
}

/* --- Real trees. --- */

static void four_nodes_of_which_two_have_memory(void **state)
{
	size_t size;
	uint8_t *dtb = read_sample("arm64-4-nodes.dtb", &size);
	static const uint8_t distances[] = { 10, 20, 30, 40, 20, 10, 40, 30, 30, 40, 10, 20, 40, 30, 20, 10 };

	(void)state;
	machine_reset(&t, QUIRE_ARCH_ARM64);
	t.m.fdt = 0x48100000;
	log_reset(&l);
	assert_int_equal(quire_read_fdt(&t.m, dtb, size, &l.log), QUIRE_OK);
	assert_string_equal(l.text, "");
	assert_int_equal(t.m.map_count, 2);
	expect_map(0, GIB, 2 * GIB, 0, 0);
	expect_map(1, 4 * GIB, 2 * GIB, 0, 2);
	assert_int_equal(t.m.affinity_count, 2);
	assert_int_equal(t.m.affinities[1].domain, 2);
	assert_int_equal(t.m.cpu_count, 4);
	assert_int_equal(t.m.cpus[3].domain, 3);
	assert_true(t.m.cpus[3].hwid == 3 && t.m.cpus[3].enabled);
	assert_int_equal(t.m.distance_count, 4);
	assert_memory_equal(t.m.distances, distances, sizeof(distances));
	assert_false(t.m.numa_broken);
	expect_reservation(t.m.reservation_count - 1, 0x48100000, fdt_totalsize(dtb), QUIRE_RESERVE_FDT, "fdt");
	free(dtb);
}

static void hotpluggable_memory_and_bus_limits(void **state)
{
	size_t size;
	uint8_t *dtb = read_sample("arm64-hotpluggable.dtb", &size);

	(void)state;
	machine_reset(&t, QUIRE_ARCH_ARM64);
	assert_int_equal(quire_read_fdt(&t.m, dtb, size, NULL), QUIRE_OK);
	assert_int_equal(t.m.map_count, 4);
	expect_map(1, 4 * GIB, 2 * GIB, QUIRE_MEMORY_HOTPLUG, 1);
	expect_map(2, 6 * GIB, 2 * GIB, 0, 1);
	expect_map(3, 8 * GIB, GIB, QUIRE_MEMORY_HOTPLUG, 0);
	assert_int_equal(t.m.affinities[1].flags, QUIRE_AFFINITY_ENABLED | QUIRE_AFFINITY_HOTPLUG);
	assert_int_equal(t.m.dma_limit, 0);
	free(dtb);
	dtb = read_sample("arm64-dma-limit-1g.dtb", &size);
	machine_reset(&t, QUIRE_ARCH_ARM64);
	assert_int_equal(quire_read_fdt(&t.m, dtb, size, NULL), QUIRE_OK);
	assert_true(t.m.dma_limit == 2 * GIB);
	expect_map(0, GIB, 8 * GIB, 0, QUIRE_NO_NODE);
	assert_int_equal(t.m.affinity_count, 0);
	free(dtb);
}

/* --- Rules, one tree each. --- */

static void memory_nodes(void **state)
{
	(void)state;
	start();
	start_root(2, 1);
	node("memory@0");
	text("device_type", "memory");
	WORDS("reg", 0, 0, 0x1000, 1, 0, 0, 2, 0x80000000, 0x40000000);		/* the second is empty */
	end();
	node("memory@1");
	text("device_type", "memory");
	text("status", "disabled");
	WORDS("reg", 1, 0, 0x1000);
	end();
	node("memory@2");
	text("device_type", "memory");
	WORDS("reg", 3, 0, 0x1000);
	WORDS("linux,usable-memory", 3, 0x1000, 0x500);
	end();
	node("memory@3");
	text("device_type", "memory");
	WORDS("reg", 0xffffffff, 0xfffff000, 0x2000, 4, 0, 0x1000, 5);		/* wraps; good; cut short */
	end();
	node("not-memory");
	WORDS("reg", 9, 0, 0x1000);
	end();
	assert_int_equal(finish(), QUIRE_OK);
	assert_int_equal(t.m.map_count, 4);
	expect_map(0, 0, 0x1000, 0, QUIRE_NO_NODE);
	expect_map(1, 2 * 4 * GIB + 2 * GIB, GIB, 0, QUIRE_NO_NODE);
	expect_map(2, 3 * 4 * GIB + 0x1000, 0x500, 0, QUIRE_NO_NODE);
	expect_map(3, 4 * 4 * GIB, 0x1000, 0, QUIRE_NO_NODE);
	assert_true(log_has(&l, "wraps around"));
	assert_true(log_has(&l, "no list of address and size"));
	assert_false(t.m.numa_broken);
}

static void numbers_wider_than_64_bits(void **state)
{
	(void)state;
	start();
	start_root(3, 2);
	node("memory@0");
	text("device_type", "memory");
	WORDS("reg", 0, 1, 0, 0, 0x1000, 1, 0, 0, 0, 0x1000);
	end();
	assert_int_equal(finish(), QUIRE_OK);
	assert_int_equal(t.m.map_count, 1);
	expect_map(0, 4 * GIB, 0x1000, 0, QUIRE_NO_NODE);
	assert_true(log_has(&l, "beyond 64 bits"));
	start();
	start_root(7, 1);
	assert_int_equal(finish(), QUIRE_OK);
	assert_true(log_has(&l, "#address-cells"));
	start();
	start_root(0, 0);
	memory("memory", 0, 0, 0, 1, -1);
	assert_int_equal(finish(), QUIRE_OK);
	assert_int_equal(t.m.map_count, 0);
	assert_true(l.counts[QUIRE_LOG_WARNING] > 0);
}

static void node_ids(void **state)
{
	(void)state;
	start();
	start_root(2, 2);
	memory("memory@0", 0, 0, 0, 0x1000, 0);
	memory("memory@1", 1, 0, 0, 0x1000, -1);
	assert_int_equal(finish(), QUIRE_OK);
	assert_true(t.m.numa_broken);
	assert_int_equal(t.m.map_count, 2);
	start();
	start_root(2, 2);
	memory("memory@0", 0, 0, 0, 0x1000, QUIRE_MAX_NODES);
	assert_int_equal(finish(), QUIRE_OK);
	assert_true(t.m.numa_broken);
	expect_map(0, 0, 0x1000, 0, QUIRE_NO_NODE);
	start();
	start_root(2, 2);
	node("cpus");
	WORDS("#address-cells", 2);
	node("cpu@100000003");
	text("device_type", "cpu");
	WORDS("reg", 1, 3);
	WORDS("numa-node-id", QUIRE_MAX_NODES);			/* a CPU's alone does not end NUMA */
	end();
	node("cpu@4");
	text("device_type", "cpu");
	text("status", "disabled");
	WORDS("reg", 0, 4);
	end();
	node("cpu@5");
	text("device_type", "cpu");
	WORDS("reg", 5);					/* too short */
	end();
	node("cpu-map");
	end();
	end();
	memory("memory@0", 0, 0, 0, 0x1000, 1);
	assert_int_equal(finish(), QUIRE_OK);
	assert_false(t.m.numa_broken);
	assert_int_equal(t.m.cpu_count, 2);
	assert_true(t.m.cpus[0].hwid == 0x100000003 && t.m.cpus[0].enabled && t.m.cpus[0].domain == QUIRE_DOMAIN_NONE);
	assert_true(t.m.cpus[1].hwid == 4 && !t.m.cpus[1].enabled);
	assert_true(log_has(&l, "no usable reg"));
	start();
	start_root(2, 2);
	node("cpus");
	WORDS("#address-cells", 1);
	node("cpu@0");
	text("device_type", "cpu");
	WORDS("reg", 0);
	WORDS("numa-node-id", 0);
	end();
	end();
	memory("memory@0", 0, 0, 0, 0x1000, -1);
	assert_int_equal(finish(), QUIRE_OK);
	assert_true(t.m.numa_broken);
}

static void distance_tree(size_t count, const uint32_t *matrix)
{
	start();
	start_root(2, 2);
	node("distance-map");
	text("compatible", "numa-distance-map-v1");
	words("distance-matrix", count, matrix);
	end();
	assert_int_equal(finish(), QUIRE_OK);
}

static void distances(void **state)
{
	static const uint32_t one_way[] = { 0, 0, 10, 0, 1, 15, 1, 1, 10, 1, 0, 16, 0, 2, 30 };
	static const uint8_t want[] = { 10, 15, 30, 16, 10, 20, 30, 20, 10 };
	static const uint32_t bad[][3] = {
		{ 0, 0, 11 }, { 0, 1, 10 }, { 0, 1, 0 }, { 0, 1, 256 }, { QUIRE_MAX_NODES, 0, 20 }, { 0, UINT32_MAX, 20 },
	};

	(void)state;
	distance_tree(15, one_way);
	assert_int_equal(t.m.distance_count, 3);
	assert_memory_equal(t.m.distances, want, sizeof(want));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		distance_tree(3, bad[i]);
		assert_true(t.m.numa_broken);
		assert_int_equal(t.m.distance_count, 0);
	}
	distance_tree(0, NULL);
	assert_true(t.m.numa_broken);
	distance_tree(2, bad[0]);
	assert_true(t.m.numa_broken);
}

static void reservations(void **state)
{
	static const uint32_t reg[] = { 0, 0x50000000, 0, 0x1000000 };

	(void)state;
	start();
	OK(fdt_add_reservemap_entry(blob, 0x1000, 0x2000));
	OK(fdt_add_reservemap_entry(blob, UINT64_MAX - 0xff, 0x1000));
	start_root(2, 2);
	node("reserved-memory");
	WORDS("#address-cells", 2);
	WORDS("#size-cells", 2);
	flag("ranges");
	node("fw@50000000");
	words("reg", 4, reg);
	flag("no-map");
	end();
	node("two");
	WORDS("reg", 0, 0x60000000, 0, 0x1000, 0, 0x61000000, 0, 0x2000);
	end();
	node("linux,cma");
	text("compatible", "shared-dma-pool");
	flag("reusable");
	flag("linux,cma-default");
	WORDS("size", 0, 0x8000000);
	WORDS("alignment", 0, 0x200000);
	WORDS("alloc-ranges", 0, 0x40000000, 0, 0x80000000, 1, 0, 1, 0);
	end();
	node("pool");
	text("compatible", "shared-dma-pool");
	WORDS("size", 0, 0x100000);
	end();
	node("a-name-that-is-longer-than-there-is-room-for");
	words("reg", 4, reg);
	end();
	node("off");
	words("reg", 4, reg);
	text("status", "disabled");
	end();
	node("bad-reg");
	words("reg", 3, reg);
	end();
	node("bad-align");
	WORDS("size", 0, 0x100000);
	WORDS("alignment", 0, 0x3000);
	end();
	node("nothing");
	end();
	end();
	assert_int_equal(finish(), QUIRE_OK);
	assert_int_equal(t.m.reservation_count, 7);
	expect_reservation(0, 0x50000000, 0x1000000, QUIRE_RESERVE_NOMAP, "fw@50000000");
	expect_reservation(1, 0x60000000, 0x1000, QUIRE_RESERVE_FIRMWARE, "two");
	expect_reservation(2, 0x61000000, 0x2000, QUIRE_RESERVE_FIRMWARE, "two");
	expect_reservation(3, QUIRE_PHYS_MAX, 0x8000000, QUIRE_RESERVE_CMA, "linux,cma");
	assert_true(t.m.reservations[3].is_default_cma && t.m.reservations[3].align == 0x200000);
	assert_true(t.m.reservations[3].min == GIB && t.m.reservations[3].max == 3 * GIB);
	expect_reservation(4, QUIRE_PHYS_MAX, 0x100000, QUIRE_RESERVE_FIRMWARE, "pool");
	expect_reservation(5, 0x50000000, 0x1000000, QUIRE_RESERVE_FIRMWARE, "a-name-that-is-longer-than-ther");
	expect_reservation(6, 0x1000, 0x2000, QUIRE_RESERVE_FIRMWARE, "memreserve");
	assert_int_equal(l.counts[QUIRE_LOG_ERROR], 3);
	assert_int_equal(l.counts[QUIRE_LOG_WARNING], 2);
}

static void reserved_memory_must_address_like_the_root(void **state)
{
	(void)state;
	start();
	start_root(2, 2);
	node("reserved-memory");
	WORDS("#address-cells", 1);
	WORDS("#size-cells", 1);
	flag("ranges");
	node("fw");
	WORDS("reg", 0x1000, 0x1000);
	end();
	end();
	assert_int_equal(finish(), QUIRE_OK);
	assert_int_equal(t.m.reservation_count, 0);
	assert_true(log_has(&l, "reserved-memory has no ranges"));
}

static void chosen(void **state)
{
	static const char unterminated[] = { 'm', 'e', 'm' };

	(void)state;
	start();
	start_root(2, 2);
	node("chosen");
	text("bootargs", "mem=3G quiet");
	WORDS("linux,initrd-start", 0x48000000);
	WORDS("linux,initrd-end", 0, 0x48001000);
	WORDS("linux,usable-memory-range", 1, 0, 0, 0x20000000);
	end();
	assert_int_equal(finish(), QUIRE_OK);
	assert_string_equal(t.m.command_line, "mem=3G quiet");
	expect_reservation(0, 0x48000000, 0x1000, QUIRE_RESERVE_INITRD, "initrd");
	assert_true(t.m.usable_base == 4 * GIB && t.m.usable_size == GIB / 2);
	assert_int_equal(l.length, 0);
	start();
	start_root(2, 2);
	node("chosen");
	OK(fdt_property(blob, "bootargs", unterminated, 3));
	WORDS("linux,initrd-start", 0x48000000);
	WORDS("linux,initrd-end", 0x48000000);
	WORDS("linux,usable-memory-range", 1, 0, 0);
	end();
	assert_int_equal(finish(), QUIRE_OK);
	assert_null(t.m.command_line);
	assert_int_equal(t.m.reservation_count, 0);
	assert_int_equal(t.m.usable_size, 0);
	assert_int_equal(l.counts[QUIRE_LOG_WARNING], 3);
}

/* A bus inside a bus: addresses go through both; and the root's own dma-ranges mean nothing. */
static void dma_limits(void **state)
{
	(void)state;
	start();
	start_root(2, 2);
	WORDS("dma-ranges", 0, 0, 0, 0, 0, 0x1000);
	node("soc");
	WORDS("#address-cells", 1);
	WORDS("#size-cells", 1);
	WORDS("dma-ranges", 0, 0, 0x40000000, 0x40000000, 0x40000000, 1, 0, 0x10000000);
	node("bus");
	WORDS("#address-cells", 1);
	WORDS("#size-cells", 1);
	WORDS("dma-ranges", 0, 0x40000000, 0x08000000, 0, 0x90000000, 0x1000);	/* the second is outside of soc's */
	end();
	node("pci");
	WORDS("#address-cells", 3);
	WORDS("#size-cells", 2);
	WORDS("dma-ranges", 0x43000000, 0, 0, 0x10000000, 0, 0x01000000);
	end();
	node("off");
	text("status", "disabled");
	WORDS("dma-ranges", 0, 0, 1);
	end();
	end();
	assert_int_equal(finish(), QUIRE_OK);
	assert_true(t.m.dma_limit == 0x51000000);		/* pci: 0x10000000 in soc is 0x50000000 */
	start();
	start_root(2, 2);
	node("soc");
	WORDS("dma-ranges", 0, 0, 0, 0, 0xffffffff);		/* cells default to 2 and 1 */
	node("broken");
	WORDS("dma-ranges", 1, 2, 3);
	end();
	end();
	assert_int_equal(finish(), QUIRE_OK);
	assert_true(t.m.dma_limit == 0xffffffff);
	assert_true(log_has(&l, "dma-ranges of broken"));
}

static void deep_trees_are_walked_without_recursion(void **state)
{
	(void)state;
	start();
	start_root(2, 2);
	for (int i = 0; i < 200; i++)
		node("n");
	for (int i = 0; i < 200; i++)
		end();
	memory("memory@0", 0, 0, 0, 0x1000, -1);
	assert_int_equal(finish(), QUIRE_OK);
	assert_int_equal(t.m.map_count, 1);
	assert_int_equal(l.counts[QUIRE_LOG_WARNING], 1);
	assert_true(log_has(&l, "levels deep"));
}

/* --- Broken blobs. --- */

static void blobs_that_end_early_or_do_not_fit_change_nothing(void **state)
{
	size_t size;
	uint8_t *dtb = read_sample("arm64-4-nodes.dtb", &size);
	char before[4096], after[4096];

	(void)state;
	machine_reset(&t, QUIRE_ARCH_ARM64);
	machine_text(&t.m, before, sizeof(before));
	for (size_t length = 0; length < size; length += length < 200 ? 1 : 97)
		assert_int_equal(quire_read_fdt(&t.m, dtb, length, NULL), QUIRE_ETRUNCATED);
	assert_int_equal(quire_read_fdt(&t.m, dtb + 4, size - 4, NULL), QUIRE_EINVAL);
	dtb[0] ^= 1;
	assert_int_equal(quire_read_fdt(&t.m, dtb, size, NULL), QUIRE_EFORMAT);
	dtb[0] ^= 1;
	machine_text(&t.m, after, sizeof(after));
	assert_string_equal(before, after);
	/* Four CPUs, two ranges, distances of four nodes. */
	for (size_t room = 0; room < 4; room++) {
		machine_reset_small(&t, QUIRE_ARCH_ARM64, room);
		log_reset(&l);
		assert_int_equal(quire_read_fdt(&t.m, dtb, size, &l.log), QUIRE_ENOSPC);
		machine_text(&t.m, after, sizeof(after));
		assert_string_equal(before, after);
		machine_check(&t);
	}
	machine_reset_small(&t, QUIRE_ARCH_ARM64, 4);
	assert_int_equal(quire_read_fdt(&t.m, dtb, size, NULL), QUIRE_OK);
	machine_check(&t);
	free(dtb);
}

/* Bytes changed at random, header included: any answer, but no crash, no hang, no write out of bounds. */
static void mutated_blobs_are_survived(void **state)
{
	size_t size;
	uint8_t *dtb = read_sample("arm64-hotpluggable.dtb", &size), *copy = malloc(size);
	uint64_t seed = 1;
	int accepted = 0;

	(void)state;
	for (int round = 0; round < 4000; round++) {
		memcpy(copy, dtb, size);
		for (int n = (int)(next_random(&seed) % 8); n >= 0; n--)
			copy[next_random(&seed) % (round % 4 ? size : 64)] = (uint8_t)next_random(&seed);
		machine_reset_small(&t, QUIRE_ARCH_ARM64, next_random(&seed) % 12);
		accepted += quire_read_fdt(&t.m, copy, size, NULL) == QUIRE_OK;
		machine_check(&t);
	}
	/* Most changes hit a value, not the structure: if none gets through, the test tests nothing. */
	assert_true(accepted > 100);
	free(dtb);
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_nodes_of_which_two_have_memory),
		cmocka_unit_test(hotpluggable_memory_and_bus_limits),
		cmocka_unit_test(memory_nodes),
		cmocka_unit_test(numbers_wider_than_64_bits),
		cmocka_unit_test(node_ids),
		cmocka_unit_test(distances),
		cmocka_unit_test(reservations),
		cmocka_unit_test(reserved_memory_must_address_like_the_root),
		cmocka_unit_test(chosen),
		cmocka_unit_test(dma_limits),
		cmocka_unit_test(deep_trees_are_walked_without_recursion),
		cmocka_unit_test(blobs_that_end_early_or_do_not_fit_change_nothing),
		cmocka_unit_test(mutated_blobs_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
