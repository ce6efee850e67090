/* /proc/zoneinfo, 6.1 and 6.12 layouts: zones, their figures and their per-CPU sets. */
#include "observed.h"

static struct origin at(const struct textfile *file, size_t line)
{
	(void)file;
	return (struct origin){ "zoneinfo.txt", line };
}

/* "Node 0, zone    DMA32" */
static struct observed_zone *zone_header(struct observed *o, const struct textfile *file, struct text_slice text,
					 size_t line)
{
	struct observed_zone *zone;
	struct text_slice name;
	enum quire_zone_type type;
	int nid;

	if (!text_take(&text, "Node ") || !observed_take_nid(&text, &nid) || !text_take(&text, ", zone") ||
	    !text_take_word(&text, &name) || !observed_zone_type(name, &type))
		return NULL;
	zone = observed_room(o, o->zones.count) ? LIST_ADD(&o->zones) : NULL;
	if (zone) {
		zone->origin = at(file, line);
		zone->nid = nid;
		zone->type = type;
	}
	return zone;
}

/* "protection: (0, 1914, 3898, 3898, 3898)" */
static void protection(struct observed_zone *zone, struct text_slice text, struct origin origin)
{
	uint64_t value;

	zone->protection_origin = origin;
	if (!text_take_through(&text, "("))
		return;
	while (zone->protections < QUIRE_ZONE_TYPES && text_take_number(&text, &value)) {
		zone->protection[zone->protections++] = value;
		if (!text_take(&text, ","))
			break;
	}
}

static const struct {
	const char *name;
	size_t offset;
} figures[] = {
	{ "boost", offsetof(struct observed_zone, boost) },
	{ "min", offsetof(struct observed_zone, min) },
	{ "low", offsetof(struct observed_zone, low) },
	{ "high", offsetof(struct observed_zone, high) },
	{ "promo", offsetof(struct observed_zone, promo) },
	{ "spanned", offsetof(struct observed_zone, spanned) },
	{ "present", offsetof(struct observed_zone, present) },
	{ "managed", offsetof(struct observed_zone, managed) },
	{ "cma", offsetof(struct observed_zone, cma) },
	{ "start_pfn:", offsetof(struct observed_zone, start_pfn) },
};

static void figure(struct observed_zone *zone, struct text_slice name, struct text_slice rest)
{
	uint64_t value;

	if (!text_take_number(&rest, &value))
		return;
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		if (!text_equals(name, figures[i].name))
			continue;
		memcpy((char *)zone + figures[i].offset, &value, sizeof(value));
		zone->has_promo |= text_equals(name, "promo");
		zone->has_cma |= text_equals(name, "cma");
		zone->populated |= text_equals(name, "start_pfn:");
	}
}

static void pageset(struct observed_zone *zone, struct text_slice name, struct text_slice rest)
{
	uint64_t value;

	if (!text_take_number(&rest, &value))
		return;
	if (text_equals(name, "cpu:")) {
		if (zone->cpus < OBSERVED_CPUS)
			zone->cpus++;
	} else if (zone->cpus && text_equals(name, "high:")) {
		zone->pcp_high[zone->cpus - 1] = value;
	} else if (zone->cpus && text_equals(name, "batch:")) {
		zone->pcp_batch[zone->cpus - 1] = value;
	}
}

void observed_read_zoneinfo(struct observed *o, const struct textfile *file)
{
	struct observed_zone *zone = NULL;

	for (size_t i = 0; i < file->line_count; i++) {
		struct text_slice text = textfile_line(file, i), name, rest;
		struct observed_zone *next = zone_header(o, file, text, i + 1);

		if (next) {
			zone = next;
			continue;
		}
		rest = text;
		if (!zone || !text_take_word(&rest, &name))
			continue;
		if (text_equals(name, "pages") && text_take(&rest, " free"))
			text_take_number(&rest, &zone->free);
		else if (text_equals(name, "protection:"))
			protection(zone, rest, at(file, i + 1));
		else if (text_equals(name, "cpu:") || text_equals(name, "high:") || text_equals(name, "batch:"))
			pageset(zone, name, rest);
		else
			figure(zone, name, rest);
	}
}
