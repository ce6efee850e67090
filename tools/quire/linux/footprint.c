/* See footprint.h. */
#include "footprint.h"

#include "cma.h"

#define KIB ((quire_phys_t)1 << 10)
#define MIB ((quire_phys_t)1 << 20)
#define GIB ((quire_phys_t)1 << 30)
#define PAGE(q) ((quire_phys_t)1 << quire_page_shift(&(q)->config))
#define CACHE_LINE 64u

struct footprint {
	struct quire *q;
	const struct linux_build *build;
	quire_phys_t image; /* where the kernel is */
	quire_phys_t dma_floor; /* tables stay above it where they can */
};

static bool is_i386(const struct quire *q)
{
	return q->config.arch == QUIRE_ARCH_I386 || q->config.arch == QUIRE_ARCH_I386_PAE;
}

static bool is_x86(const struct quire *q)
{
	return q->config.arch == QUIRE_ARCH_X86_64 || is_i386(q);
}

static quire_phys_t take(struct footprint *f, quire_phys_t size, quire_phys_t align, int nid)
{
	return size ? quire_memblock_alloc_try_nid_raw(&f->q->memblock, size, align, f->dma_floor,
						       QUIRE_MEMBLOCK_ACCESSIBLE, nid)
		    : 0;
}

static const struct quire_reservation *firmware_reservation(const struct quire *q, enum quire_reservation_kind kind)
{
	for (size_t i = 0; i < q->machine->reservation_count; i++)
		if (q->machine->reservations[i].kind == kind && q->machine->reservations[i].base != QUIRE_PHYS_MAX)
			return &q->machine->reservations[i];
	return NULL;
}

/* What is taken before any allocation: the image, the lowest megabyte of a PC, the device tree. */
static void take_image(struct footprint *f)
{
	const struct quire_reservation *kernel = firmware_reservation(f->q, QUIRE_RESERVE_KERNEL);
	struct quire_memblock *mb = &f->q->memblock;

	f->image =
		kernel ? kernel->base : f->build->image_offset + (is_x86(f->q) ? 0 : quire_memblock_start_of_dram(mb));
	if (!kernel)
		quire_memblock_reserve(mb, f->image, f->build->image_size);
	if (is_x86(f->q))
		quire_memblock_reserve(mb, 0, MIB);
	if (f->build->fdt && !firmware_reservation(f->q, QUIRE_RESERVE_FDT))
		quire_memblock_phys_alloc_range(mb, f->build->fdt, 2 * MIB, 0,
						quire_memblock_start_of_dram(mb) + 256 * MIB);
}

/* Page tables of the direct map: x86 has large pages for it, arm64 maps base pages and needs a table for each 2 MiB. */
static void take_page_tables(struct footprint *f)
{
	quire_phys_t memory = quire_memblock_phys_mem_size(&f->q->memblock),
		     end = quire_memblock_end_of_dram(&f->q->memblock);
	quire_phys_t pages = 3 + end / (512 * GIB);

	if (!is_x86(f->q))
		pages += memory / (2 * MIB) + memory / GIB;
	else if (!is_i386(f->q) && end > 16 * GIB)
		pages += end / GIB - 16;
	take(f, pages * PAGE(f->q), PAGE(f->q), QUIRE_NO_NODE);
}

static void take_nodes(struct footprint *f)
{
	const struct quire_topology *t = &f->q->topology;

	for (unsigned nid = 0; nid < t->node_count; nid++)
		if (t->nodes[nid] && t->nodes[nid]->online && f->q->config.geometry.nodes_shift)
			take(f, f->build->node_data, CACHE_LINE, (int)nid);
}

/* One section table entry per section, a usage map, and descriptors, run by run of sections of one node. */
static void take_sections(struct footprint *f)
{
	const struct quire_config *config = &f->q->config;
	quire_phys_t descriptors = quire_pages_per_section(config) * config->geometry.page_struct_size, total = 0;
	struct quire_section_run run;
	uint64_t cursor = 0, roots = UINT64_MAX;

	take(f, f->build->section_roots, CACHE_LINE, QUIRE_NO_NODE);
	while (quire_section_next_run(config, &f->q->memblock, &cursor, &run))
		for (uint64_t root = run.start / f->build->sections_per_root;
		     root <= (run.end - 1) / f->build->sections_per_root; root++) {
			if (root != roots)
				take(f, PAGE(f->q), CACHE_LINE, run.nid);
			roots = root;
		}
	for (cursor = 0; quire_section_next_run(config, &f->q->memblock, &cursor, &run);
	     total += descriptors * (run.end - run.start)) {
		take(f, f->build->section_usage * (run.end - run.start), CACHE_LINE, run.nid);
		take(f, descriptors * (run.end - run.start), 2 * MIB, run.nid);
	}
	take(f, (1 + (total + GIB - 1) / GIB) * PAGE(f->q), PAGE(f->q), QUIRE_NO_NODE);
}

/* One array over everything, its ends rounded to the largest block. */
static void take_flat_map(struct footprint *f)
{
	quire_phys_t block = PAGE(f->q) << f->q->config.geometry.max_order;
	quire_phys_t end = ((f->q->topology.max_pfn << quire_page_shift(&f->q->config)) + block - 1) & ~(block - 1);

	take(f, (end >> quire_page_shift(&f->q->config)) * f->q->config.geometry.page_struct_size, CACHE_LINE,
	     QUIRE_NO_NODE);
}

static void take_percpu(struct footprint *f)
{
	const struct quire_topology *t = &f->q->topology;

	for (unsigned nid = 0; nid < t->node_count; nid++) {
		unsigned cpus = 0;

		for (unsigned cpu = 0; cpu < t->cpu_count; cpu++)
			cpus += t->cpu_node[cpu] == (int)nid;
		take(f, cpus * f->build->percpu_unit, PAGE(f->q), (int)nid);
	}
}

/* The end of memory that is there or, as x86 firmware announces, may be plugged in. */
static quire_phys_t possible_end(const struct quire *q)
{
	quire_phys_t end = quire_memblock_end_of_dram(&q->memblock);

	if (!is_x86(q) || q->config.options.numa == QUIRE_NUMA_OFF)
		return end;
	for (size_t i = 0; i < q->machine->affinity_count; i++) {
		const struct quire_memory_affinity *a = &q->machine->affinities[i];

		if (a->flags & QUIRE_AFFINITY_ENABLED && a->flags & QUIRE_AFFINITY_HOTPLUG && a->base + a->size > end)
			end = a->base + a->size;
	}
	return end;
}

/* Bounce buffers for devices that do not reach all of memory. */
static void take_bounce_buffer(struct footprint *f)
{
	quire_phys_t limit =
		f->q->machine->dma_limit && f->q->machine->dma_limit < 4 * GIB ? f->q->machine->dma_limit : 4 * GIB;

	if (possible_end(f->q) <= limit || f->q->config.arch == QUIRE_ARCH_I386)
		return;
	quire_memblock_alloc_try_nid_raw(&f->q->memblock, 64 * MIB, PAGE(f->q), 0, limit - 1, QUIRE_NO_NODE);
	take(f, f->build->bounce_slots, PAGE(f->q), QUIRE_NO_NODE);
}

/* Bytes of a hash table of one entry per 1 << scale bytes of `pages`; beyond 64 GiB it grows with the square root. */
static quire_phys_t hash_size(const struct footprint *f, uint64_t pages, unsigned scale)
{
	unsigned shift = quire_page_shift(&f->q->config);
	uint64_t entries, size = 1;

	for (uint64_t adapt = 64 * GIB >> shift; f->build->pointer_size == 8 && adapt < pages; adapt <<= 2)
		scale++;
	entries = pages >> (scale - shift);
	while (size < entries)
		size <<= 1;
	return size * f->build->pointer_size;
}

/* With several nodes these tables are spread over them later, by the allocator. */
static void take_hashes(struct footprint *f)
{
	const struct quire_topology *t = &f->q->topology;
	unsigned shift = quire_page_shift(&f->q->config), nodes = 0;
	uint64_t pages = quire_memblock_phys_mem_size(&f->q->memblock) >> shift;

	for (unsigned nid = 0; nid < t->node_count; nid++)
		nodes += t->nodes[nid] && t->nodes[nid]->has_memory;
	if (nodes > 1)
		return;
	if (is_i386(f->q) && pages > f->q->topology.max_low_pfn)
		pages = f->q->topology.max_low_pfn;
	pages -= pages / 64;
	take(f, hash_size(f, pages, 13), CACHE_LINE, QUIRE_NO_NODE);
	take(f, hash_size(f, pages, 14), CACHE_LINE, QUIRE_NO_NODE);
}

/* The next node with memory after `nid`, wrapping around. */
static int next_node(const struct quire *q, int nid)
{
	for (unsigned step = 1; step <= q->topology.node_count; step++) {
		unsigned next = (unsigned)(nid + (int)step) % q->topology.node_count;

		if (q->topology.nodes[next] && q->topology.nodes[next]->has_memory)
			return (int)next;
	}
	return 0;
}

/*
 * Pages larger than the allocator's largest block are taken now, node by node in turn; the pool counts them as managed
 * later.
 */
static void take_gigantic(struct footprint *f, struct linux_ledger *ledger)
{
	struct quire_boot_options *o = &f->q->config.options;

	for (size_t i = 0; i < o->hugepage_count; i++) {
		const struct quire_hugepage_request *r = &o->hugepages[i];
		int nid = r->nid != QUIRE_NO_NODE ? r->nid : -1;

		for (uint64_t n = 0; r->page_size > PAGE(f->q) << f->q->config.geometry.max_order && n < r->count;
		     n++) {
			quire_phys_t base;

			nid = r->nid != QUIRE_NO_NODE ? r->nid : next_node(f->q, nid);
			base = quire_memblock_alloc_try_nid_raw(&f->q->memblock, r->page_size, r->page_size, 0, 0, nid);
			if (!base)
				break;
			linux_ledger_add(ledger, LINUX_RELEASE_GIGANTIC, base, r->page_size, "gigantic page", 0);
			f->q->gigantic_bytes += r->page_size;
		}
	}
	o->hugepage_count = 0;
}

static void take_hugetlb_cma(struct footprint *f)
{
	struct quire_cma_request request;
	struct linux_cma at = { .default_done = true };	/* the engine placed that one with the nodes */
	bool served = false;

	while (linux_cma_next(f->q, &at, served, &request))
		served = quire_cma_declare(f->q, &request, NULL) == QUIRE_OK;
}

static void give_back(struct linux_ledger *ledger, const struct footprint *f)
{
	const struct quire_reservation *initrd = firmware_reservation(f->q, QUIRE_RESERVE_INITRD);
	/* Initialisation code lies behind code and read-only data, roughly in the second half. */
	quire_phys_t base = f->image + (f->build->image_size / 2 & ~(PAGE(f->q) - 1));

	linux_ledger_add(ledger, LINUX_RELEASE_EARLY, base, f->build->image_early, "kernel image", 0);
	linux_ledger_add(ledger, LINUX_RELEASE_LATE, base + f->build->image_early, f->build->image_released,
			 "kernel image", 0);
	if (initrd)
		linux_ledger_add(ledger, LINUX_RELEASE_LATE, initrd->base, initrd->size, "initrd", 0);
}

enum quire_status linux_footprint(struct linux_ledger *ledger, struct quire *q, bool release)
{
	struct footprint f = { .q = q, .build = linux_build_of(q->config.arch, q->config.rules) };
	enum quire_status status;

	take_image(&f);
	if (is_i386(q)) {
		status = quire_topology_zone_limits(&q->topology, &q->memblock);
		if (status != QUIRE_OK)
			return status;
		quire_memblock_set_current_limit(&q->memblock, q->topology.max_low_pfn << quire_page_shift(&q->config));
	}
	take_page_tables(&f);
	status = quire_boot_until(q, QUIRE_STAGE_NODES);
	if (status != QUIRE_OK)
		return status;
	f.dma_floor = is_x86(q) ? 16 * MIB : 0;
	take_nodes(&f);
	take_hugetlb_cma(&f);
	if (q->config.model == QUIRE_MODEL_FLATMEM)
		take_flat_map(&f);
	else
		take_sections(&f);
	take_percpu(&f);
	take_gigantic(&f, ledger);
	take_hashes(&f);
	take_bounce_buffer(&f);
	take(&f, 16 * KIB, PAGE(q), QUIRE_NO_NODE);
	if (release)
		give_back(ledger, &f);
	return QUIRE_OK;
}
