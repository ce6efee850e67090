/* The report as one JSON document. Times are nanoseconds or microseconds as named; indices are thousandths. */
#include "../../../ports/hosted/hosted.h"
#include "json.h"
#include "replay/play.h"

static void indices(struct json *json, const struct player *player, const struct free_blocks *blocks)
{
	unsigned order = quire_pageblock_order(&player->q->config);

	json_unsigned(json, "free_pages", free_pages(blocks));
	json_unsigned(json, "whole_blocks", suitable_blocks(blocks, order));
	json_signed(json, "unusable_index", unusable_index(blocks, order));
	json_signed(json, "fragmentation_index", fragmentation_index(blocks, order));
}

static void lists(struct json *json, const char *name, const struct player *player, const struct free_blocks *blocks)
{
	if (!blocks->known) {
		json_null(json, name);
		return;
	}
	json_row(json, name, '[');
	for (unsigned order = 0; order <= player->max_order; order++)
		json_unsigned(json, NULL, blocks->blocks[order]);
	json_close(json);
}

static void zone(struct json *json, const struct player *player, const struct play_zone *zone)
{
	struct free_blocks ours = blocks_ours(zone), kernel = blocks_kernel(zone);

	json_open(json, NULL, '{');
	json_signed(json, "node", zone->nid);
	json_text(json, "zone", quire_zone_name(zone->type));
	lists(json, "ours", player, &ours);
	lists(json, "kernel", player, &kernel);
	json_unsigned(json, "kept_pages", zone->kept);
	json_close(json);
}

static void tally(struct json *json, const struct play_tally *t)
{
	json_unsigned(json, "events", t->events);
	json_unsigned(json, "allocs", t->allocs);
	json_unsigned(json, "frees", t->frees);
	json_unsigned(json, "alloc_ns", t->alloc_ns);
	json_unsigned(json, "free_ns", t->free_ns);
	json_unsigned(json, "met_by_both", t->met_by_both);
	json_unsigned(json, "met_by_kernel_only", t->missed);
	json_unsigned(json, "met_by_us_only", t->rescued);
	json_unsigned(json, "met_by_neither", t->failed_by_both);
	json_unsigned(json, "huge_met", t->huge_met + t->huge_rescued);
	json_unsigned(json, "huge_met_kernel", t->huge_met + t->huge_missed);
	json_unsigned(json, "huge_failed", t->huge_failed + t->huge_missed);
	json_unsigned(json, "huge_failed_kernel", t->huge_failed + t->huge_rescued);
	json_unsigned(json, "fallbacks", t->fallbacks);
	json_unsigned(json, "fallbacks_kernel", t->fragmenting);
	json_unsigned(json, "claimed", t->claimed);
	json_unsigned(json, "extfrag_kernel", t->extfrag);
	json_unsigned(json, "compactions_kernel", t->compactions);
	json_unsigned(json, "moved_kernel", t->moved);
	json_unsigned(json, "direct_reclaims_kernel", t->reclaims);
	json_unsigned(json, "kswapd_wakes_kernel", t->kswapd);
}

static void phase(struct json *json, const struct player *player, const struct play_phase *phase)
{
	struct free_blocks ours = phase_blocks_ours(phase, player->zone_count);
	struct free_blocks kernel = phase_blocks_kernel(phase, player->zone_count);

	json_open(json, NULL, '{');
	json_text(json, "name", phase->name);
	json_unsigned(json, "start_us", phase->start_us);
	json_unsigned(json, "end_us", phase->end_us);
	json_row(json, "ours", '{');
	indices(json, player, &ours);
	json_unsigned(json, "mixed_blocks", phase->mixed_ours);
	json_unsigned(json, "unused_blocks", phase->whole_ours);
	json_unsigned(json, "kept_pages", phase_kept_ours(phase, player->zone_count));
	json_close(json);
	if (kernel.known) {
		json_row(json, "kernel", '{');
		indices(json, player, &kernel);
		json_unsigned(json, "mixed_blocks", phase->mixed_kernel);
		if (phase->whole_known) {
			json_unsigned(json, "unused_blocks", phase->whole_kernel);
			json_unsigned(json, "kept_pages", phase_kept_kernel(phase, player->zone_count));
		} else {
			json_null(json, "unused_blocks");
			json_null(json, "kept_pages");
		}
		json_close(json);
	} else {
		json_null(json, "kernel");
	}
	json_bool(json, "worse", phase_is_worse(player, phase));
	json_open(json, "zones", '[');
	for (size_t i = 0; i < player->zone_count; i++)
		zone(json, player, &phase->zones[i]);
	json_close(json);
	json_open(json, "counts", '{');
	tally(json, &phase->tally);
	json_close(json);
	json_close(json);
}

static void oddities(struct json *json, const struct play_result *result)
{
	const struct play_oddities *odd = &result->player->odd;

	json_open(json, "left_out", '{');
	json_unsigned(json, "lost_events", result->counts->lost);
	json_unsigned(json, "malformed_lines", result->counts->malformed);
	json_unsigned(json, "unknown_frees", odd->unknown_frees);
	json_unsigned(json, "given_twice", odd->given_twice);
	json_unsigned(json, "freed_in_pieces", odd->split_frees);
	json_unsigned(json, "foreign", odd->foreign);
	json_unsigned(json, "refused_frees", odd->refused_frees);
	json_close(json);
}

static void goals(struct json *json, const struct player *player)
{
	static const char *const names[GOALS] = { "lists", "whole_pageblocks", "no_mixing", "huge_failures" };
	static const char *const verdicts[] = { "met", "missed", "not recorded" };

	json_open(json, "goals", '{');
	for (unsigned goal = 0; goal < GOALS; goal++) {
		struct judgement judgement = judge(player, goal);

		json_open(json, names[goal], '{');
		json_text(json, "goal", goal_text(goal));
		json_text(json, "verdict", verdicts[judgement.verdict]);
		json_text(json, "figures", judgement.text);
		json_close(json);
	}
	json_close(json);
}

void play_report_json(const struct play_result *result, FILE *out)
{
	const struct player *player = result->player;
	struct json json;

	json_init(&json, out);
	json_open(&json, NULL, '{');
	json_text(&json, "trace", result->options->trace);
	json_text(&json, "machine", result->recorded->directory);
	json_unsigned(&json, "lines", result->counts->lines);
	json_unsigned(&json, "wall_ns", result->wall_ns);
	json_unsigned(&json, "metadata_bytes", quire_hosted_outside(result->machine->host));
	json_unsigned(&json, "huge_order", quire_pageblock_order(&player->q->config));
	json_unsigned(&json, "start_free_pages", player->start_free_ours);
	json_unsigned(&json, "start_late_pages", player->start_late);
	json_unsigned(&json, "start_free_pages_kernel", player->start_free_kernel);
	json_unsigned(&json, "slowest_alloc_ns", player->slowest_alloc_ns);
	json_unsigned(&json, "slowest_free_ns", player->slowest_free_ns);
	json_open(&json, "phases", '[');
	for (size_t i = 0; i < player->phase_count; i++)
		phase(&json, player, &player->phases[i]);
	json_close(&json);
	json_open(&json, "counts", '{');
	tally(&json, &player->all);
	json_close(&json);
	oddities(&json, result);
	goals(&json, player);
	json_close(&json);
}
