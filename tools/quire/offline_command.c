/* quire offline: would these memory blocks go off line, what would have to move, and what is in the way. */
#include <inttypes.h>
#include <string.h>

#include <quire/hotplug.h>

#include "json.h"
#include "machine_options.h"
#include "occupy/occupy.h"
#include "options.h"
#include "script/words.h"

struct offline_options {
	struct machine_options machine;		/* first: MACHINE_OPTIONS want it there */
	unsigned low, high;			/* blocks */
	bool chosen, dry;
};

static bool take_block(void *target, const char *value, const char **why)
{
	struct offline_options *o = target;

	*why = "a block's number, or a range of them such as 32..39, is wanted";
	return o->chosen = script_range(value, &o->low, &o->high);
}

static bool take_dry_run(void *target, const char *value, const char **why)
{
	(void)value;
	(void)why;
	return ((struct offline_options *)target)->dry = true;
}

static const struct cli_option offline_table[] = {
	{ .help = "Which blocks" },
	{ "block", 'b', "N[..M]", "these only, by number (default: all)", take_block },
	{ "dry-run", 0, NULL, "only look: this is all the command ever does, the\noption is there to say so", take_dry_run },
	{ .help = "Output" },
	CLI_OUTPUT_OPTIONS("'text' (default) or 'json'"),
	MACHINE_OPTIONS,
	MACHINE_GENERAL_OPTIONS(MACHINE_VERBOSE, "no warnings, no heading"),
	{ 0 },
};

/* --- one block ----------------------------------------------------------------------------------------------------- */

struct verdict {
	struct quire_block block;
	struct quire_survey survey;
	struct quire_hotplug_failure failure;
	enum quire_status status;
};

static void print_obstacles(FILE *out, const struct verdict *v)
{
	size_t shown = sizeof(v->survey.obstacle) / sizeof(v->survey.obstacle[0]);

	if (v->survey.obstacles < shown)
		shown = (size_t)v->survey.obstacles;
	for (size_t i = 0; i < shown; i++) {
		const struct quire_obstacle *o = &v->survey.obstacle[i];

		fprintf(out, "          frame %#llx: %s%s%s\n", (unsigned long long)o->pfn, o->owner ? o->owner : "",
			o->owner ? ": " : "", o->why ? o->why : "");
	}
	if (v->survey.obstacles > shown)
		fprintf(out, "          and %llu more\n", (unsigned long long)(v->survey.obstacles - shown));
}

static void print_text(FILE *out, const struct verdict *v, bool first, bool obstacles)
{
	const struct quire_survey *s = &v->survey;

	if (first)
		fprintf(out, "%8s  %-8s %-8s %9s %9s %9s %9s\n", "block", "zone", "offline?", "free", "to move", "stuck",
			"absent");
	fprintf(out, "%8llu  %-8s %-8s %9llu %9llu %9llu %9llu\n", (unsigned long long)v->block.number,
		v->block.zone ? quire_zone_name(v->block.zone->type) : "mixed", v->status == QUIRE_OK ? "yes" : "no",
		(unsigned long long)s->free, (unsigned long long)s->movable, (unsigned long long)s->unmovable,
		(unsigned long long)s->absent);
	if (v->status == QUIRE_OK)
		return;
	if (v->failure.why)
		fprintf(out, "          %s\n", v->failure.why);
	if (obstacles)
		print_obstacles(out, v);
}

static void print_json(struct json *json, const struct verdict *v)
{
	const struct quire_survey *s = &v->survey;
	size_t shown = sizeof(s->obstacle) / sizeof(s->obstacle[0]);

	json_open(json, NULL, '{');
	json_unsigned(json, "block", v->block.number);
	json_unsigned(json, "pfn", v->block.pfn);
	json_unsigned(json, "pages", v->block.pages);
	json_text(json, "zone", v->block.zone ? quire_zone_name(v->block.zone->type) : NULL);
	json_signed(json, "node", v->block.nid);
	json_bool(json, "can_be_offlined", v->status == QUIRE_OK);
	json_text(json, "why_not", v->status == QUIRE_OK ? NULL : v->failure.why ? v->failure.why :
								      quire_status_string(v->status));
	json_unsigned(json, "free", s->free);
	json_unsigned(json, "movable", s->movable);
	json_unsigned(json, "unmovable", s->unmovable);
	json_unsigned(json, "absent", s->absent);
	json_unsigned(json, "poisoned", s->poisoned);
	json_unsigned(json, "obstacles", s->obstacles);
	json_open(json, "obstacle", '[');
	for (size_t i = 0; i < shown && i < s->obstacles; i++) {
		json_row(json, NULL, '{');
		json_unsigned(json, "pfn", s->obstacle[i].pfn);
		json_text(json, "owner", s->obstacle[i].owner);
		json_text(json, "why", s->obstacle[i].why);
		json_close(json);
	}
	json_close(json);
	json_close(json);
}

/* --- all of them --------------------------------------------------------------------------------------------------- */

static bool wanted(const struct offline_options *o, const struct quire_block *block)
{
	return block->state == QUIRE_BLOCK_ONLINE &&
	       (!o->chosen || (block->number >= o->low && block->number <= o->high));
}

static int judge_blocks(struct quire *q, const struct offline_options *options, FILE *out)
{
	bool as_json = options->machine.output.json;
	uint64_t cursor = 0, count = 0, possible = 0;
	struct verdict v = { 0 };
	struct json json;

	json_init(&json, out);
	if (as_json)
		json_open(&json, NULL, '[');
	while (quire_block_next(q, &cursor, &v.block)) {
		if (!wanted(options, &v.block))
			continue;
		v.failure = (struct quire_hotplug_failure){ 0 };
		v.status = quire_memory_offline_survey(q, v.block.pfn, v.block.pages, &v.survey, &v.failure);
		possible += v.status == QUIRE_OK;
		if (as_json)
			print_json(&json, &v);
		else
			print_text(out, &v, !count, options->chosen);
		count++;
	}
	if (as_json)
		json_close(&json);
	else if (count)
		fprintf(out, "%llu of %llu blocks could go off line\n", (unsigned long long)possible,
			(unsigned long long)count);
	if (!count)
		cli_error("offline: %s", options->chosen ? "there is no such block on line" :
							    "this machine has no memory blocks");
	return !count ? CLI_BAD : possible == count ? CLI_OK : CLI_DIFFERENT;
}

static int write_verdicts(struct quire *q, const struct offline_options *options)
{
	const char *path = options->machine.output.path;
	FILE *out = cli_output_open(path);
	int result = out ? judge_blocks(q, options, out) : CLI_BAD;

	return out && !cli_output_close(out, path) ? CLI_BAD : result;
}

/* What is in use, from the first INPUT that knows; without any, only what the kernel reserved stands in the way. */
static void fill(struct occupancy *o, struct simulation *sim, const struct simulate_options *options, bool quiet)
{
	enum quire_status status = QUIRE_ENOENT;

	for (size_t i = 0; i < options->path_count && status == QUIRE_ENOENT; i++)
		status = occupy_read(o, options->paths[i]);
	if (status == QUIRE_OK)
		status = occupy_machine(o, sim->q);
	if (quiet)
		return;
	if (status == QUIRE_OK)
		cli_error("frames in use: %llu movable, %llu slab, %llu page tables, %llu of the kernel or unknown",
			  (unsigned long long)o->frames[OCCUPY_MOVABLE], (unsigned long long)o->frames[OCCUPY_SLAB],
			  (unsigned long long)o->frames[OCCUPY_PAGE_TABLE], (unsigned long long)o->frames[OCCUPY_UNKNOWN]);
	else
		cli_error("what is in use is not known%s: only what the kernel reserved at boot stands in the way",
			  status == QUIRE_EPERM ? " (/proc/kpageflags wants root)" : "");
}

static int offline(int argc, char **argv)
{
	struct offline_options options = { 0 };
	struct occupancy occupancy = { 0 };
	struct simulation simulation;
	int first, result;
	bool done, quiet;

	result = cli_parse(&cli_offline_command, argc, argv, &options, &first, &done);
	if (result != CLI_OK || done)
		return result;
	result = machine_take_inputs(&cli_offline_command, &options.machine, argv + first, argc - first, true);
	if (result != CLI_OK)
		return result;
	quiet = options.machine.simulate.quiet;
	/* That a block cannot go is a result here, and no complaint of the engine's. */
	options.machine.simulate.quiet |= !options.machine.simulate.verbose;
	result = CLI_BAD;
	if (simulate(&simulation, &options.machine.simulate) == QUIRE_OK) {
		fill(&occupancy, &simulation, &options.machine.simulate, quiet);
		result = write_verdicts(simulation.q, &options);
	}
	simulate_free(&simulation);
	occupy_free(&occupancy);
	return result;
}

const struct cli_command cli_offline_command = {
	.name = "offline",
	.arguments = "INPUT...",
	.summary = "would memory blocks go off line, and what stands in the way",
	.description =
		"Boot the machine that INPUT describes in simulation, fill it with what is in use on the real\n"
		"one (/proc/kpageflags of 'live', as root, or a capture's kpageflags_rle.txt), and say for\n"
		"each memory block that is on line whether it could be taken off line: what is free, what\n"
		"would have to move, what cannot. With --block the first obstacles are listed, too.\n"
		"Nothing is done to the real machine.\n"
		"\n"
		"Exit status: 0 all of them could, 1 some could not, 2 bad usage or input.",
	.options = offline_table,
	.run = offline,
};
