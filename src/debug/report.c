/* What page_owner knows, as text. */
#include <quire/explain.h>

#include "debug/debug.h"

#include "report/print.h"

#ifndef QUIRE_WITHOUT_DEBUG

#define GROUPS 64u

struct printing {
	const struct quire *q;
	const struct quire_report_sink *sink;
};

/* The type of a zone's pageblock, as a name. */
static const char *block_type(const struct quire *q, quire_pfn_t pfn)
{
	const struct qi_zone *za = qi_zone_of_frame(q, pfn);

	return za ? quire_migratetype_name((enum quire_migratetype)qi_tree_type(&za->tree, pfn)) : "?";
}

static bool print_block(void *ctx, const struct quire_page_story *story)
{
	const struct printing *p = ctx;
	enum quire_migratetype type = QUIRE_MIGRATE_UNMOVABLE;
	char names[128];

	quire_gfp_migratetype(story->gfp, &type);
	qi_print(p->sink, "Page allocated via order %u, mask %#x(%s), pid %llu, tgid %llu (), ts %llu ns, free_ts %llu ns\n",
		 story->order, story->gfp, quire_gfp_names(story->gfp, names, sizeof(names)), (qi_ull)story->taken.by,
		 (qi_ull)story->taken.by, (qi_ull)story->taken.ns, (qi_ull)story->freed.ns);
	qi_print(p->sink, "PFN %llu type %s Block %llu type %s Flags 0x0()\n", (qi_ull)story->head,
		 quire_migratetype_name(type), (qi_ull)(story->head >> quire_pageblock_order(&p->q->config)),
		 block_type(p->q, story->head));
	qi_print(p->sink, " [<%#llx>] CPU %u\n\n", (qi_ull)story->taken.site, story->taken.cpu);
	return true;
}

void quire_report_page_owner(const struct quire *q, const struct quire_report_sink *sink)
{
	struct printing printing = { q, sink };

	quire_for_each_held(q, print_block, &printing);
}

static void print_seconds(const struct quire_report_sink *sink, uint64_t ns)
{
	uint64_t us = qi_div64(ns, 1000);

	qi_print(sink, "%5llu.%06llu", (qi_ull)qi_div64(us, 1000000), (qi_ull)qi_mod64(us, 1000000));
}

void quire_report_holders(const struct quire *q, uint64_t since_ns, const struct quire_report_sink *sink)
{
	struct quire_holder groups[GROUPS], rest;
	size_t count = quire_group_holders(q, since_ns, groups, GROUPS, &rest);

	qi_print(sink, "     pages     blocks              site      owner  oldest, newest (s)\n");
	for (size_t i = 0; i < count; i++) {
		qi_print(sink, "%10llu %10llu  %#16llx %10llu ", (qi_ull)groups[i].pages, (qi_ull)groups[i].blocks,
			 (qi_ull)groups[i].site, (qi_ull)groups[i].by);
		print_seconds(sink, groups[i].oldest_ns);
		print_seconds(sink, groups[i].newest_ns);
		qi_print(sink, "\n");
	}
	if (rest.blocks)
		qi_print(sink, "%10llu %10llu  by others\n", (qi_ull)rest.pages, (qi_ull)rest.blocks);
}

static void print_event(const struct quire_report_sink *sink, const char *what, const struct quire_frame_event *event)
{
	if (!event->known)
		return;
	qi_print(sink, "%s on CPU %u by %llu from %#llx at", what, event->cpu, (qi_ull)event->by, (qi_ull)event->site);
	print_seconds(sink, event->ns);
}

void quire_report_story(const struct quire *q, quire_pfn_t pfn, const struct quire_report_sink *sink)
{
	struct quire_page_story story;
	char names[128];

	if (quire_page_story(q, pfn, &story) != QUIRE_OK)
		return;
	qi_print(sink, "; block %#llx of order %u", (qi_ull)story.head, story.order);
	print_event(sink, " taken", &story.taken);
	if (story.taken.known)
		qi_print(sink, " (%s)", quire_gfp_names(story.gfp, names, sizeof(names)));
	if (!story.held)
		print_event(sink, ", given back", &story.freed);
}

#endif
