/*
 * quire-metal-compare: what a kernel of ports/metal/ printed beside what Linux printed on the same machine.
 *
 *	quire-metal-compare [-v] CAPTURE OURS
 *
 * CAPTURE is a directory with a Linux boot; OURS one with what our console said, under the same names (dmesg.txt,
 * zoneinfo.txt, memory_blocks.txt). Both are read by the readers of `quire verify`, and nothing is computed here: zone
 * ranges, node and zone spans, present pages, fallback orders, zonelists and memory blocks must be equal. How many pages
 * are managed differs by what each kernel keeps for itself, so that is only shown.
 *
 * Exit code: 0 equal, 1 something differs, 2 one of the two cannot be read or says nothing.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "verify/findings.h"
#include "verify/observed.h"

struct compare {
	const struct observed *ours, *theirs;
	struct findings *f;
	bool verbose;
};

/* --- /proc/zoneinfo ----------------------------------------------------------------------------------------------- */

static const struct observed_zone *our_zone(const struct compare *c, const struct observed_zone *theirs)
{
	static const struct observed_zone none;

	for (size_t i = 0; i < c->ours->zones.count; i++) {
		const struct observed_zone *zone = &c->ours->zones.items[i];

		if (zone->nid == theirs->nid && zone->type == theirs->type)
			return zone;
	}
	return &none;
}

static void compare_zones(struct compare *c)
{
	findings_number(c->f, (struct origin){ "zoneinfo.txt", 0 }, c->ours->zones.count, c->theirs->zones.count,
			"number of zones");
	for (size_t i = 0; i < c->theirs->zones.count; i++) {
		const struct observed_zone *theirs = &c->theirs->zones.items[i], *ours = our_zone(c, theirs);
		const char *name = quire_zone_name(theirs->type);

		findings_number(c->f, theirs->origin, ours->spanned, theirs->spanned, "spanned of node %d zone %s",
				theirs->nid, name);
		findings_number(c->f, theirs->origin, ours->present, theirs->present, "present of node %d zone %s",
				theirs->nid, name);
		if (theirs->populated)
			findings_address(c->f, theirs->origin, ours->start_pfn, theirs->start_pfn,
					 "start_pfn of node %d zone %s", theirs->nid, name);
		if (c->verbose && theirs->populated)
			printf("%s: managed of node %d zone %s: ours %" PRIu64 " theirs %" PRIu64 "\n", c->f->capture,
			       theirs->nid, name, ours->managed, theirs->managed);
	}
}

/* --- the boot log ------------------------------------------------------------------------------------------------- */

static void compare_zone_ranges(struct compare *c)
{
	for (size_t i = 0; i < c->theirs->zone_ranges.count; i++) {
		const struct observed_zone_range *theirs = &c->theirs->zone_ranges.items[i], *ours = NULL;

		for (size_t k = 0; k < c->ours->zone_ranges.count; k++)
			if (c->ours->zone_ranges.items[k].type == theirs->type)
				ours = &c->ours->zone_ranges.items[k];
		findings_address(c->f, theirs->origin, ours ? ours->first : 0, theirs->first, "start of zone range %s",
				 quire_zone_name(theirs->type));
		findings_address(c->f, theirs->origin, ours ? ours->last : 0, theirs->last, "end of zone range %s",
				 quire_zone_name(theirs->type));
	}
}

/* Lists of node ranges in the order of the log: early memory ranges, nodes' spans, movable starts. */
static void compare_ranges(struct compare *c, const struct observed_node_range *ours, size_t our_count,
			   const struct observed_node_range *theirs, size_t count, const char *what)
{
	static const struct observed_node_range none = { .nid = QUIRE_NO_NODE };

	for (size_t i = 0; i < count; i++) {
		const struct observed_node_range *mine = i < our_count ? &ours[i] : &none;

		findings_number(c->f, theirs[i].origin, (uint64_t)mine->nid, (uint64_t)theirs[i].nid, "node of %s %zu", what,
				i);
		findings_address(c->f, theirs[i].origin, mine->first, theirs[i].first, "start of %s %zu", what, i);
		findings_address(c->f, theirs[i].origin, mine->last, theirs[i].last, "end of %s %zu", what, i);
	}
	if (count)
		findings_number(c->f, theirs[0].origin, our_count, count, "number of %ss", what);
}

#define COMPARE_RANGES(c, list, what)                                                                                  \
	compare_ranges(c, (c)->ours->list.items, (c)->ours->list.count, (c)->theirs->list.items,                       \
		       (c)->theirs->list.count, what)

static void compare_fallbacks(struct compare *c)
{
	for (size_t i = 0; i < c->theirs->fallbacks.count; i++) {
		const struct observed_fallback *theirs = &c->theirs->fallbacks.items[i];
		const char *ours = "";

		for (size_t k = 0; k < c->ours->fallbacks.count; k++)
			if (c->ours->fallbacks.items[k].nid == theirs->nid)
				ours = c->ours->fallbacks.items[k].nodes;
		findings_text(c->f, theirs->origin, ours, theirs->nodes, "fallback order of node %d", theirs->nid);
	}
}

static void compare_zonelists(struct compare *c)
{
	for (size_t i = 0; i < c->theirs->zonelists.count; i++) {
		const struct observed_zonelist *theirs = &c->theirs->zonelists.items[i];
		const char *ours = "";

		for (size_t k = 0; k < c->ours->zonelists.count; k++) {
			const struct observed_zonelist *list = &c->ours->zonelists.items[k];

			if (list->nid == theirs->nid && list->type == theirs->type && list->thisnode == theirs->thisnode)
				ours = list->zones;
		}
		findings_text(c->f, theirs->origin, ours, theirs->zones, "zonelist %s of node %d for %s",
			      theirs->thisnode ? "thisnode" : "general", theirs->nid, quire_zone_name(theirs->type));
	}
	if (c->theirs->built.found)
		findings_text(c->f, c->theirs->built.policy_origin, c->ours->built.policy_zone,
			      c->theirs->built.policy_zone, "policy zone");
}

/* --- memory blocks ------------------------------------------------------------------------------------------------ */

static void compare_blocks(struct compare *c)
{
	static const struct observed_block none = { .state = "absent" };

	if (!c->theirs->blocks.count)
		return;
	findings_number(c->f, c->theirs->block_size_origin, c->ours->block_size, c->theirs->block_size, "block size");
	findings_number(c->f, c->theirs->block_size_origin, c->ours->blocks.count, c->theirs->blocks.count,
			"number of blocks");
	for (size_t i = 0; i < c->theirs->blocks.count; i++) {
		const struct observed_block *theirs = &c->theirs->blocks.items[i], *ours = &none;

		for (size_t k = 0; k < c->ours->blocks.count; k++)
			if (c->ours->blocks.items[k].index == theirs->index)
				ours = &c->ours->blocks.items[k];
		findings_text(c->f, theirs->origin, ours->state, theirs->state, "state of block %" PRIu64, theirs->index);
		findings_text(c->f, theirs->origin, ours->zones, theirs->zones, "zones of block %" PRIu64, theirs->index);
		findings_text(c->f, theirs->origin, ours->nodes, theirs->nodes, "nodes of block %" PRIu64, theirs->index);
	}
}

static int compare(const char *capture, const struct observed *ours, const struct observed *theirs, bool verbose)
{
	const struct verify_options options = { .out = stdout, .difference_limit = verbose ? 1000 : 0 };
	const char *slash = strrchr(capture, '/');
	struct findings f = { .capture = slash && slash[1] ? slash + 1 : capture };
	struct compare c = { ours, theirs, &f, verbose };
	int code;

	compare_zones(&c);
	compare_zone_ranges(&c);
	COMPARE_RANGES(&c, movable, "movable start");
	COMPARE_RANGES(&c, early_ranges, "early memory range");
	COMPARE_RANGES(&c, setup_nodes, "node span");
	compare_fallbacks(&c);
	compare_zonelists(&c);
	compare_blocks(&c);
	findings_print(&f, &options);
	code = f.different ? 1 : 0;
	findings_free(&f);
	return code;
}

static bool read_side(struct observed *o, const char *path)
{
	if (observed_read(o, path) != QUIRE_OK || (!o->zones.count && !o->zone_ranges.count)) {
		fprintf(stderr, "%s: neither zones nor zone ranges there\n", path);
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	bool verbose = argc == 4 && strcmp(argv[1], "-v") == 0;
	static struct observed ours, theirs;
	int code = 2;

	if (argc != 3 && !verbose) {
		fprintf(stderr, "usage: quire-metal-compare [-v] CAPTURE OURS\n");
		return code;
	}
	if (read_side(&theirs, argv[argc - 2]) && read_side(&ours, argv[argc - 1]))
		code = compare(argv[argc - 2], &ours, &theirs, verbose);
	observed_free(&ours);
	observed_free(&theirs);
	return code;
}
