/*
 * i386: how much memory the kernel can map for good.
 *
 * The kernel has the last GiB of virtual addresses. From its top down lie the fixed maps and the per-CPU entry areas, one
 * page middle directory for local descriptor tables, one for kmap, a gap of two pages, and vmalloc space; below all that,
 * memory is mapped one to one: low memory. What does not fit is high memory.
 *
 * Fixed maps and entry areas are sized at compile time by the number of CPUs a kernel supports. For the field's 32-CPU
 * kernels they reach down to the constant below with either size of middle directory, whatever the machine has.
 */
#include "topology/topology_internal.h"

#define PAGE_OFFSET 0xc0000000ull
#define ENTRY_AREA_BASE 0xff400000ull
#define VMALLOC_DEFAULT (128ull << 20)
#define VMALLOC_OFFSET (8ull << 20)
#define LOWMEM_MIN_BYTES (64ull << 20)
#define MAX_ADDRESS_BITS 32
#define MAX_ADDRESS_BITS_PAE 36

/* vmalloc=nn is taken plus a guard of 8 MiB, which the default includes. */
quire_phys_t quire_i386_lowmem_limit(const struct quire_config *config)
{
	uint64_t page = 1ull << quire_page_shift(config);
	uint64_t pmd = quire_arch(config) == QUIRE_ARCH_I386_PAE ? 2ull << 20 : 4ull << 20;
	uint64_t ldt = qi_align_down(ENTRY_AREA_BASE - page, pmd);
	uint64_t pkmap = qi_align_down(ldt - page, pmd);
	uint64_t room = pkmap - 2 * page - PAGE_OFFSET;
	uint64_t vmalloc = config->options.vmalloc ? config->options.vmalloc : VMALLOC_DEFAULT;

	if (config->options.vmalloc && !qi_add(vmalloc, VMALLOC_OFFSET, &vmalloc))
		return 0;
	return vmalloc < room ? room - vmalloc : 0;
}

/* highmem= on a machine whose memory all fits: so much is taken from the top of low memory, if enough remains. */
static quire_pfn_t lowmem_less_forced(const struct quire_topology *t, quire_pfn_t max_pfn, quire_pfn_t highmem)
{
	quire_pfn_t keep = LOWMEM_MIN_BYTES >> quire_page_shift(t->config);

	if (!highmem)
		return max_pfn;
	if (highmem >= max_pfn || max_pfn - highmem < keep) {
		qi_log(t->platform, QUIRE_LOG_WARNING,
		       "highmem= of %llu pages leaves less than 64 MiB of low memory, ignored", QI_ULL(highmem));
		return max_pfn;
	}
	return max_pfn - highmem;
}

quire_pfn_t qi_i386_lowmem(const struct quire_topology *t, quire_pfn_t *max_pfn)
{
	const struct quire_config *config = t->config;
	unsigned shift = quire_page_shift(config);
	quire_pfn_t low = quire_i386_lowmem_limit(config) >> shift;
	quire_pfn_t highmem = config->options.highmem_given ? config->options.highmem >> shift : 0;
	unsigned bits = quire_arch(config) == QUIRE_ARCH_I386_PAE ? MAX_ADDRESS_BITS_PAE : MAX_ADDRESS_BITS;

	if (*max_pfn > 1ull << (bits - shift)) {
		qi_log(t->platform, QUIRE_LOG_WARNING, "only %uGB of memory can be addressed, the rest stays unused",
		       1u << (bits - 30));
		*max_pfn = 1ull << (bits - shift);
	}
	if (*max_pfn <= low)
		return lowmem_less_forced(t, *max_pfn, highmem);
	if (config->options.highmem_given && highmem < *max_pfn - low)
		*max_pfn = low + highmem;
	else if (config->options.highmem_given && highmem > *max_pfn - low)
		qi_log(t->platform, QUIRE_LOG_WARNING, "highmem= asks for more than the %llu pages there are",
		       QI_ULL(*max_pfn - low));
	return low;
}
