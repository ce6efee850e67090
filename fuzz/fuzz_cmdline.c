/* The kernel command line, sizes and sysctl assignments. The first byte is the architecture. */
#include "fuzz_machine.h"

static const char *line_end;

static void unknown(void *ctx, const char *word, size_t length, const char *why)
{
	/* The one word that is not of the line is a name the parser has itself. */
	fuzz_require(word + length <= line_end || strcmp(word, "hugepages") == 0, "words lie within the line");
	fuzz_require(why && *why, "there is a reason");
	++*(size_t *)ctx;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct quire_config config;
	const struct quire_boot_options *o = &config.options;
	quire_phys_t value;
	const char *end;
	size_t words = 0;
	char *line;

	if (!size)
		return 0;
	line = malloc(size);
	if (!line)
		abort();
	memcpy(line, data + 1, size - 1);
	line[size - 1] = '\0';
	line_end = line + size;
	quire_config_defaults(&config, (enum quire_arch)(data[0] % QUIRE_ARCHES), QUIRE_RULES_6_12);
	config.efi_fake_mem = data[0] & 0x80;
	config.cma_enabled |= !!(data[0] & 0x40);
	quire_cmdline_parse(&config, line, unknown, &words);
	fuzz_require(o->memmap_count <= QUIRE_MEMMAP_DIRECTIVES && o->fake_mem_count <= QUIRE_FAKE_MEMS &&
		     o->crash_range_count <= QUIRE_CRASH_RANGES && o->hugepage_count <= QUIRE_HUGEPAGE_REQUESTS &&
		     o->numa_fake_distance_count <= QUIRE_FAKE_DISTANCES, "counts stay within capacities");
	if (quire_parse_size(line, &value, &end) == QUIRE_OK)
		fuzz_require(end > line && end <= line + strlen(line), "a number ends within the text");
	quire_sysctl_set(&config.tunables, line);
	free(line);
	return 0;
}
