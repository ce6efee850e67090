/* The report for people. */
#include <inttypes.h>
#include <string.h>

#include "../../../ports/hosted/hosted.h"
#include "replay/play.h"

static void per_thousand(FILE *out, int width, bool known, int64_t value)
{
	char text[24] = "-";

	if (known)
		snprintf(text, sizeof(text), "%s%" PRId64 ".%03" PRId64, value < 0 ? "-" : "",
			 (value < 0 ? -value : value) / 1000, (value < 0 ? -value : value) % 1000);
	fprintf(out, " %*s", width, text);
}

static void number(FILE *out, int width, bool known, uint64_t value)
{
	if (known)
		fprintf(out, " %*" PRIu64, width, value);
	else
		fprintf(out, " %*s", width, "-");
}

static void heading(const struct play_result *result, FILE *out)
{
	const struct player *player = result->player;
	const struct trace_counts *counts = result->counts;

	fprintf(out, "Replay of %s\non the machine of %s\n\n", result->options->trace, result->recorded->directory);
	fprintf(out, "%" PRIu64 " lines, %" PRIu64 " events in %" PRIu64 ".%03" PRIu64 " s of the kernel's time; %" PRIu64
		" lost, %" PRIu64 " lines not understood\n", counts->lines, player->all.events,
		(player->last_us - player->first_us) / 1000000, (player->last_us - player->first_us) / 1000 % 1000,
		counts->lost, counts->malformed);
	if (result->recorded->has_free)
		fprintf(out, "start: %" PRIu64 " pages free, the kernel's buddy lists had %" PRIu64, player->start_free_ours,
			player->start_free_kernel);
	if (result->recorded->has_free && result->recorded->has_kept)
		fprintf(out, ", its CPUs kept %" PRIu64 " more (%" PRIu64 " of them seen in the trace)",
			result->recorded->kept_pages, player->odd.kept);
	fprintf(out, "\n");
	if (player->start_late)
		fprintf(out, "start: %" PRIu64 " pages handed over that the log does not place: given back late in boot\n",
			player->start_late);
	for (size_t z = 0; z < player->zone_count; z++) {
		const struct quire_zone *zone = player->zones[z];
		const struct recorded_line *mark = recorded_zone(&result->recorded->marks, zone->node->nid, zone->type);

		if (mark && (uint64_t)mark->value[0] != zone->watermark[QUIRE_WMARK_MIN])
			fprintf(out, "Node %d %s: our min watermark is %" PRIu64 ", the kernel's %" PRId64 "\n",
				zone->node->nid, quire_zone_name(zone->type), zone->watermark[QUIRE_WMARK_MIN],
				mark->value[0]);
	}
}

static void blocks_line(const struct play_result *result, const struct play_zone *zone, const char *who,
			const struct free_blocks *blocks, FILE *out)
{
	if (!blocks->known)
		return;
	fprintf(out, "  Node %d %8s  %-6s", zone->nid, quire_zone_name(zone->type), who);
	for (unsigned order = 0; order <= result->player->max_order; order++)
		fprintf(out, " %6" PRIu64, blocks->blocks[order]);
	fprintf(out, "  %8" PRIu64 "\n", free_pages(blocks));
}

static void buddyinfo(const struct play_result *result, FILE *out)
{
	const struct player *player = result->player;

	fprintf(out, "\nFree blocks by order, and free pages, at the end of each phase\n");
	for (size_t i = 0; i < player->phase_count; i++) {
		const struct play_phase *phase = &player->phases[i];

		fprintf(out, "%s\n", phase->name);
		for (size_t z = 0; z < player->zone_count; z++) {
			struct free_blocks ours = blocks_ours(&phase->zones[z]), kernel = blocks_kernel(&phase->zones[z]);

			blocks_line(result, &phase->zones[z], "ours", &ours, out);
			blocks_line(result, &phase->zones[z], "kernel", &kernel, out);
		}
	}
}

static void phase_line(const struct player *player, const struct play_phase *phase, FILE *out)
{
	unsigned order = quire_pageblock_order(&player->q->config);
	struct free_blocks ours = phase_blocks_ours(phase, player->zone_count);
	struct free_blocks kernel = phase_blocks_kernel(phase, player->zone_count);
	uint64_t kept = phase_kept_ours(phase, player->zone_count);
	uint64_t kernel_kept = phase_kept_kernel(phase, player->zone_count);
	const struct play_tally *t = &phase->tally;

	fprintf(out, "%-12.12s %7" PRIu64, phase->name, t->events);
	number(out, 5, true, suitable_blocks(&ours, order));
	number(out, 6, kernel.known, suitable_blocks(&kernel, order));
	per_thousand(out, 6, true, unusable_with_kept(&ours, kept, order));
	per_thousand(out, 6, kernel.known, unusable_with_kept(&kernel, kernel_kept, order));
	per_thousand(out, 7, true, fragmentation_index(&ours, order));
	per_thousand(out, 6, kernel.known, fragmentation_index(&kernel, order));
	number(out, 6, true, kept);
	number(out, 6, phase->whole_known && kernel.known, kernel_kept);
	number(out, 5, true, phase->whole_ours);
	number(out, 6, phase->whole_known, phase->whole_kernel);
	fprintf(out, " %5" PRIu64 " %6" PRIu64 " %5" PRIu64 " %6" PRIu64, t->fallbacks, t->fragmenting, phase->mixed_ours,
		phase->mixed_kernel);
	fprintf(out, " %5" PRIu64 " %6" PRIu64 " %5" PRIu64 " %6" PRIu64, t->huge_met + t->huge_rescued,
		t->huge_met + t->huge_missed, t->huge_failed + t->huge_missed, t->huge_failed + t->huge_rescued);
	fprintf(out, " %5" PRIu64 " %5" PRIu64 "%s\n", t->allocs ? t->alloc_ns / t->allocs : 0,
		t->frees ? t->free_ns / t->frees : 0, phase_is_worse(player, phase) ? "  worse" : "");
}

static void phases(const struct play_result *result, FILE *out)
{
	const struct player *player = result->player;
	unsigned order = quire_pageblock_order(&player->q->config);

	fprintf(out, "\nAt the end of each phase, ours and the kernel's; indices are for order %u.\n"
		"Whole by free lists; kept: free pages in no list but with a CPU, the kernel's by the books, \"-\" once\n"
		"compaction moved things out of sight; unusable: of all free pages, kept ones (where known) included;\n"
		"unused: pageblocks with nothing in use, in lists or kept.\n",
		order);
	fprintf(out, "%-12s %7s %12s %13s %14s %13s %12s %12s %12s %12s %12s %11s\n", "", "", "whole blocks", "unusable",
		"fragmentation", "kept pages", "unused blocks", "fallbacks", "mixed blocks", "huge: met", "failed",
		"ns per call");
	fprintf(out, "%-12s %7s %5s %6s %6s %6s %7s %6s %6s %6s %6s %6s %5s %6s %5s %6s %5s %6s %5s %6s %5s %5s\n", "phase",
		"events", "ours", "kernel", "ours", "kernel", "ours", "kernel", "ours", "kernel", "ours", "kernel", "ours",
		"kernel", "ours", "kernel", "ours", "kernel", "ours", "kernel", "alloc", "free");
	for (size_t i = 0; i < player->phase_count; i++)
		phase_line(player, &player->phases[i], out);
}

/* At the end, by order: the kernel's own files where they were recorded, else from its buddyinfo. */
static void indices(const struct play_result *result, FILE *out)
{
	const struct player *player = result->player;
	const struct play_phase *last = &player->phases[player->phase_count - 1];

	fprintf(out, "\nUnusable space by order at the end\n");
	for (size_t z = 0; z < player->zone_count; z++) {
		const struct play_zone *zone = &last->zones[z];
		const struct recorded_line *kernel = recorded_zone(&result->recorded->unusable, zone->nid, zone->type);
		struct free_blocks ours = blocks_ours(zone);

		fprintf(out, "  Node %d %8s  ours  ", zone->nid, quire_zone_name(zone->type));
		for (unsigned order = 0; order <= player->max_order; order++)
			per_thousand(out, 6, true, unusable_index(&ours, order));
		if (kernel)
			fprintf(out, "\n  Node %d %8s  kernel", zone->nid, quire_zone_name(zone->type));
		for (unsigned order = 0; kernel && order <= player->max_order && order < kernel->orders; order++)
			per_thousand(out, 6, true, kernel->value[order]);
		fprintf(out, "\n");
	}
}

static void requests(const struct play_result *result, FILE *out)
{
	const struct player *player = result->player;
	const struct play_tally *all = &player->all;

	fprintf(out, "\nRequests   %" PRIu64 " met by both, %" PRIu64 " by the kernel only, %" PRIu64 " by us only, %" PRIu64
		" by neither\n", all->met_by_both, all->missed, all->rescued, all->failed_by_both);
	fprintf(out, "Kernel     %" PRIu64 " fallbacks (%" PRIu64 " into pageblocks in use), %" PRIu64
		" compactions moving %" PRIu64 " blocks, %" PRIu64 " direct reclaims, %" PRIu64 " wakes of kswapd\n",
		all->extfrag, all->fragmenting, all->compactions, all->moved, all->reclaims, all->kswapd);
	fprintf(out, "Ours       %" PRIu64 " fallbacks into pageblocks in use (%" PRIu64 " claimed the pageblock)\n",
		all->fallbacks, all->claimed);
	fprintf(out, "Time       %" PRIu64 " ns per allocation, %" PRIu64 " per free, slowest %" PRIu64 " and %" PRIu64
		" us; %" PRIu64 " ns per event with reading and books\n", all->allocs ? all->alloc_ns / all->allocs : 0,
		all->frees ? all->free_ns / all->frees : 0, player->slowest_alloc_ns / 1000, player->slowest_free_ns / 1000,
		all->events ? result->wall_ns / all->events : 0);
	fprintf(out, "Memory     %" PRIu64 " KiB of metadata for the machine, %zu KiB for the books of the replay\n",
		quire_hosted_outside(result->machine->host) / 1024, player->ledger.bytes / 1024);
	fprintf(out, "Left out   %" PRIu64 " frees of what was never handed out, %" PRIu64 " handed out twice, %" PRIu64
		" freed in pieces, %" PRIu64 " not of this machine, %" PRIu64 " frees refused by us\n",
		player->odd.unknown_frees, player->odd.given_twice, player->odd.split_frees,
		player->odd.foreign, player->odd.refused_frees);
}

void play_report_text(const struct play_result *result, FILE *out)
{
	static const char *const verdicts[] = { "met", "MISSED", "not recorded" };

	heading(result, out);
	buddyinfo(result, out);
	phases(result, out);
	indices(result, out);
	requests(result, out);
	fprintf(out, "\nGoals\n");
	for (unsigned goal = 0; goal < GOALS; goal++) {
		struct judgement judgement = judge(result->player, goal);

		fprintf(out, "  %-12s %s (%s)\n", verdicts[judgement.verdict], goal_text(goal), judgement.text);
	}
}
