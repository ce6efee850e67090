/*
 * vm.* assignments. Ranges are the field's; a value out of range changes nothing.
 */
#include <quire/firmware.h>

#include "base/base.h"

#define INT_LARGEST 0x7fffffff

struct knob {
	const char *name;
	size_t offset;
	uint32_t low, high;
};

static const struct knob knobs[] = {
	{ "watermark_scale_factor", offsetof(struct quire_tunables, watermark_scale_factor), 1, 3000 },
	{ "watermark_boost_factor", offsetof(struct quire_tunables, watermark_boost_factor), 0, INT_LARGEST },
	{ "min_unmapped_ratio", offsetof(struct quire_tunables, min_unmapped_ratio), 0, 100 },
	{ "min_slab_ratio", offsetof(struct quire_tunables, min_slab_ratio), 0, 100 },
	{ "extfrag_threshold", offsetof(struct quire_tunables, extfrag_threshold), 0, 1000 },
	{ "compaction_proactiveness", offsetof(struct quire_tunables, compaction_proactiveness), 0, 100 },
};

/* The smallest fraction that still leaves a CPU a sensible share; 0 goes back to the default. */
#define LEAST_HIGH_FRACTION 8

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* A decimal int. Negative numbers are understood so that each knob can say what it does with them. */
static enum quire_status parse_int(const char **text, int64_t *value)
{
	const char *p = *text;
	bool negative;
	int64_t sum = 0;

	while (is_space(*p))
		p++;
	negative = *p == '-';
	p += negative;
	if (*p < '0' || *p > '9')
		return QUIRE_EFORMAT;
	for (; *p >= '0' && *p <= '9'; p++) {
		sum = sum * 10 + (*p - '0');
		if (sum > INT_LARGEST)
			return QUIRE_ERANGE;
	}
	if (*p && !is_space(*p) && *p != ',')
		return QUIRE_EFORMAT;
	*value = negative ? -sum : sum;
	*text = p;
	return QUIRE_OK;
}

/* Exactly one int, nothing behind it but space. */
static enum quire_status parse_single(const char *text, int64_t *value)
{
	enum quire_status status = parse_int(&text, value);

	while (is_space(*text))
		text++;
	return status == QUIRE_OK && *text ? QUIRE_EFORMAT : status;
}

/* One number a zone type that exists, from the lowest; a short list leaves the others as they are; below 1 means none. */
static enum quire_status set_lowmem_ratio(struct quire_tunables *tunables, const char *text)
{
	uint32_t zones = tunables->lowmem_reserve_zones;
	unsigned ratio[QUIRE_ZONE_TYPES];
	enum quire_status status = QUIRE_OK;
	unsigned given = 0;

	memcpy(ratio, tunables->lowmem_reserve_ratio, sizeof(ratio));
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES && status == QUIRE_OK; type++) {
		int64_t value;

		if (zones && !(zones >> type & 1))
			continue;
		while (is_space(*text) || (given && *text == ','))
			text++;
		if (!*text)
			break;
		status = parse_int(&text, &value);
		if (status == QUIRE_OK) {
			ratio[type] = value < 1 ? 0 : (unsigned)value;
			given++;
		}
	}
	while (is_space(*text))
		text++;
	if (status != QUIRE_OK)
		return status;
	if (!given || *text)
		return QUIRE_EINVAL;
	memcpy(tunables->lowmem_reserve_ratio, ratio, sizeof(ratio));
	return QUIRE_OK;
}

static enum quire_status set_high_fraction(struct quire_tunables *tunables, const char *text)
{
	int64_t value;
	enum quire_status status = parse_single(text, &value);

	if (status != QUIRE_OK)
		return status;
	if (value < 0 || (value && value < LEAST_HIGH_FRACTION))
		return QUIRE_EINVAL;
	tunables->percpu_pagelist_high_fraction = (unsigned)value;
	return QUIRE_OK;
}

static enum quire_status set_min_free(struct quire_tunables *tunables, const char *text)
{
	int64_t value;
	enum quire_status status = parse_single(text, &value);

	if (status == QUIRE_OK && value < 0)
		status = QUIRE_EINVAL;
	if (status == QUIRE_OK)
		tunables->min_free_kbytes = value;
	return status;
}

static enum quire_status set_knob(struct quire_tunables *tunables, const struct knob *knob, const char *text)
{
	int64_t value;
	enum quire_status status = parse_single(text, &value);
	unsigned stored;

	if (status != QUIRE_OK)
		return status;
	if (value < (int64_t)knob->low || value > (int64_t)knob->high)
		return QUIRE_EINVAL;
	stored = (unsigned)value;
	memcpy((char *)tunables + knob->offset, &stored, sizeof(stored));
	return QUIRE_OK;
}

/* If `text` starts with `name`, optional space and '=', what follows; else NULL. */
static const char *value_of(const char *text, const char *name)
{
	while (*name && *text == *name) {
		text++;
		name++;
	}
	if (*name)
		return NULL;
	while (is_space(*text))
		text++;
	return *text == '=' ? text + 1 : NULL;
}

enum quire_status quire_sysctl_set(struct quire_tunables *tunables, const char *assignment)
{
	const char *value;

	while (is_space(*assignment))
		assignment++;
	if (assignment[0] == 'v' && assignment[1] == 'm' && (assignment[2] == '.' || assignment[2] == '/'))
		assignment += 3;
	if ((value = value_of(assignment, "min_free_kbytes")))
		return set_min_free(tunables, value);
	if ((value = value_of(assignment, "percpu_pagelist_high_fraction")))
		return set_high_fraction(tunables, value);
	if ((value = value_of(assignment, "lowmem_reserve_ratio")))
		return set_lowmem_ratio(tunables, value);
	for (size_t i = 0; i < QI_ARRAY_SIZE(knobs); i++)
		if ((value = value_of(assignment, knobs[i].name)))
			return set_knob(tunables, &knobs[i], value);
	return QUIRE_ENOENT;
}
