/*
 * Four-level page tables, both halves. Tables are only ever added; what goes away are leaves. One lock for all of them: the
 * descriptor window grows from several CPUs at once.
 */
#include "a64.h"

#include "base/lock.h"

#define PAGE		4096ull
#define ADDRESS		0x0000fffffffff000ull
#define LEVELS		4u
#define LARGEST		3u	/* 1 GiB; level 1 is the page */

extern uint64_t a64_upper[512];

static struct qi_lock tables_lock;

static inline uint64_t level_size(unsigned level)
{
	return 1ull << (12 + 9 * (level - 1));
}

static inline bool is_leaf(uint64_t entry, unsigned level)
{
	return entry & VALID && (level == 1 || !(entry & TABLE));
}

const struct arch_info *arch_info(void)
{
	static const struct arch_info info = {
		.name = "aarch64", .arch = QUIRE_ARCH_ARM64, .direct_end = 1ull << DIRECT_BITS,
		.vmemmap_base = (void *)WINDOW_BASE, .vmemmap_size = 1ull << WINDOW_BITS, .huge = true,
	};

	return &info;
}

void *arch_direct(quire_phys_t phys)
{
	return (void *)(DIRECT_BASE + phys);
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

/* A new entry is seen by the table walker before the next access. */
static void set_entry(uint64_t *entry, uint64_t value)
{
	__atomic_store_n(entry, value, __ATOMIC_RELEASE);
	__asm__ volatile("dsb ishst; isb" ::: "memory");
}

/*
 * The entry for va at *level, tables on the way being made if `make`. Ends early at a leaf that covers va, with its
 * level; NULL: no table there, or no page for one.
 */
static uint64_t *find_entry(uint64_t va, unsigned *level, bool make)
{
	uint64_t *table = a64_upper;

	for (unsigned at = LEVELS;; at--) {
		uint64_t *entry = &table[va >> (12 + 9 * (at - 1)) & 511];

		if (at == *level || is_leaf(*entry, at)) {
			*level = at;
			return entry;
		}
		if (!(*entry & VALID)) {
			quire_phys_t page = make ? metal_table_page() : QUIRE_PHYS_MAX;

			if (page == QUIRE_PHYS_MAX)
				return NULL;
			set_entry(entry, page | VALID | TABLE);
		}
		table = arch_direct(*entry & ADDRESS);
	}
}

/* --- the direct map --------------------------------------------------------------------------------------------------- */

/*
 * Map what of [at, end) one entry can hold, or pass over what is there; *next is the address after it. False: no table
 * page.
 */
static bool map_step(uint64_t at, uint64_t end, uint64_t flags, uint64_t *next)
{
	unsigned level = LARGEST;
	uint64_t *entry;

	while (level > 1 && (at & (level_size(level) - 1) || end - at < level_size(level)))
		level--;
	/* Where there is a table already, what is missing in it is added in smaller pieces. */
	for (;; level--) {
		entry = find_entry(DIRECT_BASE + at, &level, true);
		if (!entry)
			return false;
		if (!(*entry & VALID))
			set_entry(entry, at | flags | NO_EXECUTE | (level == 1 ? TABLE : 0));
		if (is_leaf(*entry, level))
			break;
	}
	*next = (at | (level_size(level) - 1)) + 1;
	return true;
}

static enum quire_status map_range(quire_phys_t phys, quire_phys_t size, uint64_t flags)
{
	uint64_t at = qi_align_down(phys, PAGE), end = qi_align_up(phys + size, PAGE);
	unsigned long state;
	bool room = true;

	if (phys >= arch_info()->direct_end || size > arch_info()->direct_end - phys)
		return QUIRE_ERANGE;
	state = arch_irq_save();
	qi_lock(&tables_lock);
	while (room && at < end)
		room = map_step(at, end, flags, &at);
	qi_unlock(&tables_lock);
	arch_irq_restore(state);
	return room ? QUIRE_OK : QUIRE_ENOMEM;
}

enum quire_status arch_map_direct(quire_phys_t phys, quire_phys_t size)
{
	return map_range(phys, size, BLOCK_NORMAL);
}

enum quire_status arch_map_device(quire_phys_t phys, quire_phys_t size)
{
	return map_range(phys, size, BLOCK_DEVICE);
}

/* Clear the leaves that lie in [va, end) as a whole; the hardware tells all CPUs to forget them. */
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
	__asm__ volatile("dsb ishst; tlbi vmalle1is; dsb ish; isb" ::: "memory");
	arch_irq_restore(state);
}

void arch_unmap_direct(quire_phys_t phys, quire_phys_t size)
{
	unmap_range(DIRECT_BASE + phys, DIRECT_BASE + phys + size);
}

/* --- the descriptor window -------------------------------------------------------------------------------------------- */

enum quire_status arch_vmemmap_map(void *va, quire_phys_t phys, quire_phys_t size)
{
	uint64_t address = (uint64_t)va;
	unsigned level = size > PAGE ? 2 : 1, wanted = level;
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
	else if (level != wanted || *entry & VALID)
		status = QUIRE_EUNSUPPORTED;
	else
		set_entry(entry, phys | BLOCK_NORMAL | NO_EXECUTE | (level == 1 ? TABLE : 0));
	qi_unlock(&tables_lock);
	arch_irq_restore(state);
	return status;
}

void arch_vmemmap_unmap(void *va, quire_phys_t size)
{
	unmap_range((uint64_t)va, (uint64_t)va + size);
}
