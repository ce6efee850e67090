/*
 * Verbs about debugging: tracing events, spoiling memory on purpose, who holds what. What is on is said when booting, by
 * the kernel's own words: boot --cmdline "page_poison=1 page_owner=on" …
 */
#define _GNU_SOURCE
#include "script.h"

#include <string.h>

#include <quire/debug.h>
#include <quire/vmstat.h>

/* --- trace ----------------------------------------------------------------------------------------------------------- */

static void trace_alloc(void *ctx, quire_pfn_t pfn, unsigned order, quire_gfp_t gfp, enum quire_migratetype type)
{
	fprintf(ctx, "trace: alloc pfn=%#llx order=%u gfp=%#x type=%s\n", (unsigned long long)pfn, order, gfp,
		quire_migratetype_name(type));
}

static void trace_free(void *ctx, quire_pfn_t pfn, unsigned order)
{
	fprintf(ctx, "trace: free pfn=%#llx order=%u\n", (unsigned long long)pfn, order);
}

static void trace_fallback(void *ctx, quire_pfn_t pfn, unsigned order, enum quire_migratetype type,
			   enum quire_migratetype block_type)
{
	fprintf(ctx, "trace: fallback pfn=%#llx order=%u type=%s pageblock=%s\n", (unsigned long long)pfn, order,
		quire_migratetype_name(type), quire_migratetype_name(block_type));
}

static void trace_move(void *ctx, const struct quire_zone *zone, unsigned cpu, int64_t pages)
{
	fprintf(ctx, "trace: %s node=%d zone=%s cpu=%u pages=%lld\n", pages < 0 ? "drain" : "refill", zone->node->nid,
		quire_zone_name(zone->type), cpu, (long long)(pages < 0 ? -pages : pages));
}

static void trace_slow(void *ctx, const struct quire_request_record *record)
{
	fprintf(ctx, "trace: %s order=%u gfp=%#x reclaims=%u reclaimed=%llu compactions=%u\n",
		record->served ? "slow" : "failed", record->order, record->gfp, record->reclaims,
		(unsigned long long)record->reclaimed, record->compactions);
}

enum script_result script_trace(struct script *s, struct script_line *line)
{
	const char *word = script_next_word(line);
	enum script_result result = script_need_machine(s);

	if (result != SCRIPT_OK || script_all_used(s, line) != SCRIPT_OK)
		return SCRIPT_BAD;
	if (!word || (strcmp(word, "on") != 0 && strcmp(word, "off") != 0))
		return script_bad(s, "trace: 'on' or 'off' is wanted");
	s->trace = (struct quire_trace){ .ctx = s->out, .alloc = trace_alloc, .free = trace_free, .fallback = trace_fallback,
					 .move = trace_move, .slow = trace_slow };
	quire_set_trace(s->sim->q, strcmp(word, "on") == 0 ? &s->trace : NULL);
	return SCRIPT_OK;
}

/* --- spoil ----------------------------------------------------------------------------------------------------------- */

/* A number setting with a default and a limit. */
static bool number_setting(struct script_line *line, const char *key, uint64_t limit, uint64_t *value)
{
	const char *text = script_setting(line, key);

	return !text || (script_number(text, value) && *value < limit);
}

enum script_result script_spoil(struct script *s, struct script_line *line)
{
	enum script_result result = script_need_machine(s);
	const struct quire_platform *platform;
	uint64_t pfn = QUIRE_PFN_NONE, at = 0, bytes = 0, size;
	char *frame;

	if (result != SCRIPT_OK)
		return result;
	size = 1ull << quire_page_shift(&s->sim->q->config);
	if (!number_setting(line, "pfn", UINT64_MAX, &pfn) || !number_setting(line, "at", size, &at) ||
	    !number_setting(line, "bytes", size + 1, &bytes) || pfn == QUIRE_PFN_NONE || at + bytes > size)
		return script_bad(s, "spoil: pfn=P [at=OFFSET] [bytes=N], within a frame, is wanted");
	if (script_all_used(s, line) != SCRIPT_OK)
		return SCRIPT_BAD;
	platform = s->sim->q->platform;
	frame = pfn < UINT64_MAX / size ? platform->phys_to_virt(platform->ctx, pfn * size, size) : NULL;
	if (!frame)
		return script_bad(s, "spoil: there is no frame %#llx", (unsigned long long)pfn);
	if (bytes)
		memset(frame + at, 0, bytes);
	else
		frame[at] ^= 1;
	return SCRIPT_OK;
}

/* --- who holds what -------------------------------------------------------------------------------------------------- */

void script_show_holders(struct script *s)
{
	struct quire_holder groups[64], rest;
	size_t count = quire_group_holders(s->sim->q, UINT64_MAX, groups, 64, &rest);

	fprintf(s->out, "     pages     blocks holder\n");
	for (size_t i = 0; i < count; i++) {
		uint64_t by = groups[i].by;

		fprintf(s->out, "%10llu %10llu %s\n", (unsigned long long)groups[i].pages,
			(unsigned long long)groups[i].blocks,
			by && by <= s->handle_count ? s->handles[by - 1].name : "?");
	}
	if (rest.blocks)
		fprintf(s->out, "%10llu %10llu others\n", (unsigned long long)rest.pages, (unsigned long long)rest.blocks);
}

bool script_ask_debug(const struct script *s, const char *name, int64_t *number)
{
	struct quire_debug_counts counts;

	quire_debug_counts(s->sim->q, &counts);
	if (strcmp(name, "corrupted") == 0)
		*number = (int64_t)counts.corrupted;
	else if (strcmp(name, "single_bit") == 0)
		*number = (int64_t)counts.single_bit;
	else if (strcmp(name, "injected") == 0)
		*number = (int64_t)counts.injected;
	else if (strcmp(name, "guards") == 0)
		*number = (int64_t)counts.guards;
	else
		return false;
	return true;
}
