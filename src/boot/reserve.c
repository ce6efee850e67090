/*
 * What the command line wants set aside before zones exist: CMA, the crash kernel, gigantic pages. Failing to place one of
 * these never stops boot: it is logged and the machine runs without it.
 */
#include "boot/ledger.h"

#include "base/base.h"

#define MIB ((quire_phys_t)1 << 20)
#define FOUR_GIB ((quire_phys_t)1 << 32)

static bool is_x86(const struct quire *q)
{
	return q->config.arch == QUIRE_ARCH_X86_64 || q->config.arch == QUIRE_ARCH_I386 ||
	       q->config.arch == QUIRE_ARCH_I386_PAE;
}

/* Highest address devices of this architecture are sure to reach, exclusive. */
static quire_phys_t dma_limit(const struct quire *q)
{
	quire_phys_t end = quire_memblock_end_of_dram(&q->memblock);
	quire_phys_t limit = q->machine->dma_limit ? qi_min(q->machine->dma_limit, FOUR_GIB) : FOUR_GIB;

	if (is_x86(q))
		return QUIRE_PHYS_MAX;
	return quire_memblock_start_of_dram(&q->memblock) >= limit ? end : qi_min(limit, end);
}

static bool same_name(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/* Those whose place the ledger found are areas already. */
static bool adopt(struct quire *q, const struct quire_reservation *r)
{
	if (r->base != QUIRE_PHYS_MAX)
		return quire_cma_adopt(q, r->base, r->size, r->name, NULL) == QUIRE_OK;
	for (size_t i = 0; i < q->cma_count; i++)
		if (same_name(q->cma[i].name, r->name))
			return true;
	return false;
}

static void place_cma(struct quire *q)
{
	const struct quire_placement *asked = &q->config.options.cma;
	struct quire_cma_request request = { .size = q->config.cma_default_size, .limit = dma_limit(q), .nid = QUIRE_NO_NODE,
					     .name = "reserved" };
	enum quire_status status;

	if (!q->config.cma_enabled)
		return;
	/* An area of the device tree marked as the default takes the place of ours; any other is adopted beside it. */
	for (size_t i = 0; i < q->machine->reservation_count; i++) {
		const struct quire_reservation *r = &q->machine->reservations[i];

		if (r->kind != QUIRE_RESERVE_CMA)
			continue;
		if (adopt(q, r) && r->is_default_cma && !asked->given)
			return;
	}
	if (asked->given) {
		request.size = asked->size;
		request.base = asked->start;
		if (asked->end)
			request.limit = qi_min(request.limit, asked->end);
		request.fixed = asked->start && (!asked->end || asked->start + asked->size == asked->end);
	}
	if (!request.size)
		return;
	status = quire_cma_declare(q, &request, NULL);
	if (status != QUIRE_OK)
		qi_log(q->platform, QUIRE_LOG_ERROR, "cma: no area of %llu MiB: %s",
		       (unsigned long long)(request.size >> 20), quire_status_string(status));
}

/* crashkernel=range:size[,…]: the size that goes with this machine's memory. */
static quire_phys_t crash_size(const struct quire *q)
{
	const struct quire_boot_options *o = &q->config.options;
	quire_phys_t memory = quire_memblock_phys_mem_size(&q->memblock);

	if (!o->crash_range_count)
		return o->crashkernel.size;
	for (size_t i = 0; i < o->crash_range_count; i++)
		if (memory >= o->crash_ranges[i].start && (!o->crash_ranges[i].end || memory < o->crash_ranges[i].end))
			return o->crash_ranges[i].size;
	return 0;
}

/* The most a part of the crash kernel may reach to be of use to all devices. */
static quire_phys_t crash_limit(const struct quire *q) { return is_x86(q) ? FOUR_GIB : dma_limit(q); }

/* At the place that was asked for, or as low as it must be, or anywhere. 0: there is no room. */
static quire_phys_t find_crash_place(struct quire *q, quire_phys_t size, quire_phys_t align)
{
	const struct quire_placement *asked = &q->config.options.crashkernel;
	quire_phys_t base = 0;

	if (asked->start) {
		if (!quire_memblock_is_region_memory(&q->memblock, asked->start, size) ||
		    quire_memblock_is_region_reserved(&q->memblock, asked->start, size) ||
		    quire_memblock_reserve(&q->memblock, asked->start, size) != QUIRE_OK)
			return 0;
		return asked->start;
	}
	if (!asked->high)
		base = quire_memblock_phys_alloc_range(&q->memblock, size, align, align, crash_limit(q));
	return base ? base : quire_memblock_phys_alloc_range(&q->memblock, size, align, align, QUIRE_MEMBLOCK_ANYWHERE);
}

/* What goes below the limit where the crash kernel itself does not; 0: nothing. 6.1 has no default on ARM. */
static quire_phys_t crash_low_size(const struct quire *q)
{
	const struct quire_placement *asked = &q->config.options.crashkernel_low;

	if (asked->given)
		return asked->size;
	return is_x86(q) ? 256 * MIB : q->config.rules == QUIRE_RULES_6_1 ? 0 : 128 * MIB;
}

/*
 * The second kernel's devices want memory they can reach. False: there is none, and then it is of no use to have the
 * rest.
 */
static bool place_crash_low(struct quire *q, quire_phys_t align)
{
	quire_phys_t size = qi_align_up(crash_low_size(q), (quire_phys_t)1 << quire_page_shift(&q->config)), base;

	if (q->crash_base < crash_limit(q) || q->config.options.crashkernel.start || !size)
		return true;
	base = quire_memblock_phys_alloc_range(&q->memblock, size, align, align, crash_limit(q));
	if (!base)
		return false;
	q->crash_low_base = base;
	q->crash_low_size = size;
	qi_log(q->platform, QUIRE_LOG_INFO, "crashkernel low memory reserved: %#018llx - %#018llx (%llu MB)",
	       (unsigned long long)base, (unsigned long long)(base + size), (unsigned long long)(size >> 20));
	return true;
}

static void place_crashkernel(struct quire *q)
{
	quire_phys_t align = is_x86(q) ? 16 * MIB : 2 * MIB, size;

	if (!q->config.options.crashkernel.given ||
	    !(size = qi_align_up(crash_size(q), (quire_phys_t)1 << quire_page_shift(&q->config))))
		return;
	q->crash_base = find_crash_place(q, size, align);
	if (q->crash_base && !place_crash_low(q, align)) {
		quire_memblock_phys_free(&q->memblock, q->crash_base, size);
		q->crash_base = 0;
	}
	if (!q->crash_base) {
		qi_log(q->platform, QUIRE_LOG_WARNING,
		       "crashkernel: no room for %llu MiB and what it needs below %#llx: not reserved",
		       (unsigned long long)(size >> 20), (unsigned long long)crash_limit(q));
		return;
	}
	q->crash_size = size;
	qi_log(q->platform, QUIRE_LOG_INFO, "crashkernel reserved: %#018llx - %#018llx (%llu MB)",
	       (unsigned long long)q->crash_base, (unsigned long long)(q->crash_base + size),
	       (unsigned long long)(size >> 20));
}

enum quire_status qi_ledger_place(struct quire *q)
{
	place_cma(q);
	place_crashkernel(q);
	return QUIRE_OK;
}

/* The next node with memory after `nid`, wrapping around. */
static int next_node(const struct quire *q, int nid)
{
	for (unsigned step = 1; step <= q->topology.node_count; step++) {
		unsigned candidate = ((unsigned)nid + step) % q->topology.node_count;

		if (q->topology.nodes[candidate] && q->topology.nodes[candidate]->has_memory)
			return (int)candidate;
	}
	return 0;
}

enum quire_status qi_ledger_gigantic(struct quire *q)
{
	const struct quire_boot_options *o = &q->config.options;
	quire_phys_t largest = (quire_phys_t)1 << (quire_page_shift(&q->config) + quire_max_order(&q->config));

	for (size_t i = 0; i < o->hugepage_count; i++) {
		const struct quire_hugepage_request *r = &o->hugepages[i];
		int nid = r->nid != QUIRE_NO_NODE ? r->nid : (int)q->topology.node_count - 1;
		uint64_t taken = 0;

		/* Pages the allocator can make are not taken here but by whoever wants them afterwards. */
		if (r->page_size <= largest)
			continue;
		for (; taken < r->count; taken++) {
			quire_phys_t base;

			nid = r->nid != QUIRE_NO_NODE ? r->nid : next_node(q, nid);
			base = quire_memblock_alloc_try_nid_raw(&q->memblock, r->page_size, r->page_size, 0,
								QUIRE_MEMBLOCK_ACCESSIBLE, nid);
			if (!base)
				break;
		}
		q->gigantic_bytes += taken * r->page_size;
		if (taken < r->count)
			qi_log(q->platform, QUIRE_LOG_WARNING,
			       "HugeTLB: only %llu of %llu pages of %llu MiB could be taken", (unsigned long long)taken,
			       (unsigned long long)r->count, (unsigned long long)(r->page_size >> 20));
	}
	return QUIRE_OK;
}
