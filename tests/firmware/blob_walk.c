#include <inttypes.h>
#include <stdio.h>

#include <libfdt.h>

#include "blob_walk.h"

#ifdef FDT_ERR_BADLAYOUT
#define WALK walk_with_libfdt
#else
#define WALK walk_with_blob
#endif

static const char *const properties[] = {
	"#address-cells", "#size-cells", "reg", "device_type", "status", "numa-node-id", "distance-matrix", "compatible",
	"bootargs", "dma-ranges", "ranges", "re", "",
};

struct sink {
	char *text;
	size_t size, used;
};

static void put(struct sink *s, const char *format, uint64_t a, uint64_t b, const char *name)
{
	int length = snprintf(s->text + s->used, s->size - s->used, format, a, b, name);

	s->used += (size_t)length < s->size - s->used ? (size_t)length : s->size - s->used - 1;
}

/* Like Fletcher's sum: enough to see a difference. */
static uint64_t sum_of(const uint8_t *value, int length)
{
	uint64_t a = 0, b = 0;

	for (int i = 0; i < length; i++) {
		a += value[i];
		b += a;
	}
	return b;
}

int WALK(const void *blob, size_t bytes, char *text, size_t size)
{
	struct sink s = { .text = text, .size = size };
	int error = fdt_check_full(blob, bytes), depth = 0;

	text[0] = '\0';
	if (error)
		return error;
	for (int i = 0; i < fdt_num_mem_rsv(blob); i++) {
		uint64_t base, length;

		error = fdt_get_mem_rsv(blob, i, &base, &length);
		put(&s, "reserve %" PRIx64 " %" PRIx64 "%s\n", base, length, error ? "?" : "");
	}
	for (int node = 0; node >= 0 && depth >= 0; node = fdt_next_node(blob, node, &depth)) {
		put(&s, "%" PRIu64 " %" PRIu64 " %s\n", (uint64_t)depth, (uint64_t)node, fdt_get_name(blob, node, NULL));
		for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++) {
			int length;
			const uint8_t *value = fdt_getprop(blob, node, properties[i], &length);

			if (value)
				put(&s, "  %" PRIu64 " %" PRIx64 " %s\n", (uint64_t)length, sum_of(value, length),
				    properties[i]);
		}
	}
	return 0;
}
