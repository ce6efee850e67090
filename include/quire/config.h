/*
 * What the embedder (or the kernel command line) chose: geometry, rules, policies, tunables.
 *
 *	quire_config_defaults(&config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_12);
 *	quire_cmdline_parse(&config, "kernelcore=50% numa=fake=4", NULL, NULL);	(firmware.h; optional)
 *	config.init = QUIRE_INIT_DEFERRED;
 *	quire_init(&q, &config, &machine, &platform);
 *
 * quire_config_defaults() fills everything for an architecture the way the field's distribution kernels are built;
 * change fields afterwards, or let quire_cmdline_parse() do so, before quire_init() checks and copies them. After that
 * the copy in struct quire is read only; tunables change through a call of the allocator's (page_alloc.h).
 *
 * Geometry can be pinned: compiled with -DQUIRE_PIN_PAGE_SHIFT=12 and the like, the accessors below fold to constants
 * and the fields must agree (quire_init checks).
 */
#ifndef QUIRE_CONFIG_H
#define QUIRE_CONFIG_H

#include <quire/debug_options.h>
#include <quire/options.h>
#include <quire/types.h>

/* --- choices ------------------------------------------------------------------------------------------------------ */

/* Where page descriptors live (memmap.h). Answers do not depend on it, memory and time do. */
enum quire_model {
	/* One array from the first frame to the last. Default of i386. */
	QUIRE_MODEL_FLATMEM,
	/* One array per node. */
	QUIRE_MODEL_DISCONTIGMEM,
	/* An array per section, found through a static section table. */
	QUIRE_MODEL_SPARSEMEM,
	/* The same, roots of the table on demand. */
	QUIRE_MODEL_SPARSEMEM_EXTREME,
	/* Descriptors in one virtual window, which the platform must provide. Default of the 64-bit architectures. */
	QUIRE_MODEL_SPARSEMEM_VMEMMAP,
	/* Number of models, not one of them. */
	QUIRE_MODELS
};

/* When page descriptors are written. All three end with the same memory. */
enum quire_init_policy {
	/* Every descriptor at boot. */
	QUIRE_INIT_EAGER,
	/* A first part at boot, the rest by workers in QUIRE_STAGE_LATE. */
	QUIRE_INIT_DEFERRED,
	/* None until a frame near it is first taken. Default. */
	QUIRE_INIT_LAZY,
	/* Number of policies, not one of them. */
	QUIRE_INIT_POLICIES
};

/*
 * Whose arithmetic to agree with. What differs between the two long-term kernels: the early estimate of managed pages,
 * watermarks of the movable zone, memoryless nodes in zonelists, the upper bound of per-CPU page sets, arm64's zone
 * limits.
 */
enum quire_rules {
	QUIRE_RULES_6_1,
	QUIRE_RULES_6_12,
};

/* --- geometry ----------------------------------------------------------------------------------------------------- */

/*
 * Sizes and widths that shape everything; powers of two are given as shifts. quire_config_check() refuses values out of
 * the ranges below with QUIRE_ERANGE.
 */
struct quire_geometry {
	/* log2 of bytes per base page: 12 (default), 14 or 16. */
	unsigned page_shift;
	/*
	 * log2 of bytes per section, at least page_shift + max_order, at most 40. 27 (128 MiB) by default; i386 26,
	 * with PAE 29.
	 */
	unsigned section_shift;
	/*
	 * Bits of the widest physical address, at least section_shift, at most 52 (riscv64 56, i386 36). Defaults:
	 * x86_64 46, i386 32, with PAE 36, arm64 48, riscv64 56. Memory beyond has no section and is cut with a
	 * message.
	 */
	unsigned physmem_bits;
	/*
	 * 1 << nodes_shift nodes at most, and never more than QUIRE_MAX_NODES; 0: a kernel without NUMA, one node.
	 * Defaults: x86_64 10, arm64 4, riscv64 2, i386 0.
	 */
	unsigned nodes_shift;
	/*
	 * Largest order of reports (a larger free block counts as several of it); default 10, below QUIRE_MAX_ORDERS.
	 * The movable zone starts at a multiple of such a block, and huge pages larger than one are "gigantic".
	 */
	unsigned max_order;
	/* Order of a pageblock, the unit of mobility grouping: 1 .. max_order. Default 9, i386 without PAE 10. */
	unsigned pageblock_order;
	/*
	 * Bytes per descriptor of the kernel whose books we keep, 8 .. 512, a multiple of 4: 64, i386 40. For what that
	 * kernel deducts for its memmap and for comparisons only; our own descriptors are page_stride bytes.
	 */
	unsigned page_struct_size;
};

/* --- what the command line says ----------------------------------------------------------------------------------- */

/* An amount of memory asked for on the command line. */
struct quire_amount {
	/* Bytes; meaningful if percent is 0. */
	quire_phys_t bytes;
	/* Percent of all memory, 1 .. 100; 0: `bytes` counts. */
	unsigned percent;
	/* False: nothing was said, the other fields mean nothing. */
	bool given;
};

/* What a memmap= directive does (x86). */
enum quire_memmap_kind {
	/* nn@ss: the range is RAM. */
	QUIRE_MEMMAP_ADD_RAM,
	/* nn$ss: the range is reserved. */
	QUIRE_MEMMAP_RESERVE,
	/* nn#ss: the range holds ACPI data. */
	QUIRE_MEMMAP_ACPI,
	/* nn!ss: the range is legacy persistent memory. */
	QUIRE_MEMMAP_PROTECT,
	/* nn%ss-oldtype+newtype: what is of the old type becomes the new one. */
	QUIRE_MEMMAP_RETYPE,
	/* nn alone: RAM from address nn on is removed, as with mem=. */
	QUIRE_MEMMAP_LIMIT,
	/* exactmap: the firmware's map is forgotten, what follows is all there is. */
	QUIRE_MEMMAP_EXACT,
};

/* One directive. Kept in order of appearance, because each works on what those before it left. */
struct quire_memmap_directive {
	enum quire_memmap_kind kind;
	/* Bytes. The range does not wrap; size is not 0 except for EXACT. LIMIT: size is the address, base is 0. */
	quire_phys_t base, size;
	/* RETYPE: e820 type numbers; old 0: whatever the type is, new 0: the range is removed. */
	unsigned old_type, new_type;
};

/* Most directives on one command line; further ones are reported as unknown words. */
#define QUIRE_MEMMAP_DIRECTIVES 64

/* numa=: where nodes come from. */
enum quire_numa_mode {
	/* As firmware says. What holds when nothing was said. */
	QUIRE_NUMA_ON,
	/* off or noacpi: one node has everything. */
	QUIRE_NUMA_OFF,
	/* fake=N: N nodes of equal memory over the whole machine. */
	QUIRE_NUMA_FAKE_COUNT,
	/* fake=size: nodes of at least so much memory. */
	QUIRE_NUMA_FAKE_SIZE,
	/* fake=NU: every physical node is cut into N of equal extent. */
	QUIRE_NUMA_FAKE_UNIFORM
};

/*
 * A hugepagesz=/hugepages= pair. Gigantic pages (larger than a block of max_order) are taken from memblock in
 * QUIRE_STAGE_DESCRIPTORS; smaller ones are left to whoever wants them from the allocator afterwards.
 */
struct quire_hugepage_request {
	/* Bytes; a size the architecture's page tables can map. */
	quire_phys_t page_size;
	/* How many pages. */
	uint64_t count;
	/* Node of the form hugepages=node:count, else QUIRE_NO_NODE: nodes with memory in turn. */
	int nid;
};
/* Most requests kept; further ones are reported as unknown words. */
#define QUIRE_HUGEPAGE_REQUESTS 16

/* cma=nn[MG][@start[MG][-end[MG]]] and crashkernel=. All amounts are bytes. */
struct quire_placement {
	/* False: nothing was said, the other fields mean nothing. */
	bool given;
	/* crashkernel=…,high (above 4 GiB is fine at once) and ,low. */
	bool high, low;
	/*
	 * start 0: anywhere; end 0: no upper limit. cma=size@start has end set to start + size: a fixed place. cma=0 is
	 * given with size 0: no area.
	 */
	quire_phys_t size, start, end;
};

/*
 * crashkernel=start-[end]:size[,…][@offset]: on machines with at least `start` and less than `end` bytes of memory,
 * `size` bytes. Without an end it is QUIRE_PHYS_MAX. The first range that fits counts; the offset is crashkernel.start.
 */
struct quire_crash_range { quire_phys_t start, end, size; };
#define QUIRE_CRASH_RANGES 8

/* efi_fake_mem=size@base:attribute: EFI attribute bits that firmware is made to have reported for the range (bytes). */
struct quire_fake_mem { quire_phys_t base, size; uint64_t attribute; };
#define QUIRE_FAKE_MEMS 8

/* Most distances behind numa=fake=…:d,d,…; a longer list is reported and ignored. */
#define QUIRE_FAKE_DISTANCES 64

/*
 * Everything the kernel command line can say about memory, filled by quire_cmdline_parse() or by hand. Zeroed: nothing
 * was said. Options the architecture or the kernel's build does not have are refused by the parser and stay zero.
 */
struct quire_boot_options {
	/*
	 * mem=. x86: an address, RAM from there on is removed (the lowest of several counts; quire_e820_sanitize does
	 * it). Elsewhere: an amount, counted from the bottom, holes left out (the last one counts; QUIRE_STAGE_MEMBLOCK
	 * does it). Never percent.
	 */
	struct quire_amount mem;
	/* memmap=, x86 only; read by quire_e820_sanitize(). */
	struct quire_memmap_directive memmap[QUIRE_MEMMAP_DIRECTIVES];
	size_t memmap_count;

	/* --- the movable zone; strongest first: movable_node, kernelcore=mirror, amounts --- */

	/* kernelcore=, movablecore=: what the kernel keeps for itself; what is movable. The larger kernel part wins. */
	struct quire_amount kernelcore, movablecore;
	/* kernelcore=mirror: what is not mirrored is movable. */
	bool kernelcore_mirror;
	/* movable_node: memory firmware marks hot-pluggable is movable, and boot keeps off it. */
	bool movable_node;

	/* --- numa= --- */

	enum quire_numa_mode numa;
	/* FAKE_COUNT: nodes in all. FAKE_UNIFORM: nodes out of each physical one. At least 1. */
	uint64_t numa_fake_count;
	/* FAKE_SIZE: bytes per emulated node, rounded to multiples of 32 MiB. */
	quire_phys_t numa_fake_size;
	/* Distances between emulated nodes, row by row, 0 .. 255; cells not given follow the physical nodes. */
	uint8_t numa_fake_distances[QUIRE_FAKE_DISTANCES];
	size_t numa_fake_distance_count;

	/* --- memory set aside at boot --- */

	/*
	 * cma=, crashkernel= and crashkernel=size,low. The low part is placed where the crash kernel itself came to lie
	 * above what all devices reach; 256 MiB (x86) or 128 MiB (others, from 6.12 on) if nothing was said, none if
	 * its size is 0.
	 */
	struct quire_placement cma, crashkernel, crashkernel_low;
	/* crashkernel= with ranges: the one that fits says the size instead of crashkernel.size. */
	struct quire_crash_range crash_ranges[QUIRE_CRASH_RANGES];
	size_t crash_range_count;
	/*
	 * hugetlb_cma=, bytes, the total over all nodes. For the simulator's model of a kernel; boot makes no area of
	 * it.
	 */
	quire_phys_t hugetlb_cma;
	/* hugepages=, in order of appearance. */
	struct quire_hugepage_request hugepages[QUIRE_HUGEPAGE_REQUESTS];
	size_t hugepage_count;

	/* --- i386 --- */

	/* highmem=nn, bytes of high memory wanted (0 is a wish too, hence the flag). */
	quire_phys_t highmem;
	bool highmem_given;
	/* vmalloc=nn, bytes; 0: the default of 128 MiB. A guard of 8 MiB is added to what is given. */
	quire_phys_t vmalloc;

	/* --- other --- */

	/* efi_fake_mem=, applied by quire_e820_sanitize(). */
	struct quire_fake_mem fake_mem[QUIRE_FAKE_MEMS];
	size_t fake_mem_count;
	/* transparent_hugepage=never: no raised min_free_kbytes (watermark.h). */
	bool thp_never;
	/* page_alloc.shuffle=1: whole free pageblocks are handed out in random order (debug.shuffle_seed). */
	bool shuffle;
	/* page_poison=, page_owner=, debug_pagealloc=, … : what finds mistakes in the use of memory. */
	struct quire_debug_options debug;
	/* memtest=: passes, 17 without a value, 0: none. For the embedder, who calls quire_memblock_memtest(). */
	unsigned memtest;
	/* memory_hotplug.memmap_on_memory=: the hotplug policy's default. */
	bool memmap_on_memory;
	/* memhp_default_state= was there; then the next field is what it said. */
	bool memhp_online_given;
	/*
	 * online, online_kernel or online_movable: added memory blocks go online by themselves (the block report says
	 * so).
	 */
	bool memhp_online;
	/* ... online_kernel and online_movable named the zone; neither: the policy below chooses. */
	bool memhp_online_kernel, memhp_online_movable;
	/* memory_hotplug.online_policy=auto-movable; else contig-zones (hotplug.h). */
	bool memhp_auto_movable;
	/* memory_hotplug.auto_movable_ratio=, percent, and that it was there. */
	bool memhp_ratio_given;
	unsigned memhp_ratio;
	/* memory_hotplug.auto_movable_numa_aware=0. */
	bool memhp_numa_unaware;
	/* The least of nr_cpus=, maxcpus= and nosmp; 0: not given. For who sets quire_config.cpus. */
	unsigned nr_cpus;
	/* memblock=debug. For who sets quire_memblock.debug. */
	bool memblock_debug;
	/* hugetlb_free_vmemmap=on. Recorded only. */
	bool hugetlb_vmemmap_optimize;
};

/* --- tunables ----------------------------------------------------------------------------------------------------- */

/*
 * What the field has as sysctls vm.*. quire_config_defaults() sets the field's defaults; quire_sysctl_set()
 * (firmware.h) sets one from text and refuses values out of range.
 */
struct quire_tunables {
	/* KiB kept free over all zones of low memory; -1 (default): computed (watermark.h). At least 0 when set. */
	int64_t min_free_kbytes;
	/* Least distance from mark to mark, in 1/10000 of a zone's managed pages; default 10, range 1 .. 3000. */
	unsigned watermark_scale_factor;
	/* How far watermarks may be boosted, in 1/10000 of the high mark; default 15000, 0: no boost. */
	unsigned watermark_boost_factor;
	/*
	 * What one CPU may keep of a zone: managed / fraction / CPUs; 0 (default): from the watermarks; else at least
	 * 8.
	 */
	unsigned percpu_pagelist_high_fraction;
	/*
	 * By zone type: requests that could use a higher zone leave 1/ratio of the memory above untouched in this one.
	 * Defaults 256 256 32 0 0 0; 0: nothing is reserved.
	 */
	unsigned lowmem_reserve_ratio[QUIRE_ZONE_TYPES];
	/* Zones (1 << type) the sysctl's list names in turn; default the zone mask, 0: all types. */
	uint32_t lowmem_reserve_zones;
	/*
	 * Percent of a zone; default 1, range 0 .. 100. Kept for reports and settings; the engine has no node reclaim.
	 */
	unsigned min_unmapped_ratio;
	/* Percent of a zone; default 5, range 0 .. 100. As above. */
	unsigned min_slab_ratio;
	/* Requests above order 3 have memory compacted if the fragmentation index is above this; default 500, 0 .. 1000. */
	unsigned extfrag_threshold;
	/* How early memory is compacted without anybody asking: default 20, range 0 (never) .. 100. */
	unsigned compaction_proactiveness;
};

/* --- all of it ---------------------------------------------------------------------------------------------------- */

struct quire_config {
	/* Must be the machine's (quire_init checks). */
	enum quire_arch arch;
	enum quire_rules rules;
	struct quire_geometry geometry;
	/*
	 * 1 << enum quire_zone_type for every zone type that exists. Must hold Normal; HighMem on i386 only. Default:
	 * what Debian's kernel of the architecture has, e.g. x86_64 DMA, DMA32, Normal, Movable and Device.
	 */
	uint32_t zone_mask;
	enum quire_model model;
	enum quire_init_policy init;
	/* DEFERRED: how many workers write the late descriptors; 0 (default): one per CPU. */
	unsigned workers;
	/* Bytes per descriptor of ours: 16 (default), 32 or 64. The engine uses 16, the rest is the embedder's. */
	unsigned page_stride;
	/* CPUs that will allocate; 0 (default): the machine's enabled ones, at least 1. */
	unsigned cpus;

	/* --- how the kernel was built: options it does not have are not understood on its command line --- */

	/* The kernel has contiguous memory areas; default true on arm64 only. */
	bool cma_enabled;
	/* Bytes of the default area when cma= is not given and firmware has none; 64 MiB on arm64, 0: no such area. */
	quire_phys_t cma_default_size;
	/* numa=fake= is understood; default true on x86_64 only. */
	bool numa_emulation;
	/* efi_fake_mem= is understood; default false, as distribution kernels are built. */
	bool efi_fake_mem;
	/* Transparent huge pages: default true. They raise min_free_kbytes (watermark.h). */
	bool thp;

	/*
	 * For the embedder: whether to ask for QUIRE_LOG_DEBUG messages. What makes memblock speak is
	 * quire_memblock.debug.
	 */
	bool debug;

	struct quire_boot_options options;
	struct quire_tunables tunables;
};

/* --- functions ---------------------------------------------------------------------------------------------------- */

/*
 * Fill all of *config, whatever was in it, for an architecture and rule set as Debian's kernels are built; no option is
 * given. An `arch` out of range is taken as x86_64. Cannot fail; callable anywhere.
 */
void quire_config_defaults(struct quire_config *config, enum quire_arch arch, enum quire_rules rules);

/*
 * Check what quire_init() relies on: known choices, geometry in range, shifts that fit each other, a sane zone mask,
 * agreement with what was pinned. Options and tunables are not looked at, but for what the build is without.
 *
 * QUIRE_EUNSUPPORTED: something is asked for that was left out of the build (options.h). QUIRE_EINVAL: an unknown choice
 * (architecture, rules, model, policy, stride), a zone mask without Normal or with zones there cannot be, or a field that
 * differs from its pin. QUIRE_ERANGE: geometry. Then *why, unless `why` is NULL, is a static sentence; on success it is
 * not touched.
 */
enum quire_status quire_config_check(const struct quire_config *config, const char **why);

/*
 * Names as the command's --model and --init take them: "flat", "discontig", "sparse", "sparse-extreme",
 * "sparse-vmemmap"; "eager", "deferred", "lazy". Static strings, never NULL; "?" for values out of range.
 */
const char *quire_model_name(enum quire_model model);
const char *quire_init_policy_name(enum quire_init_policy policy);

/* --- geometry accessors ------------------------------------------------------------------------------------------- */

/*
 * Each is the field of that name, or the constant it was pinned to: -DQUIRE_PIN_PAGE_SHIFT=, _SECTION_SHIFT=,
 * _PAGEBLOCK_ORDER=, _MAX_ORDER=, _MODEL=, _PAGE_STRIDE=, _INIT=, _ARCH=, _RULES=. Code in the engine reads these choices
 * through them only. All files of a build, and whoever includes memmap.h, must be compiled with the same pins.
 */
#ifdef QUIRE_PIN_PAGE_SHIFT
#define quire_page_shift(config) ((void)(config), (unsigned)QUIRE_PIN_PAGE_SHIFT)
#else
#define quire_page_shift(config) ((config)->geometry.page_shift)
#endif
#ifdef QUIRE_PIN_SECTION_SHIFT
#define quire_section_shift(config) ((void)(config), (unsigned)QUIRE_PIN_SECTION_SHIFT)
#else
#define quire_section_shift(config) ((config)->geometry.section_shift)
#endif
#ifdef QUIRE_PIN_PAGEBLOCK_ORDER
#define quire_pageblock_order(config) ((void)(config), (unsigned)QUIRE_PIN_PAGEBLOCK_ORDER)
#else
#define quire_pageblock_order(config) ((config)->geometry.pageblock_order)
#endif
#ifdef QUIRE_PIN_MAX_ORDER
#define quire_max_order(config) ((void)(config), (unsigned)QUIRE_PIN_MAX_ORDER)
#else
#define quire_max_order(config) ((config)->geometry.max_order)
#endif
#ifdef QUIRE_PIN_MODEL
#define quire_model(config) ((void)(config), QUIRE_PIN_MODEL)
#else
#define quire_model(config) ((config)->model)
#endif
#ifdef QUIRE_PIN_PAGE_STRIDE
#define quire_page_stride(config) ((void)(config), (unsigned)QUIRE_PIN_PAGE_STRIDE)
#else
#define quire_page_stride(config) ((config)->page_stride)
#endif
#ifdef QUIRE_PIN_INIT
#define quire_init_policy(config) ((void)(config), QUIRE_PIN_INIT)
#else
#define quire_init_policy(config) ((config)->init)
#endif
#ifdef QUIRE_PIN_ARCH
#define quire_arch(config) ((void)(config), QUIRE_PIN_ARCH)
#else
#define quire_arch(config) ((config)->arch)
#endif
#ifdef QUIRE_PIN_RULES
#define quire_rules(config) ((void)(config), QUIRE_PIN_RULES)
#else
#define quire_rules(config) ((config)->rules)
#endif

#endif
