/* The kernel command line: each option's forms, what is refused, quotes and order. */
#include "support.h"

#define MIB ((quire_phys_t)1 << 20)
#define GIB ((quire_phys_t)1 << 30)

static struct quire_config config;
static char refused[4096];

static void note_refused(void *ctx, const char *word, size_t length, const char *why)
{
	size_t used = strlen(refused);

	assert_ptr_equal(ctx, &config);
	assert_non_null(why);
	snprintf(refused + used, sizeof(refused) - used, "[%.*s: %s]", (int)length, word, why);
}

/* Parse on a fresh configuration. */
static const struct quire_boot_options *parse(enum quire_arch arch, const char *line)
{
	quire_config_defaults(&config, arch, QUIRE_RULES_6_1);
	refused[0] = '\0';
	quire_cmdline_parse(&config, line, note_refused, &config);
	return &config.options;
}

static const struct quire_boot_options *x86(const char *line)
{
	return parse(QUIRE_ARCH_X86_64, line);
}

#define assert_refused(text) do { if (!strstr(refused, text)) fail_msg("\"%s\" not in %s", text, refused); } while (0)
#define assert_none_refused() assert_string_equal(refused, "")

/* Words nobody knows are listed, and leave the options as they are. */
static void unknown_words_are_listed(void **state)
{
	struct quire_boot_options empty;

	(void)state;
	memset(&empty, 0, sizeof(empty));
	x86("console=ttyS0 ro quiet \"\" = =x \"a b=c");
	assert_memory_equal(&config.options, &empty, sizeof(empty));
	assert_refused("[console=ttyS0: not about memory][ro: not about memory][quiet:");
	assert_refused("[a b=c: not about memory]");
	quire_cmdline_parse(&config, "console=ttyS0", NULL, NULL);
	x86("");
	assert_none_refused();
}

static void words_end_and_quotes_protect(void **state)
{
	(void)state;
	assert_true(x86("  mem=3G\tmovable_node\n")->mem.bytes == 3 * GIB);
	assert_true(config.options.movable_node);
	assert_true(x86("\"mem=3G\" kernelcore=\"1G\"")->mem.bytes == 3 * GIB);
	assert_true(config.options.kernelcore.bytes == GIB);
	assert_none_refused();
	assert_true(x86("foo=\"mem=1G bar\" mem=2G")->mem.bytes == 2 * GIB);
	assert_false(x86("quiet -- mem=2G")->mem.given);
	assert_true(x86("movable-node default-hugepagesz=1G hugepages=1")->movable_node);
	assert_true(config.options.hugepages[0].page_size == GIB);
	assert_false(x86("xmem=2G mem2=1G")->mem.given);
	assert_false(x86("mem")->mem.given);
	assert_refused("[mem: needs a value]");
}

static void mem_is_an_address_on_x86_and_an_amount_elsewhere(void **state)
{
	(void)state;
	assert_true(x86("mem=2G mem=4G")->mem.bytes == 2 * GIB);
	assert_true(parse(QUIRE_ARCH_ARM64, "mem=2G mem=4G")->mem.bytes == 4 * GIB);
	assert_true(parse(QUIRE_ARCH_ARM64, "mem=4097")->mem.bytes == 4096);
	assert_true(x86("mem=3GB")->mem.bytes == 3 * GIB);
	assert_refused("[mem=3GB: taken");
	assert_false(x86("mem=nopentium mem=0 mem=")->mem.given);
	assert_refused("[mem=nopentium:");
	assert_refused("[mem=0:");
	assert_false(x86("mem=99999999999999999999G")->mem.given);
}

static void memmap_has_every_form(void **state)
{
	const struct quire_boot_options *o = x86(
		"memmap=exactmap memmap=639K@0,300M@1M memmap=256M$1G memmap=0x1000#0x2000 "
		"memmap=1G!4G memmap=2M%0x100000-1+2 memmap=2M%0-5 memmap=2M%0+2 memmap=3G");
	static const struct quire_memmap_directive want[] = {
		{ QUIRE_MEMMAP_EXACT, 0, 0, 0, 0 },
		{ QUIRE_MEMMAP_ADD_RAM, 0, 639 << 10, 0, 0 },
		{ QUIRE_MEMMAP_ADD_RAM, 1 << 20, 300 << 20, 0, 0 },
		{ QUIRE_MEMMAP_RESERVE, 1 << 30, 256 << 20, 0, 0 },
		{ QUIRE_MEMMAP_ACPI, 0x2000, 0x1000, 0, 0 },
		{ QUIRE_MEMMAP_PROTECT, (quire_phys_t)4 << 30, 1 << 30, 0, 0 },
		{ QUIRE_MEMMAP_RETYPE, 0x100000, 2 << 20, 1, 2 },
		{ QUIRE_MEMMAP_RETYPE, 0, 2 << 20, 5, 0 },
		{ QUIRE_MEMMAP_RETYPE, 0, 2 << 20, 0, 2 },
		{ QUIRE_MEMMAP_LIMIT, 0, (quire_phys_t)3 << 30, 0, 0 },
	};

	(void)state;
	assert_none_refused();
	assert_int_equal(o->memmap_count, sizeof(want) / sizeof(want[0]));
	for (size_t i = 0; i < o->memmap_count; i++) {
		assert_int_equal(o->memmap[i].kind, want[i].kind);
		assert_true(o->memmap[i].base == want[i].base && o->memmap[i].size == want[i].size);
		assert_int_equal(o->memmap[i].old_type, want[i].old_type);
		assert_int_equal(o->memmap[i].new_type, want[i].new_type);
	}
}

static void memmap_refuses(void **state)
{
	static const char *const bad[] = { "memmap=@1G", "memmap=0@1G",
					   "memmap=1G@", "memmap=2@0xffffffffffffffff",
					   "memmap=0",	 "memmap=1G%0-99999999999" };
	char line[2048] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(x86(bad[i])->memmap_count, 0);
		assert_refused(bad[i]);
	}
	for (int i = 0; i < QUIRE_MEMMAP_DIRECTIVES + 3; i++)
		strcat(line, "memmap=1M@2M ");
	assert_int_equal(x86(line)->memmap_count, QUIRE_MEMMAP_DIRECTIVES);
	assert_refused("too many");
	assert_int_equal(parse(QUIRE_ARCH_ARM64, "memmap=1G@4G")->memmap_count, 0);
	assert_refused("memmap=1G@4G");
}

static void core_sizes_percentages_and_mirror(void **state)
{
	(void)state;
	assert_true(x86("kernelcore=2G movablecore=25%")->kernelcore.bytes == 2 * GIB);
	assert_int_equal(config.options.movablecore.percent, 25);
	assert_int_equal(config.options.movablecore.bytes, 0);
	assert_int_equal(x86("kernelcore=50% kernelcore=1G")->kernelcore.percent, 0);
	assert_true(config.options.kernelcore.bytes == GIB);
	assert_true(x86("kernelcore=mirror")->kernelcore_mirror);
	assert_false(config.options.kernelcore.given);
	assert_false(x86("kernelcore=101% movablecore=lots")->kernelcore.given);
	assert_refused("[kernelcore=101%:");
	assert_refused("[movablecore=lots:");
}

static void numa_modes(void **state)
{
	(void)state;
	assert_int_equal(x86("numa=off")->numa, QUIRE_NUMA_OFF);
	assert_int_equal(x86("numa=noacpi")->numa, QUIRE_NUMA_OFF);
	assert_int_equal(x86("numa=fake=4")->numa, QUIRE_NUMA_FAKE_COUNT);
	assert_int_equal(config.options.numa_fake_count, 4);
	assert_int_equal(x86("numa=fake=2U")->numa, QUIRE_NUMA_FAKE_UNIFORM);
	assert_int_equal(config.options.numa_fake_count, 2);
	assert_int_equal(x86("numa=fake=512M")->numa, QUIRE_NUMA_FAKE_SIZE);
	assert_true(config.options.numa_fake_size == 512 * MIB);
	assert_int_equal(x86("numa=fake=2:10,30,31,10")->numa_fake_distance_count, 4);
	assert_int_equal(config.options.numa_fake_distances[2], 31);
	assert_int_equal(x86("numa=fake=0 numa=fake=x numa=maybe numa=fake=")->numa, QUIRE_NUMA_ON);
	assert_refused("[numa=fake=0:");
	assert_refused("[numa=fake=x:");
	assert_refused("[numa=fake=:");
	assert_refused("[numa=maybe:");
	assert_int_equal(x86("numa=fake=2:10,300")->numa, QUIRE_NUMA_FAKE_COUNT);
	assert_int_equal(config.options.numa_fake_distance_count, 0);
	assert_int_equal(parse(QUIRE_ARCH_ARM64, "numa=fake=4")->numa, QUIRE_NUMA_ON);
	assert_refused("cannot emulate");
	assert_int_equal(parse(QUIRE_ARCH_I386, "numa=off")->numa, QUIRE_NUMA_ON);
}

static void cma_places(void **state)
{
	const struct quire_boot_options *o = parse(QUIRE_ARCH_ARM64, "cma=256M");

	(void)state;
	assert_true(o->cma.given && o->cma.size == 256 * MIB && o->cma.start == 0 && o->cma.end == 0);
	o = parse(QUIRE_ARCH_ARM64, "cma=128M@2G");
	assert_true(o->cma.start == 2 * GIB && o->cma.end == 2 * GIB + 128 * MIB);
	o = parse(QUIRE_ARCH_ARM64, "cma=64M@1G-3G hugetlb_cma=2G");
	assert_true(o->cma.start == GIB && o->cma.end == 3 * GIB && o->hugetlb_cma == 2 * GIB);
	o = parse(QUIRE_ARCH_ARM64, "cma=0 hugetlb_cma=0:1G,1:512M");
	assert_true(o->cma.given && o->cma.size == 0 && o->hugetlb_cma == GIB + 512 * MIB);
	o = parse(QUIRE_ARCH_ARM64, "cma=64M@3G-2G cma=2G@1G-2G cma=1G@0xffffffffffffffff hugetlb_cma=0:1G,x");
	assert_false(o->cma.given);
	assert_int_equal(o->hugetlb_cma, 0);
	assert_refused("[cma=64M@3G-2G:");
	assert_refused("[cma=2G@1G-2G:");
	assert_refused("[cma=1G@0xffffffffffffffff:");
	assert_refused("[hugetlb_cma=0:1G,x:");
	assert_false(x86("cma=64M")->cma.given);
	assert_refused("no CMA");
}

static void crashkernel_forms(void **state)
{
	const struct quire_boot_options *o = x86("crashkernel=512M@16M");

	(void)state;
	assert_true(o->crashkernel.given && o->crashkernel.size == 512 * MIB && o->crashkernel.start == 16 * MIB);
	assert_false(o->crashkernel.high);
	o = x86("crashkernel=1G,high crashkernel=128M,low");
	assert_true(o->crashkernel.high && o->crashkernel.size == GIB);
	assert_true(o->crashkernel_low.low && o->crashkernel_low.size == 128 * MIB);
	o = x86("crashkernel=256M crashkernel=1G,high");
	assert_true(!o->crashkernel.high && o->crashkernel.size == 256 * MIB);
	o = x86("crashkernel=1G,high crashkernel=256M");
	assert_true(!o->crashkernel.high && o->crashkernel.size == 256 * MIB);
	o = x86("crashkernel=1G,high crashkernel=0,low");
	assert_true(o->crashkernel_low.given && o->crashkernel_low.size == 0);
	o = x86("crashkernel=512M-2G:64M,2G-:128M@32M");
	assert_int_equal(o->crash_range_count, 2);
	assert_true(o->crash_ranges[0].start == 512 * MIB && o->crash_ranges[0].end == 2 * GIB &&
		    o->crash_ranges[0].size == 64 * MIB);
	assert_true(o->crash_ranges[1].start == 2 * GIB && o->crash_ranges[1].end == QUIRE_PHYS_MAX);
	assert_true(o->crash_ranges[1].size == 128 * MIB && o->crashkernel.start == 32 * MIB && o->crashkernel.size == 0);
	assert_none_refused();
	o = x86("crashkernel=512M-2G:64M crashkernel=1G");
	assert_true(o->crash_range_count == 0 && o->crashkernel.size == GIB);
	o = x86("crashkernel=auto crashkernel=0 crashkernel=1G-:  crashkernel=2G-1G:1M crashkernel=1M@1M,high "
		"crashkernel=1-2:3,4-5:6,7-8:9,1-2:3,1-2:3,1-2:3,1-2:3,1-2:3,1-2:3");
	assert_false(o->crashkernel.given);
	assert_int_equal(o->crash_range_count, 0);
	assert_refused("[crashkernel=auto:");
	assert_refused("[crashkernel=1G-::");
	assert_refused("too many ranges");
}

static void check_hugepages(const char *line, size_t count, const struct quire_hugepage_request *want)
{
	const struct quire_boot_options *o = &config.options;

	if (o->hugepage_count != count)
		fail_msg("%s: %zu requests, not %zu", line, o->hugepage_count, count);
	for (size_t i = 0; i < count; i++)
		if (o->hugepages[i].page_size != want[i].page_size || o->hugepages[i].count != want[i].count ||
		    o->hugepages[i].nid != want[i].nid)
			fail_msg("%s: request %zu is %llu x %llu on %d", line, i, (unsigned long long)o->hugepages[i].count,
				 (unsigned long long)o->hugepages[i].page_size, o->hugepages[i].nid);
}

static void hugepages_go_with_the_size_before_them(void **state)
{
	static const struct {
		const char *line;
		size_t count;
		struct quire_hugepage_request want[4];
		const char *refusal;
	} cases[] = {
		{ "hugepages=300", 1, { { 2 << 20, 300, -1 } }, NULL },
		{ "hugepagesz=1G hugepages=2 hugepagesz=2M hugepages=64", 2, { { 1 << 30, 2, -1 }, { 2 << 20, 64, -1 } },
		  NULL },
		{ "default_hugepagesz=2M hugepagesz=1G hugepages=2 hugepagesz=2M hugepages=300", 2,
		  { { 1 << 30, 2, -1 }, { 2 << 20, 300, -1 } }, NULL },
		{ "default_hugepagesz=1G hugepages=4", 1, { { 1 << 30, 4, -1 } }, NULL },
		{ "hugepages=4 default_hugepagesz=1G", 1, { { 1 << 30, 4, -1 } }, NULL },
		{ "hugepagesz=1G hugepages=0:1,1:2", 2, { { 1 << 30, 1, 0 }, { 1 << 30, 2, 1 } }, NULL },
		{ "hugepagesz=3M hugepages=5 hugepages=6", 0, { { 0 } }, "[hugepagesz=3M:" },
		{ "hugepagesz=64K hugepages=5", 0, { { 0 } }, "[hugepages=5: belongs to" },
		{ "hugepagesz=2M hugepages=1 hugepages=2", 1, { { 2 << 20, 1, -1 } }, "[hugepages=2: given twice" },
		{ "hugepagesz=2M hugepages=1 hugepagesz=2M hugepages=2", 1, { { 2 << 20, 1, -1 } }, "[hugepagesz=2M:" },
		{ "hugepages=9 hugepagesz=2M hugepages=1", 1, { { 2 << 20, 9, -1 } }, "[hugepages: the count" },
		{ "default_hugepagesz=1G default_hugepagesz=2M hugepages=3", 0, { { 0 } }, "[default_hugepagesz=2M:" },
		{ "hugepages=x hugepagesz=1G hugepages=0:1,9999:2", 1, { { 1 << 30, 1, 0 } }, "no such node" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		x86(cases[i].line);
		if (cases[i].refusal && strcmp(cases[i].refusal, "no such node"))
			assert_refused(cases[i].refusal);
		check_hugepages(cases[i].line, cases[i].count, cases[i].want);
	}
}

static void hugepage_sizes_are_the_architectures(void **state)
{
	static const struct quire_hugepage_request arm[] = { { 1 << 30, 1, -1 }, { 2 << 20, 64, -1 }, { 64 << 10, 32, -1 } };
	static const struct quire_hugepage_request i386[] = { { 4 << 20, 3, -1 } }, pae[] = { { 2 << 20, 3, -1 } };

	(void)state;
	parse(QUIRE_ARCH_ARM64, "hugepagesz=1G hugepages=1 hugepagesz=2M hugepages=64 hugepagesz=64K hugepages=32");
	check_hugepages("arm64", 3, arm);
	assert_none_refused();
	parse(QUIRE_ARCH_I386, "hugepages=3");
	check_hugepages("i386", 1, i386);
	parse(QUIRE_ARCH_I386_PAE, "hugepages=3");
	check_hugepages("i386-pae", 1, pae);
}

static void debugging(void **state)
{
	const struct quire_debug_options *d;

	(void)state;
	d = &x86("page_poison=1 page_owner=on debug_pagealloc=on debug_guardpage_minorder=3 init_on_alloc=y init_on_free=0")
		     ->debug;
	assert_true(d->page_poison && d->page_owner && d->debug_pagealloc && d->init_on_alloc && !d->init_on_free);
	assert_int_equal(d->guardpage_minorder, 3);
	assert_false(x86("page_owner=1")->debug.page_owner);
	assert_refused("[page_owner=1:");
	assert_false(x86("page_owner=on page_owner=off")->debug.page_owner);
	assert_int_equal(x86("debug_guardpage_minorder=6")->debug.guardpage_minorder, 0);
	assert_refused("[debug_guardpage_minorder=6:");
	d = &x86("fail_page_alloc=10,50,100,-1")->debug;
	assert_true(d->faults.interval == 10 && d->faults.probability == 50 && d->faults.space == 100 &&
		    d->faults.times == -1);
	assert_true(d->faults.min_order == 1 && d->faults.ignore_highmem && d->faults.ignore_reclaim);
	assert_int_equal(x86("fail_page_alloc=1,100,0,7")->debug.faults.times, 7);
	assert_int_equal(x86("fail_page_alloc=1,101,0,7")->debug.faults.probability, 0);
	assert_refused("[fail_page_alloc=1,101,0,7:");
	assert_int_equal(x86("fail_page_alloc=1,50")->debug.faults.probability, 0);
	assert_int_equal(x86("fail_page_alloc=1,50,0,1,9")->debug.faults.probability, 0);
}

static void the_rest(void **state)
{
	const struct quire_boot_options *o = parse(QUIRE_ARCH_I386_PAE, "highmem=512M vmalloc=384M");

	(void)state;
	assert_true(o->highmem_given && o->highmem == 512 * MIB && o->vmalloc == 384 * MIB);
	assert_false(x86("highmem=512M vmalloc=384M")->highmem_given);
	assert_refused("[highmem=512M:");
	assert_refused("[vmalloc=384M:");
	assert_int_equal(x86("efi_fake_mem=2G@4G:0x10000")->fake_mem_count, 0);
	assert_refused("[efi_fake_mem=2G@4G:0x10000:");
	config.efi_fake_mem = true;
	quire_cmdline_parse(&config, "efi_fake_mem=2G@4G:0x10000,1G@1G:0x40000 efi_fake_mem=2G@4G", NULL, NULL);
	o = &config.options;
	assert_int_equal(o->fake_mem_count, 2);
	assert_true(o->fake_mem[0].base == 4 * GIB && o->fake_mem[0].size == 2 * GIB && o->fake_mem[0].attribute == 0x10000);
	assert_true(o->fake_mem[1].attribute == 0x40000);
	assert_true(x86("transparent_hugepage=never")->thp_never);
	assert_false(x86("transparent_hugepage=never transparent_hugepage=madvise")->thp_never);
	assert_false(x86("transparent_hugepage=maybe")->thp_never);
	assert_true(x86("page_alloc.shuffle=1")->shuffle);
	assert_true(x86("page_alloc.shuffle")->shuffle);
	assert_false(x86("page_alloc.shuffle=on page_alloc.shuffle=N")->shuffle);
	assert_int_equal(x86("memtest")->memtest, 17);
	assert_int_equal(x86("memtest=4")->memtest, 4);
	assert_true(x86("memory_hotplug.memmap_on_memory=force")->memmap_on_memory);
	assert_true(x86("memory_hotplug.memmap_on_memory=Y")->memmap_on_memory);
	assert_true(x86("memhp_default_state=online_movable")->memhp_online);
	o = x86("memhp_default_state=offline");
	assert_true(o->memhp_online_given && !o->memhp_online);
	assert_false(x86("memhp_default_state=on")->memhp_online_given);
	o = x86("memhp_default_state=online_kernel");
	assert_true(o->memhp_online_kernel && !o->memhp_online_movable);
	/* The last one counts, with its zone. */
	o = x86("memhp_default_state=online_kernel memhp_default_state=online");
	assert_true(o->memhp_online && !o->memhp_online_kernel && !o->memhp_online_movable);
	o = x86("memory_hotplug.online_policy=auto-movable memory_hotplug.auto_movable_ratio=150");
	assert_true(o->memhp_auto_movable && o->memhp_ratio_given && !o->memhp_numa_unaware);
	assert_int_equal(o->memhp_ratio, 150);
	assert_true(x86("memory_hotplug.auto_movable_numa_aware=0")->memhp_numa_unaware);
	o = x86("memory_hotplug.online_policy=movable memory_hotplug.auto_movable_ratio=much");
	assert_false(o->memhp_auto_movable || o->memhp_ratio_given);
	assert_int_equal(x86("nr_cpus=8 maxcpus=2")->nr_cpus, 2);
	assert_int_equal(x86("maxcpus=0")->nr_cpus, 1);
	assert_int_equal(x86("nosmp")->nr_cpus, 1);
	assert_int_equal(x86("nr_cpus=0")->nr_cpus, 0);
	assert_true(x86("memblock=debug")->memblock_debug);
	assert_true(x86("hugetlb_free_vmemmap=on")->hugetlb_vmemmap_optimize);
}

/* Any bytes: nothing may be read beyond the line, and the counts stay in their arrays. Run under the address sanitizer. */
static void garbage_is_survived(void **state)
{
	static const char alphabet[] = "memap=numfkhgsz@$#!%-+:,\"01289xGMKE  _.\t";
	uint64_t seed = 99;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t length = next_random(&seed) % 60;
		char *line = malloc(length + 1);

		for (size_t i = 0; i < length; i++)
			line[i] = alphabet[next_random(&seed) % (sizeof(alphabet) - 1)];
		line[length] = '\0';
		x86(line);
		assert_true(config.options.memmap_count <= QUIRE_MEMMAP_DIRECTIVES);
		free(line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_words_are_listed),
		cmocka_unit_test(words_end_and_quotes_protect),
		cmocka_unit_test(mem_is_an_address_on_x86_and_an_amount_elsewhere),
		cmocka_unit_test(memmap_has_every_form),
		cmocka_unit_test(memmap_refuses),
		cmocka_unit_test(core_sizes_percentages_and_mirror),
		cmocka_unit_test(numa_modes),
		cmocka_unit_test(cma_places),
		cmocka_unit_test(crashkernel_forms),
		cmocka_unit_test(hugepages_go_with_the_size_before_them),
		cmocka_unit_test(hugepage_sizes_are_the_architectures),
		cmocka_unit_test(the_rest),
		cmocka_unit_test(debugging),
		cmocka_unit_test(garbage_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
