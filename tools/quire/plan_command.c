/* quire plan: what page descriptors cost on a machine, model by model and policy by policy. */
#include <stdlib.h>
#include <string.h>

#include "machine_options.h"
#include "plan/plan.h"
#include "progress.h"

struct plan_options {
	struct machine_options machine;		/* first: the shared options write here */
	struct plan_sweep sweep;
	bool compare;
	const char *svg;
};

static bool take_svg(void *target, const char *value, const char **why)
{
	(void)why;
	((struct plan_options *)target)->svg = value;
	return true;
}

static bool take_compare(void *target, const char *value, const char **why)
{
	((struct plan_options *)target)->compare = true;
	return plan_sweep_parse(value, &((struct plan_options *)target)->sweep, why);
}

static const struct cli_option plan_table[] = {
	{ .help = "What to plan" },
	{ "compare", 'x', "LISTS",
	  "every combination of page sizes, section sizes and\n"
	  "descriptor sizes, as 4K,16K,64K/128M,512M/16,64;\nan empty list: the machine's own",
	  take_compare },
	{ "stride", 0, "BYTES", "bytes per descriptor: 16 (default), 32, 64", machine_take_stride },
	{ "workers", 'w', "N", "threads of deferred initialisation (default: the\nCPUs of this host)",
	  machine_take_workers },
	CLI_OUTPUT_OPTIONS("'text' (default) or 'json'"),
	{ "svg", 'g', "FILE", "also draw a chart: cost against memory size, for a\nmachine of this layout at every size",
	  take_svg },
	{ .help = "Which machine" },
	{ "nodes", 'n', "SPEC", "memory of each node: 8x8T, or 2x16G,1x0,1x8G", machine_take_nodes },
	{ "arch", 'a', "ARCH",
	  "x86_64 (default), i386, i386-pae, arm64, riscv64;\n"
	  "with INPUT: if it cannot be told from that",
	  machine_take_arch },
	{ "cpus", 'C', "N", "this many CPUs; also overrides an INPUT's", machine_take_cpus },
	{ "hole", 'H', "BASE+SIZE", "no RAM there, as 1G+256M; may be given several\ntimes", machine_take_hole },
	{ "distances", 'd', "MATRIX", "rows of node distances, '10,20;20,10', or ring,\nmesh, line",
	  machine_take_distances },
	{ "cmdline", 'c', "WORDS", "kernel command line, instead of the input's own", machine_take_command_line },
	{ "kernel", 'k', "VERSION", "rules of 6.1 or of 6.12", machine_take_kernel },
	MACHINE_GENERAL_OPTIONS("also say what was read", "no warnings, no progress"),
	{ 0 },
};

/* --- progress on a terminal ---------------------------------------------------------------------------------------- */

struct terminal {
	struct plan_progress progress;
	struct progress line;
	size_t done, total;
};

static void step(struct plan_progress *progress, const char *what)
{
	struct terminal *t = (struct terminal *)progress;

	if (progress_due(&t->line))
		progress_show(&t->line, "plan: %zu of %zu, %s", t->done, t->total, what);
	t->done++;
}

/* --- planning ------------------------------------------------------------------------------------------------------ */

static size_t combinations(const struct plan_sweep *sweep)
{
	return (sweep->page_count ? sweep->page_count : 1) * (sweep->section_count ? sweep->section_count : 1) *
	       (sweep->stride_count ? sweep->stride_count : 1);
}

/* Combination number `index`, the stride changing fastest. */
static void choose(const struct plan_sweep *sweep, size_t index, struct quire_config *config)
{
	uint64_t page = (uint64_t)1 << quire_page_shift(config), section = (uint64_t)1 << quire_section_shift(config);
	size_t strides = sweep->stride_count ? sweep->stride_count : 1;
	size_t sections = sweep->section_count ? sweep->section_count : 1;
	unsigned stride = quire_page_stride(config);

	if (sweep->stride_count)
		stride = sweep->strides[index % strides];
	if (sweep->section_count)
		section = sweep->sections[index / strides % sections];
	if (sweep->page_count)
		page = sweep->pages[index / strides / sections];
	plan_set_geometry(config, page, section, stride);
}

static unsigned nodes_of(const struct plan *plans, size_t count)
{
	size_t nodes = 0;

	for (size_t i = 0; i < count; i++)
		nodes = plans[i].node_count > nodes ? plans[i].node_count : nodes;
	return nodes ? (unsigned)nodes : 1;
}

static bool draw(const struct plan_chart *chart, const struct plan_title *title, const char *path)
{
	FILE *out = cli_output_open(path);

	if (!out)
		return false;
	plan_svg(chart, title, out);
	return cli_output_close(out, path);
}

static bool write_plans(const struct plan_options *options, const struct plan *plans, size_t count,
			const struct plan_title *title)
{
	const struct cli_output *output = &options->machine.output;
	FILE *out = cli_output_open(output->path);

	if (!out)
		return false;
	if (output->json)
		plan_json(plans, count, title, out);
	else if (options->compare)
		plan_compare_text(plans, count, title, out);
	else
		plan_text(&plans[0], title, out);
	return cli_output_close(out, output->path);
}

static enum quire_status make_all(const struct plan_options *options, const struct plan_machine *m, struct plan *plans,
				  size_t count, struct plan_chart *chart)
{
	struct terminal t = { .progress.step = step };
	enum quire_status status = QUIRE_OK;
	int first;

	t.total = (count + (options->svg ? plan_chart_points(m, &first) : 0)) * QUIRE_MODELS;
	progress_begin(&t.line, !options->machine.simulate.quiet);
	for (size_t i = 0; i < count && status == QUIRE_OK; i++) {
		struct plan_machine chosen = *m;

		choose(&options->sweep, i, &chosen.config);
		status = plan_make(&chosen, &plans[i], &t.progress);
	}
	if (status == QUIRE_OK && options->svg)
		status = plan_chart_make(m, chart, &t.progress);
	progress_end(&t.line);
	return status;
}

static int plan_machine(const struct plan_options *options, struct simulation *s)
{
	struct plan_machine m = { .machine = &s->in.machine, .config = s->in.config };
	struct plan_title title = { .name = s->in.name, .arch = quire_arch_name(s->in.machine.arch) };
	size_t count = combinations(&options->sweep);
	struct plan *plans = calloc(count, sizeof(*plans));
	struct plan_chart *chart = calloc(1, sizeof(*chart));
	enum quire_status status = plans && chart ? make_all(options, &m, plans, count, chart) : QUIRE_ENOMEM;
	bool written = false;

	if (status == QUIRE_OK) {
		title.nodes = nodes_of(plans, count);
		written = (!options->svg || draw(chart, &title, options->svg)) &&
			  write_plans(options, plans, count, &title);
	} else {
		cli_error("%s: %s", s->in.name, quire_status_string(status));
	}
	for (size_t i = 0; plans && i < count; i++)
		plan_free(&plans[i]);
	free(plans);
	free(chart);
	return written ? CLI_OK : CLI_BAD;
}

static int plan(int argc, char **argv)
{
	struct plan_options options = { 0 };
	struct simulation s;
	int first, result;
	bool done;

	result = cli_parse(&cli_plan_command, argc, argv, &options, &first, &done);
	if (result != CLI_OK || done)
		return result;
	result = machine_take_inputs(&cli_plan_command, &options.machine, argv + first, argc - first, true);
	if (result != CLI_OK)
		return result;
	result = simulate_load(&s, &options.machine.simulate) == QUIRE_OK ? plan_machine(&options, &s) : CLI_BAD;
	simulate_free(&s);
	return result;
}

const struct cli_command cli_plan_command = {
	.name = "plan",
	.arguments = "INPUT...",
	.summary = "what page descriptors cost, by model and policy",
	.description =
		"Show what page descriptors cost on a machine, side by side for every memory model and\n"
		"every policy of initialising them: bytes, work, the time boot waits on this host, frames\n"
		"left to users, and what descriptors of 64 bytes would have cost. INPUT is as for quire\n"
		"boot. A model that cannot describe the machine shows the reason instead.\n"
		"\n"
		"Exit status: 0 planned, 2 bad usage or input.",
	.options = plan_table,
	.run = plan,
};
