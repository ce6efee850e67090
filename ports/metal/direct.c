/*
 * The direct map: which memory is in it, and the frames its page tables are made of.
 *
 * Page tables are needed before the engine knows any memory and outlive every engine this kernel boots, so their
 * frames are never the engine's: a few pages of .bss to begin with, then a piece of RAM behind the image, large
 * enough for all memory there is or may be plugged, which the machine's description names as reserved.
 */
#include "kernel.h"

#include "base/lock.h"

#define PAGE 4096u
#define RANGES 64
#define GIB_SHIFT 30
#define SPARE_TABLES 64u	/* for the ends of ranges, the stacks' places, and parts of the window made of base pages */
#define SPARE_TASKS 4u		/* tasks that wait */

static struct mapped_range {
	quire_phys_t base, end;
} mapped[RANGES];
static unsigned mapped_count;

static uint8_t early_tables[METAL_EARLY_TABLES][PAGE] __attribute__((aligned(4096)));
static struct qi_lock stock_lock;
static unsigned early_taken;
static quire_phys_t stock_at, stock_end, taken;

/* --- table pages ------------------------------------------------------------------------------------------------------ */

quire_phys_t metal_own_frame(void)
{
	unsigned long state = arch_irq_save();
	quire_phys_t page = QUIRE_PHYS_MAX;

	qi_lock(&stock_lock);
	if (stock_at < stock_end) {
		page = stock_at;
		stock_at += PAGE;
	} else if (early_taken < METAL_EARLY_TABLES) {
		page = arch_image_phys(early_tables[early_taken++]);
	}
	if (page != QUIRE_PHYS_MAX)
		taken += PAGE;
	qi_unlock(&stock_lock);
	arch_irq_restore(state);
	return page;
}

quire_phys_t metal_table_page(void)
{
	quire_phys_t page = metal_own_frame();

	if (page != QUIRE_PHYS_MAX)
		memset(arch_direct(page), 0, PAGE);
	return page;
}

quire_phys_t metal_tables_used(void)
{
	return taken;
}

/* As many as there are CPUs, and a few that wait. */
unsigned metal_task_stacks(void)
{
	return (unsigned)qi_min(qi_max(metal.machine.cpu_count, 1) + SPARE_TASKS, METAL_STACKS - METAL_CPUS);
}

/*
 * Pages for the direct map without 1 GiB mappings, and for the window by huge pages, of all RAM and all that may be
 * plugged; and for stacks.
 */
static uint64_t tables_wanted(void)
{
	const struct quire_machine *m = &metal.machine;
	uint64_t pages = SPARE_TABLES + metal_stack_pages((unsigned)qi_min(qi_max(m->cpu_count, 1), METAL_CPUS) +
							  metal_task_stacks());

	for (size_t i = 0; i < m->map_count; i++)
		if (m->map[i].type == QUIRE_MEMORY_RAM)
			pages += (m->map[i].size >> GIB_SHIFT) + 4;
	for (size_t i = 0; i < m->affinity_count; i++)
		if (m->affinities[i].flags & QUIRE_AFFINITY_HOTPLUG)
			pages += (m->affinities[i].size >> GIB_SHIFT) + 4;
	return pages;
}

/* The first place in one RAM range, at or after `from`, that no reservation overlaps. */
static bool find_room(quire_phys_t from, quire_phys_t size, quire_phys_t *base)
{
	const struct quire_machine *m = &metal.machine;

	for (size_t i = 0; i < m->map_count; i++) {
		quire_phys_t at = qi_align_up(qi_max(m->map[i].base, from), PAGE), end = m->map[i].base + m->map[i].size;
		bool moved = m->map[i].type == QUIRE_MEMORY_RAM;

		for (; moved && at < end && size <= end - at; at = qi_align_up(at, PAGE)) {
			moved = false;
			for (size_t j = 0; j < m->reservation_count; j++) {
				const struct quire_reservation *r = &m->reservations[j];

				if (r->base < at + size && r->base != QUIRE_PHYS_MAX && at < r->base + r->size) {
					at = r->base + r->size;
					moved = true;
				}
			}
			if (!moved && at + size <= arch_info()->direct_end) {
				*base = at;
				return true;
			}
		}
	}
	return false;
}

enum quire_status metal_reserve_tables(void)
{
	quire_phys_t size = tables_wanted() * PAGE, base;
	enum quire_status status;

	if (!find_room(metal.boot.image_end, size, &base)) {
		metal_print("memory: no room for %llu KiB of page tables behind the kernel: this machine has too little memory\n",
			    (unsigned long long)(size >> 10));
		return QUIRE_ENOMEM;
	}
	status = quire_machine_add_reservation(&metal.machine, &(struct quire_reservation){
		.base = base, .size = size, .kind = QUIRE_RESERVE_KERNEL, .name = "page tables" });
	if (status == QUIRE_OK)
		status = metal_map(base, size);
	if (status == QUIRE_OK) {
		stock_at = base;
		stock_end = base + size;
	}
	return status;
}

/* --- what is mapped --------------------------------------------------------------------------------------------------- */

static bool remember(quire_phys_t base, quire_phys_t end)
{
	for (unsigned i = 0; i < mapped_count; i++)
		if (base <= mapped[i].end && end >= mapped[i].base) {
			mapped[i].base = qi_min(mapped[i].base, base);
			mapped[i].end = qi_max(mapped[i].end, end);
			return true;
		}
	if (mapped_count == RANGES)
		return false;
	mapped[mapped_count++] = (struct mapped_range){ base, end };
	return true;
}

enum quire_status metal_map(quire_phys_t phys, quire_phys_t size)
{
	enum quire_status status = arch_map_direct(phys, size);

	if (status == QUIRE_OK && !remember(qi_align_down(phys, PAGE), qi_align_up(phys + size, PAGE)))
		status = QUIRE_ENOSPC;
	return status;
}

void metal_unmap(quire_phys_t phys, quire_phys_t size)
{
	for (unsigned i = 0; i < mapped_count; i++) {
		struct mapped_range *r = &mapped[i];

		if (phys < r->base || phys + size > r->end)
			continue;
		/*
		 * A piece at one end, or the whole; a hole in the middle would need another entry and stays known as
		 * mapped.
		 */
		if (phys + size == r->end)
			r->end = phys;
		else if (phys == r->base)
			r->base = phys + size;
		if (r->base == r->end)
			*r = mapped[--mapped_count];
		break;
	}
	arch_unmap_direct(phys, size);
}

enum quire_status metal_map_ram(void)
{
	for (size_t i = 0; i < metal.machine.map_count; i++) {
		const struct quire_memory_range *r = &metal.machine.map[i];
		quire_phys_t end = arch_info()->direct_end, size;
		enum quire_status status;

		if (r->type != QUIRE_MEMORY_RAM || r->base >= end || !r->size)
			continue;
		size = qi_min(r->size, end - r->base);
		status = metal_map(r->base, size);
		if (status != QUIRE_OK) {
			metal_print("memory: %#llx-%#llx could not be mapped: %s\n", (unsigned long long)r->base,
				    (unsigned long long)(r->base + size - 1), quire_status_string(status));
			return status;
		}
	}
	return QUIRE_OK;
}

void *metal_phys_to_virt(void *ctx, quire_phys_t phys, quire_phys_t size)
{
	(void)ctx;
	for (unsigned i = 0; i < mapped_count; i++)
		if (phys >= mapped[i].base && phys <= mapped[i].end && size <= mapped[i].end - phys)
			return arch_direct(phys);
	return NULL;
}
