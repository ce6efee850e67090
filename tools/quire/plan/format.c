/* Numbers as people read them: three or four digits and a unit. */
#include "plan.h"

/* value / unit with as many decimals as make three digits, none if it is whole. */
static void put(char *buffer, uint64_t value, uint64_t unit, const char *name)
{
	double scaled = (double)value / (double)unit;
	int decimals = value % unit == 0 || scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;

	snprintf(buffer, PLAN_NUMBER_MAX, "%.*f %s", decimals, scaled, name);
}

char *plan_bytes(char *buffer, uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	unsigned i = 0;

	/* "1.00 TiB" rather than "1024 GiB" for what is a few pages short of it. */
	while (i < 6 && (bytes + (bytes >> 11)) >> 10 * (i + 1))
		i++;
	put(buffer, bytes, (uint64_t)1 << 10 * i, units[i]);
	return buffer;
}

char *plan_time(char *buffer, uint64_t ns)
{
	static const struct { uint64_t unit; const char *name; } units[] = {
		{ 1, "ns" }, { 1000, "us" }, { 1000000, "ms" }, { 1000000000, "s" }, { 60000000000, "min" },
	};
	unsigned i = 0;

	while (i < 3 && ns >= units[i + 1].unit)
		i++;
	if (ns >= 10 * units[4].unit)
		i = 4;
	put(buffer, ns, units[i].unit, units[i].name);
	return buffer;
}
