/* One request, one free, their words and their messages. */
#define _GNU_SOURCE
#include "script.h"

#include <stdlib.h>
#include <string.h>

#include <quire/explain.h>

#include "../../../ports/hosted/hosted.h"

static const struct { enum quire_status status; const char *word; } status_words[] = {
	{ QUIRE_OK, "ok" }, { QUIRE_ENOMEM, "nomem" }, { QUIRE_EEXIST, "exists" }, { QUIRE_EINVAL, "invalid" },
	{ QUIRE_ENOENT, "nothere" }, { QUIRE_EBUSY, "busy" }, { QUIRE_EPERM, "refused" }, { QUIRE_ERANGE, "range" },
	{ QUIRE_ENOSPC, "full" }, { QUIRE_EUNSUPPORTED, "unsupported" },
};

const char *script_status_word(enum quire_status status)
{
	for (size_t i = 0; i < sizeof(status_words) / sizeof(status_words[0]); i++)
		if (status_words[i].status == status)
			return status_words[i].word;
	return quire_status_string(status);
}

bool script_status_by_word(const char *word, enum quire_status *status)
{
	for (size_t i = 0; i < sizeof(status_words) / sizeof(status_words[0]); i++)
		if (strcmp(status_words[i].word, word) == 0) {
			*status = status_words[i].status;
			return true;
		}
	return false;
}

/* --- words of a request ---------------------------------------------------------------------------------------------- */

static enum script_result read_node(const struct script *s, const char *text, int *nid)
{
	uint64_t number;

	if (!text)
		return SCRIPT_OK;
	if (strcmp(text, "any") == 0)
		*nid = QUIRE_NO_NODE;
	else if (script_number(text, &number) && number < QUIRE_MAX_NODES)
		*nid = (int)number;
	else
		return script_bad(s, "node=%.40s: a node's number, or 'any', is wanted", text);
	return SCRIPT_OK;
}

static enum script_result read_order(const struct script *s, const char *text, unsigned *order)
{
	uint64_t number;

	if (!text)
		return SCRIPT_OK;
	if (!script_number(text, &number) || number >= QUIRE_MAX_ORDERS)
		return script_bad(s, "order=%.40s: an order from 0 to %d is wanted", text, QUIRE_MAX_ORDERS - 1);
	*order = (unsigned)number;
	return SCRIPT_OK;
}

/* zone= is the highest zone that the request may use. */
static enum script_result read_zone(const struct script *s, const char *text, quire_gfp_t *gfp)
{
	static const quire_gfp_t bits[QUIRE_ZONE_TYPES] = {
		[QUIRE_ZONE_DMA] = QUIRE_GFP_DMA, [QUIRE_ZONE_DMA32] = QUIRE_GFP_DMA32,
		[QUIRE_ZONE_HIGHMEM] = QUIRE_GFP_HIGHMEM, [QUIRE_ZONE_MOVABLE] = QUIRE_GFP_HIGHMEM | QUIRE_GFP_MOVABLE,
	};
	enum quire_zone_type zone;

	if (!text)
		return SCRIPT_OK;
	if (!script_zone(text, &zone) || zone == QUIRE_ZONE_DEVICE)
		return script_bad(s, "zone=%.40s: one of DMA, DMA32, Normal, HighMem, Movable is wanted", text);
	*gfp |= bits[zone];
	return SCRIPT_OK;
}

static enum script_result read_type(const struct script *s, const char *text, quire_gfp_t *gfp)
{
	enum quire_migratetype type;

	if (!text)
		return SCRIPT_OK;
	if (!script_migratetype(text, &type) || type >= QUIRE_MIGRATE_PCPTYPES)
		return script_bad(s, "type=%.40s: one of unmovable, movable, reclaimable is wanted", text);
	if (type == QUIRE_MIGRATE_MOVABLE)
		*gfp |= QUIRE_GFP_MOVABLE;
	else if (type == QUIRE_MIGRATE_RECLAIMABLE)
		*gfp |= QUIRE_GFP_RECLAIMABLE;
	return SCRIPT_OK;
}

enum script_result script_read_request(struct script *s, struct script_line *line, struct script_request *request)
{
	const char *gfp = script_setting(line, "gfp");
	enum script_result result;

	*request = (struct script_request){ .nid = s->node, .gfp = QUIRE_GFP_KERNEL };
	if (gfp && !script_gfp(gfp, &request->gfp))
		return script_bad(s, "gfp=%.40s: flags by name, joined by '+', or a number are wanted", gfp);
	result = read_order(s, script_setting(line, "order"), &request->order);
	if (result == SCRIPT_OK)
		result = read_node(s, script_setting(line, "node"), &request->nid);
	if (result == SCRIPT_OK)
		result = read_zone(s, script_setting(line, "zone"), &request->gfp);
	return result == SCRIPT_OK ? read_type(s, script_setting(line, "type"), &request->gfp) : result;
}

/* --- doing it -------------------------------------------------------------------------------------------------------- */

enum quire_status script_take(struct script *s, const struct script_request *request, struct script_handle *into)
{
	struct quire *q = s->sim->q;
	enum quire_status status;
	quire_pfn_t pfn;

	/* Under page_owner: who takes it is the handle it is for. */
	quire_hosted_act_as((uint64_t)(into - s->handles) + 1);
	status = quire_alloc_frames(q, request->nid, request->order, request->gfp, &pfn);
	if (status == QUIRE_OK &&
	    !script_handle_add(s, into, pfn, request->order, (request->gfp & QUIRE_GFP_MOVABLE) != 0)) {
		quire_free_frames(q, pfn, request->order);
		status = QUIRE_ENOSPC;
	}
	s->requested = true;
	s->request = *request;
	s->last = status;
	return status;
}

enum quire_status script_give(struct script *s, quire_pfn_t pfn, unsigned order)
{
	return s->last = quire_free_frames(s->sim->q, pfn, order);
}

enum quire_status script_give_block(struct script *s, struct script_block *block)
{
	enum quire_status status;

	if (block->area)
		status = s->last = quire_cma_release(s->sim->q, block->area, block->pfn, 1);
	else
		status = script_give(s, block->pfn, block->order);
	if (status == QUIRE_OK && !block->given_back) {
		block->given_back = true;
		script_owner_leave(s, block);
	}
	return status;
}

static void write_to_file(void *ctx, const char *text, size_t length)
{
	fwrite(text, 1, length, ctx);
}

struct quire_report_sink script_sink(struct script *s)
{
	return (struct quire_report_sink){ write_to_file, s->out };
}

void script_tell_refusal(struct script *s, quire_pfn_t pfn, unsigned order, enum quire_status status)
{
	struct quire_report_sink sink = script_sink(s);
	static const char *const reasons[QUIRE_STATUSES] = {
		[QUIRE_EEXIST] = "it is free already", [QUIRE_EINVAL] = "it was not taken with that order",
		[QUIRE_ENOENT] = "it was never the allocator's",
	};
	const char *reason = reasons[status] ? reasons[status] : quire_status_string(status);

	fprintf(s->out, "free of frame %#llx, order %u, refused: %s\n  ", (unsigned long long)pfn, order, reason);
	quire_explain_frame(s->sim->q, pfn, &sink);
}
