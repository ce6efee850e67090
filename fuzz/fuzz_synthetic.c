/*
 * Any text as --nodes, --hole, --distances: fields separated by newlines; the first byte chooses architecture and CPUs.
 * Whatever is accepted must have exactly the RAM that was asked for, less what a PC's legacy ranges hide.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/quire/input/facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const archs[] = { "x86_64", "i386", "i386-pae", "arm64", "riscv64" };
	struct input_options options = { 0 };
	char *text, *hole, *distances;
	const char *holes[1];
	struct input in;

	if (size == 0 || size > 4096)
		return 0;
	text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	options.arch = archs[data[0] % 5];
	options.cpus = data[0] / 5;
	options.nodes = text;
	hole = strchr(text, '\n');
	if (hole) {
		*hole++ = '\0';
		distances = strchr(hole, '\n');
		if (distances) {
			*distances++ = '\0';
			options.distances = *distances ? distances : NULL;
		}
		holes[0] = hole;
		options.holes = holes;
		options.hole_count = *hole != '\0';
	}
	if (input_load(&in, &options, NULL, 0) == QUIRE_OK) {
		if (!input_ram_bytes(&in.machine) || (options.cpus && in.machine.cpu_count != options.cpus))
			abort();
	}
	input_free(&in);
	free(text);
	return 0;
}
