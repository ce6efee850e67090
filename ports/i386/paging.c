/*
 * Page tables of both kinds. Without PAE a directory of 1024 entries of 32 bits, each for 4 MiB; with it four
 * directories of 512 entries of 64 bits, each for 2 MiB, which lie next to each other and so are one of 2048. Below
 * both are tables of one page. Which kind it is, is decided once, before paging is on.
 */
#include "i386.h"

#define PAGE		4096u
#define PRESENT		0x01u
#define WRITABLE	0x02u
#define UNCACHED	0x18u
#define LARGE		0x80u
#define ADDRESS		0x000ffffffffff000ull

#define CPUID_PSE	0x08u
#define CPUID_PAE	0x40u
#define CR0_PAGING	0x80010000u	/* and write protection */
#define CR4_PSE		0x10u
#define CR4_PAE		0x20u

static uint8_t directory[4 * PAGE] __attribute__((aligned(4096)));
static uint64_t pointers[4] __attribute__((aligned(32)));

static struct arch_info info;
static bool pae;
static unsigned shift;		/* of what a directory's entry maps */

/* --- entries of either width ------------------------------------------------------------------------------------------ */

static uint64_t read_entry(const void *table, unsigned index)
{
	return pae ? ((const uint64_t *)table)[index] : ((const uint32_t *)table)[index];
}

/* The half with the present bit last when it comes and first when it goes. */
static void write_entry(void *table, unsigned index, uint64_t value)
{
	volatile uint32_t *words = (volatile uint32_t *)table + index * (pae ? 2 : 1);

	if (!(value & PRESENT))
		words[0] = 0;
	if (pae)
		words[1] = (uint32_t)(value >> 32);
	words[0] = (uint32_t)value;
}

static unsigned page_index(uint32_t va)
{
	return va >> 12 & (pae ? 511 : 1023);
}

static void forget(uint32_t va)
{
	__asm__ volatile("invlpg %0" :: "m"(*(char *)va) : "memory");
}

/* The table below a directory entry, made if it is not there. NULL: a large page is there, or no page for a table. */
static void *table_of(uint32_t va, bool make)
{
	uint64_t entry = read_entry(directory, va >> shift);
	quire_phys_t page;

	if (entry & PRESENT)
		return entry & LARGE ? NULL : arch_direct(entry & ADDRESS);
	page = make ? metal_table_page() : QUIRE_PHYS_MAX;
	if (page == QUIRE_PHYS_MAX)
		return NULL;
	write_entry(directory, va >> shift, page | PRESENT | WRITABLE);
	return arch_direct(page);
}

static bool large_at(uint32_t va)
{
	return (read_entry(directory, va >> shift) & (PRESENT | LARGE)) == (PRESENT | LARGE);
}

/* --- the direct map --------------------------------------------------------------------------------------------------- */

const struct arch_info *arch_info(void)
{
	return &info;
}

void *arch_direct(quire_phys_t phys)
{
	return (void *)(uintptr_t)(DIRECT_BASE + (uint32_t)phys);
}

bool i386_set_page(uint32_t va, quire_phys_t phys)
{
	void *table = table_of(va, phys != QUIRE_PHYS_MAX);

	if (!table || (!pae && phys != QUIRE_PHYS_MAX && phys >> 32))
		return false;
	write_entry(table, page_index(va), phys == QUIRE_PHYS_MAX ? 0 : phys | PRESENT | WRITABLE);
	forget(va);
	return true;
}

bool arch_map_stack_page(void *va, quire_phys_t phys)
{
	return i386_set_page((uint32_t)va, phys);
}

/* Map what of [phys, end) one entry can hold at va, or pass over what is there. How much; 0: no page for a table. */
static uint32_t map_step(uint32_t va, quire_phys_t phys, quire_phys_t end, uint32_t flags)
{
	uint32_t span = 1u << shift;
	void *table;

	if (large_at(va))
		return span - (va & (span - 1));
	if (!(va & (span - 1)) && end - phys >= span && !read_entry(directory, va >> shift)) {
		write_entry(directory, va >> shift, phys | PRESENT | WRITABLE | LARGE | flags);
		return span;
	}
	table = table_of(va, true);
	if (!table)
		return 0;
	if (!(read_entry(table, page_index(va)) & PRESENT))
		write_entry(table, page_index(va), phys | PRESENT | WRITABLE | flags);
	return PAGE;
}

static enum quire_status map_range(quire_phys_t phys, quire_phys_t size, uint32_t flags)
{
	quire_phys_t at = qi_align_down(phys, PAGE), end = qi_align_up(phys + size, PAGE);

	if (phys >= info.direct_end || size > info.direct_end - phys)
		return QUIRE_ERANGE;
	while (at < end) {
		uint32_t step = map_step(DIRECT_BASE + (uint32_t)at, at, end, flags);

		if (!step)
			return QUIRE_ENOMEM;
		at += step;
	}
	return QUIRE_OK;
}

enum quire_status arch_map_direct(quire_phys_t phys, quire_phys_t size)
{
	return map_range(phys, size, 0);
}

enum quire_status arch_map_device(quire_phys_t phys, quire_phys_t size)
{
	return map_range(phys, size, UNCACHED);
}

/* Clear what lies in [va, va + size) as a whole. */
static void unmap_range(uint32_t va, uint32_t size)
{
	uint32_t span = 1u << shift;

	for (uint32_t done = 0, step; done < size; done += step) {
		uint32_t at = va + done;
		void *table = table_of(at, false);

		step = table ? PAGE : span - (at & (span - 1));
		if (table)
			write_entry(table, page_index(at), 0);
		else if (step == span && size - done >= span)
			write_entry(directory, at >> shift, 0);
		forget(at);
	}
}

void arch_unmap_direct(quire_phys_t phys, quire_phys_t size)
{
	unmap_range(DIRECT_BASE + (uint32_t)phys, (uint32_t)size);
}

/* --- the descriptor window -------------------------------------------------------------------------------------------- */

enum quire_status arch_vmemmap_map(void *address, quire_phys_t phys, quire_phys_t size)
{
	uint32_t va = (uint32_t)address;
	void *table;

	if (va < WINDOW_BASE || va - WINDOW_BASE > WINDOW_BYTES - size)
		return QUIRE_ERANGE;
	if (size > PAGE) {
		if (!info.huge || read_entry(directory, va >> shift) & PRESENT)
			return QUIRE_EUNSUPPORTED;
		write_entry(directory, va >> shift, phys | PRESENT | WRITABLE | LARGE);
		return QUIRE_OK;
	}
	if (large_at(va))
		return QUIRE_EUNSUPPORTED;
	table = table_of(va, true);
	if (!table)
		return QUIRE_ENOMEM;
	if (read_entry(table, page_index(va)) & PRESENT)
		return QUIRE_EUNSUPPORTED;
	write_entry(table, page_index(va), phys | PRESENT | WRITABLE);
	return QUIRE_OK;
}

void arch_vmemmap_unmap(void *va, quire_phys_t size)
{
	unmap_range((uint32_t)va, (uint32_t)size);
}

/* --- paging on -------------------------------------------------------------------------------------------------------- */

extern char i386_image_end[];

/* The first memory up to the image's end, at its own address and in the direct map. */
static void map_low(void)
{
	quire_phys_t end = qi_align_up((uintptr_t)i386_image_end, 1u << shift);

	for (quire_phys_t at = 0; at < end; at += 1u << shift) {
		write_entry(directory, (uint32_t)at >> shift, at | PRESENT | WRITABLE | LARGE);
		write_entry(directory, (DIRECT_BASE + (uint32_t)at) >> shift, at | PRESENT | WRITABLE | LARGE);
	}
}

bool i386_has_pae(void)
{
	uint32_t ebx, features;

	i386_cpuid(1, &ebx, &features);
	return features & CPUID_PAE;
}

void i386_paging_setup(bool use_pae, quire_phys_t direct_end)
{
	uint32_t ebx, features, cr4 = CR4_PSE;
	uintptr_t root = (uintptr_t)directory;

	i386_cpuid(1, &ebx, &features);
	pae = use_pae;
	if (!pae && !(features & CPUID_PSE))
		metal_panic(true, "this CPU has neither PAE nor pages of 4 MiB");
	shift = pae ? 21 : 22;
	info = (struct arch_info){
		.name = pae ? "i386, PAE" : "i386", .arch = pae ? QUIRE_ARCH_I386_PAE : QUIRE_ARCH_I386,
		.direct_end = direct_end, .vmemmap_base = (void *)WINDOW_BASE, .vmemmap_size = WINDOW_BYTES,
		.stacks_base = (void *)STACKS_BASE, .huge = pae,
	};
	map_low();
	if (pae) {
		for (unsigned i = 0; i < 4; i++)
			pointers[i] = (root + i * PAGE) | PRESENT;
		root = (uintptr_t)pointers;
		cr4 |= CR4_PAE;
	}
	i386_fault_tables(root);
	__asm__ volatile("movl %%cr4, %%eax; orl %0, %%eax; movl %%eax, %%cr4; movl %1, %%cr3; movl %%cr0, %%eax; "
			 "orl %2, %%eax; movl %%eax, %%cr0; jmp 1f; 1:"
			 :: "r"(cr4), "r"(root), "r"(CR0_PAGING) : "eax", "memory");
}
