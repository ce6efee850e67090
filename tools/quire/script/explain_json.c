/* `explain … json`: what a request would meet at each zone, what was done for it, and what would have helped. */
#define _GNU_SOURCE
#include "script.h"

#include <stdlib.h>
#include <string.h>

#include <quire/explain.h>

#include "../json.h"

static const char *const verdicts[QUIRE_VERDICTS] = {
	[QUIRE_VERDICT_SERVES] = "serves",     [QUIRE_VERDICT_TOO_HIGH] = "zone_not_allowed",
	[QUIRE_VERDICT_CLOSED] = "no_memory",  [QUIRE_VERDICT_TOO_FEW] = "too_few_pages",
	[QUIRE_VERDICT_NO_BLOCK] = "no_block",
};

static void one_zone(struct json *json, const struct quire *q, const struct quire_zone *zone,
		     const struct quire_zone_explanation *e)
{
	uint32_t mask = quire_migratetype_mask(&q->config);

	json_open(json, NULL, '{');
	json_signed(json, "nid", zone->node->nid);
	json_text(json, "zone", quire_zone_name(zone->type));
	json_text(json, "verdict", verdicts[e->verdict]);
	json_unsigned(json, "free", e->free);
	json_unsigned(json, "need", e->need);
	json_unsigned(json, "watermark", e->mark);
	json_unsigned(json, "min", e->min);
	json_unsigned(json, "lowmem_reserve", e->lowmem_reserve);
	json_unsigned(json, "highatomic", e->highatomic);
	json_unsigned(json, "cma", e->cma);
	json_unsigned(json, "kept", e->kept);
	json_row(json, "largest_free_order", '{');
	for (unsigned type = 0; type < QUIRE_MIGRATE_TYPES; type++)
		if (mask >> type & 1)
			json_signed(json, quire_migratetype_name(type), e->largest[type]);
	json_close(json);
	json_close(json);
}

static void zones(struct json *json, const struct quire *q, const struct script_request *r)
{
	int nid = r->nid == QUIRE_NO_NODE ? 0 : r->nid;
	const struct quire_node *node = quire_topology_node(&q->topology, nid);
	const struct quire_zonelist *list;

	json_open(json, "zones", '[');
	list = node ? &node->zonelists[r->gfp & QUIRE_GFP_THISNODE ? QUIRE_ZONELIST_NOFALLBACK :
								     QUIRE_ZONELIST_FALLBACK] :
		      NULL;
	for (size_t i = 0; list && i < quire_zonelist_count(list); i++) {
		struct quire_zone_explanation e;

		if (quire_explain_zone(q, quire_zonelist_zone(list, i), r->order, r->gfp, &e) == QUIRE_OK)
			one_zone(json, q, quire_zonelist_zone(list, i), &e);
	}
	json_close(json);
}

/* What was done for the last request that failed, if it was this one. */
static void record(struct json *json, struct quire *q, const struct script_request *r)
{
	struct quire_request_record did;

	if (!quire_last_failed(q, &did) || did.order != r->order || did.gfp != r->gfp)
		return;
	json_row(json, "done", '{');
	json_unsigned(json, "reclaims", did.reclaims);
	json_unsigned(json, "reclaimed", did.reclaimed);
	json_unsigned(json, "compactions", did.compactions);
	json_unsigned(json, "unreserved", did.unreserved);
	json_unsigned(json, "out_of_memory_calls", did.kills);
	json_close(json);
}

struct text {
	char *at;
	size_t length;
};

static void collect(void *ctx, const char *piece, size_t length)
{
	struct text *text = ctx;
	char *grown = realloc(text->at, text->length + length + 1);

	if (!grown)
		return;
	text->at = grown;
	memcpy(grown + text->length, piece, length);
	text->length += length;
	grown[text->length] = '\0';
}

/* The closing sentence of the text. */
static void remedy(struct json *json, const struct quire *q, const struct script_request *r)
{
	struct text text = { 0 };
	const struct quire_report_sink sink = { collect, &text };
	char *last;

	quire_explain_failure(q, r->nid, r->order, r->gfp, &sink);
	if (!text.at)
		return;
	text.at[strcspn(text.at, "\n") == text.length ? text.length : text.length - 1] = '\0';
	last = strrchr(text.at, '\n');
	json_text(json, "remedy", last ? last + 1 : text.at);
	free(text.at);
}

void script_explain_json(struct script *s, const struct script_request *r)
{
	struct quire *q = s->sim->q;
	enum quire_status status = quire_explain_outcome(q, r->nid, r->order, r->gfp, NULL);
	char names[128];
	struct json json;

	json_init(&json, s->out);
	json_open(&json, NULL, '{');
	json_unsigned(&json, "order", r->order);
	json_text(&json, "gfp", quire_gfp_names(r->gfp, names, sizeof(names)));
	if (r->nid == QUIRE_NO_NODE)
		json_null(&json, "node");
	else
		json_signed(&json, "node", r->nid);
	json_text(&json, "outcome", script_status_word(status));
	zones(&json, q, r);
	record(&json, q, r);
	remedy(&json, q, r);
	json_close(&json);
}
