/* JSON: ledger, boot log, sections, memory blocks, layout, costs. Addresses and sizes are bytes unless a name says pages. */
#include "show.h"

static void region_list(struct json *json, const char *name, const struct quire_memblock_type *type)
{
	json_open(json, name, '[');
	for (size_t i = 0; i < type->cnt; i++) {
		json_row(json, NULL, '{');
		json_unsigned(json, "base", type->regions[i].base);
		json_unsigned(json, "size", type->regions[i].size);
		if (type->regions[i].nid == QUIRE_NO_NODE)
			json_null(json, "nid");
		else
			json_signed(json, "nid", type->regions[i].nid);
		json_unsigned(json, "flags", type->regions[i].flags);
		json_close(json);
	}
	json_close(json);
}

void json_memblock(const struct quire *q, struct json *json)
{
	json_open(json, "memblock", '{');
	json_bool(json, "bottom_up", q->memblock.bottom_up);
	json_unsigned(json, "current_limit", q->memblock.current_limit);
	json_unsigned(json, "memory_size", q->memblock.memory.total_size);
	json_unsigned(json, "reserved_size", q->memblock.reserved.total_size);
	region_list(json, "memory", &q->memblock.memory);
	region_list(json, "reserved", &q->memblock.reserved);
	json_close(json);
}

static void unavailable(void *ctx, int nid, enum quire_zone_type zone, uint64_t pages)
{
	struct json *json = ctx;

	json_row(json, NULL, '{');
	json_signed(json, "nid", nid);
	json_text(json, "zone", quire_zone_name(zone));
	json_unsigned(json, "pages", pages);
	json_close(json);
}

static void zone_ranges(const struct quire *q, struct json *json)
{
	unsigned shift = quire_page_shift(&q->config);

	json_open(json, "zone_ranges", '[');
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		if (!(q->config.zone_mask >> type & 1) || type == QUIRE_ZONE_MOVABLE)
			continue;
		json_row(json, NULL, '{');
		json_text(json, "zone", quire_zone_name(type));
		json_unsigned(json, "start", q->topology.zone_low[type] << shift);
		json_unsigned(json, "end", q->topology.zone_high[type] << shift);
		json_close(json);
	}
	json_close(json);
}

static void contiguous_areas(const struct quire *q, struct json *json)
{
	unsigned shift = quire_page_shift(&q->config);

	json_open(json, "cma_areas", '[');
	for (size_t i = 0; i < q->cma_count; i++) {
		json_row(json, NULL, '{');
		json_text(json, "name", q->cma[i].name);
		json_unsigned(json, "base", q->cma[i].base_pfn << shift);
		json_unsigned(json, "size", q->cma[i].count << shift);
		json_bool(json, "active", q->cma[i].active);
		json_close(json);
	}
	json_close(json);
	json_row(json, "crash_kernel", '{');
	json_unsigned(json, "base", q->crash_base);
	json_unsigned(json, "size", q->crash_size);
	json_unsigned(json, "low_base", q->crash_low_base);
	json_unsigned(json, "low_size", q->crash_low_size);
	json_close(json);
}

/* A report's text, line by line. */
struct line_list {
	struct json *json;
	char line[256];
	size_t length;
};

static void take_text(void *ctx, const char *text, size_t length)
{
	struct line_list *list = ctx;

	for (size_t i = 0; i < length; i++) {
		if (text[i] != '\n' && list->length + 1 < sizeof(list->line)) {
			list->line[list->length++] = text[i];
		} else if (text[i] == '\n') {
			list->line[list->length] = 0;
			json_text(list->json, NULL, list->line);
			list->length = 0;
		}
	}
}

static void log_lines(const struct quire *q, struct json *json)
{
	struct line_list list = { .json = json };
	struct quire_report_sink sink = { take_text, &list };

	json_open(json, "log", '[');
	quire_report_boot_log(q, &sink);
	json_close(json);
}

void json_log(const struct quire *q, struct json *json)
{
	unsigned shift = quire_page_shift(&q->config);
	struct quire_pfn_range range;
	size_t index;

	log_lines(q, json);
	zone_ranges(q, json);
	json_open(json, "early_node_ranges", '[');
	quire_memblock_for_each_pfn_range(&q->memblock, index, QUIRE_NO_NODE, shift, &range) {
		json_row(json, NULL, '{');
		json_signed(json, "nid", range.nid);
		json_unsigned(json, "start", range.start << shift);
		json_unsigned(json, "end", range.end << shift);
		json_close(json);
	}
	json_close(json);
	json_open(json, "unavailable_ranges", '[');
	quire_memmap_unavailable(&q->topology, &q->memblock, unavailable, json);
	json_close(json);
	contiguous_areas(q, json);
}

void json_sections(const struct quire *q, struct json *json)
{
	struct quire_section_run run;
	uint64_t cursor = 0;

	json_open(json, "sections", '[');
	while (quire_model(&q->config) >= QUIRE_MODEL_SPARSEMEM &&
	       quire_section_next_run(&q->config, &q->memblock, &cursor, &run)) {
		json_row(json, NULL, '{');
		json_unsigned(json, "first", run.start);
		json_unsigned(json, "last", run.end - 1);
		json_signed(json, "nid", run.nid);
		json_close(json);
	}
	json_close(json);
}

static void block(const struct quire_memory_block *b, struct json *json)
{
	json_row(json, NULL, '{');
	json_unsigned(json, "index", b->index);
	json_text(json, "state", b->online ? "online" : "offline");
	json_row(json, "valid_zones", '[');
	for (unsigned i = 0; i < b->zone_count; i++)
		json_text(json, NULL, quire_zone_name(b->zones[i]));
	json_close(json);
	json_row(json, "nodes", '[');
	for (unsigned i = 0; i < b->node_count; i++)
		json_signed(json, NULL, b->nodes[i]);
	json_close(json);
	json_unsigned(json, "present_pages", b->present);
	json_close(json);
}

void json_blocks(const struct quire *q, struct json *json)
{
	quire_phys_t size = quire_memory_block_size(&q->config, q->machine, &q->memblock);
	struct quire_memory_block description;

	json_unsigned(json, "memory_block_size", size);
	json_open(json, "memory_blocks", '[');
	for (uint64_t index = 0; quire_memory_block_next(&q->topology, &q->memblock, size, &index); index++)
		if (quire_memory_block_describe(&q->topology, &q->memblock, size, index, &description) == QUIRE_OK)
			block(&description, json);
	json_close(json);
}

static void field(struct json *json, const char *name, struct quire_page_field field)
{
	json_row(json, name, '{');
	json_unsigned(json, "width", field.width);
	json_unsigned(json, "shift", field.width ? field.shift : 0);
	json_close(json);
}

static void layout(struct json *json, const char *name, const struct quire_page_layout_params *params)
{
	struct quire_page_layout fit;

	if (quire_page_layout_compute(params, &fit, NULL) != QUIRE_OK) {
		json_null(json, name);
		return;
	}
	json_open(json, name, '{');
	json_unsigned(json, "word_bits", params->word_bits);
	json_unsigned(json, "flags", params->flags);
	field(json, "section", fit.section);
	field(json, "node", fit.node);
	field(json, "zone", fit.zone);
	field(json, "last_cpupid", fit.lastcpupid);
	field(json, "kasan_tag", fit.kasan);
	field(json, "lru_generation", fit.lru_gen);
	field(json, "lru_references", fit.lru_refs);
	json_close(json);
}

void json_layout(const struct quire *q, struct json *json)
{
	struct quire_page_layout_params params;

	json_open(json, "page_flags_layout", '{');
	quire_page_layout_linux(&q->config, &params);
	layout(json, "kernel", &params);
	quire_page_layout_own(&q->config, &params);
	layout(json, "quire", &params);
	json_close(json);
}
