/*
 * Any bytes as a kernel log, then through the whole choice of a machine: whatever a log says must end in a machine or a
 * note.
 */
#include <stdlib.h>

#include "tools/quire/input/facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct textfile file;
	struct input in;

	if (input_init(&in, NULL) != QUIRE_OK)
		return 0;
	if (textfile_from_memory(&file, "fuzz", data, size) == QUIRE_OK) {
		uint64_t stamp;

		for (size_t i = 0; i < file.line_count; i++)
			text_log_stamp(textfile_line(&file, i), &stamp);
		if (input_read_dmesg(&in, &file) == QUIRE_OK && input_finish(&in) == QUIRE_OK) {
			if (!input_ram_bytes(&in.machine) || input_sanitize(&in, NULL) != QUIRE_OK)
				abort();
		}
		textfile_free(&file);
	}
	input_free(&in);
	return 0;
}
