/* The blocks' lines in the field's wording, while blocks come, change their state and go. */
#include "plug.h"

#include <stdio.h>

#include <quire/report.h>

static struct plug plug;
static char text[1 << 16];

static void keep(void *ctx, const char *piece, size_t length)
{
	size_t *used = ctx;

	assert_true(*used + length < sizeof(text));
	memcpy(text + *used, piece, length);
	*used += length;
	text[*used] = 0;
}

/* What the report says of the block that begins at pfn: from "state=" to the end of the line; NULL: nothing. */
static const char *line_of(struct plug *p, quire_pfn_t pfn)
{
	static char line[160];
	size_t used = 0;
	const struct quire_report_sink sink = { keep, &used };
	unsigned long long number = (unsigned long long)(pfn / BLOCK_PAGES);
	const char *at;

	text[0] = 0;
	quire_report_memory_blocks(&p->q, &sink);
	snprintf(line, sizeof(line), "\nmemory%llu ", number);
	at = strstr(text, line);
	if (!at)
		return NULL;
	at = strstr(at, "state=");
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
	return line;
}

static void expect(struct plug *p, quire_pfn_t pfn, const char *state, const char *zones, int nid)
{
	char wanted[160];

	snprintf(wanted, sizeof(wanted),
		 "state=[%s] phys_index=[%08llx] removable=[1] phys_device=[0] valid_zones=[%s] link=[node%d]", state,
		 (unsigned long long)(pfn / BLOCK_PAGES), zones, nid);
	assert_non_null(line_of(p, pfn));
	assert_string_equal(line_of(p, pfn), wanted);
}

static void blocks_come_and_go(void **state)
{
	quire_pfn_t pfn = plug_pfn(1), boot = (GIB + 16 * MIB) >> 12;

	(void)state;
	plug_make(&plug, &plug_ordinary);
	expect(&plug, boot, "online", "DMA32", 1);
	assert_null(line_of(&plug, pfn));
	assert_int_equal(plug_add(&plug, 1, 0, 3), QUIRE_OK);
	expect(&plug, pfn, "offline", "Normal Movable", 1);
	assert_int_equal(plug_online(&plug, pfn + BLOCK_PAGES, 1, QUIRE_ONLINE_MOVABLE), QUIRE_OK);
	expect(&plug, pfn, "offline", "Normal Movable", 1);
	expect(&plug, pfn + BLOCK_PAGES, "online", "Movable", 1);
	assert_int_equal(plug_online(&plug, pfn, 1, QUIRE_ONLINE_KERNEL), QUIRE_OK);
	expect(&plug, pfn, "online", "Normal", 1);
	assert_int_equal(plug_offline(&plug, pfn + BLOCK_PAGES, 1), QUIRE_OK);
	expect(&plug, pfn + BLOCK_PAGES, "offline", "Normal Movable", 1);
	assert_int_equal(plug_remove(&plug, pfn + BLOCK_PAGES, 1), QUIRE_OK);
	assert_null(line_of(&plug, pfn + BLOCK_PAGES));
	expect(&plug, pfn, "online", "Normal", 1);
	assert_int_equal(plug_offline(&plug, boot, 1), QUIRE_OK);
	expect(&plug, boot, "offline", "DMA32 Movable", 1);
	plug_drop(&plug);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(blocks_come_and_go) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
