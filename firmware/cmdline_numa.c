/* numa=: off, or emulated nodes. */
#include "cmdline.h"

/* d00,d01,… behind the colon: at most QUIRE_FAKE_DISTANCES, row by row. */
static bool read_distances(struct qi_text *text, struct quire_boot_options *options)
{
	uint8_t distances[QUIRE_FAKE_DISTANCES];
	size_t count = 0;
	struct qi_text piece;

	while (qi_text_next(text, ',', &piece)) {
		quire_phys_t distance;

		if (count == QUIRE_FAKE_DISTANCES || !qi_text_size(&piece, &distance) || piece.at < piece.end ||
		    distance > 255)
			return false;
		distances[count++] = (uint8_t)distance;
	}
	memcpy(options->numa_fake_distances, distances, count);
	options->numa_fake_distance_count = count;
	return true;
}

static bool is_size_suffix(char c)
{
	c |= 0x20;
	return c == 'k' || c == 'm' || c == 'g' || c == 't' || c == 'p';
}

/* What the number means shows in what is written behind it: nothing, a size suffix, or U for a uniform split. */
static void fake(struct qi_cmdline *c, struct qi_text text)
{
	struct quire_boot_options *options = c->options;
	enum quire_numa_mode mode = QUIRE_NUMA_FAKE_COUNT;
	struct qi_text number;
	quire_phys_t value;

	if (!qi_text_next(&text, ':', &number) || !qi_text_size(&number, &value)) {
		qi_cmdline_reject(c, "neither a number of nodes nor a size");
		return;
	}
	if (qi_text_skip(&number, 'U') || qi_text_skip(&number, 'u'))
		mode = QUIRE_NUMA_FAKE_UNIFORM;
	else if (is_size_suffix(number.at[-1]))
		mode = QUIRE_NUMA_FAKE_SIZE;
	if (number.at < number.end || !value) {
		qi_cmdline_reject(c, "neither a number of nodes nor a size");
		return;
	}
	if (!read_distances(&text, options))
		qi_cmdline_reject(c, "taken, but the distances make no sense and were ignored");
	options->numa = mode;
	if (mode == QUIRE_NUMA_FAKE_SIZE)
		options->numa_fake_size = value;
	else
		options->numa_fake_count = value;
}

void qi_cmdline_numa(struct qi_cmdline *c)
{
	static const char prefix[] = "fake=";
	size_t length = sizeof(prefix) - 1;

	if (!c->config->geometry.nodes_shift) {
		qi_cmdline_reject(c, "this kernel has one node only");
	} else if (qi_text_is(&c->value, "off") || qi_text_is(&c->value, "noacpi")) {
		/* Without ACPI's tables nothing is left to say where the nodes are. */
		c->options->numa = QUIRE_NUMA_OFF;
	} else if ((size_t)(c->value.end - c->value.at) <= length || memcmp(c->value.at, prefix, length)) {
		qi_cmdline_reject(c, "not off, noacpi or fake=");
	} else if (!c->config->numa_emulation) {
		qi_cmdline_reject(c, "this kernel cannot emulate nodes");
	} else {
		fake(c, (struct qi_text){ .at = c->value.at + length, .end = c->value.end });
	}
}
