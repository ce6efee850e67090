/*
 * Walking, filling and clearing page tables. Tables are only ever added; what goes away are leaves. One lock for all of
 * them: the descriptor window grows from several CPUs at once.
 */
#include "paging/paging.h"

#include "base/lock.h"
#include "entry.h"

static struct qi_lock tables_lock;

static void set_entry(uint64_t *entry, uint64_t value)
{
	__atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

/*
 * The entry for va at *level, tables on the way being made if `make`. Ends early at a leaf that covers va, with its
 * level; NULL: no table there, or no page for one.
 */
static uint64_t *find_entry(uint64_t va, unsigned *level, bool make)
{
	uint64_t *table = paging_root();

	for (unsigned at = PAGING_ROOT_LEVEL;; at--) {
		uint64_t *entry = &table[paging_index(va, at)];

		if (at == *level || paging_is_leaf(*entry, at)) {
			*level = at;
			return entry;
		}
		if (!paging_present(*entry)) {
			quire_phys_t page = make ? metal_table_page() : QUIRE_PHYS_MAX;

			if (page == QUIRE_PHYS_MAX)
				return NULL;
			set_entry(entry, paging_table(page));
		}
		table = arch_direct(paging_address(*entry));
	}
}

/* A range on its way into the tables: how far it got. */
struct run {
	uint64_t va, phys, end;		/* end: of physical addresses */
	bool device;
};

static void advance(struct run *run, uint64_t by)
{
	run->va += by;
	run->phys += by;
}

/* Entries of one table: leaves that are there already are passed over, or free entries filled, as far as whole leaves go. */
static void fill(struct run *run, uint64_t *entry, unsigned level)
{
	uint64_t size = paging_size(level), *table_end = entry + (512 - paging_index(run->va, level)), *at = entry, *last, value;

	if (paging_is_leaf(*entry, level)) {
		uint64_t begun = run->va & (size - 1);

		last = entry + qi_min((uint64_t)(table_end - entry), (run->end - run->phys + begun + size - 1) >> paging_shift(level));
		while (at < last && paging_is_leaf(*at, level))
			at++;
		advance(run, ((uint64_t)(at - entry) << paging_shift(level)) - begun);
		return;
	}
	last = entry + qi_min((uint64_t)(table_end - entry), (run->end - run->phys) >> paging_shift(level));
	for (value = paging_leaf(run->phys, level, run->device); at < last && !*at; at++, value += size)
		set_entry(at, value);
	advance(run, (uint64_t)(at - entry) << paging_shift(level));
}

/* Map, or pass over what is mapped, as far as one table and one size of page go. False: no page for a table. */
static bool map_run(struct run *run)
{
	unsigned level = paging_largest();
	uint64_t *entry;

	while (level > 1 && ((run->va | run->phys) & (paging_size(level) - 1) || run->end - run->phys < paging_size(level)))
		level--;
	/* Where there is a table already, what is missing in it is added in smaller pieces. */
	for (;; level--) {
		entry = find_entry(run->va, &level, true);
		if (!entry)
			return false;
		if (!paging_present(*entry) || paging_is_leaf(*entry, level))
			break;
	}
	fill(run, entry, level);
	return true;
}

enum quire_status paging_map(uint64_t va, quire_phys_t phys, quire_phys_t size, bool device)
{
	struct run run = { .va = qi_align_down(va, PAGING_PAGE), .phys = qi_align_down(phys, PAGING_PAGE),
			   .end = qi_align_up(phys + size, PAGING_PAGE), .device = device };
	unsigned long state = arch_irq_save();
	bool room = true;

	qi_lock(&tables_lock);
	while (room && run.phys < run.end)
		room = map_run(&run);
	paging_flush_new();
	qi_unlock(&tables_lock);
	arch_irq_restore(state);
	return room ? QUIRE_OK : QUIRE_ENOMEM;
}

enum quire_status paging_map_leaf(uint64_t va, quire_phys_t phys, unsigned level)
{
	enum quire_status status = QUIRE_OK;
	unsigned long state = arch_irq_save();
	unsigned at = level;
	uint64_t *entry;

	qi_lock(&tables_lock);
	entry = find_entry(va, &at, true);
	if (!entry)
		status = QUIRE_ENOMEM;
	else if (at != level || paging_present(*entry))
		status = QUIRE_EUNSUPPORTED;
	else
		set_entry(entry, paging_leaf(phys, level, false));
	paging_flush_new();
	qi_unlock(&tables_lock);
	arch_irq_restore(state);
	return status;
}

void paging_unmap(uint64_t va, uint64_t size)
{
	uint64_t end = va + size;
	unsigned long state = arch_irq_save();

	qi_lock(&tables_lock);
	while (va < end) {
		unsigned level = 1;
		uint64_t *entry = find_entry(va, &level, false), span = paging_size(level);

		if (entry && !(va & (span - 1)) && end - va >= span)
			set_entry(entry, 0);
		va = (va | (span - 1)) + 1;
	}
	qi_unlock(&tables_lock);
	paging_forget();
	arch_irq_restore(state);
}
