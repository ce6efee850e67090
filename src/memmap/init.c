/*
 * Third stage: the init policy's early part, and the late part by workers.
 *
 * What is deferred follows the kernel's rule (spec 04 §5), rounded inward to units: a node's last zone from the split on.
 * Everything else that has room for a descriptor is early.
 */
#include "memmap/internal.h"

bool qi_next_deferred(const struct quire *q, struct quire_memmap_walk *walk, quire_pfn_t *start, quire_pfn_t *end)
{
	quire_pfn_t unit = (quire_pfn_t)1 << qi_unit_shift(&q->memmap);
	struct quire_memmap_piece piece;

	while (quire_memmap_next_piece(&q->topology, &q->memblock, walk, &piece)) {
		quire_pfn_t split = quire_topology_node(&q->topology, piece.nid)->first_deferred_pfn;

		if (split >= piece.end)
			continue;
		*start = qi_align_up(qi_max(piece.start, split), unit);
		*end = qi_align_down(piece.end, unit);
		if (*start < *end)
			return true;
	}
	return false;
}

/* Initialise what has room in [start, end). */
static uint64_t describe_span(struct quire *q, quire_pfn_t start, quire_pfn_t end)
{
	uint64_t frames = 0;
	quire_pfn_t next;

	while (start < end) {
		bool room = qi_contiguous(&q->memmap, start, &next);

		next = qi_min(next, end);
		if (room)
			frames += qi_describe_units(q, start, next);
		start = next;
	}
	return frames;
}

static void add_unavailable(void *ctx, int nid, enum quire_zone_type zone, uint64_t pages)
{
	struct quire *q = ctx;

	quire_topology_node(&q->topology, nid)->zones[zone].unavailable_pages += pages;
}

static void plan_nodes(struct quire *q)
{
	for (unsigned nid = 0; nid < q->topology.node_count; nid++) {
		struct quire_node *node = q->topology.nodes[nid];

		if (!node)
			continue;
		node->first_deferred_pfn = QUIRE_PFN_NONE;
		if (quire_memmap_policy(&q->memmap) == QUIRE_INIT_DEFERRED)
			node->first_deferred_pfn = qi_deferred_split(&q->topology, &q->memblock, (int)nid);
		for (unsigned zone = 0; zone < QUIRE_ZONE_TYPES; zone++)
			node->zones[zone].unavailable_pages = 0;
	}
	quire_memmap_unavailable(&q->topology, &q->memblock, add_unavailable, q);
}

enum quire_status qi_memmap_init(struct quire *q)
{
	struct quire_memmap_walk walk = { 0 };
	struct quire_memmap *m = &q->memmap;
	quire_pfn_t pfn = 0, start, end;
	uint64_t frames = 0;

	plan_nodes(q);
	if (qi_is_lazy(m))
		return QUIRE_OK;
	while (quire_memmap_policy(m) == QUIRE_INIT_DEFERRED && qi_next_deferred(q, &walk, &start, &end)) {
		frames += describe_span(q, pfn, start);
		pfn = end;
	}
	frames += describe_span(q, pfn, qi_memmap_end(m));
	m->stats.initialised = m->stats.initialised_early = frames;
	return QUIRE_OK;
}

/* Workers take chunks from one walk over the deferred areas. Chunks end on section borders, so workers rarely share a
 * word. */
struct late_job {
	struct quire *q;
	struct quire_memmap_walk walk;
	quire_pfn_t pfn, end;		/* rest of the area being handed out */
	uint64_t chunk;
	uint64_t frames;
	uint32_t lock;
};

static bool next_chunk(struct late_job *job, quire_pfn_t *start, quire_pfn_t *end)
{
	bool found;

	qi_spin_lock(&job->lock);
	found = job->pfn < job->end || qi_next_deferred(job->q, &job->walk, &job->pfn, &job->end);
	if (found) {
		*start = job->pfn;
		*end = qi_min(qi_align_down(job->pfn, job->chunk) + job->chunk, job->end);
		job->pfn = *end;
	}
	qi_spin_unlock(&job->lock);
	return found;
}

static void late_worker(void *arg, unsigned worker)
{
	struct late_job *job = arg;
	quire_pfn_t start, end;
	uint64_t frames = 0;

	(void)worker;
	while (next_chunk(job, &start, &end))
		frames += describe_span(job->q, start, end);
	qi_spin_lock(&job->lock);
	job->frames += frames;
	qi_spin_unlock(&job->lock);
}

/* A quarter of an even share, as whole sections and a power of two. */
static uint64_t chunk_size(const struct quire *q, unsigned workers)
{
	uint64_t section = (uint64_t)1 << qi_section_shift(&q->memmap), total = 0, share;
	struct quire_memmap_walk walk = { 0 };
	quire_pfn_t start, end;

	while (qi_next_deferred(q, &walk, &start, &end))
		total += end - start;
	share = qi_div64(total, (uint64_t)workers * 4);
	return share <= section ? section : (uint64_t)1 << qi_log2(share);
}

enum quire_status qi_memmap_init_late(struct quire *q)
{
	const struct quire_platform *p = q->platform;
	unsigned workers = q->config.workers ? q->config.workers : (unsigned)qi_max(q->topology.cpu_count, 1);
	struct late_job job = { .q = q };

	if (quire_memmap_policy(&q->memmap) != QUIRE_INIT_DEFERRED)
		return QUIRE_OK;
	job.chunk = chunk_size(q, workers);
	if (p->run_parallel && workers > 1)
		p->run_parallel(p->ctx, late_worker, &job, workers);
	else
		late_worker(&job, 0);
	qi_count_initialised(q, job.frames);
	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		if (q->topology.nodes[nid])
			q->topology.nodes[nid]->first_deferred_pfn = QUIRE_PFN_NONE;
	return QUIRE_OK;
}
