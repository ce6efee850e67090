/* Formatting for reports: pieces of text through the caller's sink. */
#include "report/print.h"

void qi_print(const struct quire_report_sink *sink, const char *format, ...)
{
	char text[QI_PRINT_MAX];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = qi_vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (length > 0)
		sink->write(sink->ctx, text, (size_t)qi_min((uint64_t)length, sizeof(text) - 1));
}

/*
 * The largest unit that leaves at least 1; one decimal (rounded down) below 100 where the size is not a whole number
 * of it.
 */
const char *qi_print_size(char text[16], quire_phys_t bytes)
{
	unsigned shift = 0;
	uint64_t whole, tenth;

	while (shift < 60 && bytes >> shift >= 1024)
		shift += 10;
	whole = bytes >> shift;
	tenth = shift ? (((bytes >> (shift - 10)) & 1023) * 10) >> 10 : 0;
	if (!shift)
		qi_snprintf(text, 16, "%llu", (qi_ull)whole);
	else if (tenth && whole < 100)
		qi_snprintf(text, 16, "%llu.%llu%c", (qi_ull)whole, (qi_ull)tenth, "KMGTPE"[shift / 10 - 1]);
	else
		qi_snprintf(text, 16, "%llu%c", (qi_ull)whole, "KMGTPE"[shift / 10 - 1]);
	return text;
}

const struct quire_node *qi_online_node(const struct quire_topology *t, unsigned nid)
{
	const struct quire_node *node = nid < QUIRE_MAX_NODES ? t->nodes[nid] : NULL;

	return node && node->online ? node : NULL;
}
