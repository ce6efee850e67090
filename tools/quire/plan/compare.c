/* --compare PAGE_SIZES/SECTION_SIZES/STRIDES, as "4K,16K,64K/128M,512M/16,64". */
#include <stdlib.h>
#include <string.h>

#include "plan.h"

/* One size: digits and a unit. The rest of the text, or NULL. */
static const char *take_size(const char *text, uint64_t *size)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;

	if (*text < '0' || *text > '9')
		return NULL;
	*size = strtoull(text, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (!unit)
		return end;
	if (*size >> 20)
		return NULL;
	*size <<= 10 * (unit - units + 1);
	return end + 1;
}

/* One list, up to a slash or the end. Which value is allowed is `fits`'s to say. The rest, or NULL. */
static const char *take_list(const char *text, uint64_t *values, size_t *count, bool (*fits)(uint64_t value))
{
	*count = 0;
	while (*text && *text != '/') {
		uint64_t value;

		text = take_size(text, &value);
		if (!text || !fits(value) || *count == PLAN_SWEEP_MAX || (*text && *text != ',' && *text != '/'))
			return NULL;
		values[(*count)++] = value;
		if (*text == ',' && (!text[1] || text[1] == '/'))
			return NULL;
		text += *text == ',';
	}
	return text;
}

static bool is_page(uint64_t value)
{
	return value == 4096 || value == 16384 || value == 65536;
}

static bool is_section(uint64_t value)
{
	return value >= (uint64_t)4 << 20 && value <= (uint64_t)1 << 40 && !(value & (value - 1));
}

static bool is_stride(uint64_t value)
{
	return value == 16 || value == 32 || value == 64;
}

bool plan_sweep_parse(const char *text, struct plan_sweep *sweep, const char **why)
{
	uint64_t strides[PLAN_SWEEP_MAX];

	memset(sweep, 0, sizeof(*sweep));
	*why = "page sizes are 4K, 16K, 64K";
	text = take_list(text, sweep->pages, &sweep->page_count, is_page);
	if (!text)
		return false;
	*why = "section sizes are powers of two from 4M to 1T";
	text = take_list(text + (*text == '/'), sweep->sections, &sweep->section_count, is_section);
	if (!text)
		return false;
	*why = "descriptors take 16, 32 or 64 bytes";
	text = take_list(text + (*text == '/'), strides, &sweep->stride_count, is_stride);
	for (size_t i = 0; text && i < sweep->stride_count; i++)
		sweep->strides[i] = (unsigned)strides[i];
	if (text && *text)
		*why = "three lists are wanted: PAGE_SIZES/SECTION_SIZES/STRIDES";
	return text && !*text;
}
