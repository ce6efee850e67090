/*
 * Any bytes as one of the small texts of /proc, /sys and captures; the first byte says which. Then the whole choice of a
 * machine.
 */
#include <stdlib.h>

#include "tools/quire/input/facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static enum quire_status (*const readers[])(struct input *, const struct textfile *) = {
		input_read_iomem, input_read_memmap_text, input_read_node_text, input_read_sysctl_text,
		input_read_cpuinfo, input_read_version, input_read_command_line,
	};
	struct textfile file;
	struct input in;
	size_t which;

	if (size == 0 || input_init(&in, NULL) != QUIRE_OK)
		return 0;
	which = data[0] % (sizeof(readers) / sizeof(readers[0]));
	if (textfile_from_memory(&file, "fuzz", data + 1, size - 1) == QUIRE_OK) {
		size_t before = file.size;

		if (textfile_drop_messages(&file) && file.size >= before)
			abort();
		readers[which](&in, &file);
		/* A map to hang the rest on, so that the settling code runs for every kind of text. */
		struct input_ranges ranges = { 0 };

		if (input_ranges_add(&ranges, 0x100000, 0x10000000, QUIRE_MEMORY_RAM, 0, QUIRE_NO_NODE) == QUIRE_OK)
			input_take_map(&in, INPUT_MAP_LOG, &ranges);
		if (input_finish(&in) == QUIRE_OK && !input_ram_bytes(&in.machine))
			abort();
		textfile_free(&file);
	}
	input_free(&in);
	return 0;
}
