/* Memory that comes and goes: add, remove, online, offline, hotplug. */
#define _GNU_SOURCE
#include "script.h"

#include <string.h>

#include <quire/hotplug.h>

static unsigned page_shift(const struct script *s) { return quire_page_shift(&s->sim->q->config); }

/* "script:3: offline: isolation: frame 0x… of script is pinned" without the place: that a step fails is no error. */
static void tell(struct script *s, const char *verb, const struct quire_hotplug_failure *failure)
{
	const struct quire_obstacle *o = &failure->obstacle;

	if (s->last == QUIRE_OK)
		return;
	fprintf(s->out, "%s: %s", verb, quire_status_string(s->last));
	if (failure->step)
		fprintf(s->out, " (%s)", failure->step);
	if (failure->why)
		fprintf(s->out, ": %s", failure->why);
	if (failure->who)
		fprintf(s->out, ", says %s", failure->who);
	if (o->why)
		fprintf(s->out, "; frame %#llx, block of order %u at %#llx%s%s, %s", (unsigned long long)o->pfn, o->order,
			(unsigned long long)o->head, o->owner ? " of " : ", nobody's", o->owner ? o->owner : "", o->why);
	fputc('\n', s->out);
}

/* --- which memory -------------------------------------------------------------------------------------------------- */

struct span {
	quire_pfn_t pfn;
	uint64_t pages;
};

/* Blocks are numbered by the section they start with. */
static bool block_span(struct script *s, unsigned number, struct span *span)
{
	quire_pfn_t pfn = number * quire_pages_per_section(&s->sim->q->config);
	struct quire_block block;

	if (quire_block_at(s->sim->q, pfn, &block) != QUIRE_OK)
		return false;
	*span = (struct span){ block.pfn, block.pages };
	return true;
}

/* block=N, block=N..M, or base= and size=. */
static enum script_result read_span(struct script *s, struct script_line *line, const char *verb, struct span *span)
{
	const char *block = script_setting(line, "block"), *base = script_setting(line, "base");
	const char *size = script_setting(line, "size");
	uint64_t address, bytes;
	unsigned low, high;
	struct span last;

	if (block) {
		if (!script_range(block, &low, &high))
			return script_bad(s, "%s block=%.40s: a block's number, or a range of them, is wanted", verb, block);
		if (!block_span(s, low, span) || !block_span(s, high, &last))
			return script_bad(s, "%s: there is no memory block %u", verb, block_span(s, low, span) ? high : low);
		span->pages = last.pfn + last.pages - span->pfn;
		return SCRIPT_OK;
	}
	if (!base || !size)
		return script_bad(s, "%s: which memory? block=N, or base= and size=, are wanted", verb);
	if (!script_number(base, &address) || !script_number(size, &bytes))
		return script_bad(s, "%s: base= and size= want numbers of bytes", verb);
	*span = (struct span){ address >> page_shift(s), bytes >> page_shift(s) };
	return SCRIPT_OK;
}

static bool read_type(const char *word, enum quire_online_type *type)
{
	static const char *const names[] = { "auto", "kernel", "movable" };

	for (unsigned i = 0; i < 3; i++)
		if (strcmp(word, names[i]) == 0) {
			*type = (enum quire_online_type)(QUIRE_ONLINE_AUTO + i);
			return true;
		}
	return false;
}

/* --- add, remove --------------------------------------------------------------------------------------------------- */

/* Behind the last memory there is, where a hypervisor would put it: at a whole GiB. */
static quire_phys_t next_place(const struct script *s)
{
	const quire_phys_t gib = (quire_phys_t)1 << 30;

	return (quire_memblock_end_of_dram(&s->sim->q->memblock) + gib - 1) & ~(gib - 1);
}

static enum script_result read_add(struct script *s, struct script_line *line, struct quire_memory_add *add)
{
	const char *size = script_setting(line, "size"), *base = script_setting(line, "base");
	const char *block = script_setting(line, "block"), *node = script_setting(line, "node");
	const char *memmap = script_setting(line, "memmap");
	uint64_t nid = s->node == QUIRE_NO_NODE ? 0 : (uint64_t)s->node;

	*add = (struct quire_memory_add){ .base = next_place(s) };
	if (!size || !script_number(size, &add->size))
		return script_bad(s, "add: size= in bytes is wanted, such as size=1G");
	if (base && !script_number(base, &add->base))
		return script_bad(s, "add base=%.40s: an address is wanted", base);
	if (block && !script_number(block, &add->block_size))
		return script_bad(s, "add block=%.40s: the bytes of one memory block are wanted", block);
	if (node && (!script_number(node, &nid) || nid >= QUIRE_MAX_NODES))
		return script_bad(s, "add node=%.40s: a node's number is wanted", node);
	if (memmap && strcmp(memmap, "own") != 0 && strcmp(memmap, "elsewhere") != 0)
		return script_bad(s, "add memmap=%.40s: own or elsewhere is wanted", memmap);
	add->nid = (int)nid;
	add->memmap_on_memory = memmap ? strcmp(memmap, "own") == 0 : quire_hotplug_policy(s->sim->q)->memmap_on_memory;
	return SCRIPT_OK;
}

enum script_result script_add(struct script *s, struct script_line *line)
{
	enum script_result result = script_need_machine(s);
	struct quire_hotplug_failure failure = { 0 };
	struct quire_memory_add add;

	if (result == SCRIPT_OK)
		result = read_add(s, line, &add);
	if (result == SCRIPT_OK)
		result = script_all_used(s, line);
	if (result != SCRIPT_OK)
		return result;
	s->last = quire_memory_add(s->sim->q, &add, &failure);
	tell(s, "add", &failure);
	if (s->last == QUIRE_OK)
		fprintf(s->out, "add: [%#llx-%#llx] on node %d, first block %llu\n", (unsigned long long)add.base,
			(unsigned long long)(add.base + add.size - 1), add.nid,
			(unsigned long long)(add.base >> quire_section_shift(&s->sim->q->config)));
	return SCRIPT_OK;
}

enum script_result script_remove(struct script *s, struct script_line *line)
{
	enum script_result result = script_need_machine(s);
	struct quire_hotplug_failure failure = { 0 };
	struct span span;

	if (result == SCRIPT_OK)
		result = read_span(s, line, "remove", &span);
	if (result == SCRIPT_OK)
		result = script_all_used(s, line);
	if (result != SCRIPT_OK)
		return result;
	s->last = quire_memory_remove(s->sim->q, span.pfn << page_shift(s), span.pages << page_shift(s), &failure);
	tell(s, "remove", &failure);
	return SCRIPT_OK;
}

/* --- online, offline ----------------------------------------------------------------------------------------------- */

/* Every block that is not on line, one after the other, until one fails. */
static void online_all(struct script *s, enum quire_online_type type, struct quire_hotplug_failure *failure)
{
	struct quire_block block;
	uint64_t cursor = 0;

	s->last = QUIRE_OK;
	while (s->last == QUIRE_OK && quire_block_next(s->sim->q, &cursor, &block))
		if (block.state == QUIRE_BLOCK_OFFLINE)
			s->last = quire_memory_online(s->sim->q, block.pfn, block.pages, type, failure);
}

enum script_result script_online(struct script *s, struct script_line *line)
{
	enum script_result result = script_need_machine(s);
	enum quire_online_type type = QUIRE_ONLINE_AUTO;
	struct quire_hotplug_failure failure = { 0 };
	struct span span = { 0, 0 };
	const char *word;
	bool all = false;

	while (result == SCRIPT_OK && (word = script_next_word(line)) != NULL) {
		if (strcmp(word, "all") == 0)
			all = true;
		else if (!read_type(word, &type))
			result = script_bad(s, "online: '%.40s' is none of all, auto, kernel, movable", word);
	}
	if (result == SCRIPT_OK && !all)
		result = read_span(s, line, "online", &span);
	if (result == SCRIPT_OK)
		result = script_all_used(s, line);
	if (result != SCRIPT_OK)
		return result;
	if (all)
		online_all(s, type, &failure);
	else
		s->last = quire_memory_online(s->sim->q, span.pfn, span.pages, type, &failure);
	tell(s, "online", &failure);
	return SCRIPT_OK;
}

static void tell_survey(struct script *s, const struct quire_survey *survey)
{
	fprintf(s->out, "offline: %llu frames free, %llu to move in %llu blocks, %llu that cannot move, %llu absent, "
		"%llu poisoned\n", (unsigned long long)survey->free, (unsigned long long)survey->movable,
		(unsigned long long)survey->moves, (unsigned long long)survey->unmovable,
		(unsigned long long)survey->absent, (unsigned long long)survey->poisoned);
	for (size_t i = 0; i < survey->obstacles && i < sizeof(survey->obstacle) / sizeof(survey->obstacle[0]); i++) {
		const struct quire_obstacle *o = &survey->obstacle[i];

		fprintf(s->out, "  frame %#llx, order %u, %s%s: %s\n", (unsigned long long)o->pfn, o->order,
			o->owner ? "of " : "nobody's", o->owner ? o->owner : "", o->why ? o->why : "");
	}
	if (survey->obstacles > sizeof(survey->obstacle) / sizeof(survey->obstacle[0]))
		fprintf(s->out, "  and %llu more\n", (unsigned long long)(survey->obstacles - 8));
}

enum script_result script_offline(struct script *s, struct script_line *line)
{
	enum script_result result = script_need_machine(s);
	const char *word = script_next_word(line);
	struct quire_hotplug_failure failure = { 0 };
	struct quire_survey survey = { 0 };
	bool dry = word && strcmp(word, "dry") == 0;
	struct span span;

	if (result == SCRIPT_OK && word && !dry)
		result = script_bad(s, "offline: '%.40s' is not understood; 'dry' only looks", word);
	if (result == SCRIPT_OK)
		result = read_span(s, line, "offline", &span);
	if (result == SCRIPT_OK)
		result = script_all_used(s, line);
	if (result != SCRIPT_OK)
		return result;
	if (dry) {
		s->last = quire_memory_offline_survey(s->sim->q, span.pfn, span.pages, &survey, &failure);
		tell_survey(s, &survey);
	} else {
		s->last = quire_memory_offline(s->sim->q, span.pfn, span.pages, &failure);
	}
	tell(s, "offline", &failure);
	return SCRIPT_OK;
}

/* --- policy -------------------------------------------------------------------------------------------------------- */

static bool read_auto(const char *text, enum quire_online_type *type)
{
	if (strcmp(text, "off") == 0)
		*type = QUIRE_ONLINE_NONE;
	else if (strcmp(text, "online") == 0)
		*type = QUIRE_ONLINE_AUTO;
	else
		return read_type(text, type);
	return true;
}

static enum script_result read_policy(struct script *s, struct script_line *line, struct quire_hotplug_policy *policy)
{
	const char *automatic = script_setting(line, "auto"), *how = script_setting(line, "policy");
	const char *ratio = script_setting(line, "ratio"), *memmap = script_setting(line, "memmap");
	uint64_t percent;

	if (automatic && !read_auto(automatic, &policy->auto_online))
		return script_bad(s, "hotplug auto=%.40s: off, online, kernel or movable is wanted", automatic);
	if (how && strcmp(how, "contig-zones") != 0 && strcmp(how, "auto-movable") != 0)
		return script_bad(s, "hotplug policy=%.40s: contig-zones or auto-movable is wanted", how);
	if (how)
		policy->online_policy = *how == 'a' ? QUIRE_ONLINE_AUTO_MOVABLE : QUIRE_ONLINE_CONTIG_ZONES;
	if (ratio && (!script_number(ratio, &percent) || percent > UINT32_MAX))
		return script_bad(s, "hotplug ratio=%.40s: percent of movable per kernel memory are wanted", ratio);
	if (ratio)
		policy->auto_movable_ratio = (unsigned)percent;
	if (memmap && strcmp(memmap, "own") != 0 && strcmp(memmap, "elsewhere") != 0)
		return script_bad(s, "hotplug memmap=%.40s: own or elsewhere is wanted", memmap);
	if (memmap)
		policy->memmap_on_memory = *memmap == 'o';
	return SCRIPT_OK;
}

enum script_result script_hotplug(struct script *s, struct script_line *line)
{
	enum script_result result = script_need_machine(s);
	struct quire_hotplug_policy policy;

	if (result != SCRIPT_OK)
		return result;
	policy = *quire_hotplug_policy(s->sim->q);
	result = read_policy(s, line, &policy);
	if (result == SCRIPT_OK)
		result = script_all_used(s, line);
	if (result != SCRIPT_OK)
		return result;
	s->last = quire_hotplug_set_policy(s->sim->q, &policy);
	if (s->last != QUIRE_OK)
		fprintf(s->out, "hotplug: %s\n", quire_status_string(s->last));
	return SCRIPT_OK;
}
