/*
 * Where the fields of a flags word go (spec 03 §7).
 *
 * One arithmetic serves two ends: our own descriptors, whose 32-bit word holds only what finds a frame's section, node and
 * zone, and the word of the kernel whose books are kept, which is computed only to be printed and compared. A layout that
 * does not fit is refused before anything is built on it.
 */
#include <quire/memmap.h>

#include "base/base.h"

static enum quire_status refuse(const char **why, const char *sentence)
{
	if (why)
		*why = sentence;
	return QUIRE_EUNSUPPORTED;
}

/* Place the fields downward from the top of the word. */
static void place(struct quire_page_layout *layout)
{
	struct quire_page_field *fields[] = { &layout->section, &layout->node, &layout->zone, &layout->lastcpupid,
					      &layout->kasan, &layout->lru_gen, &layout->lru_refs };
	unsigned shift = layout->params.word_bits;

	for (size_t i = 0; i < QI_ARRAY_SIZE(fields); i++) {
		shift -= fields[i]->width;
		fields[i]->shift = shift;
	}
}

enum quire_status quire_page_layout_compute(const struct quire_page_layout_params *params, struct quire_page_layout *layout,
					    const char **why)
{
	struct quire_page_layout l = { .params = *params };
	unsigned room, used;

	if ((params->word_bits != 32 && params->word_bits != 64) || params->flags >= params->word_bits || !params->zones ||
	    params->zones > QUIRE_ZONE_TYPES)
		return refuse(why, QI_TEXT("page-flags parameters out of range"));
	room = params->word_bits - params->flags;
	l.zone.width = qi_log2_up(params->zones);
	l.lru_gen.width = params->lru_gen_bits;
	l.kasan.width = params->kasan_bits;
	l.section.width = params->section_field ? params->sections_shift : 0;

	used = l.zone.width + l.lru_gen.width + l.section.width;
	l.node_in_flags = used + params->nodes_shift <= room;
	if (l.node_in_flags)
		l.node.width = params->nodes_shift;
	else if (params->node_needed)
		return refuse(why,
			      QI_TEXT("node and zone number do not fit the page flags, "
				      "and no section field leads to the node"));

	used += l.node.width + l.kasan.width;
	l.lastcpupid_in_flags = used + params->lastcpupid_shift <= room;
	if (l.lastcpupid_in_flags)
		l.lastcpupid.width = params->lastcpupid_shift;
	used += l.lastcpupid.width;
	if (used > room)
		return refuse(why,
			      QI_TEXT("section and zone number do not fit the page flags: "
				      "too many sections for this model"));
	l.lru_refs.width = (unsigned)qi_min(params->lru_refs_wish, room - used);
	place(&l);
	*layout = l;
	return QUIRE_OK;
}

static unsigned zone_count(const struct quire_config *config)
{
	unsigned count = 0;

	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
		count += config->zone_mask >> type & 1;
	return count;
}

static unsigned sections_shift(const struct quire_config *config)
{
	enum quire_model model = quire_model(config);

	if (model == QUIRE_MODEL_FLATMEM || model == QUIRE_MODEL_DISCONTIGMEM)
		return 0;
	return config->geometry.physmem_bits - quire_section_shift(config);
}

static bool is_classic_sparse(const struct quire_config *config)
{
	return quire_model(config) == QUIRE_MODEL_SPARSEMEM || quire_model(config) == QUIRE_MODEL_SPARSEMEM_EXTREME;
}

/*
 * Number of single-bit flags. Both kernels have a common set (two left it before 6.12: error and slab), every build handles
 * hardware poison, and the rest depends on the architecture's options: uncached (x86 of 6.1), idle tracking (young and idle,
 * on in the 6.12 builds), and second and third architecture flags.
 */
static unsigned linux_flags(enum quire_arch arch, enum quire_rules rules)
{
	bool wide = arch == QUIRE_ARCH_X86_64 || arch == QUIRE_ARCH_ARM64 || arch == QUIRE_ARCH_RISCV64;
	bool x86 = arch == QUIRE_ARCH_X86_64 || arch == QUIRE_ARCH_I386 || arch == QUIRE_ARCH_I386_PAE;
	unsigned poison = 1;

	if (rules == QUIRE_RULES_6_1)
		return 22 + poison + x86 + wide;
	return 20 + poison + (wide ? 2 : 0) + (arch == QUIRE_ARCH_X86_64 || arch == QUIRE_ARCH_ARM64) +
	       (arch == QUIRE_ARCH_ARM64);
}

/* log2 of the number of CPUs the distribution's kernel is built for, on architectures with NUMA balancing. */
static unsigned linux_cpus_shift(enum quire_arch arch, enum quire_rules rules)
{
	switch (arch) {
	case QUIRE_ARCH_X86_64:
		return 13;
	case QUIRE_ARCH_ARM64:
		return rules == QUIRE_RULES_6_1 ? 8 : 9;
	default:
		return 6;
	}
}

void quire_page_layout_linux(const struct quire_config *config, struct quire_page_layout_params *params)
{
	bool wide = quire_arch(config) != QUIRE_ARCH_I386 && quire_arch(config) != QUIRE_ARCH_I386_PAE;
	unsigned pid_bits = 8;

	*params = (struct quire_page_layout_params){
		.word_bits = wide ? 64 : 32,
		.flags = linux_flags(quire_arch(config), quire_rules(config)),
		.zones = zone_count(config),
		.nodes_shift = config->geometry.nodes_shift,
		.sections_shift = sections_shift(config),
		.section_field = is_classic_sparse(config),
		.node_needed = !is_classic_sparse(config),
		.lastcpupid_shift = config->geometry.nodes_shift ?
				    pid_bits + linux_cpus_shift(quire_arch(config), quire_rules(config)) : 0,
		.lru_gen_bits = 3,
		.lru_refs_wish = 2,
	};
}

/*
 * DISCONTIGMEM keeps the number of the array in the section field: a hole's node (that of the memory above it) need not be
 * the node whose array describes it, and page_to_pfn must not be misled.
 */
void quire_page_layout_own(const struct quire_config *config, struct quire_page_layout_params *params)
{
	bool discontig = quire_model(config) == QUIRE_MODEL_DISCONTIGMEM;

	*params = (struct quire_page_layout_params){
		.word_bits = 32,
		.flags = QUIRE_PAGE_FLAG_BITS,
		.zones = QUIRE_ZONE_TYPES,
		.nodes_shift = config->geometry.nodes_shift,
		.sections_shift = discontig ? config->geometry.nodes_shift : sections_shift(config),
		.section_field = discontig || is_classic_sparse(config),
		.node_needed = !is_classic_sparse(config),
	};
}

static unsigned shift_of(struct quire_page_field field)
{
	return field.width ? field.shift : 0;
}

void quire_page_layout_print(const struct quire_page_layout *layout, void (*emit)(void *ctx, const char *line), void *ctx)
{
	const struct quire_page_layout_params *p = &layout->params;
	struct quire_page_field id = layout->node_in_flags ? layout->node : layout->section;
	unsigned zone_shift = qi_log2_up(p->zones);
	unsigned id_low = (unsigned)qi_min(id.shift, layout->zone.shift);
	unsigned id_bits = (layout->node_in_flags ? p->nodes_shift : p->sections_shift) + zone_shift;
	unsigned below = layout->lru_refs.shift;
	char line[160];

	qi_snprintf(line, sizeof(line),
		    "mminit::pageflags_layout_widths Section %u Node %u Zone %u Lastcpupid %u Kasantag %u Gen %u Tier %u "
		    "Flags %u",
		    layout->section.width, layout->node.width, layout->zone.width, layout->lastcpupid.width,
		    layout->kasan.width, layout->lru_gen.width, layout->lru_refs.width, p->flags);
	emit(ctx, line);
	qi_snprintf(line, sizeof(line),
		    "mminit::pageflags_layout_shifts Section %u Node %u Zone %u Lastcpupid %u Kasantag %u",
		    p->sections_shift, p->nodes_shift, zone_shift, p->lastcpupid_shift, p->kasan_bits);
	emit(ctx, line);
	qi_snprintf(line, sizeof(line),
		    "mminit::pageflags_layout_pgshifts Section %u Node %u Zone %u Lastcpupid %u Kasantag %u",
		    shift_of(layout->section), shift_of(layout->node), shift_of(layout->zone), shift_of(layout->lastcpupid),
		    shift_of(layout->kasan));
	emit(ctx, line);
	qi_snprintf(line, sizeof(line), "mminit::pageflags_layout_nodezoneid Node/Zone ID: %u -> %u", id_low + id_bits,
		    id_low);
	emit(ctx, line);
	qi_snprintf(line, sizeof(line),
		    "mminit::pageflags_layout_usage location: %u -> %u layout %u -> %u unused %u -> 0 page-flags",
		    p->word_bits, below, below, p->flags, p->flags);
	emit(ctx, line);
}
