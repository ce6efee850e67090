/*
 * Any text as a script over a small machine: no line may crash, loop without end or break the books. Files and booting are
 * not allowed, and the work a text may ask for is limited.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/quire/script/script.h"

#define WORK 20000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed_lines(struct script *s, char *text)
{
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n")) != NULL) {
		s->line++;
		if (script_feed(s, line) == SCRIPT_QUIT)
			break;
	}
	script_finish(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *nowhere;
	static const struct simulate_options machine = { .input = { .nodes = "2x32M", .cpus = 2 }, .quiet = true };
	char *text = size < 65536 ? malloc(size + 1) : NULL;
	struct script s;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	if (!text || !nowhere)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	script_init(&s, nowhere, nowhere);
	if (script_boot_machine(&s, &machine) != SCRIPT_OK)
		abort();
	s.confined = true;
	s.work_left = WORK;
	feed_lines(&s, text);
	if (quire_check(s.sim->q) != QUIRE_OK)
		abort();
	script_free(&s);
	free(text);
	return 0;
}
