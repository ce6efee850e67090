/* The command line: words of this kernel, and the field's own words about memory, which the engine understands. */
#include <quire/firmware.h>

#include "kernel.h"

/* Longest value of a word of ours. */
#define VALUE_BYTES 48

struct word {
	const char *at;
	size_t length;
};

static bool next_word(const char **text, struct word *word)
{
	const char *at = *text;

	while (*at == ' ' || *at == '\t' || *at == '\n')
		at++;
	word->at = at;
	while (*at && *at != ' ' && *at != '\t' && *at != '\n')
		at++;
	word->length = (size_t)(at - word->at);
	*text = at;
	return word->length != 0;
}

static bool equal(const char *text, size_t length, const char *name)
{
	size_t i = 0;

	while (i < length && name[i] && text[i] == name[i])
		i++;
	return i == length && !name[i];
}

/* The value of "name=value", or NULL if the word is another. */
static const char *value_of(const struct word *word, const char *name, char value[VALUE_BYTES])
{
	size_t i = 0, n = 0;

	while (name[i] && i < word->length && word->at[i] == name[i])
		i++;
	if (name[i] || i >= word->length || word->at[i] != '=')
		return NULL;
	for (i++; i < word->length && n + 1 < VALUE_BYTES; i++)
		value[n++] = word->at[i];
	value[n] = '\0';
	return value;
}

static size_t length_of(const char *text)
{
	size_t n = 0;

	while (text[n])
		n++;
	return n;
}

/* Index of the name that fits; -1, with a message, if there is none. */
static int choose(const char *what, const char *value, const char *(*name)(int index), int count)
{
	for (int i = 0; i < count; i++)
		if (equal(value, length_of(value), name(i)))
			return i;
	metal_print("command line: there is no %s \"%s\"; there are:", what, value);
	for (int i = 0; i < count; i++)
		metal_print(" %s", name(i));
	metal_print("\n");
	return -1;
}

static const char *model_name(int i) { return quire_model_name((enum quire_model)i); }
static const char *init_name(int i) { return quire_init_policy_name((enum quire_init_policy)i); }
static const char *rules_name(int i) { return i == QUIRE_RULES_6_1 ? "6.1" : "6.12"; }
static const char *test_name(int i)
{
	static const char *const names[METAL_TESTS] = { "none", "quick", "matrix", "storm", "hotplug", "bench", "panic",
							  "overflow" };

	return names[i];
}
static const char *const reports[] = { "costs", "zoneinfo", "buddyinfo", "zonelists", "blocks", "log", "steps" };
static const char *report_name(int i) { return reports[i]; }

/* report=costs,zoneinfo or report=none */
static bool parse_reports(char *value, unsigned *mask)
{
	*mask = 0;
	if (equal(value, length_of(value), "none"))
		return true;
	while (*value) {
		char *end = value;
		bool more;
		int i;

		while (*end && *end != ',')
			end++;
		more = *end == ',';
		*end = '\0';
		i = choose("report", value, report_name, QI_ARRAY_SIZE(reports));
		if (i < 0)
			return false;
		*mask |= 1u << i;
		value = end + more;
	}
	return true;
}

static bool parse_address(const char *what, const char *value, quire_phys_t *address)
{
	const char *end;

	if (quire_parse_size(value, address, &end) == QUIRE_OK && !*end)
		return true;
	metal_print("command line: %s=%s is no number\n", what, value);
	return false;
}

static bool parse_number(const char *what, const char *value, unsigned most, unsigned *number)
{
	quire_phys_t parsed = 0;

	if (!parse_address(what, value, &parsed))
		return false;
	*number = (unsigned)qi_min(parsed, most);
	return true;
}

/* One word. False: a word of ours, and its value makes no sense. */
static bool parse_word(const struct word *word, struct metal_options *o, struct quire_config *config)
{
	char value[VALUE_BYTES];
	int i = 0;

	if (value_of(word, "model", value)) {
		i = choose("model", value, model_name, QUIRE_MODELS);
		config->model = (enum quire_model)i;
	} else if (value_of(word, "init", value)) {
		i = choose("init policy", value, init_name, QUIRE_INIT_POLICIES);
		config->init = (enum quire_init_policy)i;
	} else if (value_of(word, "test", value)) {
		i = choose("test", value, test_name, METAL_TESTS);
		o->test = (enum metal_test)i;
	} else if (value_of(word, "report", value)) {
		return parse_reports(value, &o->report);
	} else if (value_of(word, "workers", value)) {
		return parse_number("workers", value, 1024, &config->workers);
	} else if (value_of(word, "seconds", value)) {
		return parse_number("seconds", value, 86400, &o->seconds);
	} else if (value_of(word, "cycles", value)) {
		return parse_number("cycles", value, 1000000, &o->cycles);
	} else if (value_of(word, "intr", value)) {
		return parse_number("intr", value, 100000, &o->hertz);
	} else if (value_of(word, "acpi_rsdp", value)) {
		return parse_address("acpi_rsdp", value, &o->rsdp);
	} else if (equal(word->at, word->length, "verbose")) {
		o->verbose = true;
	}
	return i >= 0;
}

/* rules= decides the defaults that everything else changes, so it is looked for first. */
static bool parse_rules(const char *command_line, struct quire_config *config)
{
	char value[VALUE_BYTES];
	struct word word;
	int rules = QUIRE_RULES_6_12;

	while (next_word(&command_line, &word))
		if (value_of(&word, "rules", value))
			rules = choose("rule set", value, rules_name, 2);
	if (rules >= 0)
		quire_config_defaults(config, arch_info()->arch, (enum quire_rules)rules);
	return rules >= 0;
}

/* The engine's parser meets our words as well; it tells those that are not about memory with no reason given. */
static void unknown(void *ctx, const char *word, size_t length, const char *why)
{
	(void)ctx;
	if (metal.options.verbose && why)
		metal_print("command line: %.*s: %s\n", (int)length, word, why);
}

bool metal_parse_options(const char *command_line, struct metal_options *o, struct quire_config *config)
{
	const char *text = command_line;
	struct word word;

	*o = (struct metal_options){ .test = METAL_TEST_QUICK, .seconds = 5, .cycles = 1,
				     .report = METAL_REPORT_COSTS | METAL_REPORT_ZONEINFO | METAL_REPORT_BUDDYINFO };
	if (!parse_rules(command_line, config))
		return false;
	if (config->model == QUIRE_MODEL_SPARSEMEM_VMEMMAP && !arch_info()->vmemmap_size)
		config->model = QUIRE_MODEL_SPARSEMEM_EXTREME;
	while (next_word(&text, &word))
		if (!parse_word(&word, o, config))
			return false;
	quire_cmdline_parse(config, command_line, unknown, NULL);
	if (config->options.nr_cpus)
		config->cpus = config->options.nr_cpus;
	config->debug = o->verbose;
	return true;
}
