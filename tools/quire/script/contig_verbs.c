/* Neighbouring frames: contig, cma. */
#include "script.h"

#include <stdlib.h>
#include <string.h>

#include <quire/cma.h>
#include <quire/contig.h>

static void tell_obstacle(struct script *s, const struct quire_obstacle *o)
{
	if (o->why)
		fprintf(s->out, "  frame %#llx, block of order %u at %#llx, %s%s: %s\n", (unsigned long long)o->pfn,
			o->order, (unsigned long long)o->head, o->owner ? "of " : "nobody's", o->owner ? o->owner : "",
			o->why);
}

/* Frames [pfn, pfn + count) become single blocks of the handle. What does not fit is given back. */
static enum script_result keep_frames(struct script *s, struct script_handle *into, quire_pfn_t pfn, uint64_t count,
				      const struct quire_cma_area *area)
{
	for (uint64_t i = 0; i < count; i++) {
		if (script_handle_add(s, into, pfn + i, 0, false)) {
			into->blocks[into->count - 1]->area = area;
			continue;
		}
		if (area)
			quire_cma_release(s->sim->q, area, pfn + i, count - i);
		else
			quire_free_range(s->sim->q, pfn + i, count - i);
		return script_bad(s, "out of memory");
	}
	return SCRIPT_OK;
}

/* The last setting of a line: nothing is made for one that says more than was read. */
static enum script_result read_handle(struct script *s, struct script_line *line, struct script_handle **into)
{
	const char *name = script_setting(line, "as");
	enum script_result result;

	if (name && !script_name(name))
		return script_bad(s, "as=%.40s: a name is wanted: letters, digits and '_', at most 31", name);
	result = script_all_used(s, line);
	if (result != SCRIPT_OK)
		return result;
	*into = script_handle_make(s, name ? name : "it");
	return *into ? SCRIPT_OK : script_bad(s, "out of memory");
}

enum script_result script_read_count(struct script *s, struct script_line *line, const char *key, bool needed,
				     uint64_t *value)
{
	const char *text = script_setting(line, key);

	if (!text && !needed)
		return SCRIPT_OK;
	if (!text || !script_number(text, value) || !*value || *value > (uint64_t)1 << 40)
		return script_bad(s, "%s: %s= with a number is wanted", line->verb, key);
	return SCRIPT_OK;
}

/* --- contiguous frames --------------------------------------------------------------------------------------------- */

enum script_result script_contig(struct script *s, struct script_line *line)
{
	enum script_result result = script_need_machine(s);
	struct quire_obstacle obstacle = { 0 };
	uint64_t pages = 0, align = 0;
	struct script_request request;
	struct script_handle *into;
	quire_pfn_t pfn;

	if (result == SCRIPT_OK)
		result = script_read_request(s, line, &request);
	if (result == SCRIPT_OK)
		result = script_read_count(s, line, "pages", true, &pages);
	if (result == SCRIPT_OK)
		result = script_read_count(s, line, "align", false, &align);
	if (result == SCRIPT_OK)
		result = read_handle(s, line, &into);
	if (result != SCRIPT_OK)
		return result;
	s->last = quire_alloc_contig(s->sim->q, request.nid, pages, align, request.gfp, &pfn, &obstacle);
	if (s->last == QUIRE_OK)
		return keep_frames(s, into, pfn, pages, NULL);
	fprintf(s->out, "contig: %s\n", quire_status_string(s->last));
	tell_obstacle(s, &obstacle);
	return SCRIPT_OK;
}

/* --- CMA ----------------------------------------------------------------------------------------------------------- */

static const struct quire_cma_area *find_area(const struct script *s, const char *name)
{
	for (size_t i = 0; i < s->sim->q->cma_count; i++)
		if (!name || strcmp(s->sim->q->cma[i].name, name) == 0)
			return &s->sim->q->cma[i];
	return NULL;
}

static void tell_cma_failure(struct script *s, const struct quire_cma_failure *failure)
{
	fprintf(s->out, "cma: %s: %s; %llu frames are not handed out, %llu of them in a row; %llu places tried\n",
		quire_status_string(s->last), failure->why ? failure->why : "", (unsigned long long)failure->available,
		(unsigned long long)failure->largest, (unsigned long long)failure->tried);
	for (unsigned i = 0; i < failure->obstacles; i++)
		tell_obstacle(s, &failure->obstacle[i]);
}

static enum script_result cma_alloc(struct script *s, struct script_line *line)
{
	const char *name = script_setting(line, "area");
	const struct quire_cma_area *area = find_area(s, name);
	struct quire_cma_failure failure = { 0 };
	uint64_t pages = 0, order = 0;
	struct script_handle *into;
	enum script_result result = script_read_count(s, line, "pages", true, &pages);
	quire_pfn_t pfn;

	if (result == SCRIPT_OK)
		result = script_read_count(s, line, "order", false, &order);
	if (result == SCRIPT_OK)
		result = read_handle(s, line, &into);
	if (result != SCRIPT_OK)
		return result;
	if (!area)
		return script_bad(s, name ? "cma: there is no area '%.40s'" : "cma: this machine has no area%s",
				  name ? name : "; 'cma declare' before 'boot' makes one");
	s->last = quire_cma_alloc(s->sim->q, area, pages, (unsigned)order, QUIRE_GFP_KERNEL, &pfn, &failure);
	if (s->last == QUIRE_OK)
		return keep_frames(s, into, pfn, pages, area);
	tell_cma_failure(s, &failure);
	return SCRIPT_OK;
}

/* Kept until a machine boots: areas are reserved before its memory is handed over. */
static enum script_result cma_declare(struct script *s, struct script_line *line)
{
	const char *base = script_setting(line, "base"), *limit = script_setting(line, "limit");
	const char *name = script_setting(line, "name"), *node = script_setting(line, "node");
	struct script_cma *wish = &s->cma[s->cma_count];
	uint64_t size = 0, nid = 0;
	enum script_result result = script_read_count(s, line, "size", true, &size);

	if (result == SCRIPT_OK)
		result = script_all_used(s, line);
	if (result != SCRIPT_OK)
		return result;
	if (s->cma_count == QUIRE_CMA_AREAS)
		return script_bad(s, "cma: a machine has at most %d areas", QUIRE_CMA_AREAS);
	*wish = (struct script_cma){ .request = { .size = size, .nid = QUIRE_NO_NODE } };
	if (base && !script_number(base, &wish->request.base))
		return script_bad(s, "cma base=%.40s: an address is wanted", base);
	if (limit && !script_number(limit, &wish->request.limit))
		return script_bad(s, "cma limit=%.40s: an address is wanted", limit);
	if (node && (!script_number(node, &nid) || nid >= QUIRE_MAX_NODES))
		return script_bad(s, "cma node=%.40s: a node's number is wanted", node);
	if (node)
		wish->request.nid = (int)nid;
	wish->request.fixed = base != NULL;
	snprintf(wish->name, sizeof(wish->name), "%s", name ? name : "");
	s->cma_count++;
	return SCRIPT_OK;
}

enum quire_status script_declare_areas(void *ctx, struct quire *q)
{
	struct script *s = ctx;
	enum quire_status status = QUIRE_OK;

	for (size_t i = 0; i < s->cma_count && status == QUIRE_OK; i++) {
		struct quire_cma_request request = s->cma[i].request;

		request.name = s->cma[i].name[0] ? s->cma[i].name : NULL;
		status = quire_cma_declare(q, &request, NULL);
	}
	return status;
}

static enum script_result cma_show(struct script *s)
{
	for (size_t i = 0; i < s->sim->q->cma_count; i++) {
		const struct quire_cma_area *area = &s->sim->q->cma[i];
		struct quire_cma_stats stats = { 0 };

		if (area->active)
			quire_cma_stats(s->sim->q, area, &stats);
		fprintf(s->out, "%-16s %10llu frames from %#llx, %llu handed out, %llu in a row%s\n", area->name,
			(unsigned long long)area->count, (unsigned long long)area->base_pfn,
			(unsigned long long)stats.used, (unsigned long long)stats.largest,
			area->active ? "" : ", not active");
	}
	return SCRIPT_OK;
}

enum script_result script_cma(struct script *s, struct script_line *line)
{
	const char *word = script_next_word(line);
	enum script_result result;

	if (word && strcmp(word, "declare") == 0)
		return cma_declare(s, line);
	result = script_need_machine(s);
	if (result != SCRIPT_OK)
		return result;
	if (word && strcmp(word, "alloc") == 0)
		return cma_alloc(s, line);
	if (word && strcmp(word, "show") == 0)
		return script_all_used(s, line) == SCRIPT_OK ? cma_show(s) : SCRIPT_BAD;
	return script_bad(s, "cma: one of declare, alloc, show is wanted");
}
