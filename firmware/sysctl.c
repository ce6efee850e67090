/*
 * vm.* assignments. Ranges are the field's; a value out of range changes nothing.
 */
#include <quire/firmware.h>

#include "base/base.h"

#define INT_LARGEST 0x7fffffff

enum tunable {
	MIN_FREE, SCALE_FACTOR, BOOST_FACTOR, LOWMEM_RATIO, HIGH_FRACTION, UNMAPPED, SLAB, EXTFRAG, PROACTIVENESS, TUNABLES
};

const struct quire_sysctl quire_sysctls[] = {
	[MIN_FREE] = { "min_free_kbytes", "KiB", "kept free over all zones of low memory" },
	[SCALE_FACTOR] = { "watermark_scale_factor", "1 .. 3000", "distance of watermarks, in 1/10000 of a zone" },
	[BOOST_FACTOR] = { "watermark_boost_factor", "0 .. 2147483647",
			   "most boost of watermarks, in 1/10000 of the high mark" },
	[LOWMEM_RATIO] = { "lowmem_reserve_ratio", "a number per zone", "keep 1/ratio from requests that can go higher" },
	[HIGH_FRACTION] = { "percpu_pagelist_high_fraction", "0, or from 8 on", "CPUs keep at most 1/fraction of a zone" },
	[UNMAPPED] = { "min_unmapped_ratio", "0 .. 100", "percent of a node; for reports only" },
	[SLAB] = { "min_slab_ratio", "0 .. 100", "percent of a node; for reports only" },
	[EXTFRAG] = { "extfrag_threshold", "0 .. 1000", "compact for requests from this fragmentation index on" },
	[PROACTIVENESS] = { "compaction_proactiveness", "0 .. 100", "how early to compact without being asked" },
	[TUNABLES] = { NULL, NULL, NULL },
};

/* Those that are one number in a field of its own. */
struct knob {
	size_t offset;
	uint32_t low, high;
	bool or_zero;			/* 0 is allowed though `low` is more */
};
#define KNOB(field, low, high) { offsetof(struct quire_tunables, field), low, high, false }

static const struct knob knobs[TUNABLES] = {
	[SCALE_FACTOR] = KNOB(watermark_scale_factor, 1, 3000),
	[BOOST_FACTOR] = KNOB(watermark_boost_factor, 0, INT_LARGEST),
	/* The smallest fraction that still leaves a CPU a sensible share; 0 goes back to the default. */
	[HIGH_FRACTION] = { offsetof(struct quire_tunables, percpu_pagelist_high_fraction), 8, INT_LARGEST, true },
	[UNMAPPED] = KNOB(min_unmapped_ratio, 0, 100),
	[SLAB] = KNOB(min_slab_ratio, 0, 100),
	[EXTFRAG] = KNOB(extfrag_threshold, 0, 1000),
	[PROACTIVENESS] = KNOB(compaction_proactiveness, 0, 100),
};

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
	if ((value < (int64_t)knob->low && (value || !knob->or_zero)) || value > (int64_t)knob->high)
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
	for (unsigned i = 0; i < TUNABLES; i++) {
		value = value_of(assignment, quire_sysctls[i].name);
		if (value)
			return i == MIN_FREE	 ? set_min_free(tunables, value) :
			       i == LOWMEM_RATIO ? set_lowmem_ratio(tunables, value) :
						   set_knob(tunables, &knobs[i], value);
	}
	return QUIRE_ENOENT;
}

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/* One number a zone type that exists, as they are read. */
static void print_lowmem_ratio(const struct quire_tunables *tunables, char *text, size_t size)
{
	uint32_t zones = tunables->lowmem_reserve_zones;
	size_t used = 0;

	for (unsigned type = 0; type < QUIRE_ZONE_TYPES && used < size; type++)
		if (!zones || zones >> type & 1)
			used += (size_t)qi_snprintf(text + used, size - used, used ? " %u" : "%u",
						    tunables->lowmem_reserve_ratio[type]);
}

enum quire_status quire_sysctl_get(const struct quire_tunables *tunables, const char *name, char *text, size_t size)
{
	unsigned i = 0, value;

	while (i < TUNABLES && !same(quire_sysctls[i].name, name))
		i++;
	if (i == TUNABLES || !size)
		return QUIRE_ENOENT;
	text[0] = '\0';
	if (i == LOWMEM_RATIO) {
		print_lowmem_ratio(tunables, text, size);
	} else if (i == MIN_FREE) {
		qi_snprintf(text, size, "%lld", (long long)tunables->min_free_kbytes);
	} else {
		memcpy(&value, (const char *)tunables + knobs[i].offset, sizeof(value));
		qi_snprintf(text, size, "%u", value);
	}
	return QUIRE_OK;
}
