/*
 * Counting. A request served by its preferred node, which is the CPU's own, is one event and its pages; everything the field
 * counts per request follows from that and from what was otherwise: hits are events less misses, local ones events less
 * those for other nodes' CPUs. Rare events are counted in one place under a lock.
 */
#include "page_alloc/page_alloc.h"

#include "zone/front_cpus.h"

/* The calling CPU's counters of a zone. NULL: it has none of its own, the zone's are to be used, locked. */
static inline struct qi_zone_events *own_events(struct qi_zone *za, unsigned cpu)
{
	return qi_likely(cpu < qi_front_count(za)) ? &qi_front_of(za, cpu)->events : NULL;
}

static inline void bump(uint64_t *counter, uint64_t n) { qi_poke(counter, *counter + n); }

static void add_event(struct qi_zone *za, unsigned cpu, size_t offset, uint64_t n)
{
	struct qi_zone_events *events = own_events(za, cpu);

	if (qi_likely(events != NULL)) {
		bump((uint64_t *)((char *)events + offset), n);
		return;
	}
	qi_lock(&za->lock);
	bump((uint64_t *)((char *)&za->events + offset), n);
	qi_unlock(&za->lock);
}

#define ADD_EVENT(za, cpu, field, n) add_event(za, cpu, offsetof(struct qi_zone_events, field), n)

static void count_distant(struct qi_zone *za, unsigned cpu, const struct qi_walk *walk, int own, uint64_t n)
{
	const struct quire_zone *preferred = qi_walk_preferred(walk);
	int nid = za->zone->node->nid;

	if (nid != own)
		ADD_EVENT(za, cpu, other, n);
	if (preferred && preferred->node->nid != nid) {
		struct qi_zone *theirs = qi_zone_of(preferred);

		ADD_EVENT(za, cpu, miss, n);
		if (theirs)
			ADD_EVENT(theirs, cpu, foreign, n);
	}
	if (walk->interleave && nid == walk->nid)
		ADD_EVENT(za, cpu, interleave, n);
}

void qi_count_allocs(struct qi_zone *za, unsigned cpu, const struct qi_walk *walk, uint64_t n)
{
	int own = qi_node_of_cpu(walk->q, cpu);

	ADD_EVENT(za, cpu, allocs, n);
	if (walk->request.order)
		ADD_EVENT(za, cpu, more_pages, (n << walk->request.order) - n);
	if (qi_unlikely(za->zone->node->nid != walk->nid || own != walk->nid || walk->interleave))
		count_distant(za, cpu, walk, own, n);
}

void qi_count_freed(struct qi_zone *za, unsigned cpu, uint64_t pages)
{
	ADD_EVENT(za, cpu, freed_pages, pages);
}

void qi_count_rare(struct quire *q, uint64_t *counter, uint64_t n)
{
	unsigned long state;

	if (!n)
		return;
	state = qi_alloc_lock(q);
	bump(counter, n);
	qi_alloc_unlock(q, state);
}

/* --- reading ----------------------------------------------------------------------------------------------------------- */

static void add_events(struct qi_zone_events *sum, const struct qi_zone_events *events)
{
	sum->allocs += qi_peek(&events->allocs);
	sum->more_pages += qi_peek(&events->more_pages);
	sum->freed_pages += qi_peek(&events->freed_pages);
	sum->miss += qi_peek(&events->miss);
	sum->foreign += qi_peek(&events->foreign);
	sum->other += qi_peek(&events->other);
	sum->interleave += qi_peek(&events->interleave);
}

static void add_zone(const struct quire_zone *zone, struct quire_zone_events *events)
{
	const struct qi_zone *za = qi_zone_of(zone);
	struct qi_zone_events sum = { 0 };

	if (!za)
		return;
	add_events(&sum, &za->events);
	for (unsigned cpu = 0; cpu < qi_front_count(za); cpu++)
		add_events(&sum, &qi_front_of(za, cpu)->events);
	qi_fronts_old_events(za, &sum, add_events);
	events->pgalloc += sum.allocs + sum.more_pages;
	events->pgfree += sum.freed_pages;
	events->numa_hit += sum.allocs - sum.miss;
	events->numa_miss += sum.miss;
	events->numa_foreign += sum.foreign;
	events->numa_interleave += sum.interleave;
	events->numa_local += sum.allocs - sum.other;
	events->numa_other += sum.other;
	events->fallbacks += qi_peek(&za->tree.fallbacks);
}

void quire_zone_vmstat(const struct quire_zone *zone, struct quire_zone_events *events)
{
	*events = (struct quire_zone_events){ 0 };
	add_zone(zone, events);
}

void quire_node_vmstat(const struct quire_node *node, struct quire_zone_events *events)
{
	*events = (struct quire_zone_events){ 0 };
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
		add_zone(&node->zones[type], events);
}

/* Items that are sums over zones, of one type or (QUIRE_ZONE_TYPES) all. */
static struct quire_zone_events zones_sum(const struct quire *q, unsigned type)
{
	struct quire_zone_events events = { 0 };

	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		for (unsigned i = 0; q->topology.nodes[nid] && i < QUIRE_ZONE_TYPES; i++)
			if (type == i || type == QUIRE_ZONE_TYPES)
				add_zone(&q->topology.nodes[nid]->zones[i], &events);
	return events;
}

uint64_t quire_vmstat(const struct quire *q, unsigned item)
{
	const struct quire_page_alloc *pa = &q->page_alloc;
	struct quire_zone_events events;

	if (item < QUIRE_VM_ALLOCSTALL)
		return zones_sum(q, item - QUIRE_VM_PGALLOC).pgalloc;
	if (item < QUIRE_VM_PGFREE)
		return qi_peek(&pa->allocstall[item - QUIRE_VM_ALLOCSTALL]);
	events = zones_sum(q, QUIRE_ZONE_TYPES);
	switch (item) {
	case QUIRE_VM_PGFREE: return events.pgfree;
	case QUIRE_VM_NUMA_HIT: return events.numa_hit;
	case QUIRE_VM_NUMA_MISS: return events.numa_miss;
	case QUIRE_VM_NUMA_FOREIGN: return events.numa_foreign;
	case QUIRE_VM_NUMA_INTERLEAVE: return events.numa_interleave;
	case QUIRE_VM_NUMA_LOCAL: return events.numa_local;
	case QUIRE_VM_NUMA_OTHER: return events.numa_other;
	case QUIRE_VM_FALLBACKS: return events.fallbacks;
	case QUIRE_VM_PAGEOUTRUN: return qi_peek(&pa->pageoutrun);
	case QUIRE_VM_PGSTEAL_KSWAPD: return qi_peek(&pa->stolen_background);
	case QUIRE_VM_PGSTEAL_DIRECT: return qi_peek(&pa->stolen_direct);
	case QUIRE_VM_OOM_KILL: return qi_peek(&pa->killed);
	case QUIRE_VM_FAILED: return qi_peek(&pa->failed);
	default: return 0;
	}
}

static const char *const names[QUIRE_VM_ITEMS - QUIRE_VM_PGFREE] = {
	"pgfree", "numa_hit", "numa_miss", "numa_foreign", "numa_interleave", "numa_local", "numa_other", "pageoutrun",
	"pgsteal_kswapd", "pgsteal_direct", "oom_kill", "extfrag_fallback", "alloc_failed",
};
static const char *const zone_words[QUIRE_ZONE_TYPES] = { "dma", "dma32", "normal", "high", "movable", "device" };

const char *quire_vm_name(unsigned item, char *text, size_t size)
{
	if (item < QUIRE_VM_ALLOCSTALL)
		qi_snprintf(text, size, "pgalloc_%s", zone_words[item - QUIRE_VM_PGALLOC]);
	else if (item < QUIRE_VM_PGFREE)
		qi_snprintf(text, size, "allocstall_%s", zone_words[item - QUIRE_VM_ALLOCSTALL]);
	else
		qi_snprintf(text, size, "%s", item < QUIRE_VM_ITEMS ? names[item - QUIRE_VM_PGFREE] : "?");
	return text;
}

void quire_set_trace(struct quire *q, const struct quire_trace *trace)
{
	q->page_alloc.trace = trace;
	qi_at_hand_void(q);
}
