/*
 * Where usage maps lie. One allocation serves a whole run of sections, so wherever it is, it pins that section while any of
 * the run is there. The best place is the section that holds the descriptor of their node: it cannot go before the node
 * does anyway.
 */
#include "memmap/internal.h"

#include "boot/meta.h"

void quire_usage_map_window(const struct quire_config *config, quire_phys_t descriptor, quire_phys_t *start,
			    quire_phys_t *end)
{
	quire_phys_t size = (quire_phys_t)1 << quire_section_shift(config);

	*start = qi_align_down(descriptor, size);
	*end = *start + size;
}

static int node_at(const struct quire *q, quire_phys_t phys)
{
	unsigned shift = qi_page_shift(&q->memmap);
	quire_pfn_t start, end;

	return quire_memblock_search_pfn_nid(&q->memblock, phys >> shift, shift, &start, &end);
}

/* The maps are not where they belong: whoever wants to remove sections one day should know why it does not work. */
static void tell(const struct quire *q, const struct qi_chunk *chunk, quire_phys_t descriptor, int nid,
		 struct qi_usage_said *said)
{
	unsigned shift = quire_section_shift(&q->config);
	struct qi_usage_said now = { chunk->phys >> shift, descriptor >> shift };
	int other;

	if (now.map == now.descriptor || (now.map == said->map && now.descriptor == said->descriptor))
		return;
	*said = now;
	other = node_at(q, chunk->phys);
	if (other != nid)
		qi_log(q->platform, QUIRE_LOG_INFO, "memmap: usage maps of node %d lie on node %d: section %llu cannot be "
		       "removed before node %d", nid, other, (unsigned long long)now.map, nid);
	else
		qi_log(q->platform, QUIRE_LOG_INFO, "memmap: sections %llu and %llu of node %d hold each other, one the "
		       "usage maps, one the node's descriptor: neither can be removed", (unsigned long long)now.map,
		       (unsigned long long)now.descriptor, nid);
}

enum quire_status qi_usage_take(struct quire *q, const struct quire_section_run *run, uint64_t size,
				struct qi_usage_said *said, struct qi_chunk *chunk)
{
	struct qi_want want = { .size = size, .align = 64, .nid = run->nid, .zero = true };
	quire_phys_t descriptor = QUIRE_PHYS_MAX;
	enum quire_status status;

	if (!q->platform->meta_alloc && q->stage < QUIRE_STAGE_HANDOVER)
		descriptor = qi_meta_phys(q, quire_topology_node(&q->topology, run->nid));
	if (descriptor == QUIRE_PHYS_MAX)
		return qi_mm_take(q, &want, chunk);
	quire_usage_map_window(&q->config, descriptor, &want.low, &want.high);
	want.nid = node_at(q, descriptor);
	status = qi_mm_take(q, &want, chunk);
	if (status == QUIRE_ENOMEM) {
		want.high = QUIRE_MEMBLOCK_ACCESSIBLE;
		status = qi_mm_take(q, &want, chunk);
	}
	if (status == QUIRE_OK)
		tell(q, chunk, descriptor, run->nid, said);
	return status;
}
