/*
 * One capture after the other: read it, boot its machine through the engine with the kernel's calls replayed, compare
 * topic by topic. Nothing here knows any capture: what is compared is what the files happen to contain.
 */
#include "verify.h"

#include "../input/input.h"
#include "compare.h"
#include "replay.h"

#include <errno.h>
#include <sys/stat.h>

/* --- a platform for a machine that is only planned --------------------------------------------------------- */

static void *no_mapping(void *ctx, quire_phys_t phys, quire_phys_t size)
{
	(void)ctx;
	(void)phys;
	(void)size;
	return NULL;
}

/* What the engine took on the host, so that all of it can be given back with the machine. */
struct host {
	struct findings *f;
	LIST(void *) memory;
};

static void *host_alloc(void *ctx, size_t size, size_t align, int nid)
{
	struct host *host = ctx;
	void **entry, *memory;

	(void)nid;
	if (align < sizeof(void *))
		align = sizeof(void *);
	if (posix_memalign(&memory, align, size ? size : 1) != 0)
		return NULL;
	entry = LIST_ADD(&host->memory);
	if (!entry) {
		free(memory);
		return NULL;
	}
	*entry = memory;
	return memset(memory, 0, size);
}

static void host_free(void *ctx, void *address, size_t size)
{
	struct host *host = ctx;

	(void)size;
	for (size_t i = host->memory.count; i-- > 0;) {
		if (host->memory.items[i] != address)
			continue;
		free(address);
		host->memory.items[i] = host->memory.items[--host->memory.count];
		return;
	}
}

static void host_free_all(struct host *host)
{
	for (size_t i = 0; i < host->memory.count; i++)
		free(host->memory.items[i]);
	LIST_FREE(&host->memory);
}

static void broken(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "quire: %s\n", text);
	abort();
}

static void note_message(void *ctx, enum quire_log_level level, const char *text, size_t length)
{
	struct host *host = ctx;

	(void)length;
	if (level <= QUIRE_LOG_WARNING)
		findings_remark(host->f, (struct origin){ 0 }, "engine: %s", text);
}

/* --- one capture ------------------------------------------------------------------------------------------- */

struct verification {
	const struct verify_options *options;
	struct findings *f;
	struct input in;
	struct observed o;
	struct host host;
	struct quire_platform platform;
	struct quire *q;
	struct replay replay;
	struct linux_ledger ledger;
	struct compare *c;
};

static bool fail(struct verification *v, const char *what, enum quire_status status)
{
	v->f->failed = true;
	findings_remark(v->f, (struct origin){ 0 }, "%s: %s", what, quire_status_string(status));
	return false;
}

static void keep_notes(struct verification *v)
{
	for (size_t i = 0; i < v->in.note_count; i++) {
		const struct input_note *note = &v->in.notes[i];

		if (note->level <= QUIRE_LOG_WARNING && (v->options->verbose || v->f->failed || v->f->skipped))
			findings_remark(v->f, (struct origin){ note->source, note->line }, "%s", note->text);
	}
}

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* What the readers said is clearer than a status. */
static bool cannot_read(struct verification *v, enum quire_status status)
{
	for (size_t i = 0; i < v->in.note_count; i++)
		if (v->in.notes[i].level == QUIRE_LOG_ERROR)
			v->f->failed = true;
	return v->f->failed ? false : fail(v, "nothing to verify here", status);
}

/*
 * Not one figure of a kernel's. A directory was meant to be a capture; a file may just lie among several of them, and
 * is left out.
 */
static bool nothing_here(struct verification *v, const char *path, enum quire_status status)
{
	if (is_directory(path))
		return cannot_read(v, status);
	v->f->skipped = true;
	findings_remark(v->f, (struct origin){ 0 }, "not a kernel log: nothing to verify here");
	return false;
}

static bool read_capture(struct verification *v, const char *path)
{
	const struct input_options none = { 0 };
	enum quire_status status = input_load(&v->in, &none, &path, 1);

	if (status == QUIRE_OK)
		status = input_sanitize(&v->in, NULL);
	if (status == QUIRE_OK && v->in.once)
		status = observed_from_log(&v->o, v->in.once, v->in.once_size);
	else if (status == QUIRE_OK)
		status = observed_read(&v->o, path);
	if (status == QUIRE_EFORMAT)
		return nothing_here(v, path, status);
	if (status != QUIRE_OK)
		return cannot_read(v, status);
	if (v->o.cut)
		findings_remark(v->f, (struct origin){ 0 },
				"%zu records of zones, more than any machine has, were not compared", v->o.cut);
	if (v->o.panicked)
		findings_remark(v->f, v->o.panic_origin,
				"the kernel of this capture panicked: only what it said before can be compared");
	return true;
}

static bool boot(struct verification *v)
{
	enum quire_status status;

	v->host.f = v->f;
	v->platform = (struct quire_platform){ .ctx = &v->host,
					       .phys_to_virt = no_mapping,
					       .panic = broken,
					       .meta_alloc = host_alloc,
					       .meta_free = host_free,
					       .log = note_message };
	if (!v->options->verbose)
		v->platform.log = NULL;
	v->q = calloc(1, sizeof(*v->q));
	v->c = calloc(1, sizeof(*v->c));
	if (!v->q || !v->c)
		return fail(v, "boot", QUIRE_ENOMEM);
	status = quire_init(v->q, &v->in.config, &v->in.machine, &v->platform);
	if (status == QUIRE_OK)
		status = quire_boot_until(v->q, QUIRE_STAGE_MEMBLOCK);
	if (status == QUIRE_OK)
		status = linux_ledger_make(&v->ledger, v->q, v->options->estimate ? NULL : &v->o, &v->replay, v->f);
	if (status == QUIRE_OK)
		status = quire_boot_until(v->q, QUIRE_STAGE_ZONES);
	return status == QUIRE_OK || fail(v, "boot", status);
}

static void compare_all(struct verification *v)
{
	struct compare *c = v->c;

	*c = (struct compare){ .f = v->f, .o = &v->o, .q = v->q, .ledger = &v->ledger, .exact = v->ledger.replayed };
	if (!c->exact)
		findings_missing(v->f, 2);
	compare_consistency(c);
	compare_zones(c);
	compare_lists(c);
	compare_managed(c);
	compare_memory_line(c);
	plugged_find(c);
	compute_watermarks(c);
	compare_zone_sizes(c);
	compare_memory(c);
	compare_marks(c);
	plugged_enter_ledger(c);
	compare_blocks(c);
	/* The last look at the tables there is was taken long after the hand-over. */
	if (c->exact && v->o.has_debugfs) {
		replay_rest(&v->replay);
		replay_compare_tables(v->f, v->q, &v->o.debugfs, "debugfs", false);
	} else {
		findings_missing(v->f, 1);
	}
}

static void verify_one(const struct verify_options *options, struct findings *f, const char *path)
{
	struct verification *v = calloc(1, sizeof(*v));

	if (!v) {
		f->failed = true;
		return;
	}
	v->options = options;
	v->f = f;
	if (read_capture(v, path) && boot(v)) {
		compare_all(v);
		if (options->stages && is_directory(path) && !options->estimate)
			options->stages(f, path);
		if (!f->checked && !f->estimates)
			nothing_here(v, path, QUIRE_EFORMAT);
	}
	keep_notes(v);
	replay_free(&v->replay);
	linux_ledger_free(&v->ledger);
	host_free_all(&v->host);
	free(v->q);
	if (v->c)
		LIST_FREE(&v->c->plugged);
	free(v->c);
	observed_free(&v->o);
	input_free(&v->in);
	free(v);
}

/* "captures/x86_64-q35-4G/" -> "x86_64-q35-4G" */
static char *capture_name(const char *path)
{
	size_t end = strlen(path), start;
	char *name;

	while (end > 1 && path[end - 1] == '/')
		end--;
	for (start = end; start && path[start - 1] != '/'; start--)
		;
	name = malloc(end - start + 1);
	if (name) {
		memcpy(name, path + start, end - start);
		name[end - start] = 0;
	}
	return name;
}

int verify_captures(const struct verify_options *given, char *const *paths, size_t count)
{
	struct verify_options options = *given;
	struct findings *all = calloc(count ? count : 1, sizeof(*all));
	char **names = calloc(count ? count : 1, sizeof(*names));
	int result = VERIFY_EQUAL;
	size_t skipped = 0;

	if (!options.out)
		options.out = stdout;
	if (!options.messages)
		options.messages = stderr;
	for (size_t i = 0; all && names && i < count; i++) {
		names[i] = capture_name(paths[i]);
		all[i].capture = names[i] ? names[i] : paths[i];
		verify_one(&options, &all[i], paths[i]);
		if (!options.json)
			findings_print(&all[i], &options);
		if (all[i].failed)
			result = VERIFY_BAD_INPUT;
		else if (all[i].different && result == VERIFY_EQUAL)
			result = VERIFY_DIFFERENT;
		skipped += all[i].skipped;
	}
	if (skipped == count)
		result = VERIFY_BAD_INPUT;
	if (!all || !names || !count) {
		fprintf(options.messages, "quire: verify: %s\n", count ? "out of memory" : "no capture given");
		result = VERIFY_BAD_INPUT;
	} else if (options.json) {
		findings_print_json(all, count, &options);
	} else if (count > 1) {
		findings_print_table(all, count, &options);
	}
	for (size_t i = 0; all && names && i < count; i++) {
		findings_free(&all[i]);
		free(names[i]);
	}
	free(all);
	free(names);
	return result;
}
