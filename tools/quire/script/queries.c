/* What expressions may ask of the machine and of handles. */
#define _GNU_SOURCE
#include "script.h"

#include <string.h>

#include <quire/hotplug.h>
#include <quire/page_alloc.h>
#include <quire/report.h>

/* Which zones, and what of them. Negative: not given. */
struct filter {
	int node, zone, order, type, for_zone;
};

static bool wrong(char *why, const char *format, const char *word)
{
	snprintf(why, SCRIPT_WHY, format, word);
	return false;
}

/* --- arguments ------------------------------------------------------------------------------------------------------- */

static bool filter_setting(struct filter *f, const char *key, const char *text, char *why)
{
	enum quire_zone_type zone;
	enum quire_migratetype type;
	uint64_t number;

	if (strcmp(key, "zone") == 0 || strcmp(key, "for") == 0) {
		if (!script_zone(text, &zone))
			return wrong(why, "'%.40s' is no zone", text);
		*(*key == 'z' ? &f->zone : &f->for_zone) = zone;
	} else if (strcmp(key, "type") == 0) {
		if (!script_migratetype(text, &type))
			return wrong(why, "'%.40s' is no migrate type", text);
		f->type = type;
	} else if (strcmp(key, "node") == 0 && script_number(text, &number) && number < QUIRE_MAX_NODES) {
		f->node = (int)number;
	} else if (strcmp(key, "order") == 0 && script_number(text, &number) && number < QUIRE_MAX_ORDERS) {
		f->order = (int)number;
	} else {
		return wrong(why, "this makes no sense for a query: '%.40s'", key);
	}
	return true;
}

/* "node=0, zone=Normal": words separated by commas. */
static bool read_filter(struct filter *f, const char *arguments, char *why)
{
	char words[256];
	struct script_line line;
	const char *problem;
	bool fine = true;

	*f = (struct filter){ -1, -1, -1, -1, -1 };
	snprintf(words, sizeof(words), "query %s", arguments);
	for (char *comma = words; (comma = strchr(comma, ',')) != NULL;)
		*comma = ' ';
	problem = script_line_parse(&line, words);
	if (problem)
		fine = wrong(why, "%s", problem);
	for (size_t i = 0; fine && i < line.count; i++) {
		const struct script_word *word = &line.words[i];

		fine = word->key ? filter_setting(f, word->key, word->text, why) :
				   wrong(why, "KEY=VALUE is wanted instead of '%.40s'", word->whole);
	}
	script_line_free(&line);
	return fine;
}

/* --- figures of a zone ----------------------------------------------------------------------------------------------- */

typedef uint64_t zone_figure(const struct quire *q, const struct quire_zone *zone, const struct filter *f);

static uint64_t free_pages(const struct quire *q, const struct quire_zone *zone, const struct filter *f)
{
	struct quire_zone_counts counts;
	uint64_t pages = 0;

	quire_zone_count(q, zone, &counts);
	for (unsigned type = 0; type < QUIRE_MIGRATE_TYPES; type++)
		for (unsigned order = 0; order < QUIRE_MAX_ORDERS && (f->type < 0 || f->type == (int)type); order++)
			pages += counts.free_blocks[type][order] << order;
	return pages;
}

static uint64_t buddy(const struct quire *q, const struct quire_zone *zone, const struct filter *f)
{
	struct quire_zone_counts counts;
	uint64_t blocks = 0;

	quire_zone_count(q, zone, &counts);
	for (unsigned type = 0; type < QUIRE_MIGRATE_TYPES; type++)
		for (int order = 0; order < QUIRE_MAX_ORDERS && (f->type < 0 || f->type == (int)type); order++)
			blocks += f->order < 0 || f->order == order ? counts.free_blocks[type][order] : 0;
	return blocks;
}

/* How many blocks of the order could be cut from what is free. */
static uint64_t blocks_of_order(const struct quire *q, const struct quire_zone *zone, const struct filter *f)
{
	struct quire_zone_counts counts;
	int wanted = f->order < 0 ? 0 : f->order;
	uint64_t blocks = 0;

	quire_zone_count(q, zone, &counts);
	for (unsigned type = 0; type < QUIRE_MIGRATE_TYPES; type++)
		for (int order = wanted; order < QUIRE_MAX_ORDERS && (f->type < 0 || f->type == (int)type); order++)
			blocks += counts.free_blocks[type][order] << (order - wanted);
	return blocks;
}

static uint64_t pageblocks(const struct quire *q, const struct quire_zone *zone, const struct filter *f)
{
	struct quire_zone_counts counts;
	uint64_t blocks = 0;

	quire_zone_count(q, zone, &counts);
	for (int type = 0; type < QUIRE_MIGRATE_TYPES; type++)
		blocks += f->type < 0 || f->type == type ? counts.pageblocks[type] : 0;
	return blocks;
}

static uint64_t kept(const struct quire *q, const struct quire_zone *zone, const struct filter *f)
{
	(void)q;
	(void)f;
	return quire_zone_kept_pages(zone);
}

static uint64_t used(const struct quire *q, const struct quire_zone *zone, const struct filter *f)
{
	struct filter all = *f;

	all.type = -1;
	return zone->managed - free_pages(q, zone, &all) - quire_zone_kept_pages(zone);
}

#define FIELD(name, field) \
	static uint64_t name(const struct quire *q, const struct quire_zone *zone, const struct filter *f) \
	{ \
		(void)q; \
		(void)f; \
		return zone->field; \
	}
FIELD(managed, managed)
FIELD(present, present)
FIELD(spanned, spanned)
FIELD(min_mark, watermark[QUIRE_WMARK_MIN])
FIELD(low_mark, watermark[QUIRE_WMARK_LOW])
FIELD(high_mark, watermark[QUIRE_WMARK_HIGH])

static uint64_t reserve(const struct quire *q, const struct quire_zone *zone, const struct filter *f)
{
	(void)q;
	return zone->lowmem_reserve[f->for_zone < 0 ? QUIRE_ZONE_NORMAL : f->for_zone];
}

static const struct { const char *name; zone_figure *figure; } figures[] = {
	{ "free", free_pages }, { "buddy", buddy }, { "blocks", blocks_of_order }, { "managed", managed },
	{ "present", present }, { "spanned", spanned }, { "used", used }, { "kept", kept }, { "min", min_mark },
	{ "low", low_mark }, { "high", high_mark }, { "reserve", reserve }, { "pageblocks", pageblocks },
};

const char *const script_query_names[] = { "free(", "buddy(", "blocks(", "managed(", "present(", "spanned(", "used(",
	"kept(", "min(", "low(", "high(", "reserve(", "pageblocks(", "count(", "pages(", "pfn(", "order(", "node(", "zone(",
	"online(", "offline(", "corrupted(", "single_bit(", "injected(", "guards(", "last", "got", NULL };

static bool ask_zones(struct script *s, zone_figure *figure, const struct filter *f, struct script_value *value, char *why)
{
	const struct quire_topology *t = &s->sim->q->topology;
	uint64_t total = 0;
	bool any = false;

	for (unsigned nid = 0; nid < t->node_count; nid++)
		for (unsigned type = 0; t->nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			const struct quire_zone *zone = &t->nodes[nid]->zones[type];

			if ((f->node >= 0 && f->node != (int)nid) || (f->zone >= 0 && f->zone != (int)type) ||
			    !quire_zone_populated(zone))
				continue;
			total += figure(s->sim->q, zone, f);
			any = true;
		}
	*value = (struct script_value){ (int64_t)total, SCRIPT_PLAIN };
	return any ? true : wrong(why, "%s", "this machine has no such zone with memory");
}

/* --- memory blocks --------------------------------------------------------------------------------------------------- */

/* How many are on line, or not, of a node or a zone. */
static bool ask_memory_blocks(struct script *s, bool online, const struct filter *f, struct script_value *value)
{
	struct quire_block block;
	uint64_t cursor = 0;
	int64_t count = 0;

	while (quire_block_next(s->sim->q, &cursor, &block))
		count += (block.state == QUIRE_BLOCK_ONLINE) == online && (f->node < 0 || f->node == block.nid) &&
			 (f->zone < 0 || (block.zone && f->zone == (int)block.zone->type));
	*value = (struct script_value){ count, SCRIPT_PLAIN };
	return true;
}

/* --- handles --------------------------------------------------------------------------------------------------------- */

static bool ask_handle(struct script *s, const char *what, const char *argument, struct script_value *value, char *why)
{
	const struct script_handle *h;
	char name[SCRIPT_NAME_MAX], text[64];
	uint64_t low, high;

	while (*argument == ' ')
		argument++;
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(argument, " "), argument);
	if (!script_handle_ref(text, name, sizeof(name), &low, &high) || low != UINT64_MAX)
		return wrong(why, "a handle's name is wanted instead of '%.40s'", text);
	/* A handle nothing was put into is empty: churn may end there. */
	h = script_handle_find(s, name);
	if (!h)
		return wrong(why, "there is no handle %s", name);
	*value = (struct script_value){ (int64_t)(strcmp(what, "pages") ? h->count : h->pages), SCRIPT_PLAIN };
	return true;
}

static const struct quire_zone *zone_of_frame(const struct quire *q, quire_pfn_t pfn)
{
	return quire_topology_zone_of(&q->topology, &q->memblock, pfn);
}

static bool ask_block(struct script *s, const char *what, const char *argument, struct script_value *value, char *why)
{
	char name[SCRIPT_NAME_MAX], text[64];
	const struct quire_zone *zone;
	const struct script_handle *h;
	uint64_t low, high;
	const struct script_block *block;

	while (*argument == ' ')
		argument++;
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(argument, " "), argument);
	if (!script_handle_ref(text, name, sizeof(name), &low, &high) || low == UINT64_MAX || low != high)
		return wrong(why, "a block NAME[i] is wanted instead of '%.40s'", text);
	h = script_handle_find(s, name);
	if (!h || low >= h->count)
		return wrong(why, "there is no block %s", text);
	block = h->blocks[low];
	zone = zone_of_frame(s->sim->q, block->pfn);
	*value = (struct script_value){ (int64_t)block->pfn, SCRIPT_PLAIN };
	if (strcmp(what, "order") == 0)
		value->number = block->order;
	else if (strcmp(what, "node") == 0)
		value->number = zone ? zone->node->nid : QUIRE_NO_NODE;
	else if (strcmp(what, "zone") == 0)
		*value = (struct script_value){ zone ? (int)zone->type : -1, SCRIPT_ZONE };
	return true;
}

bool script_query(struct script *s, const char *name, const char *arguments, struct script_value *value, char *why)
{
	static const char *const of_blocks[] = { "pfn", "order", "node", "zone" };
	struct filter f;

	if (!s->sim)
		return wrong(why, "no machine is booted: '%s' has nobody to ask", name);
	if (script_ask_debug(s, name, &value->number)) {
		value->flavour = SCRIPT_PLAIN;
		return true;
	}
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		if (strcmp(figures[i].name, name) == 0)
			return read_filter(&f, arguments, why) && ask_zones(s, figures[i].figure, &f, value, why);
	if (strcmp(name, "online") == 0 || strcmp(name, "offline") == 0)
		return read_filter(&f, arguments, why) && ask_memory_blocks(s, name[1] == 'n', &f, value);
	for (size_t i = 0; i < sizeof(of_blocks) / sizeof(of_blocks[0]); i++)
		if (strcmp(of_blocks[i], name) == 0)
			return ask_block(s, name, arguments, value, why);
	if (strcmp(name, "count") == 0 || strcmp(name, "pages") == 0)
		return ask_handle(s, name, arguments, value, why);
	return wrong(why, "there is no query '%.40s'", name);
}
