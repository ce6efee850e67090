/* One stage after the other: read its recording, do the steps that lead to it, compare. */
#include "stages.h"

#include <quire/report.h>

/*
 * The kernel's descriptors are four times ours. It matters where they lie in the memory they describe: the simulated
 * machine has descriptors of that size.
 */
#define KERNEL_STRIDE 64u

static enum quire_online_type online_type(const struct quire_boot_options *o, bool online)
{
	if (!online)
		return QUIRE_ONLINE_NONE;
	return o->memhp_online_kernel ? QUIRE_ONLINE_KERNEL : o->memhp_online_movable ? QUIRE_ONLINE_MOVABLE
										       : QUIRE_ONLINE_AUTO;
}

/* What Debian's kernels do unless told: from 6.12 on added memory goes on line by itself. */
static enum quire_status set_policy(struct stages *st)
{
	const struct quire_boot_options *o = &st->s.q->config.options;
	struct quire_hotplug_policy policy = *quire_hotplug_policy(st->s.q);
	bool online = o->memhp_online_given ? o->memhp_online : st->s.q->config.rules >= QUIRE_RULES_6_12;

	policy.auto_online = online_type(o, online);
	return quire_hotplug_set_policy(st->s.q, &policy);
}

static bool boot(struct stages *st)
{
	const struct simulate_options options = {
		.paths = &st->path, .path_count = 1, .stride = KERNEL_STRIDE, .quiet = true,
	};

	if (simulate(&st->s, &options) != QUIRE_OK || set_policy(st) != QUIRE_OK) {
		findings_remark(st->f, (struct origin){ "steps.txt", 0 },
				"the machine could not be booted for its stages");
		return false;
	}
	st->block_size = quire_memory_block_size(&st->s.q->config, st->s.q->machine, &st->s.q->memblock);
	return true;
}

/* A recording reads all sysctls, and reading lowmem_reserve_ratio makes the kernel compute its reserves anew. */
static void recorded(struct stages *st)
{
	if (st->now.has_min_free)
		quire_lowmem_reserve_update(&st->s.q->topology, &st->s.q->config.tunables);
}

/* The recording that the steps from `from` on lead to; its index, or the number of steps. */
static size_t next_recording(struct stages *st, size_t from)
{
	char directory[4096];

	for (; from < st->steps.list.count; from++) {
		const struct step *step = &st->steps.list.items[from];

		if (step->kind != STEP_DUMP)
			continue;
		st->now = (struct observed){ 0 };
		memcpy(st->name, step->name, sizeof(st->name));
		snprintf(directory, sizeof(directory), "%s/%s", st->path, step->name);
		observed_read_files(&st->now, directory);
		return from;
	}
	return from;
}

static void play(struct stages *st)
{
	size_t done = 0, recording;

	/* The capture itself is the first recording. */
	observed_read_files(&st->now, st->path);
	recorded(st);
	observed_free(&st->now);
	while ((recording = next_recording(st, done)) < st->steps.list.count) {
		st->f->stage = st->name;
		for (; done < recording; done++)
			stage_act(st, &st->steps.list.items[done]);
		done++;
		stage_look(st);
		recorded(st);
		observed_free(&st->now);
	}
	st->f->stage = NULL;
}

void stages_verify(struct findings *f, const char *path)
{
	struct stages *st = calloc(1, sizeof(*st));

	if (!st)
		return;
	st->f = f;
	st->path = path;
	if (steps_read(&st->steps, path) && boot(st))
		play(st);
	simulate_free(&st->s);
	LIST_FREE(&st->devices);
	LIST_FREE(&st->kept);
	steps_free(&st->steps);
	free(st);
}
