/* Where an architecture's zones begin and end, before any node is looked at. */
#include "topology/topology_internal.h"

#define DMA_END_X86 (16ull << 20)
#define LOW_4G (1ull << 32)

/* arm64 before 6.12 thinks in address bits: how many does every DMA master drive? */
static unsigned dma_bits(const struct quire_machine *machine)
{
	if (machine->dma_limit < 2 || machine->dma_limit > LOW_4G)
		return 32;
	return qi_log2_up(machine->dma_limit);
}

/* The end of a zone reached with `bits` address bits, taking into account where memory starts. */
static quire_phys_t arm64_end_by_bits(const struct quire_memblock *mb, unsigned bits)
{
	quire_phys_t mask = (1ull << bits) - 1, start = quire_memblock_start_of_dram(mb);
	quire_phys_t last = quire_memblock_end_of_dram(mb) - 1;

	if (start >= LOW_4G)
		mask = QUIRE_PHYS_MAX;
	else if (start > mask)
		mask = LOW_4G - 1;
	return qi_min(mask, last) + 1;
}

static void arm64_limits(const struct quire_topology *t, const struct quire_memblock *mb, quire_phys_t *dma,
			 quire_phys_t *dma32)
{
	quire_phys_t last = quire_memblock_end_of_dram(mb) - 1;
	quire_phys_t limit = t->machine->dma_limit ? t->machine->dma_limit - 1 : QUIRE_PHYS_MAX;

	if (quire_rules(t->config) < QUIRE_RULES_6_12) {
		*dma = arm64_end_by_bits(mb, dma_bits(t->machine));
		*dma32 = arm64_end_by_bits(mb, 32);
		return;
	}
	if (quire_memblock_start_of_dram(mb) < LOW_4G)
		limit = qi_min(limit, LOW_4G - 1);
	*dma = qi_min(limit, last) + 1;
	*dma32 = qi_min(LOW_4G - 1, last) + 1;
}

/* Ends of all zone types in pages; types that stay 0 take nothing beyond the zone below. */
static void arch_ends(const struct quire_topology *t, const struct quire_memblock *mb, quire_pfn_t end[QUIRE_ZONE_TYPES])
{
	unsigned shift = quire_page_shift(t->config);
	quire_phys_t dma = DMA_END_X86, dma32 = LOW_4G;

	if (quire_arch(t->config) == QUIRE_ARCH_ARM64)
		arm64_limits(t, mb, &dma, &dma32);
	end[QUIRE_ZONE_DMA] = qi_min(dma >> shift, t->max_low_pfn);
	end[QUIRE_ZONE_DMA32] = qi_min(dma32 >> shift, t->max_low_pfn);
	end[QUIRE_ZONE_NORMAL] = t->max_low_pfn;
	end[QUIRE_ZONE_HIGHMEM] = t->max_pfn;
}

enum quire_status quire_topology_zone_limits(struct quire_topology *t, const struct quire_memblock *mb)
{
	unsigned shift = quire_page_shift(t->config);
	quire_pfn_t end[QUIRE_ZONE_TYPES] = { 0 }, at;

	if (!quire_memblock_phys_mem_size(mb)) {
		qi_log(t->platform, QUIRE_LOG_ERROR, "There is no memory: nothing to make zones of.");
		return QUIRE_ENOMEM;
	}
	at = quire_memblock_start_of_dram(mb) >> shift;
	t->max_pfn = qi_pfn_down(quire_memblock_end_of_dram(mb), shift);
	t->max_low_pfn = t->max_pfn;
	if (qi_arch_is_i386(quire_arch(t->config)))
		t->max_low_pfn = qi_i386_lowmem(t, &t->max_pfn);
	arch_ends(t, mb, end);
	t->movable_zone = QUIRE_ZONE_NORMAL;
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		t->zone_low[type] = t->zone_high[type] = 0;
		if (!qi_zone_exists(t->config, type) || type == QUIRE_ZONE_MOVABLE || type == QUIRE_ZONE_DEVICE)
			continue;
		t->zone_low[type] = at;
		t->zone_high[type] = at = qi_max(at, end[type]);
		if (t->zone_low[type] < t->zone_high[type])
			t->movable_zone = (enum quire_zone_type)type;
	}
	return QUIRE_OK;
}
