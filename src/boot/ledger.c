/*
 * The first stage of boot: what firmware reported becomes memblock regions.
 *
 * Nothing is dropped in silence: an entry that is empty, wraps around, or lies beyond the widest physical address is logged
 * with what was done about it.
 */
#include "boot/ledger.h"

#include "base/arch.h"
#include "base/base.h"
#include "cma/cma.h"

#define FOUR_GIB ((quire_phys_t)1 << 32)

quire_phys_t qi_dma_limit(const struct quire *q)
{
	quire_phys_t end = quire_memblock_end_of_dram(&q->memblock);
	quire_phys_t limit = q->machine->dma_limit ? qi_min(q->machine->dma_limit, FOUR_GIB) : FOUR_GIB;

	if (qi_arch_is_x86(quire_arch(&q->config)))
		return QUIRE_PHYS_MAX;
	return quire_memblock_start_of_dram(&q->memblock) >= limit ? end : qi_min(limit, end);
}

/* First address that cannot be described: the physical address width of the geometry. */
static quire_phys_t address_limit(const struct quire_config *config)
{
	return config->geometry.physmem_bits >= 64 ? QUIRE_PHYS_MAX : (quire_phys_t)1 << config->geometry.physmem_bits;
}

/* Cut a firmware range to what can be described. False: nothing of it remains. */
static bool clip(const struct quire_platform *platform, quire_phys_t limit, quire_phys_t *base, quire_phys_t *size)
{
	quire_phys_t end;

	if (*size == 0)
		return false;
	if (!qi_add(*base, *size, &end)) {
		qi_log(platform, QUIRE_LOG_WARNING,
		       "firmware range [mem %#018llx, %#llx bytes] wraps around the address space: cut at its end",
		       (unsigned long long)*base, (unsigned long long)*size);
		end = QUIRE_PHYS_MAX;
	}
	if (end > limit) {
		qi_log(platform, QUIRE_LOG_WARNING,
		       "memory [mem %#018llx-%#018llx] is beyond %#llx, the widest address: not used",
		       (unsigned long long)qi_max(*base, limit), (unsigned long long)end - 1, (unsigned long long)limit);
		end = limit;
	}
	*size = end > *base ? end - *base : 0;
	return *size != 0;
}

/* What an entry's attributes mean for the region just added. */
static enum quire_status mark(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size, uint32_t attributes)
{
	enum quire_status status = QUIRE_OK;

	if (attributes & QUIRE_MEMORY_MIRROR)
		status = quire_memblock_mark_mirror(mb, base, size);
	if (status == QUIRE_OK && attributes & QUIRE_MEMORY_HOTPLUG)
		status = quire_memblock_mark_hotplug(mb, base, size);
	if (status == QUIRE_OK && attributes & QUIRE_MEMORY_NOMAP)
		status = quire_memblock_mark_nomap(mb, base, size);
	return status;
}

static enum quire_status add_memory(struct quire_memblock *mb, const struct quire_machine *machine,
				    const struct quire_config *config, const struct quire_platform *platform)
{
	for (size_t i = 0; i < machine->map_count; i++) {
		const struct quire_memory_range *range = &machine->map[i];
		quire_phys_t base = range->base, size = range->size;
		enum quire_status status;

		if (range->type != QUIRE_MEMORY_RAM || !clip(platform, address_limit(config), &base, &size))
			continue;
		status = quire_memblock_add(mb, base, size);
		if (status != QUIRE_OK)
			return status;
	}
	quire_memblock_trim_memory(mb, (quire_phys_t)1 << quire_page_shift(config));
	for (size_t i = 0; i < machine->map_count; i++) {
		const struct quire_memory_range *range = &machine->map[i];
		enum quire_status status;

		if (range->type != QUIRE_MEMORY_RAM || !range->attributes)
			continue;
		status = mark(mb, range->base, range->size, range->attributes);
		if (status != QUIRE_OK)
			return status;
	}
	return QUIRE_OK;
}

/* Where a reservation without a place goes; 0: nowhere, and the log says why. */
static quire_phys_t find_place(struct quire *q, const struct quire_reservation *r)
{
	unsigned page_shift = quire_page_shift(&q->config);
	quire_phys_t align = r->align ? r->align : (quire_phys_t)1 << page_shift, base;

	if (!qi_is_pow2(align)) {
		qi_log(q->platform, QUIRE_LOG_WARNING,
		       "reserved memory '%s': alignment %#llx is no power of two: ignored", r->name,
		       (unsigned long long)r->align);
		return 0;
	}
	if (r->kind == QUIRE_RESERVE_CMA)
		align = qi_max(align, (quire_phys_t)1 << (page_shift + quire_pageblock_order(&q->config)));
	base = quire_memblock_phys_alloc_range(&q->memblock, r->size, align, r->min,
					       r->max ? r->max : QUIRE_MEMBLOCK_ACCESSIBLE);
	if (!base)
		qi_log(q->platform, QUIRE_LOG_WARNING, "reserved memory '%s': no room for %#llx bytes: not reserved",
		       r->name, (unsigned long long)r->size);
	return base;
}

static enum quire_status reserve_one(struct quire *q, const struct quire_reservation *r)
{
	struct quire_memblock *mb = &q->memblock;
	quire_phys_t base = r->base;
	enum quire_status status;

	if (r->size == 0)
		return QUIRE_OK;
	if (base == QUIRE_PHYS_MAX) {
		base = find_place(q, r);
		if (!base)
			return QUIRE_OK;
	}
	if (r->kind == QUIRE_RESERVE_NOMAP)
		return quire_memblock_mark_nomap(mb, base, r->size);
	status = quire_memblock_reserve(mb, base, r->size);
	if (status == QUIRE_OK)
		qi_cma_adopt_placed(q, r, base);
	return status;
}

enum quire_status qi_ledger_fill(struct quire *q)
{
	const struct quire_machine *machine = q->machine;
	const struct quire_config *config = &q->config;
	struct quire_memblock *mb = &q->memblock;
	enum quire_status status;

	mb->platform = q->platform;
	mb->page_shift = quire_page_shift(config);
	mb->debug = config->debug;
	mb->mirror_wanted = config->options.kernelcore_mirror;
	mb->movable_node = config->options.movable_node;
	/*
	 * Reservations come first: the tables may have to grow while memory is added, and must then know what is taken. A
	 * firmware that reserves more than the tables inside the struct hold before any memory is known is refused
	 * (QUIRE_ENOMEM).
	 */
	for (size_t i = 0; i < machine->reservation_count; i++) {
		const struct quire_reservation *r = &machine->reservations[i];

		if (r->base == QUIRE_PHYS_MAX || r->kind == QUIRE_RESERVE_NOMAP)
			continue;
		status = reserve_one(q, r);
		if (status != QUIRE_OK)
			return status;
	}
	quire_memblock_allow_resize(mb);
	status = add_memory(mb, machine, config, q->platform);
	if (status == QUIRE_OK)
		status = qi_ledger_confine(q);
	for (size_t i = 0; status == QUIRE_OK && i < machine->reservation_count; i++) {
		const struct quire_reservation *r = &machine->reservations[i];

		if (r->base == QUIRE_PHYS_MAX || r->kind == QUIRE_RESERVE_NOMAP)
			status = reserve_one(q, r);
	}
	return status;
}
