#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void keep_message(void *ctx, enum quire_log_level level, const char *text, size_t length)
{
	struct rig *rig = ctx;

	(void)length;
	if (level == QUIRE_LOG_ERROR)
		snprintf(rig->last_message, sizeof(rig->last_message), "%s", text);
}

static void geometry(struct quire_config *c, unsigned seed)
{
	static const unsigned strides[] = { 16, 16, 32, 64 };

	c->arch = QUIRE_ARCH_ARM64;
	c->zone_mask = 0x17;
	c->page_stride = strides[seed % 4];
	c->geometry = (struct quire_geometry){ .page_shift = 12, .section_shift = 22 + seed % 3, .physmem_bits = 40,
					       .nodes_shift = 2, .max_order = 8, .pageblock_order = 5 + seed % 5,
					       .page_struct_size = 64 };
}

static void make_map(struct rig *rig, unsigned nodes)
{
	unsigned grain = 1u << rand() % 11;
	quire_pfn_t pfn = (quire_pfn_t)(rand() % 700);

	while (pfn < RIG_FRAMES - 4096) {
		quire_pfn_t end = pfn + 1 + (unsigned)rand() % (4 * grain);
		int nid = rand() % (int)nodes;
		bool nomap = rand() % 8 == 0;

		/* Every other machine has node borders that the per-node arrays can tell apart. */
		if (rig->q.config.geometry.section_shift != 23)
			pfn = (pfn + 511) / 512 * 512;
		if (pfn >= RIG_FRAMES - 3072)
			break;
		end = end <= pfn ? pfn + 1 : end > RIG_FRAMES - 3072 ? RIG_FRAMES - 3072 : end;
		quire_memblock_add_node(&rig->q.memblock, pfn << 12, (end - pfn) << 12, nid,
					nomap ? QUIRE_MEMBLOCK_NOMAP : QUIRE_MEMBLOCK_NONE);
		for (quire_pfn_t p = pfn; p < end; p++)
			rig->frames[p] = (struct rig_frame){ .nid = (int8_t)nid, .memory = true, .nomap = nomap };
		pfn = end + (rand() % 2 ? 0 : (unsigned)rand() % (3 * grain));
		if (rand() % 20 == 0)
			pfn += 3000;
	}
	/* One solid stretch, so that there is room for tables. */
	quire_memblock_add_node(&rig->q.memblock, (quire_phys_t)(RIG_FRAMES - 3072) << 12, 2048u << 12, 0, 0);
	for (quire_pfn_t p = RIG_FRAMES - 3072; p < RIG_FRAMES - 1024; p++)
		rig->frames[p] = (struct rig_frame){ .nid = 0, .memory = true };
}

/* Zones by frame number: everything below `border` is DMA, above Normal; spans per node. */
static void make_zones(struct rig *rig, unsigned nodes, quire_pfn_t border)
{
	struct quire_topology *t = &rig->q.topology;

	t->node_count = nodes;
	t->max_pfn = RIG_FRAMES - 1024;
	t->zone_low[QUIRE_ZONE_DMA] = 0;
	t->zone_high[QUIRE_ZONE_DMA] = t->zone_low[QUIRE_ZONE_NORMAL] = border;
	t->zone_high[QUIRE_ZONE_NORMAL] = t->max_pfn;
	for (unsigned nid = 0; nid < nodes; nid++) {
		struct quire_node *node = &rig->nodes[nid];

		*node = (struct quire_node){ .nid = (int)nid };
		t->nodes[nid] = node;
		for (quire_pfn_t p = 0; p < RIG_FRAMES; p++) {
			struct quire_zone *zone = &node->zones[p < border ? QUIRE_ZONE_DMA : QUIRE_ZONE_NORMAL];

			if (!rig->frames[p].memory || rig->frames[p].nid != (int)nid)
				continue;
			rig->frames[p].zone = p < border ? QUIRE_ZONE_DMA : QUIRE_ZONE_NORMAL;
			if (!node->has_memory)
				node->start_pfn = p;
			if (!zone->present)
				zone->start_pfn = p;
			node->has_memory = true;
			zone->present++;
			zone->spanned = p + 1 - zone->start_pfn;
			node->end_pfn = p + 1;
		}
		for (unsigned z = 0; z < QUIRE_ZONE_TYPES; z++) {
			node->zones[z].type = (enum quire_zone_type)z;
			node->zones[z].node = node;
		}
	}
}

/* Holes belong to the memory above; what is above all memory, to the last. */
static void settle_holes(struct rig *rig)
{
	unsigned per_section = 1u << (rig->q.config.geometry.section_shift - 12);
	struct rig_frame above = { .nid = -1 }, last = { .nid = 0 };

	for (quire_pfn_t p = RIG_FRAMES; p-- > 0;) {
		if (rig->frames[p].memory) {
			above = rig->frames[p];
			if (!last.memory)
				last = above;
			for (quire_pfn_t s = p / per_section * per_section; s < (p / per_section + 1) * per_section; s++)
				if (s < RIG_FRAMES)
					rig->frames[s].present_section = true;
		} else {
			rig->frames[p].nid = above.nid;
			rig->frames[p].zone = above.zone;
		}
	}
	for (quire_pfn_t p = RIG_FRAMES; p-- > 0 && !rig->frames[p].memory;) {
		rig->frames[p].nid = last.nid;
		rig->frames[p].zone = last.zone;
	}
}

void rig_make(struct rig *rig, unsigned seed, enum quire_model model, enum quire_init_policy init, uint32_t hosted_flags)
{
	struct quire_hosted_range ram = { 0, (quire_phys_t)RIG_FRAMES << 12 };
	struct quire_hosted_options options = { .config = &rig->q.config, .flags = hosted_flags, .log = keep_message,
						.highest_address = 1ull << 30, .ctx = rig };
	unsigned nodes;

	memset(rig, 0, sizeof(*rig));
	srand(seed);
	nodes = 1 + (unsigned)rand() % RIG_NODES;
	geometry(&rig->q.config, seed);
	rig->q.config.model = model;
	rig->q.config.init = init;
	rig->q.config.workers = 3;
	if (quire_hosted_create(&ram, 1, &options, &rig->hosted) != QUIRE_OK)
		abort();
	rig->q.platform = quire_hosted_platform(rig->hosted);
	rig->q.memblock.platform = rig->q.platform;
	rig->q.topology.config = &rig->q.config;
	rig->q.topology.platform = rig->q.platform;
	make_map(rig, nodes);
	make_zones(rig, nodes, (quire_pfn_t)(rand() % RIG_FRAMES));
	settle_holes(rig);
	for (unsigned i = 0; i < 20; i++)
		quire_memblock_reserve(&rig->q.memblock, (quire_phys_t)rand() % ((RIG_FRAMES - 4096) << 12),
				       (quire_phys_t)rand() % 100000);
	quire_memblock_allow_resize(&rig->q.memblock);
}

enum quire_status rig_boot(struct rig *rig)
{
	enum quire_status status = qi_memmap_present(&rig->q);

	if (status == QUIRE_OK)
		status = qi_memmap_populate(&rig->q);
	return status == QUIRE_OK ? qi_memmap_init(&rig->q) : status;
}

void rig_drop(struct rig *rig)
{
	qi_memmap_fini(&rig->q);
	quire_hosted_destroy(rig->hosted);
}
