/*
 * e820 tables and boot parameters, and the sanitiser on what they gave. The first byte is the room the machine has; a
 * line of text up to a NUL behind it is a command line.
 */
#include "fuzz_machine.h"

static void check_sorted(const struct quire_machine *m)
{
	for (size_t i = 0; i < m->map_count; i++) {
		const struct quire_memory_range *range = &m->map[i];

		fuzz_require(range->size && range->base + (range->size - 1) >= range->base, "no range is empty or wraps");
		fuzz_require(i == 0 || range[-1].base + (range[-1].size - 1) < range->base,
			     "ranges are sorted and disjoint");
	}
}

static void sanitize(const uint8_t *table, size_t size, size_t room, const struct quire_boot_options *options)
{
	struct fuzz_machine *f = fuzz_machine_new(QUIRE_ARCH_X86_64, room % (FUZZ_ROOM + 1));
	size_t messages = 0, before;
	struct quire_reader_log log = { .emit = fuzz_emit, .ctx = &messages };
	enum quire_status status = quire_read_e820(&f->m, table, size - size % 20, &log);

	fuzz_check(f, status, messages);
	before = f->m.map_count;
	status = quire_e820_sanitize(&f->m, options, &log);
	if (status == QUIRE_OK)
		check_sorted(&f->m);
	else
		fuzz_require(f->m.map_count == before, "a failure leaves the map as it was");
	free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct quire_config config;
	const uint8_t *end = size > 1 ? memchr(data + 1, 0, size - 1) : NULL;

	if (!end)
		return 0;
	quire_config_defaults(&config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_1);
	config.efi_fake_mem = true;
	quire_cmdline_parse(&config, (const char *)data + 1, NULL, NULL);
	end++;
	sanitize(end, size - (size_t)(end - data), data[0], &config.options);
	fuzz_read(quire_read_boot_params, QUIRE_ARCH_X86_64, data[0], data, size, NULL);
	return 0;
}
