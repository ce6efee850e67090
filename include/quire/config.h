/*
 * What the embedder (or the kernel command line) chose: geometry, rules, policies, tunables.
 *
 * quire_config_defaults() fills everything for an architecture the way the field's distribution kernels are built; change
 * fields afterwards, or let quire_cmdline_parse() (firmware.h) do so, before quire_init() reads them.
 *
 * Geometry can be pinned: compiled with -DQUIRE_PIN_PAGE_SHIFT=12 and the like, the accessors below fold to constants and
 * the fields must agree (quire_init checks).
 */
#ifndef QUIRE_CONFIG_H
#define QUIRE_CONFIG_H

#include <quire/types.h>

enum quire_model {
	QUIRE_MODEL_FLATMEM,
	QUIRE_MODEL_DISCONTIGMEM,
	QUIRE_MODEL_SPARSEMEM,		/* static section table */
	QUIRE_MODEL_SPARSEMEM_EXTREME,	/* roots of the table on demand */
	QUIRE_MODEL_SPARSEMEM_VMEMMAP,	/* descriptors in one virtual window */
	QUIRE_MODELS
};

enum quire_init_policy {
	QUIRE_INIT_EAGER,		/* every descriptor at boot */
	QUIRE_INIT_DEFERRED,		/* a first part at boot, the rest by workers */
	QUIRE_INIT_LAZY,		/* none until a frame near it is first taken */
	QUIRE_INIT_POLICIES
};

/* Whose arithmetic to agree with: what differs between the two long-term kernels (watermarks, memoryless nodes, pcp high). */
enum quire_rules {
	QUIRE_RULES_6_1,
	QUIRE_RULES_6_12,
};

/* Sizes and widths that shape everything; powers of two are given as shifts. */
struct quire_geometry {
	unsigned page_shift;		/* 12, 14 or 16 */
	unsigned section_shift;		/* bytes per section: 27 = 128 MiB */
	unsigned physmem_bits;		/* widest physical address, <= 52 (56 on riscv64) */
	unsigned nodes_shift;		/* 1 << nodes_shift nodes at most; 0: no NUMA */
	unsigned max_order;		/* largest order of an ordinary allocation and of reports: 10 */
	unsigned pageblock_order;	/* 9 for 2 MiB at 4 KiB pages */
	unsigned page_struct_size;	/* bytes per descriptor of the kernel whose books we keep: 64 (i386: 40) */
};

/* An amount of memory asked for on the command line: bytes, or percent of all memory; 0 and false: not given. */
struct quire_amount {
	quire_phys_t bytes;
	unsigned percent;
	bool given;
};

/* One memmap= directive, in order of appearance (x86): nn@ss, nn$ss, nn#ss, nn!ss, nn%ss-old+new, and nn alone. */
enum quire_memmap_kind {
	QUIRE_MEMMAP_ADD_RAM,		/* nn@ss */
	QUIRE_MEMMAP_RESERVE,		/* nn$ss */
	QUIRE_MEMMAP_ACPI,		/* nn#ss */
	QUIRE_MEMMAP_PROTECT,		/* nn!ss */
	QUIRE_MEMMAP_RETYPE,		/* nn%ss-oldtype+newtype */
	QUIRE_MEMMAP_LIMIT,		/* nn: memory above is removed, as mem= */
	QUIRE_MEMMAP_EXACT,		/* exactmap: forget firmware's RAM first */
};
struct quire_memmap_directive {
	enum quire_memmap_kind kind;
	quire_phys_t base, size;
	unsigned old_type, new_type;	/* e820 type numbers for RETYPE; 0: any / remove */
};
#define QUIRE_MEMMAP_DIRECTIVES 64

/* numa= */
enum quire_numa_mode { QUIRE_NUMA_ON, QUIRE_NUMA_OFF, QUIRE_NUMA_FAKE_COUNT, QUIRE_NUMA_FAKE_SIZE, QUIRE_NUMA_FAKE_UNIFORM };

/* hugepagesz=/hugepages= pairs: gigantic ones are taken from memblock at boot, others later by the allocator. */
struct quire_hugepage_request {
	quire_phys_t page_size;		/* bytes */
	uint64_t count;
	int nid;			/* hugepages=node:count form, else QUIRE_NO_NODE */
};
#define QUIRE_HUGEPAGE_REQUESTS 16

/* cma=nn[MG]@[start[MG][-end[MG]]], crashkernel=, hugetlb_cma=, efi_fake_mem= */
struct quire_placement {
	bool given;
	bool high, low;			/* crashkernel=…,high / ,low */
	quire_phys_t size, start, end;	/* start 0: anywhere; end 0: no upper limit */
};
/* crashkernel=start-[end]:size[,…][@offset]; without an end it is QUIRE_PHYS_MAX. The offset is crashkernel.start. */
struct quire_crash_range { quire_phys_t start, end, size; };
#define QUIRE_CRASH_RANGES 8
struct quire_fake_mem { quire_phys_t base, size; uint64_t attribute; };
#define QUIRE_FAKE_MEMS 8
#define QUIRE_FAKE_DISTANCES 64

/* Everything the kernel command line can say about memory. Zeroed: nothing was said. */
struct quire_boot_options {
	struct quire_amount mem;			/* x86: address limit; arm64: amount */
	struct quire_memmap_directive memmap[QUIRE_MEMMAP_DIRECTIVES];
	size_t memmap_count;
	struct quire_amount kernelcore, movablecore;
	bool kernelcore_mirror;
	bool movable_node;
	enum quire_numa_mode numa;
	uint64_t numa_fake_count;			/* COUNT and UNIFORM */
	quire_phys_t numa_fake_size;			/* SIZE */
	uint8_t numa_fake_distances[QUIRE_FAKE_DISTANCES];
	size_t numa_fake_distance_count;
	struct quire_placement cma, crashkernel, crashkernel_low;
	struct quire_crash_range crash_ranges[QUIRE_CRASH_RANGES];
	size_t crash_range_count;
	quire_phys_t hugetlb_cma;			/* total over all nodes */
	struct quire_hugepage_request hugepages[QUIRE_HUGEPAGE_REQUESTS];
	size_t hugepage_count;
	quire_phys_t highmem;				/* i386 highmem=nn, with highmem_given */
	bool highmem_given;
	quire_phys_t vmalloc;				/* i386 vmalloc=nn, 0: default 128 MiB */
	struct quire_fake_mem fake_mem[QUIRE_FAKE_MEMS];
	size_t fake_mem_count;
	bool thp_never;					/* transparent_hugepage=never */
	bool shuffle;					/* page_alloc.shuffle=1 */
	unsigned memtest;				/* passes; 0: none */
	bool memmap_on_memory;
	bool memhp_online_given;			/* memhp_default_state= */
	bool memhp_online;				/* … online, online_kernel or online_movable */
	unsigned nr_cpus;				/* nr_cpus= / maxcpus=; 0: not given */
	bool memblock_debug;
	bool hugetlb_vmemmap_optimize;			/* hugetlb_free_vmemmap=on */
};

/* Run-time tunables (sysctl vm.*). quire_config_defaults sets the field's. */
struct quire_tunables {
	int64_t min_free_kbytes;		/* -1: computed */
	unsigned watermark_scale_factor;	/* of 10000; 10; range 1 .. 3000 */
	unsigned watermark_boost_factor;	/* of 10000; 15000; 0: no boost */
	unsigned percpu_pagelist_high_fraction;	/* 0: default; else >= 8 */
	unsigned lowmem_reserve_ratio[QUIRE_ZONE_TYPES];	/* 256 256 32 0 0 0; 0: none */
	uint32_t lowmem_reserve_zones;		/* zones the sysctl's list names in turn: zone_mask; 0: all types */
	unsigned min_unmapped_ratio;		/* percent; 1 */
	unsigned min_slab_ratio;		/* percent; 5 */
};

struct quire_config {
	enum quire_arch arch;
	enum quire_rules rules;
	struct quire_geometry geometry;
	uint32_t zone_mask;			/* 1 << enum quire_zone_type for every zone type that exists */
	enum quire_model model;
	enum quire_init_policy init;
	unsigned workers;			/* for DEFERRED; 0: one per CPU */
	unsigned page_stride;			/* bytes per descriptor of ours: 16, 32 or 64 */
	unsigned cpus;				/* CPUs that will allocate; 0: those of the machine, at least 1 */
	bool cma_enabled;			/* kernel has CMA (arm64 distribution kernels) */
	quire_phys_t cma_default_size;		/* default area when cma= is not given; 64 MiB on arm64, 0: none */
	bool numa_emulation;			/* numa=fake= is understood */
	bool efi_fake_mem;			/* efi_fake_mem= is understood; distribution kernels are built without it */
	bool thp;				/* kernel has transparent huge pages */
	bool debug;				/* log every memblock call */
	struct quire_boot_options options;
	struct quire_tunables tunables;
};

/* Fill `config` for an architecture and rule set as Debian's kernels are built (spec 02 §1, captures' build facts). */
void quire_config_defaults(struct quire_config *config, enum quire_arch arch, enum quire_rules rules);

/* Geometry in range, shifts that fit each other, zone mask sane, pins agree. QUIRE_EINVAL or QUIRE_ERANGE; *why a sentence. */
enum quire_status quire_config_check(const struct quire_config *config, const char **why);

const char *quire_model_name(enum quire_model model);		/* "sparse-vmemmap" … as --model takes it */
const char *quire_init_policy_name(enum quire_init_policy policy);

/* Geometry accessors, constant where pinned. */
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

#endif
