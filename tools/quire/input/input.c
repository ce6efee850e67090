/*
 * The life of an input: open what is named, then settle every question in order. See input.h.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "facts.h"

enum quire_status input_init(struct input *in, const struct input_options *options)
{
	memset(in, 0, sizeof(*in));
	if (options)
		in->options = *options;
	in->facts = calloc(1, sizeof(*in->facts));
	if (!in->facts)
		return QUIRE_ENOMEM;
	in->facts->log.arch = -1;
	in->facts->guessed_arch = -1;
	return QUIRE_OK;
}

enum quire_status input_open(struct input *in, const char *path)
{
	struct stat st;

	if (!in->name)
		in->name = strdup(path);
	if (strcmp(path, "live") == 0)
		return input_open_live(in);
	if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return input_open_directory(in, path);
	return input_open_file(in, path);
}

static enum quire_status check_names(struct input *in)
{
	enum quire_arch arch;
	enum quire_rules rules;

	if (in->options.arch && !input_arch_by_name(in->options.arch, &arch)) {
		input_note(in, QUIRE_LOG_ERROR, "", 0, "--arch %s: known are x86_64, i386, i386-pae, arm64, riscv64",
			   in->options.arch);
		return QUIRE_EINVAL;
	}
	if (in->options.kernel && !input_rules_by_name(in->options.kernel, &rules)) {
		input_note(in, QUIRE_LOG_ERROR, "", 0, "--kernel %s: known are 6.1 and 6.12", in->options.kernel);
		return QUIRE_EINVAL;
	}
	return QUIRE_OK;
}

enum quire_status input_finish(struct input *in)
{
	static enum quire_status (*const steps[])(struct input *in) = {
		input_settle_map,
		input_settle_affinity,
		input_settle_cpus,
		input_settle_distances,
		input_settle_reservations,
		input_settle_config,
	};
	enum quire_status status = check_names(in);

	if (status == QUIRE_OK)
		status = input_machine_init(in, input_settle_arch(in));
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && status == QUIRE_OK; i++)
		status = steps[i](in);
	if (status == QUIRE_ENOMEM)
		input_out_of_memory(in);
	return status;
}

enum quire_status input_load(struct input *in, const struct input_options *options, const char *const *paths, size_t count)
{
	enum quire_status status = input_init(in, options);

	for (size_t i = 0; i < count && status == QUIRE_OK; i++)
		status = input_open(in, paths[i]);
	if (status == QUIRE_OK && in->options.nodes)
		status = input_synthetic(in);
	return status == QUIRE_OK ? input_finish(in) : status;
}

void input_free(struct input *in)
{
	input_forget_notes(in);
	for (size_t i = 0; i < in->ignored_count; i++) {
		free(in->ignored[i].word);
		free(in->ignored[i].why);
	}
	free(in->ignored);
	for (size_t i = 0; i < in->file_count; i++)
		free(in->files[i]);
	free(in->files);
	free(in->command_line);
	free(in->kernel_release);
	free(in->name);
	free(in->once);
	free(in->storage.map);
	free(in->storage.reservations);
	free(in->storage.affinities);
	free(in->storage.cpus);
	free(in->storage.domains);
	free(in->storage.distances);
	input_facts_free(in->facts);
	memset(in, 0, sizeof(*in));
}
