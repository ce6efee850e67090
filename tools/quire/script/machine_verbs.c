/* Verbs about the machine: booting it, its tunables, CPUs and nodes, reports and explanations. */
#define _GNU_SOURCE
#include "script.h"

#include <stdlib.h>
#include <string.h>

#include <quire/explain.h>
#include <quire/firmware.h>
#include <quire/watermark.h>

#include "../../../ports/hosted/hosted.h"
#include "../show.h"

/* Everything the machine's options point into. */
struct script_boot {
	struct machine_options options;
	char **words;				/* NULL: the options are the caller's */
	struct simulation sim;
};

static const struct cli_option boot_options[] = {
	MACHINE_OPTIONS,
	{ .help = "General" },
	{ "verbose", 'v', NULL, "also say what was read and what the engine logged", machine_take_verbose },
	{ "quiet", 'q', NULL, "no warnings", machine_take_quiet },
	{ "help", 'h', NULL, "show this help", NULL },
	{ 0 },
};

static const struct cli_command boot_command = {
	.name = "boot", .arguments = "[INPUT...]", .summary = "", .description = "Boot a machine for the script.",
	.options = boot_options,
};

/* --- boot ------------------------------------------------------------------------------------------------------------ */

static void free_boot(struct script_boot *boot)
{
	for (size_t i = 0; boot && boot->words && boot->words[i]; i++)
		free(boot->words[i]);
	if (boot)
		free(boot->words);
	free(boot);
}

void script_drop_machine(struct script *s)
{
	script_drop_balloon(s);
	script_owner_close(s);
	script_handles_drop(s);
	if (s->sim)
		simulate_free(s->sim);
	s->sim = NULL;
	free_boot(s->boot);
	s->boot = NULL;
}

/* Boot `boot`, which is ours from now on, in place of what runs. */
static enum script_result boot_up(struct script *s, struct script_boot *boot, const struct simulate_options *options)
{
	struct simulate_options declared = *options;

	declared.huge_pages = true;
	declared.before_zones = script_declare_areas;
	declared.ctx = s;
	if (simulate(&boot->sim, &declared) != QUIRE_OK) {
		simulate_free(&boot->sim);
		free_boot(boot);
		return script_bad(s, "this machine cannot be booted");
	}
	script_drop_machine(s);
	s->cma_count = 0;
	s->boot = boot;
	s->sim = &boot->sim;
	s->node = QUIRE_NO_NODE;
	s->cpu = 0;
	s->requested = false;
	s->last = QUIRE_STATUSES;
	quire_hosted_bind_cpu(0);
	script_owner_open(s);
	return SCRIPT_OK;
}

enum script_result script_boot_machine(struct script *s, const struct simulate_options *options)
{
	struct script_boot *boot = calloc(1, sizeof(*boot));

	return boot ? boot_up(s, boot, options) : script_bad(s, "out of memory");
}

/* The line's words as an argument list of its own: options keep pointing at it. */
static char **copy_words(const struct script_line *line)
{
	char **words = calloc(line->count + 2, sizeof(*words));
	bool fine = words && (words[0] = strdup("boot")) != NULL;

	for (size_t i = 0; fine && i < line->count; i++)
		fine = (words[i + 1] = strdup(line->words[i].whole)) != NULL;
	if (fine)
		return words;
	for (size_t i = 0; words && words[i]; i++)
		free(words[i]);
	free(words);
	return NULL;
}

enum script_result script_boot_words(struct script *s, const struct script_line *line)
{
	struct script_boot *boot = calloc(1, sizeof(*boot));
	struct simulate_options *options = boot ? &boot->options.simulate : NULL;
	int first, count = (int)line->count + 1;
	bool done = false;

	if (!boot || !(boot->words = copy_words(line))) {
		free_boot(boot);
		return script_bad(s, "out of memory");
	}
	if (cli_parse(&boot_command, count, boot->words, &boot->options, &first, &done) != CLI_OK || done) {
		free_boot(boot);
		return done ? SCRIPT_OK : script_bad(s, "boot: these options make no sense");
	}
	if ((first == count) == !options->input.nodes) {
		free_boot(boot);
		return script_bad(s, "boot: either an INPUT or --nodes is wanted");
	}
	options->paths = (const char *const *)boot->words + first;
	options->path_count = (size_t)(count - first);
	return boot_up(s, boot, options);
}

enum script_result script_boot(struct script *s, struct script_line *line)
{
	return s->confined ? script_bad(s, "booting is not allowed here") : script_boot_words(s, line);
}

/* --- tunables, place ------------------------------------------------------------------------------------------------- */

/* What writing the sysctl does: the tunable, then everything that is computed from it. */
static void recompute(struct quire *q, int64_t min_free_before)
{
	struct quire_tunables *tunables = &q->config.tunables;
	uint64_t min_free = q->watermarks.min_free_kbytes;

	if (tunables->min_free_kbytes >= 0 && tunables->min_free_kbytes != min_free_before)
		min_free = (uint64_t)tunables->min_free_kbytes;
	quire_watermarks_update(&q->topology, tunables, min_free, &q->watermarks);
	quire_lowmem_reserve_update(&q->topology, tunables);
	quire_pcp_update(&q->topology, tunables);
}

static void list_tunables(const struct script *s)
{
	char value[80];

	for (const struct quire_sysctl *known = quire_sysctls; known->name; known++) {
		quire_sysctl_get(&s->sim->q->config.tunables, known->name, value, sizeof(value));
		fprintf(s->out, "%-30s %-18s %s (%s)\n", known->name, strcmp(value, "-1") ? value : "computed", known->what,
			known->values);
	}
}

enum script_result script_set(struct script *s, struct script_line *line)
{
	enum script_result result = script_need_machine(s);
	struct quire_tunables *tunables;
	int64_t before;

	if (result != SCRIPT_OK)
		return result;
	if (!line->count) {
		list_tunables(s);
		return SCRIPT_OK;
	}
	if (line->count != 1 || !line->words[0].key)
		return script_bad(s, "set: one NAME=VALUE is wanted");
	tunables = &s->sim->q->config.tunables;
	before = tunables->min_free_kbytes;
	/* The same value once more still takes effect. */
	tunables->min_free_kbytes = -1;
	switch (quire_sysctl_set(tunables, line->words[0].whole)) {
	case QUIRE_OK:
		if (tunables->min_free_kbytes < 0)
			tunables->min_free_kbytes = before;
		else
			before = -1;
		recompute(s->sim->q, before);
		return SCRIPT_OK;
	case QUIRE_ENOENT:
		result = script_bad(s, "set: there is no tunable '%.60s'", line->words[0].key);
		break;
	default:
		result = script_bad(s, "set %s: '%.40s' is not a value it can have", line->words[0].key,
				    line->words[0].text);
	}
	tunables->min_free_kbytes = before;
	return result;
}

enum script_result script_cpu(struct script *s, struct script_line *line)
{
	const char *word = script_next_word(line);
	enum script_result result = script_need_machine(s);
	uint64_t cpu;

	if (result != SCRIPT_OK || script_all_used(s, line) != SCRIPT_OK)
		return SCRIPT_BAD;
	if (!word || !script_number(word, &cpu) || cpu >= s->sim->q->topology.cpu_count)
		return script_bad(s, "cpu: a number from 0 to %u is wanted", s->sim->q->topology.cpu_count - 1);
	s->cpu = (unsigned)cpu;
	quire_hosted_bind_cpu(s->cpu);
	return SCRIPT_OK;
}

enum script_result script_node(struct script *s, struct script_line *line)
{
	const char *word = script_next_word(line);
	enum script_result result = script_need_machine(s);
	uint64_t node = 0;

	if (result != SCRIPT_OK || script_all_used(s, line) != SCRIPT_OK)
		return SCRIPT_BAD;
	if (word && strcmp(word, "any") == 0) {
		s->node = QUIRE_NO_NODE;
		return SCRIPT_OK;
	}
	if (!word || !script_number(word, &node) || node >= QUIRE_MAX_NODES ||
	    !quire_topology_node(&s->sim->q->topology, (int)node))
		return script_bad(s, "node: the number of a node of this machine, or 'any', is wanted");
	s->node = (int)node;
	return SCRIPT_OK;
}

enum script_result script_check(struct script *s, struct script_line *line)
{
	enum script_result result = script_need_machine(s);
	enum quire_status status;

	if (result != SCRIPT_OK || script_all_used(s, line) != SCRIPT_OK)
		return SCRIPT_BAD;
	status = quire_check(s->sim->q);
	return status == QUIRE_OK ? SCRIPT_OK : script_unmet(s, "check: %s", quire_status_string(status));
}

enum script_result script_drain(struct script *s, struct script_line *line)
{
	enum script_result result = script_need_machine(s);
	enum quire_status status;

	if (result != SCRIPT_OK || script_all_used(s, line) != SCRIPT_OK)
		return SCRIPT_BAD;
	status = quire_drain_frames(s->sim->q);
	if (status != QUIRE_OK)
		fprintf(s->out, "drain: %s\n", quire_status_string(status));
	return SCRIPT_OK;
}

/* --- reports --------------------------------------------------------------------------------------------------------- */

static void show_handles(const struct script *s)
{
	for (size_t i = 0; i < s->handle_count; i++)
		fprintf(s->out, "%-16s %8zu blocks %10llu pages\n", s->handles[i].name, s->handles[i].count,
			(unsigned long long)s->handles[i].pages);
}

static void show_variables(const struct script *s)
{
	for (size_t i = 0; i < s->variable_count; i++)
		fprintf(s->out, "%-16s %lld\n", s->variables[i].name, (long long)s->variables[i].value);
}

static enum script_result show_one(struct script *s, const char *word)
{
	enum script_result result;
	const char *bad;
	uint32_t mask;
	size_t length;

	if (strcmp(word, "handles") == 0) {
		show_handles(s);
	} else if (strcmp(word, "holders") == 0) {
		result = script_need_machine(s);
		if (result != SCRIPT_OK)
			return result;
		script_show_holders(s);
	} else if (strcmp(word, "variables") == 0) {
		show_variables(s);
	} else {
		if (!show_parse(word, &mask, &bad, &length))
			return script_bad(s, "show: there is no report '%.*s'", (int)(length < 40 ? length : 40), bad);
		result = script_need_machine(s);
		if (result != SCRIPT_OK)
			return result;
		show_text(s->sim, mask, s->out);
	}
	return SCRIPT_OK;
}

enum script_result script_show(struct script *s, struct script_line *line)
{
	enum script_result result = SCRIPT_OK;
	const char *word;
	bool any = false;

	while (result == SCRIPT_OK && (word = script_next_word(line)) != NULL) {
		result = show_one(s, word);
		any = true;
	}
	if (result == SCRIPT_OK && !any)
		return script_bad(s, "show: what? a report such as buddyinfo, or handles");
	return result == SCRIPT_OK ? script_all_used(s, line) : result;
}

/* --- explain --------------------------------------------------------------------------------------------------------- */

static enum script_result explain_block(struct script *s, const char *word)
{
	struct quire_report_sink sink = script_sink(s);
	char name[SCRIPT_NAME_MAX];
	const struct script_handle *h = NULL;
	uint64_t low, high;

	if (script_handle_ref(word, name, sizeof(name), &low, &high) && low != UINT64_MAX)
		h = script_handle_find(s, name);
	if (!h || high >= h->count)
		return script_bad(s, "explain: '%.40s' is neither 'last' nor a block NAME[i]", word);
	for (uint64_t i = low; i <= high; i++)
		quire_explain_frame(s->sim->q, h->blocks[i]->pfn, &sink);
	return SCRIPT_OK;
}

/* `made`: it is the last one made, and what was done for it is on record if it had to wait. */
static void explain_request(struct script *s, const struct script_request *request, bool made)
{
	struct quire_report_sink sink = script_sink(s);
	struct quire_request_record record;

	quire_explain_failure(s->sim->q, request->nid, request->order, request->gfp, &sink);
	if (made && s->last != QUIRE_OK && quire_last_failed(s->sim->q, &record) && record.reclaims) {
		/* The same script prints the same text. */
		record.ns = 0;
		quire_explain_record(&record, &sink);
	}
}

enum script_result script_explain(struct script *s, struct script_line *line)
{
	const char *pfn_text = script_setting(line, "pfn"), *word = script_next_word(line), *second = script_next_word(line);
	struct quire_report_sink sink = script_sink(s);
	enum script_result result = script_need_machine(s);
	struct script_request request;
	bool json = false;
	uint64_t pfn;

	if (second && strcmp(second, "json") == 0) {
		json = true;
	} else if (second) {
		return script_bad(s, "explain: '%.40s' is not understood", second);
	} else if (word && strcmp(word, "json") == 0) {
		json = true;
		word = NULL;
	}
	if (result == SCRIPT_OK)
		result = script_read_request(s, line, &request);
	if (result == SCRIPT_OK)
		result = script_all_used(s, line);
	if (result != SCRIPT_OK)
		return result;
	if (pfn_text) {
		if (!script_number(pfn_text, &pfn))
			return script_bad(s, "explain: pfn= wants a number");
		quire_explain_frame(s->sim->q, pfn, &sink);
		return SCRIPT_OK;
	}
	if (word && strcmp(word, "last") != 0)
		return explain_block(s, word);
	if (word && !s->requested)
		return script_bad(s, "explain last: nothing was requested yet");
	if (word)
		request = s->request;
	if (json)
		script_explain_json(s, &request);
	else
		explain_request(s, &request, word != NULL);
	return SCRIPT_OK;
}
