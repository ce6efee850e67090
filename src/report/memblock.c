/* The ledger's own dump, line by line into a report. */
#include "report/print.h"

static void emit_line(void *ctx, const char *line)
{
	qi_print(ctx, "%s\n", line);
}

void quire_report_memblock(const struct quire *q, const struct quire_report_sink *sink)
{
	quire_memblock_dump(&q->memblock, emit_line, (void *)(uintptr_t)sink);
}
