/*
 * Choosing, last part: command line, kernel rules, tunables. Options of the user come last and win.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include <quire/firmware.h>

#include "facts.h"

bool input_rules_by_name(const char *name, enum quire_rules *rules)
{
	if (strcmp(name, "6.1") == 0)
		*rules = QUIRE_RULES_6_1;
	else if (strcmp(name, "6.12") == 0)
		*rules = QUIRE_RULES_6_12;
	else
		return false;
	return true;
}

/* "6.1.0-50-amd64" */
static void parse_release(struct input *in)
{
	const char *release = in->facts->log.release ? in->facts->log.release : in->facts->release;
	struct text_slice text;
	uint64_t major, minor;

	if (!release)
		return;
	in->kernel_release = strdup(release);
	text = text_of(release);
	if (text_take_number(&text, &major) && text_take(&text, ".") && text_take_number(&text, &minor) && major < 1000 &&
	    minor < 1000) {
		in->kernel_major = (unsigned)major;
		in->kernel_minor = (unsigned)minor;
	}
}

/*
 * The rules that fit a kernel best. What sets 6.12 apart (movable zones outside low memory, per-CPU lists that tune
 * themselves) came between 6.6 and 6.12, so the border is drawn there.
 */
static enum quire_rules settle_rules(struct input *in)
{
	enum quire_rules rules = QUIRE_RULES_6_12;

	parse_release(in);
	if (in->options.kernel && input_rules_by_name(in->options.kernel, &rules))
		return rules;
	if (!in->kernel_major)
		return rules;
	if (in->kernel_major < 6 || (in->kernel_major == 6 && in->kernel_minor < 7))
		rules = QUIRE_RULES_6_1;
	in->rules_approximate = !(in->kernel_major == 6 && (in->kernel_minor == 1 || in->kernel_minor == 12));
	if (in->rules_approximate)
		input_note(in, QUIRE_LOG_INFO, in->name, 0, "kernel %s is reckoned by the rules of %s, the nearest known",
			   in->kernel_release ? in->kernel_release : "", rules == QUIRE_RULES_6_1 ? "6.1" : "6.12");
	return rules;
}

static const char *choose_command_line(struct input *in)
{
	const struct input_facts *facts = in->facts;
	const char *log = facts->log.command_line, *own = facts->command_line;

	if (in->options.command_line)
		return in->options.command_line;
	/*
	 * A log may cut a long line short, a file may be cut anywhere, and boot loaders put their own words in front: where
	 * one line holds the other, it has all words.
	 */
	if (own && log && strstr(log, own))
		return log;
	if (own && log && !strstr(own, log))
		input_note(in, QUIRE_LOG_WARNING, facts->log_path, 0,
			   "has another command line than the file beside it, which is used");
	if (own)
		return own;
	if (log)
		return log;
	return in->machine.command_line ? in->machine.command_line : "";
}

static void ignore_word(void *ctx, const char *word, size_t length, const char *why)
{
	struct input *in = ctx;
	struct input_word *words;

	if ((in->ignored_count & (in->ignored_count - 1)) == 0) {
		size_t room = in->ignored_count ? in->ignored_count * 2 : 1;

		words = realloc(in->ignored, room * sizeof(words[0]));
		if (!words)
			return;
		in->ignored = words;
	}
	words = &in->ignored[in->ignored_count];
	words->word = strndup(word, length);
	words->why = strdup(why ? why : "");
	if (words->word && words->why) {
		in->ignored_count++;
		return;
	}
	free(words->word);
	free(words->why);
}

/* What the machine's own vm.* settings were. The file lists one reserve ratio for each zone type the kernel has. */
static void take_tunables(struct input *in)
{
	const struct input_facts *facts = in->facts;
	struct quire_tunables *t = &in->config.tunables;
	unsigned zones = 0;

	for (unsigned i = 0; quire_sysctls[i].name; i++) {
		char value[32], assignment[80];

		if (!(facts->tunables_set >> i & 1) ||
		    quire_sysctl_get(&facts->tunables, quire_sysctls[i].name, value, sizeof(value)) != QUIRE_OK)
			continue;
		snprintf(assignment, sizeof(assignment), "%s=%s", quire_sysctls[i].name, value);
		quire_sysctl_set(t, assignment);
	}
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
		zones += in->config.zone_mask >> type & 1;
	if (facts->lowmem_ratio_count != zones)
		return;
	for (unsigned type = 0, k = 0; type < QUIRE_ZONE_TYPES; type++) {
		if (in->config.zone_mask >> type & 1)
			t->lowmem_reserve_ratio[type] = facts->lowmem_ratios[k++];
	}
}

static enum quire_status apply_sysctls(struct input *in)
{
	for (size_t i = 0; i < in->options.sysctl_count; i++) {
		const char *assignment = in->options.sysctls[i];
		enum quire_status status = quire_sysctl_set(&in->config.tunables, assignment);

		if (status == QUIRE_OK)
			continue;
		input_note(in, QUIRE_LOG_ERROR, "", 0, "--sysctl %s: %s", assignment,
			   status == QUIRE_ENOENT ? "no tunable of memory management" : quire_status_string(status));
		return QUIRE_EINVAL;
	}
	return QUIRE_OK;
}

unsigned input_widest_address(enum quire_arch arch)
{
	struct quire_config config;

	quire_config_defaults(&config, arch, QUIRE_RULES_6_12);
	return arch == QUIRE_ARCH_X86_64 || arch == QUIRE_ARCH_ARM64 ? 52 : config.geometry.physmem_bits;
}

/* RAM above what four levels of page tables reach: the kernel must be one with five, and physical addresses to match. */
static void widen_addresses(struct input *in)
{
	unsigned widest = input_widest_address(in->machine.arch);
	quire_phys_t end = 0;

	for (size_t i = 0; i < in->machine.map_count; i++) {
		const struct quire_memory_range *range = &in->machine.map[i];

		if (range->type == QUIRE_MEMORY_RAM && range->base + range->size > end)
			end = range->base + range->size;
	}
	if (end <= (quire_phys_t)1 << in->config.geometry.physmem_bits || end > (quire_phys_t)1 << widest)
		return;
	input_note(in, QUIRE_LOG_INFO, in->name, 0, "RAM lies above %u address bits: reckoned with %u",
		   in->config.geometry.physmem_bits, widest);
	in->config.geometry.physmem_bits = widest;
}

enum quire_status input_settle_config(struct input *in)
{
	enum quire_rules rules = settle_rules(in);

	in->command_line = strdup(choose_command_line(in));
	if (!in->command_line)
		return QUIRE_ENOMEM;
	in->machine.command_line = in->command_line;
	in->memblock_trace = in->facts->log.memblock_trace;
	quire_config_defaults(&in->config, in->machine.arch, rules);
	widen_addresses(in);
	take_tunables(in);
	quire_cmdline_parse(&in->config, in->command_line, ignore_word, in);
	return apply_sysctls(in);
}
