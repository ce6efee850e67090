/*
 * What the command line wants of boot before zones exist: the crash kernel, gigantic pages, less memory than there is.
 * Failing to place one of these never stops boot: it is logged and the machine runs without it.
 */
#include "boot/ledger.h"

#include "base/arch.h"
#include "base/base.h"

#ifndef QUIRE_WITHOUT_BOOT_OPTIONS

#define MIB ((quire_phys_t)1 << 20)
#define FOUR_GIB ((quire_phys_t)1 << 32)

static bool is_x86(const struct quire *q) { return qi_arch_is_x86(quire_arch(&q->config)); }

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
static quire_phys_t crash_limit(const struct quire *q) { return is_x86(q) ? FOUR_GIB : qi_dma_limit(q); }

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
	return is_x86(q) ? 256 * MIB : quire_rules(&q->config) == QUIRE_RULES_6_1 ? 0 : 128 * MIB;
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

void qi_ledger_crashkernel(struct quire *q)
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

void qi_ledger_gigantic(struct quire *q)
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
}

/* x86 takes mem= as an address and has cut its map already; elsewhere it is an amount. */
enum quire_status qi_ledger_confine(struct quire *q)
{
	const struct quire_amount *mem = &q->config.options.mem;
	enum quire_status status = QUIRE_OK;

	if (q->machine->usable_size)
		status = quire_memblock_cap_memory_range(&q->memblock, q->machine->usable_base, q->machine->usable_size);
	if (status == QUIRE_OK && mem->given && !qi_arch_is_x86(quire_arch(&q->config)))
		status = quire_memblock_mem_limit_remove_map(&q->memblock, mem->bytes);
	return status;
}

#endif
