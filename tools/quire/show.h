/* The reports of "quire boot --show": one table of names, with how each is written as text and as JSON. */
#ifndef QUIRE_TOOL_SHOW_H
#define QUIRE_TOOL_SHOW_H

#include <quire/report.h>

#include "json.h"
#include "simulate.h"

struct show_report {
	const char *name;
	const char *help;
	void (*text)(const struct quire *q, const struct quire_report_sink *sink);
	/* Writes members of the document's top object. */
	void (*json)(const struct quire *q, struct json *json);
};

/* All of them, in the order in which they are printed; ended by an entry without name. */
extern const struct show_report show_reports[];

/* What is shown when nothing is said, as text. JSON shows everything. */
#define SHOW_DEFAULT "zones,fallback,buddyinfo"

/*
 * "zones,log" or "all" to a bit per entry of the table. False: *bad, of *length bytes, is a name that is none.
 */
bool show_parse(const char *list, uint32_t *mask, const char **bad, size_t *length);

/* What was booted, in a few lines at the head of the default view. */
void show_heading(const struct simulation *s, FILE *out);

void show_text(const struct simulation *s, uint32_t mask, FILE *out);
void show_json(const struct simulation *s, uint32_t mask, FILE *out);

/* json_machine.c: what was read. json_memory.c, json_zones.c, json_costs.c: the reports' figures. */
void json_machine(const struct simulation *s, struct json *json);
void json_log(const struct quire *q, struct json *json);
void json_memblock(const struct quire *q, struct json *json);
void json_sections(const struct quire *q, struct json *json);
void json_blocks(const struct quire *q, struct json *json);
void json_layout(const struct quire *q, struct json *json);
void json_costs(const struct quire *q, struct json *json);
void json_nodes(const struct quire *q, struct json *json);
void json_zones(const struct quire *q, struct json *json);
void json_fallback(const struct quire *q, struct json *json);
void json_zonelists(const struct quire *q, struct json *json);
void json_buddyinfo(const struct quire *q, struct json *json);
void json_pagetypeinfo(const struct quire *q, struct json *json);
void json_meminfo(const struct quire *q, struct json *json);

#endif
