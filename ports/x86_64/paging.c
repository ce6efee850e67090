/*
 * Four-level page tables. Tables are only ever added; what goes away are leaves. One lock for all of them: the
 * descriptor window grows from several CPUs at once.
 */
#include "x86.h"

#include "base/lock.h"

#define PRESENT		0x001ull
#define WRITABLE	0x002ull
#define UNCACHED	0x018ull
#define LARGE		0x080ull
#define ADDRESS		0x000ffffffffff000ull
#define GIB_PAGES	(1u << 26)	/* CPUID 0x80000001 EDX */

#define TOP_LEVEL 4u

extern uint64_t x86_pml4[512];

static struct qi_lock tables_lock;
static unsigned largest_level = 2;
static uint64_t low_entry;

static inline uint64_t level_size(unsigned level)
{
	return 1ull << (12 + 9 * (level - 1));
}

void x86_paging_setup(void)
{
	uint32_t a = 0x80000001, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	if (d & GIB_PAGES)
		largest_level = 3;
	low_entry = x86_pml4[0];
}

const struct arch_info *arch_info(void)
{
	static const struct arch_info info = {
		.name = "x86_64", .arch = QUIRE_ARCH_X86_64, .direct_end = 1ull << DIRECT_BITS,
		.vmemmap_base = (void *)WINDOW_BASE, .vmemmap_size = 1ull << WINDOW_BITS, .huge = true,
	};

	return &info;
}

void *arch_direct(quire_phys_t phys)
{
	return (void *)(DIRECT_BASE + phys);
}

quire_phys_t arch_image_phys(const void *address)
{
	return (quire_phys_t)address - KERNEL_BASE;
}

void *arch_kmap(quire_phys_t phys)
{
	return arch_direct(phys);
}

void arch_kunmap(void *va)
{
	(void)va;
}

const void *arch_map_far(quire_phys_t phys, quire_phys_t size)
{
	(void)phys;
	(void)size;
	return NULL;
}

/*
 * The entry for va at *level, tables on the way being made if `make`. Ends early at a leaf that covers va, with its
 * level; NULL: no table there, or no page for one.
 */
static uint64_t *find_entry(uint64_t va, unsigned *level, bool make)
{
	uint64_t *table = x86_pml4;

	for (unsigned at = TOP_LEVEL;; at--) {
		uint64_t *entry = &table[va >> (12 + 9 * (at - 1)) & 511];

		if (at == *level || (*entry & PRESENT && *entry & LARGE)) {
			*level = at;
			return entry;
		}
		if (!(*entry & PRESENT)) {
			quire_phys_t page = make ? metal_table_page() : QUIRE_PHYS_MAX;

			if (page == QUIRE_PHYS_MAX)
				return NULL;
			__atomic_store_n(entry, page | PRESENT | WRITABLE, __ATOMIC_RELEASE);
		}
		table = arch_direct(*entry & ADDRESS);
	}
}

/* --- the direct map --------------------------------------------------------------------------------------------------- */

static bool is_leaf(uint64_t entry, unsigned level)
{
	return entry & PRESENT && (level == 1 || entry & LARGE);
}

/*
 * Map, or pass over what is mapped, from `at` on as far as one table and one size of page go. The address behind it; 0: no
 * table page.
 */
static uint64_t map_run(uint64_t at, uint64_t end, uint64_t flags)
{
	unsigned level = largest_level;
	uint64_t *entry, *last, size;

	while (level > 1 && (at & (level_size(level) - 1) || end - at < level_size(level)))
		level--;
	for (;; level--) {
		entry = find_entry(DIRECT_BASE + at, &level, true);
		if (!entry)
			return 0;
		if (!(*entry & PRESENT) || is_leaf(*entry, level))
			break;		/* else a table of smaller pages is there already */
	}
	size = level_size(level);
	if (is_leaf(*entry, level)) {
		do
			at = (at | (size - 1)) + 1;
		while (at & (size * 512 - 1) && at < end && is_leaf(*++entry, level));
		return at;
	}
	flags |= PRESENT | WRITABLE | (level > 1 ? LARGE : 0);
	last = entry + qi_min(512 - ((at >> (12 + 9 * (level - 1))) & 511), (end - at) / size);
	for (; entry < last && !*entry; entry++, at += size)
		*entry = at | flags;
	return at;
}

static enum quire_status map_range(quire_phys_t phys, quire_phys_t size, uint64_t flags)
{
	uint64_t at = qi_align_down(phys, 4096), end = qi_align_up(phys + size, 4096);
	unsigned long state;

	if (phys >= arch_info()->direct_end || size > arch_info()->direct_end - phys)
		return QUIRE_ERANGE;
	state = arch_irq_save();
	qi_lock(&tables_lock);
	while (at && at < end)
		at = map_run(at, end, flags);
	qi_unlock(&tables_lock);
	arch_irq_restore(state);
	return at ? QUIRE_OK : QUIRE_ENOMEM;
}

enum quire_status arch_map_direct(quire_phys_t phys, quire_phys_t size)
{
	/* The page at 0 is part of the boot map; starting behind it keeps 0 free to mean "no table page". */
	return phys < 4096 ? size <= 4096 - phys ? QUIRE_OK : map_range(4096, size - (4096 - phys), 0) : map_range(phys, size, 0);
}

enum quire_status arch_map_device(quire_phys_t phys, quire_phys_t size)
{
	return map_range(phys, size, UNCACHED);
}

/* Clear the leaves that lie in [va, end) as a whole; then no CPU has a translation for them. */
static void unmap_range(uint64_t va, uint64_t end)
{
	unsigned long state = arch_irq_save();

	qi_lock(&tables_lock);
	while (va < end) {
		unsigned level = 1;
		uint64_t *entry = find_entry(va, &level, false);
		uint64_t size = level_size(level);

		if (entry && !(va & (size - 1)) && end - va >= size)
			__atomic_store_n(entry, 0, __ATOMIC_RELEASE);
		va = (va | (size - 1)) + 1;
	}
	qi_unlock(&tables_lock);
	x86_reload_cr3();
	arch_barrier_all();
	arch_irq_restore(state);
}

void arch_unmap_direct(quire_phys_t phys, quire_phys_t size)
{
	unmap_range(DIRECT_BASE + phys, DIRECT_BASE + phys + size);
}

/* --- the descriptor window -------------------------------------------------------------------------------------------- */

enum quire_status arch_vmemmap_map(void *va, quire_phys_t phys, quire_phys_t size)
{
	uint64_t address = (uint64_t)va, large = size > 4096 ? LARGE : 0;
	unsigned level = large ? 2 : 1, wanted = level;
	enum quire_status status = QUIRE_OK;
	unsigned long state;
	uint64_t *entry;

	if (address < WINDOW_BASE || address - WINDOW_BASE > (1ull << WINDOW_BITS) - size)
		return QUIRE_ERANGE;
	state = arch_irq_save();
	qi_lock(&tables_lock);
	entry = find_entry(address, &level, true);
	if (!entry)
		status = QUIRE_ENOMEM;
	else if (level != wanted || *entry & PRESENT)
		status = QUIRE_EUNSUPPORTED;
	else
		__atomic_store_n(entry, phys | PRESENT | WRITABLE | large, __ATOMIC_RELEASE);
	qi_unlock(&tables_lock);
	arch_irq_restore(state);
	return status;
}

void arch_vmemmap_unmap(void *va, quire_phys_t size)
{
	unmap_range((uint64_t)va, (uint64_t)va + size);
}

/* --- the identity map ------------------------------------------------------------------------------------------------- */

void x86_identity(bool on)
{
	x86_pml4[0] = on ? low_entry : 0;
	x86_reload_cr3();
}
