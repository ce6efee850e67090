/* A random machine: nodes, holes, zones, page sizes, models, policies, areas; and the reference as boot left it. */
#include <stdlib.h>
#include <string.h>

#include "life.h"

unsigned shift_of(const struct life *l) { return l->config.geometry.page_shift; }

uint32_t frame_of(const struct life *l, quire_pfn_t pfn)
{
	for (unsigned i = 0; i < l->window_count; i++)
		if (pfn - l->windows[i].pfn < l->window_frames)
			return (uint32_t)(i * l->window_frames + (pfn - l->windows[i].pfn));
	return NO_FRAME;
}

quire_pfn_t pfn_of(const struct life *l, uint32_t frame)
{
	return l->windows[frame / l->window_frames].pfn + frame % l->window_frames;
}

quire_pfn_t some_pfn(struct life *l)
{
	return pfn_of(l, (uint32_t)draw(l, l->frames));
}

static void keep_log(void *ctx, enum quire_log_level level, const char *text, size_t length)
{
	struct life *l = ctx;

	(void)level;
	if (length + 2 > sizeof(l->log))
		return;
	if (l->log_length + length + 2 > sizeof(l->log)) {
		memmove(l->log, l->log + sizeof(l->log) / 2, l->log_length - sizeof(l->log) / 2);
		l->log_length -= sizeof(l->log) / 2;
	}
	while (l->log_length + length + 2 > sizeof(l->log))
		l->log_length = 0;
	memcpy(l->log + l->log_length, text, length);
	l->log_length += length;
	l->log[l->log_length++] = '\n';
	l->log[l->log_length] = 0;
}

static _Noreturn void panic(void *ctx, const char *text)
{
	broken(ctx, "panic: %s", text);
}

/* There is one life in a process. */
static const struct life *living;

/* A second passes with each operation, so that a life is the same however fast it goes. */
static uint64_t clock_of_life(void *ctx)
{
	(void)ctx;
	return living->op * 1000000000ull;
}

/* --- configuration ---------------------------------------------------------------------------------------------------- */

static void draw_geometry(struct life *l)
{
	static const enum quire_arch archs[] = { QUIRE_ARCH_X86_64, QUIRE_ARCH_X86_64, QUIRE_ARCH_X86_64, QUIRE_ARCH_X86_64,
						 QUIRE_ARCH_ARM64, QUIRE_ARCH_ARM64, QUIRE_ARCH_RISCV64, QUIRE_ARCH_I386 };
	static const unsigned shifts[] = { 12, 12, 14, 16 };
	enum quire_arch arch = archs[draw(l, 8)];
	struct quire_geometry *g = &l->config.geometry;

	quire_config_defaults(&l->config, arch, one_in(l, 2) ? QUIRE_RULES_6_1 : QUIRE_RULES_6_12);
	if (arch == QUIRE_ARCH_ARM64)
		g->page_shift = shifts[draw(l, 4)];
	g->max_order = 9 + (unsigned)draw(l, 2);
	g->pageblock_order = one_in(l, 6) ? g->max_order : 9;
	g->section_shift = g->page_shift + 10 + (unsigned)draw(l, 2);
	g->physmem_bits = arch == QUIRE_ARCH_I386 ? 32 : 36;
	l->section_frames = 1ull << (g->section_shift - g->page_shift);
	l->window_frames = WINDOW_SECTIONS * l->section_frames;
}

static void draw_config(struct life *l)
{
	struct quire_config *c = &l->config;

	draw_geometry(l);
	if (c->arch != QUIRE_ARCH_I386)
		c->model = one_in(l, 6) ? (enum quire_model)draw(l, 2) : QUIRE_MODEL_SPARSEMEM +
				(enum quire_model)draw(l, 3);
	c->init = (enum quire_init_policy)draw(l, QUIRE_INIT_POLICIES);
	c->workers = 1;
	c->page_stride = 16u << draw(l, 2);
	c->cpus = CPUS;
	c->cma_enabled = true;
	c->cma_default_size = 0;
	c->options.movable_node = one_in(l, 8);
	c->options.memhp_online_given = true;
	c->options.memhp_online = one_in(l, 5);
	c->options.memmap_on_memory = one_in(l, 3);
	if (one_in(l, 4)) {
		c->options.movablecore.given = true;
		c->options.movablecore.percent = 10 + (unsigned)draw(l, 40);
	}
	l->exact = !one_in(l, 4);
	l->blocks_here = c->model >= QUIRE_MODEL_SPARSEMEM && c->arch != QUIRE_ARCH_I386;
}

/* --- what firmware says ----------------------------------------------------------------------------------------------- */

/* A window's memory from boot: the first few sections, with a hole or an odd end here and there. */
static void draw_window(struct life *l, unsigned i)
{
	unsigned shift = shift_of(l);
	quire_phys_t section = l->section_frames << shift, base = l->windows[i].pfn << shift, page =
			(quire_phys_t)1 << shift;
	uint64_t sections = i ? draw(l, WINDOW_SECTIONS - 1) : 3 + draw(l, 4);
	quire_phys_t end = base + sections * section;

	if (!sections)
		return;
	if (one_in(l, 4))
		end -= draw(l, l->section_frames / 2) * page;
	if (sections > 2 && one_in(l, 3)) {
		quire_phys_t hole = base + section + draw(l, l->section_frames) * page;

		quire_machine_add_range(&l->machine, base, hole - base, QUIRE_MEMORY_RAM, 0, QUIRE_NO_NODE);
		base = hole + (1 + draw(l, l->section_frames / 2)) * page;
	}
	quire_machine_add_range(&l->machine, base, end - base, QUIRE_MEMORY_RAM, 0, QUIRE_NO_NODE);
}

static void draw_firmware(struct life *l)
{
	const struct quire_machine_storage storage = {
		.map = l->map, .map_max = 16, .reservations = l->reservations, .reservation_max = 8,
		.affinities = l->affinities, .affinity_max = 8, .cpus = l->cpus, .cpu_max = 8,
		.domains = l->domains, .domain_max = 8, .distances = l->distances, .distance_max = 8,
	};
	unsigned shift = shift_of(l);
	quire_phys_t page = (quire_phys_t)1 << shift;

	quire_machine_init(&l->machine, l->config.arch, &storage);
	for (unsigned i = 0; i < l->window_count; i++)
		draw_window(l, i);
	for (unsigned n = (unsigned)draw(l, 4); n; n--) {
		struct quire_reservation r = { .base = draw(l, l->window_frames / 4) * page, .size = (1 + draw(l,
				40)) * page,
					       .kind = QUIRE_RESERVE_FIRMWARE, .name = "firmware" };

		quire_machine_add_reservation(&l->machine, &r);
	}
	if (l->config.arch == QUIRE_ARCH_I386)
		return;
	for (unsigned i = 0; i < l->window_count; i++) {
		const struct quire_memory_affinity record = {
			.base = l->windows[i].pfn << shift, .size = l->window_frames << shift, .domain =
					(uint32_t)l->windows[i].nid,
			.flags = QUIRE_AFFINITY_ENABLED,
		};

		quire_machine_add_affinity(&l->machine, &record);
	}
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		const struct quire_cpu record = { .hwid = cpu, .domain = cpu % 2 ?
				(uint32_t)l->windows[l->window_count - 1].nid : 0,
						  .enabled = true };

		quire_machine_add_cpu(&l->machine, &record);
	}
}

static void draw_windows(struct life *l)
{
	bool small = l->config.arch == QUIRE_ARCH_I386;
	quire_phys_t first = small ? 1ull << 30 : 4ull << 30;
	unsigned shift = shift_of(l);

	/* Descriptors of the holes between windows would take more than there is. */
	l->window_count = small ? 2 : l->blocks_here ? 1 + (unsigned)draw(l, WINDOWS) : 1;
	for (unsigned i = 1; i < l->window_count; i++)
		l->windows[i] = (struct window){ (first >> shift) + (i - 1) * (l->window_frames + (one_in(l, 2) ?
				l->window_frames : 0)),
						 small ? 0 : (int)i };
	/* Two windows of one node. */
	if (l->window_count > 2 && one_in(l, 3))
		l->windows[l->window_count - 1].nid = (int)l->window_count - 2;
	for (unsigned i = 2; i < l->window_count; i++)
		if (l->windows[i].pfn < l->windows[i - 1].pfn + l->window_frames)
			l->windows[i].pfn = l->windows[i - 1].pfn + l->window_frames;
	l->frames = (uint32_t)(l->window_count * l->window_frames);
}

/* --- the reference ---------------------------------------------------------------------------------------------------- */

static void *bytes(const struct life *l, size_t each)
{
	return calloc(l->frames, each);
}

/* Of an area that could not be activated. */
static bool given_up(const struct life *l, quire_pfn_t pfn)
{
	for (size_t i = 0; i < l->q.cma_count; i++)
		for (unsigned k = 0; !l->q.cma[i].active && k < l->q.cma[i].range_count; k++)
			if (pfn - l->q.cma[i].ranges[k].base_pfn < l->q.cma[i].ranges[k].count)
				return true;
	return false;
}

static bool note_free(void *ctx, quire_pfn_t pfn, uint64_t count)
{
	struct life *l = ctx;

	for (uint64_t i = 0; i < count; i++) {
		/* What the ledger says is taken must not be free: but for areas, which stay reserved there. */
		must(l, quire_cma_area_of(&l->q, pfn + i) || given_up(l, pfn + i) ||
		     !quire_memblock_is_reserved(&l->q.memblock, (pfn + i) << shift_of(l)));
		set_state(l, frame_of(l, pfn + i), FREE);
	}
	return true;
}

static void note_memory(struct life *l)
{
	struct quire_pfn_range range;
	size_t index;

	quire_memblock_for_each_pfn_range(&l->q.memblock, index, QUIRE_NO_NODE, shift_of(l), &range)
		for (quire_pfn_t pfn = range.start; pfn < range.end; pfn++) {
			struct quire_zone *zone = quire_topology_zone_of(&l->q.topology, &l->q.memblock, pfn);

			must(l, zone && frame_of(l, pfn) != NO_FRAME);
			set_zone(l, frame_of(l, pfn), zone_key(zone->node->nid, zone->type));
			set_state(l, frame_of(l, pfn), RESERVED);
		}
	for (unsigned nid = 0; nid < l->q.topology.node_count; nid++)
		for (unsigned type = 0; l->q.topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++)
			quire_zone_walk_free(&l->q.topology.nodes[nid]->zones[type], note_free, l);
}

static void note_blocks(struct life *l)
{
	struct block **end = &l->blocks;
	struct quire_block found;
	uint64_t cursor = 0;

	while (quire_block_next(&l->q, &cursor, &found)) {
		*end = calloc(1, sizeof(**end));
		**end = (struct block){ .pfn = found.pfn, .pages = found.pages, .nid = found.nid,
					.online = found.state == QUIRE_BLOCK_ONLINE };
		must(l, (*end)->online && !found.hotplugged);
		end = &(*end)->next;
	}
}

static void declare_areas(struct life *l)
{
	unsigned shift = shift_of(l);
	quire_phys_t block = (quire_phys_t)1 << (l->config.geometry.pageblock_order + shift);

	for (unsigned n = (unsigned)draw(l, 3); n; n--) {
		const struct quire_cma_request request = {
			.size = (1 + draw(l, 4)) * block, .order_per_bit = (unsigned)draw(l, 3), .nid = QUIRE_NO_NODE,
			.most_ranges = 1 + (unsigned)draw(l, 3), .name = "area",
		};

		quire_cma_declare(&l->q, &request, NULL);
	}
}

static void note_boot(struct life *l)
{
	l->state = bytes(l, 1);
	l->failing = bytes(l, 1);
	l->tested = bytes(l, 1);
	l->gone = bytes(l, 1);
	l->own = bytes(l, 1);
	l->kept = bytes(l, 1);
	l->zone = bytes(l, 1);
	l->holder = bytes(l, sizeof(*l->holder));
	memset(l->zone, NO_ZONE, l->frames);
	memset(l->holder, 0xff, l->frames * sizeof(*l->holder));
	l->holding_max = 60000;
	l->holdings = calloc(l->holding_max, sizeof(*l->holdings));
	note_memory(l);
	note_blocks(l);
}

bool open_machine(struct life *l)
{
	enum quire_status status;

	struct quire_hosted_range ranges[WINDOWS];
	struct quire_hosted_options options = { .config = &l->config, .log = keep_log, .panic = panic, .ctx = l };

	living = l;
	draw_config(l);
	draw_windows(l);
	draw_firmware(l);
	for (unsigned i = 0; i < l->window_count; i++)
		ranges[i] = (struct quire_hosted_range){ l->windows[i].pfn << shift_of(l), l->window_frames << shift_of(l) };
	options.flags = (l->exact ? QUIRE_HOSTED_OUTSIDE_METADATA : 0) | (one_in(l, 3) ? QUIRE_HOSTED_NO_HUGE : 0);
	must(l, quire_hosted_create(ranges, l->window_count, &options, &l->hosted) == QUIRE_OK);
	l->platform = *quire_hosted_platform(l->hosted);
	l->platform.now_ns = clock_of_life;
	must(l, quire_init(&l->q, &l->config, &l->machine, &l->platform) == QUIRE_OK);
	must(l, quire_boot_until(&l->q, QUIRE_STAGE_NODES) == QUIRE_OK);
	declare_areas(l);
	status = quire_boot(&l->q);
	/* Some machines are too small for their models. */
	must(l, status == QUIRE_OK || status == QUIRE_ENOMEM || status == QUIRE_EUNSUPPORTED);
	if (status == QUIRE_OK)
		note_boot(l);
	tell(l, "%s, %s, %s, %s: %u windows of %llu frames of %llu KiB, sections of %llu frames, pageblocks of order %u, "
	     "areas: %zu%s", quire_arch_name(l->config.arch), quire_model_name(l->config.model),
	     quire_init_policy_name(l->config.init), l->config.rules == QUIRE_RULES_6_1 ? "6.1" : "6.12", l->window_count,
	     (unsigned long long)l->window_frames, 1ull << (shift_of(l) - 10), (unsigned long long)l->section_frames,
	     l->config.geometry.pageblock_order, l->q.cma_count, l->exact ? "" : ", metadata inside");
	return status == QUIRE_OK;
}

void close_machine(struct life *l)
{
	struct block *next;

	quire_fini(&l->q);
	must(l, quire_hosted_outside(l->hosted) == 0);
	quire_hosted_destroy(l->hosted);
	for (struct block *b = l->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	free(l->state);
	free(l->failing);
	free(l->tested);
	free(l->gone);
	free(l->own);
	free(l->kept);
	free(l->zone);
	free(l->holder);
	free(l->holdings);
}
