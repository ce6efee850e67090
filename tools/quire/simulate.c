/*
 * From INPUTs to a booted machine.
 *
 * The engine runs as it would in a kernel, with three differences that keep the books those of a Linux kernel: its
 * metadata lives on the host's heap; between nodes and zones the ledger gets what a kernel takes for itself, replayed
 * from the log where that has it; and after hand-over the memory a kernel gives back late is given back at the
 * moments it does, since watermarks are computed in between.
 */
#include "simulate.h"

#include <stdlib.h>
#include <string.h>

#include "../../ports/hosted/hosted.h"
#include "linux/huge_pages.h"
#include "linux/ledger.h"
#include "options.h"
#include "verify/observed.h"

/* --- choices ---------------------------------------------------------------------------------------------------- */

bool simulate_model_by_name(const char *name, enum quire_model *model)
{
	for (unsigned i = 0; i < QUIRE_MODELS; i++) {
		if (strcmp(name, quire_model_name(i)) == 0) {
			*model = i;
			return true;
		}
	}
	return false;
}

bool simulate_init_by_name(const char *name, enum quire_init_policy *policy)
{
	for (unsigned i = 0; i < QUIRE_INIT_POLICIES; i++) {
		if (strcmp(name, quire_init_policy_name(i)) == 0) {
			*policy = i;
			return true;
		}
	}
	return false;
}

static void apply_choices(struct quire_config *config, const struct simulate_options *options)
{
	if (options->init)
		simulate_init_by_name(options->init, &config->init);
	if (options->workers)
		config->workers = options->workers;
	if (options->stride)
		config->page_stride = options->stride;
}

/* The model is ours alone: a kernel's possessions are those of the model it is built with, so it changes after them. */
static enum quire_status apply_model(struct quire *q, const struct simulate_options *options)
{
	enum quire_status status;
	const char *why = "";

	if (!options->model)
		return QUIRE_OK;
	simulate_model_by_name(options->model, &q->config.model);
	status = quire_config_check(&q->config, &why);
	if (status != QUIRE_OK)
		cli_error("--model %s: %s", options->model, why);
	return status;
}

/* --- messages --------------------------------------------------------------------------------------------------- */

static enum quire_log_level loudness(const struct simulate_options *options)
{
	return options->verbose ? QUIRE_LOG_INFO : options->quiet ? QUIRE_LOG_ERROR : QUIRE_LOG_WARNING;
}

/* The machine may outlive the options: ctx is the loudness itself. */
static void engine_message(void *ctx, enum quire_log_level level, const char *text, size_t length)
{
	if (level <= (enum quire_log_level)(uintptr_t)ctx)
		cli_error("%.*s", (int)length, text);
}

static void reader_message(void *ctx, enum quire_log_level level, const char *source, size_t offset, const char *text)
{
	(void)offset;
	if (level <= loudness(ctx))
		cli_error("%s%s%s", source ? source : "", source && *source ? ": " : "", text);
}

/* "quire: file:line: warning: sentence"; a place in a binary file is a byte offset. True if one was an error. */
static bool print_notes(const struct input *in, const struct simulate_options *options)
{
	static const char *const severity[] = { "error: ", "warning: ", "", "" };
	bool error = false;

	for (size_t i = 0; i < in->note_count; i++) {
		const struct input_note *note = &in->notes[i];
		const char *source = strcmp(note->source, "-") ? note->source : "standard input";
		char place[48] = "";

		error |= note->level == QUIRE_LOG_ERROR;
		if (note->level > loudness(options))
			continue;
		if (note->line)
			snprintf(place, sizeof(place), "%zu: ", note->line);
		else if (note->has_offset)
			snprintf(place, sizeof(place), "byte %zu: ", note->offset);
		cli_error("%s%s%s%s%s%s", source, *source ? ":" : "", *source && !note->line ? " " : "", place,
			  severity[note->level], note->text);
	}
	return error;
}

/* Words about memory that could not be used; the others are only listed in the heading. */
static void unusable_words(const struct input *in, const struct simulate_options *options)
{
	for (size_t i = 0; i < in->ignored_count && loudness(options) >= QUIRE_LOG_WARNING; i++)
		if (*in->ignored[i].why && strcmp(in->ignored[i].why, "not about memory") != 0)
			cli_error("command line: '%s' ignored: %s", in->ignored[i].word, in->ignored[i].why);
}

/* --- the ledger ------------------------------------------------------------------------------------------------- */

/*
 * The kernel's log among the INPUTs, for replay. Not when the user changes what the kernel was told: then its calls
 * are those of another boot.
 */
static bool find_log(const struct simulation *s, const struct simulate_options *options, struct observed *log)
{
	if (!s->in.memblock_trace || options->input.command_line || options->input.kernel || options->input.arch)
		return false;
	for (size_t i = 0; i < options->path_count; i++) {
		const char *path = options->paths[i];
		bool once = strcmp(path, "-") == 0 || strcmp(path, "live") == 0;

		if (once && !s->in.once)
			continue;
		if ((once ? observed_from_log(log, s->in.once, s->in.once_size) : observed_read(log, path)) != QUIRE_OK)
			continue;
		if (log->has_log)
			return true;
		observed_free(log);
	}
	return false;
}

static enum quire_status kernel_ledger(struct simulation *s, struct linux_ledger *ledger,
				       const struct simulate_options *options)
{
	struct observed *log = calloc(1, sizeof(*log));
	enum quire_status status;
	bool found;

	if (!log)
		return QUIRE_ENOMEM;
	found = find_log(s, options, log);
	status = linux_ledger_make(ledger, s->q, found ? log : NULL, NULL, NULL);
	s->replayed = status == QUIRE_OK && ledger->replayed;
	if (found)
		observed_free(log);
	free(log);
	return status;
}

/* Pages that become managed without becoming free. */
static void add_managed(struct simulation *s, const struct linux_count *count)
{
	struct quire_topology *t = &s->q->topology;

	for (unsigned nid = 0; nid < t->node_count; nid++)
		for (unsigned type = 0; t->nodes[nid] && type < QUIRE_ZONE_TYPES; type++)
			t->nodes[nid]->zones[type].managed += count->pages[nid][type];
}

/*
 * What of one kind a kernel gives back. Gigantic pages stay taken and only count. So does what a log says was freed,
 * but not where, and which where it is assumed to lie is free already: the number is known, the place is not.
 */
static enum quire_status release(struct simulation *s, const struct linux_ledger *ledger, enum linux_release_kind kind)
{
	struct linux_count *count = calloc(1, sizeof(*count));

	if (!count)
		return QUIRE_ENOMEM;
	for (size_t i = 0; i < ledger->releases.count; i++) {
		const struct linux_release *one = &ledger->releases.items[i];

		if (one->kind == kind && (kind == LINUX_RELEASE_GIGANTIC ||
					  quire_free_late(s->q, one->base, one->size) == QUIRE_EEXIST))
			linux_count_range(s->q, count, one->base, one->size);
	}
	add_managed(s, count);
	free(count);
	return QUIRE_OK;
}

static bool has_gigantic(const struct linux_ledger *ledger)
{
	for (size_t i = 0; i < ledger->releases.count; i++)
		if (ledger->releases.items[i].kind == LINUX_RELEASE_GIGANTIC)
			return true;
	return false;
}

/* --- boot ------------------------------------------------------------------------------------------------------- */

static enum quire_status boot(struct simulation *s, const struct simulate_options *options)
{
	struct linux_ledger ledger = { 0 };
	enum quire_status status = quire_boot_until(s->q, QUIRE_STAGE_MEMBLOCK);
	bool early;

	if (status == QUIRE_OK)
		status = kernel_ledger(s, &ledger, options);
	if (status == QUIRE_OK && options->before_zones)
		status = options->before_zones(options->ctx, s->q);
	if (status == QUIRE_OK)
		status = apply_model(s->q, options);
	if (status == QUIRE_OK)
		status = quire_boot_until(s->q, QUIRE_STAGE_HANDOVER);
	if (status == QUIRE_OK)
		status = release(s, &ledger, LINUX_RELEASE_EARLY);
	/* From 6.12 on the pool of gigantic pages is managed from the start, before only when it is filled. */
	early = s->q->config.rules >= QUIRE_RULES_6_12;
	if (status == QUIRE_OK && early)
		status = release(s, &ledger, LINUX_RELEASE_GIGANTIC);
	if (status == QUIRE_OK)
		status = quire_boot(s->q);
	if (status == QUIRE_OK && !early)
		status = release(s, &ledger, LINUX_RELEASE_GIGANTIC);
	/* The pool is filled before what is raised for huge pages is worked out. */
	if (status == QUIRE_OK && !early && has_gigantic(&ledger))
		quire_watermarks_thp(&s->q->topology, &s->q->config.tunables, &s->q->watermarks);
	if (status == QUIRE_OK)
		status = release(s, &ledger, LINUX_RELEASE_LATE);
	linux_ledger_free(&ledger);
	return status;
}

/* Room for the descriptors of memory that is plugged in later, beyond what firmware speaks of. It is address space only. */
static quire_phys_t highest_address(const struct input *in)
{
	const quire_phys_t more = (quire_phys_t)16 << 40, all = (quire_phys_t)1 << in->config.geometry.physmem_bits;
	quire_phys_t end = 0;

	for (size_t i = 0; i < in->machine.map_count; i++)
		if (in->machine.map[i].base + in->machine.map[i].size > end)
			end = in->machine.map[i].base + in->machine.map[i].size;
	return end < all && all - end > more ? end + more : all;
}

static enum quire_status make_machine(struct simulation *s, const struct simulate_options *options)
{
	struct quire_hosted_options hosted = {
		.config = &s->in.config, .flags = QUIRE_HOSTED_OUTSIDE_METADATA, .log = engine_message,
		.ctx = (void *)(uintptr_t)loudness(options), .highest_address = highest_address(&s->in),
	};
	enum quire_status status = quire_hosted_create_machine(&s->in.machine, &hosted, &s->host);

	s->q = calloc(1, sizeof(*s->q));
	if (status == QUIRE_OK && !s->q)
		status = QUIRE_ENOMEM;
	if (status == QUIRE_OK)
		status = quire_init(s->q, &s->in.config, &s->in.machine, quire_hosted_platform(s->host));
	return status;
}

enum quire_status simulate_load(struct simulation *s, const struct simulate_options *options)
{
	struct quire_reader_log log = { .emit = reader_message, .ctx = (void *)(uintptr_t)options };
	enum quire_status status;

	memset(s, 0, sizeof(*s));
	status = input_load(&s->in, &options->input, options->paths, options->path_count);
	if (status == QUIRE_OK)
		status = input_sanitize(&s->in, &log);
	/* What the readers said is clearer than a status. */
	if (!print_notes(&s->in, options) && status != QUIRE_OK)
		cli_error("%s: %s", options->path_count ? options->paths[0] : "--nodes", quire_status_string(status));
	if (status != QUIRE_OK)
		return status;
	unusable_words(&s->in, options);
	apply_choices(&s->in.config, options);
	return QUIRE_OK;
}

/* The command line as it was given: what was taken from memblock is no longer in the engine's. */
static void fill_huge_pages(const struct simulation *s, const struct simulate_options *options)
{
	const struct quire_boot_options *asked = &s->in.config.options;

	for (size_t i = 0; options->huge_pages && i < asked->hugepage_count; i++) {
		const struct quire_hugepage_request *r = &asked->hugepages[i];
		uint64_t taken = linux_take_huge_pages(s->q, r);

		if (taken < r->count && !linux_is_gigantic(s->q, r) && loudness(options) >= QUIRE_LOG_WARNING)
			cli_error("hugepages=: only %llu of %llu pages of %llu KiB could be taken",
				  (unsigned long long)taken, (unsigned long long)r->count,
				  (unsigned long long)(r->page_size >> 10));
	}
}

/* A machine that its kernel fills to the last page can be shown, but nobody could use it. */
static void warn_if_full(const struct simulation *s, const struct simulate_options *options)
{
	const struct quire_topology *t = &s->q->topology;
	uint64_t managed = 0;

	for (unsigned nid = 0; nid < t->node_count; nid++)
		for (unsigned type = 0; t->nodes[nid] && type < QUIRE_ZONE_TYPES; type++)
			managed += t->nodes[nid]->zones[type].managed;
	if (!managed && loudness(options) >= QUIRE_LOG_WARNING)
		cli_error("%s: too small a machine: what a kernel takes for itself leaves no page", s->in.name);
}

enum quire_status simulate(struct simulation *s, const struct simulate_options *options)
{
	enum quire_status status = simulate_load(s, options);

	if (status != QUIRE_OK)
		return status;
	status = make_machine(s, options);
	if (status == QUIRE_OK)
		status = boot(s, options);
	if (status != QUIRE_OK)
		cli_error("%s: could not be booted: %s", s->in.name, quire_status_string(status));
	else
		warn_if_full(s, options);
	if (status == QUIRE_OK)
		fill_huge_pages(s, options);
	return status;
}

void simulate_free(struct simulation *s)
{
	if (s->q)
		quire_fini(s->q);
	free(s->q);
	quire_hosted_destroy(s->host);
	input_free(&s->in);
}
