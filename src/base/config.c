/*
 * Defaults and checks of struct quire_config.
 *
 * The defaults are the build settings of Debian's kernels, architecture by architecture: one row of a table each, so that
 * what differs between two architectures can be read off side by side.
 */
#include <quire/config.h>

#include "base/arch.h"
#include "base/base.h"
#include "base/pins.h"

#define MIB ((quire_phys_t)1 << 20)
#define ZONE(name) (1u << QUIRE_ZONE_##name)

struct arch_defaults {
	struct quire_geometry geometry;
	uint32_t zone_mask;
	enum quire_model model;
	bool cma;
	bool numa_emulation;
};

static const struct arch_defaults arch_defaults[QUIRE_ARCHES] = {
	[QUIRE_ARCH_X86_64] = {
		.geometry = { .page_shift = 12, .section_shift = 27, .physmem_bits = 46, .nodes_shift = 10,
			      .max_order = 10, .pageblock_order = 9, .page_struct_size = 64 },
		.zone_mask = ZONE(DMA) | ZONE(DMA32) | ZONE(NORMAL) | ZONE(MOVABLE) | ZONE(DEVICE),
		.model = QUIRE_MODEL_SPARSEMEM_VMEMMAP,
		.numa_emulation = true,
	},
	[QUIRE_ARCH_I386] = {
		.geometry = { .page_shift = 12, .section_shift = 26, .physmem_bits = 32, .nodes_shift = 0,
			      .max_order = 10, .pageblock_order = 10, .page_struct_size = 40 },
		.zone_mask = ZONE(DMA) | ZONE(NORMAL) | ZONE(HIGHMEM) | ZONE(MOVABLE),
		.model = QUIRE_MODEL_FLATMEM,
	},
	[QUIRE_ARCH_I386_PAE] = {
		.geometry = { .page_shift = 12, .section_shift = 29, .physmem_bits = 36, .nodes_shift = 0,
			      .max_order = 10, .pageblock_order = 9, .page_struct_size = 40 },
		.zone_mask = ZONE(DMA) | ZONE(NORMAL) | ZONE(HIGHMEM) | ZONE(MOVABLE),
		.model = QUIRE_MODEL_FLATMEM,
	},
	[QUIRE_ARCH_ARM64] = {
		.geometry = { .page_shift = 12, .section_shift = 27, .physmem_bits = 48, .nodes_shift = 4,
			      .max_order = 10, .pageblock_order = 9, .page_struct_size = 64 },
		.zone_mask = ZONE(DMA) | ZONE(DMA32) | ZONE(NORMAL) | ZONE(MOVABLE),
		.model = QUIRE_MODEL_SPARSEMEM_VMEMMAP,
		.cma = true,
	},
	[QUIRE_ARCH_RISCV64] = {
		.geometry = { .page_shift = 12, .section_shift = 27, .physmem_bits = 56, .nodes_shift = 2,
			      .max_order = 10, .pageblock_order = 9, .page_struct_size = 64 },
		.zone_mask = ZONE(DMA32) | ZONE(NORMAL) | ZONE(MOVABLE),
		.model = QUIRE_MODEL_SPARSEMEM_VMEMMAP,
	},
};

static void tunables_defaults(struct quire_tunables *tunables, uint32_t zone_mask)
{
	tunables->min_free_kbytes = -1;
	tunables->watermark_scale_factor = 10;
	tunables->watermark_boost_factor = 15000;
	tunables->lowmem_reserve_ratio[QUIRE_ZONE_DMA] = 256;
	tunables->lowmem_reserve_ratio[QUIRE_ZONE_DMA32] = 256;
	tunables->lowmem_reserve_ratio[QUIRE_ZONE_NORMAL] = 32;
	tunables->lowmem_reserve_zones = zone_mask;
	tunables->min_unmapped_ratio = 1;
	tunables->min_slab_ratio = 5;
	tunables->extfrag_threshold = 500;
	tunables->compaction_proactiveness = 20;
}

void quire_config_defaults(struct quire_config *config, enum quire_arch arch, enum quire_rules rules)
{
	const struct arch_defaults *defaults;

	if ((size_t)arch >= QI_ARRAY_SIZE(arch_defaults))
		arch = QUIRE_ARCH_X86_64;
	defaults = &arch_defaults[arch];
	memset(config, 0, sizeof(*config));
	config->arch = arch;
	config->rules = rules;
	config->geometry = defaults->geometry;
	config->zone_mask = defaults->zone_mask;
	if (arch == QUIRE_ARCH_ARM64 && rules >= QUIRE_RULES_6_12)
		config->zone_mask |= ZONE(DEVICE);
	config->model = defaults->model;
	config->init = QUIRE_INIT_LAZY;
	config->init = quire_init_policy(config);
	config->page_stride = 16;
	config->cma_enabled = QI_WITH_CMA && defaults->cma;
	config->cma_default_size = config->cma_enabled ? 64 * MIB : 0;
	config->numa_emulation = QI_WITH_NUMA && defaults->numa_emulation;
	config->thp = true;
	tunables_defaults(&config->tunables, config->zone_mask);
}

static enum quire_status fail(enum quire_status status, const char *text, const char **why)
{
	if (why)
		*why = text;
	return status;
}

static enum quire_status check_geometry(const struct quire_config *config, const char **why)
{
	const struct quire_geometry *g = &config->geometry;
	unsigned widest = config->arch == QUIRE_ARCH_RISCV64 ? 56 : qi_arch_is_i386(config->arch) ? 36 : 52;

	if (g->page_shift != 12 && g->page_shift != 14 && g->page_shift != 16)
		return fail(QUIRE_ERANGE, QI_TEXT("page_shift must be 12, 14 or 16"), why);
	if (g->max_order >= QUIRE_MAX_ORDERS)
		return fail(QUIRE_ERANGE, QI_TEXT("max_order is beyond what the counters hold"), why);
	if (g->section_shift > 40 || g->section_shift < g->page_shift + g->max_order)
		return fail(QUIRE_ERANGE, QI_TEXT("a section must hold a block of max_order and be at most 1 TiB"), why);
	if (g->pageblock_order > g->max_order || g->pageblock_order == 0)
		return fail(QUIRE_ERANGE, QI_TEXT("pageblock_order must be 1 .. max_order"), why);
	if (g->physmem_bits > widest || g->physmem_bits < g->section_shift)
		return fail(QUIRE_ERANGE, QI_TEXT("physmem_bits must hold a section and fit the architecture"), why);
	if (g->nodes_shift > 10 || (1u << g->nodes_shift) > QUIRE_MAX_NODES)
		return fail(QUIRE_ERANGE, QI_TEXT("nodes_shift asks for more nodes than QUIRE_MAX_NODES"), why);
	if (g->page_struct_size < 8 || g->page_struct_size > 512 || g->page_struct_size % 4)
		return fail(QUIRE_ERANGE, QI_TEXT("page_struct_size must be 8 .. 512 and a multiple of 4"), why);
	return QUIRE_OK;
}

static enum quire_status check_choices(const struct quire_config *config, const char **why)
{
	if ((unsigned)config->arch >= QUIRE_ARCHES)
		return fail(QUIRE_EINVAL, QI_TEXT("unknown architecture"), why);
	if (config->rules != QUIRE_RULES_6_1 && config->rules != QUIRE_RULES_6_12)
		return fail(QUIRE_EINVAL, QI_TEXT("unknown rule set"), why);
	if ((unsigned)config->model >= QUIRE_MODELS)
		return fail(QUIRE_EINVAL, QI_TEXT("unknown memory model"), why);
	if ((unsigned)config->init >= QUIRE_INIT_POLICIES)
		return fail(QUIRE_EINVAL, QI_TEXT("unknown init policy"), why);
	if (config->page_stride != 16 && config->page_stride != 32 && config->page_stride != 64)
		return fail(QUIRE_EINVAL, QI_TEXT("page_stride must be 16, 32 or 64"), why);
	if (config->zone_mask >> QUIRE_ZONE_TYPES)
		return fail(QUIRE_EINVAL, QI_TEXT("zone_mask names a zone type that does not exist"), why);
	if (!(config->zone_mask & ZONE(NORMAL)))
		return fail(QUIRE_EINVAL, QI_TEXT("zone_mask must contain Normal"), why);
	if (config->zone_mask & ZONE(HIGHMEM) && !qi_arch_is_i386(config->arch))
		return fail(QUIRE_EINVAL, QI_TEXT("only i386 has a HighMem zone"), why);
	return QUIRE_OK;
}

/* A pinned value is what the code was compiled for; a field that says otherwise would be half obeyed. */
static enum quire_status check_pins(const struct quire_config *config, const char **why)
{
	if (quire_page_shift(config) != config->geometry.page_shift)
		return fail(QUIRE_EINVAL, QI_TEXT("page_shift differs from QUIRE_PIN_PAGE_SHIFT"), why);
	if (quire_section_shift(config) != config->geometry.section_shift)
		return fail(QUIRE_EINVAL, QI_TEXT("section_shift differs from QUIRE_PIN_SECTION_SHIFT"), why);
	if (quire_pageblock_order(config) != config->geometry.pageblock_order)
		return fail(QUIRE_EINVAL, QI_TEXT("pageblock_order differs from QUIRE_PIN_PAGEBLOCK_ORDER"), why);
	if (quire_max_order(config) != config->geometry.max_order)
		return fail(QUIRE_EINVAL, QI_TEXT("max_order differs from QUIRE_PIN_MAX_ORDER"), why);
	if (quire_model(config) != config->model)
		return fail(QUIRE_EINVAL, QI_TEXT("model differs from QUIRE_PIN_MODEL"), why);
	if (quire_page_stride(config) != config->page_stride)
		return fail(QUIRE_EINVAL, QI_TEXT("page_stride differs from QUIRE_PIN_PAGE_STRIDE"), why);
	if (quire_init_policy(config) != config->init)
		return fail(QUIRE_EINVAL, QI_TEXT("init differs from QUIRE_PIN_INIT"), why);
	if (quire_arch(config) != config->arch || quire_rules(config) != config->rules)
		return fail(QUIRE_EINVAL, QI_TEXT("arch or rules differ from QUIRE_PIN_ARCH, QUIRE_PIN_RULES"), why);
	return QUIRE_OK;
}

static bool wants_debug(const struct quire_debug_options *o)
{
	return o->page_poison || o->page_owner || o->debug_pagealloc || o->guardpage_minorder || o->init_on_alloc ||
	       o->init_on_free || o->faults.probability;
}

static bool wants_at_boot(const struct quire_config *config)
{
	const struct quire_boot_options *o = &config->options;

	return o->kernelcore.given || o->movablecore.given || o->kernelcore_mirror || o->movable_node ||
	       o->crashkernel.given || o->hugepage_count || o->shuffle ||
	       (o->mem.given && !qi_arch_is_x86(quire_arch(config)));
}

/* What was left out of the build would not be obeyed at all. */
static enum quire_status check_options(const struct quire_config *config, const char **why)
{
	if (!QI_WITH_DEBUG && wants_debug(&config->options.debug))
		return fail(QUIRE_EUNSUPPORTED, QI_TEXT("debug options are not in this build"), why);
	if (!QI_WITH_CMA && (config->cma_enabled || config->options.cma.given))
		return fail(QUIRE_EUNSUPPORTED, QI_TEXT("contiguous memory areas are not in this build"), why);
	if (!QI_WITH_NUMA && config->options.numa > QUIRE_NUMA_OFF)
		return fail(QUIRE_EUNSUPPORTED, QI_TEXT("emulated nodes are not in this build"), why);
	if (!QI_WITH_BOOT_OPTIONS && wants_at_boot(config))
		return fail(QUIRE_EUNSUPPORTED, QI_TEXT("what the options want of boot is not in this build"), why);
	return QUIRE_OK;
}

enum quire_status quire_config_check(const struct quire_config *config, const char **why)
{
	enum quire_status status = check_choices(config, why);

	if (status == QUIRE_OK)
		status = check_geometry(config, why);
	if (status == QUIRE_OK)
		status = check_options(config, why);
	return status == QUIRE_OK ? check_pins(config, why) : status;
}

static const char *const model_text[QUIRE_MODELS] = {
	[QUIRE_MODEL_FLATMEM] = "flat",
	[QUIRE_MODEL_DISCONTIGMEM] = "discontig",
	[QUIRE_MODEL_SPARSEMEM] = "sparse",
	[QUIRE_MODEL_SPARSEMEM_EXTREME] = "sparse-extreme",
	[QUIRE_MODEL_SPARSEMEM_VMEMMAP] = "sparse-vmemmap",
};

static const char *const init_policy_text[QUIRE_INIT_POLICIES] = {
	[QUIRE_INIT_EAGER] = "eager",
	[QUIRE_INIT_DEFERRED] = "deferred",
	[QUIRE_INIT_LAZY] = "lazy",
};

const char *quire_model_name(enum quire_model model)
{
	return (unsigned)model < QUIRE_MODELS ? model_text[model] : "?";
}

const char *quire_init_policy_name(enum quire_init_policy policy)
{
	return (unsigned)policy < QUIRE_INIT_POLICIES ? init_policy_text[policy] : "?";
}
