/* A script's run: lines, blocks of lines, verbs, messages; see script.h. */
#define _GNU_SOURCE
#include "script.h"

#include "../printable.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct script_verb script_verbs[] = {
	{ "alloc", "[order=N] [count=N|all] [type=T] [gfp=FLAGS] [zone=Z] [node=N] [as=NAME]", "take blocks",
	  script_alloc, "order= count= type= gfp= zone= node= as=" },
	{ "free", "NAME | NAME[i..j] | NAME random|first|last|every N | pfn=P order=N | all", "give blocks back",
	  script_free_blocks, "random first last every keep all pfn= order=" },
	{ "churn", "NAME [rounds=N] [orders=A..B] [live=N%]", "free at random and take again", script_churn,
	  "rounds= orders= live= type= gfp= zone= node=" },
	{ "contig", "pages=N [align=N] [node=N] [gfp=FLAGS] [as=NAME]",
	  "take neighbouring frames, moving what is in the way", script_contig, "pages= align= node= gfp= as=" },
	{ "compact", "[node=N]", "make large free blocks by moving what can move", script_compact, "node=" },
	{ "pin", "NAME | NAME[i..j]", "these blocks must not be moved", script_pin, "" },
	{ "unpin", "NAME | NAME[i..j]", "they may again", script_unpin, "" },
	{ "cma", "declare size=N ... | alloc pages=N [area=X] [order=N] [as=NAME] | show", "contiguous memory areas",
	  script_cma, "declare alloc show size= pages= area= order= as= base= limit= node= name=" },
	{ "add", "size=N [base=P] [node=N] [block=N] [memmap=own|elsewhere]", "memory is plugged in", script_add,
	  "size= base= node= block= memmap=" },
	{ "online", "block=N|N..M | all [kernel|movable]", "bring memory blocks on line", script_online,
	  "block= all auto kernel movable base= size=" },
	{ "offline", "block=N|N..M [dry]", "take them off line; dry: only look", script_offline,
	  "block= dry base= size=" },
	{ "remove", "block=N|N..M | base=P size=N", "memory is pulled out", script_remove, "block= base= size=" },
	{ "hotplug", "[auto=...] [policy=...] [ratio=N] [memmap=...]", "what becomes of added memory", script_hotplug,
	  "auto= policy= ratio= memmap= contig-zones auto-movable" },
	{ "poison", "[soft] pfn=P | NAME[i]", "a frame fails", script_poison, "soft pfn=" },
	{ "unpoison", "pfn=P", "it does not, after all", script_unpoison, "pfn=" },
	{ "balloon", "inflate|deflate pages=N [node=N]", "give frames to the hypervisor, or take them", script_balloon,
	  "inflate deflate pages= node=" },
	{ "show", "REPORT...", "print reports; handles, variables", script_show, "handles holders variables" },
	{ "explain", "last | NAME[i] | pfn=P | order=N ...", "why a request fails; what a frame's state is",
	  script_explain, "last json order= type= gfp= zone= node= pfn=" },
	{ "trace", "on|off", "one line per event of the allocator", script_trace, "on off" },
	{ "spoil", "pfn=P [at=N] [bytes=N]", "flip a bit of a frame, or zero bytes", script_spoil, "pfn= at= bytes=" },
	{ "expect", "EXPRESSION [== != < <= > >= EXPRESSION]", "stop with exit 1 unless it holds", script_expect, "" },
	{ "check", "", "run the engine's checkers", script_check, "" },
	{ "drain", "", "CPUs give back what they keep", script_drain, "" },
	{ "set", "[NAME=VALUE]", "set a tunable; alone: all of them and what they are", script_set, "" },
	{ "cpu", "N", "run on this CPU", script_cpu, "" },
	{ "node", "N|any", "where requests begin", script_node, "any" },
	{ "seed", "N", "start the random generator anew", script_seed, "" },
	{ "boot", "OPTIONS... [INPUT...]", "boot another machine", script_boot,
	  "--nodes --cpus --cmdline --arch --kernel" },
	{ "let", "NAME = EXPRESSION", "remember a number", script_let, "" },
	{ "print", "EXPRESSION", "print a number", script_print, "" },
	{ "echo", "TEXT", "print text", script_echo, "" },
	{ "time", "VERB ...", "how long a line takes", script_time, "" },
	{ "source", "FILE", "run the lines of a file", script_source, "" },
	{ "repeat", "N", "run the lines up to 'end' N times", NULL, "" },
	{ "end", "", "ends a repeat", NULL, "" },
	{ "help", "", "this list", script_help, "" },
	{ "quit", "", "end", script_quit, "" },
	{ 0 },
};

void script_init(struct script *s, FILE *out, FILE *err)
{
	memset(s, 0, sizeof(*s));
	s->out = out;
	s->err = err;
	s->progress = err == stderr;
	s->work_left = UINT64_MAX;
	s->node = QUIRE_NO_NODE;
	s->random = 1;
	s->last = QUIRE_STATUSES;
	s->source = "script";
}

static void drop_pending(struct script_pending *pending)
{
	for (size_t i = 0; i < pending->count; i++)
		free(pending->lines[i].text);
	free(pending->lines);
	memset(pending, 0, sizeof(*pending));
}

void script_free(struct script *s)
{
	drop_pending(&s->pending);
	script_drop_machine(s);
	free(s->variables);
	s->variables = NULL;
	s->variable_count = 0;
}

/* --- messages -------------------------------------------------------------------------------------------------------- */

enum script_result script_say(const struct script *s, enum script_result result, const char *format, ...)
{
	va_list arguments;
	char text[1024];

	/* A file that is no script may have anything in it. */
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	printable(text);
	fflush(s->out);
	if (s->line && (!s->interactive || s->source_depth))
		fprintf(s->err, "%s:%zu: %s\n", s->source, s->line, text);
	else if (!s->interactive)
		fprintf(s->err, "quire: %s: %s\n", s->source, text);
	else
		fprintf(s->err, "%s\n", text);
	return result;
}

enum script_result script_need_machine(const struct script *s)
{
	return s->sim ? SCRIPT_OK : script_bad(s, "no machine is booted: 'boot --nodes 2x4G' makes one");
}

enum script_result script_all_used(const struct script *s, const struct script_line *line)
{
	const char *word = script_left_over(line);

	return word ? script_bad(s, "%s: '%s' is not understood here", line->verb, word) : SCRIPT_OK;
}

bool script_work(struct script *s)
{
	if (s->interrupted && *s->interrupted) {
		*s->interrupted = 0;
		script_bad(s, "interrupted");
		return false;
	}
	if (!s->work_left) {
		script_bad(s, "the script does more than it may");
		return false;
	}
	s->work_left--;
	return true;
}

/* splitmix64: every seed is a good one, the zero too. */
uint64_t script_random(struct script *s, uint64_t bound)
{
	uint64_t x = s->random += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return (x ^ x >> 31) % bound;
}

/* --- lines ----------------------------------------------------------------------------------------------------------- */

static enum script_result run_verb(struct script *s, struct script_line *line)
{
	if (!*line->verb)
		return SCRIPT_OK;
	for (const struct script_verb *verb = script_verbs; verb->name; verb++)
		if (verb->run && strcmp(verb->name, line->verb) == 0)
			return verb->run(s, line);
	if (strcmp(line->verb, "repeat") == 0 || strcmp(line->verb, "end") == 0)
		return script_bad(s, "'%s' stands on a line of its own", line->verb);
	return script_bad(s, "there is no verb '%.40s'; 'help' lists them", line->verb);
}

enum script_result script_execute(struct script *s, const char *text)
{
	struct script_line line;
	const char *why = script_line_parse(&line, text);
	enum script_result result = why ? script_bad(s, "%s", why) : SCRIPT_OK;

	if (result == SCRIPT_OK && !script_work(s))
		result = SCRIPT_BAD;
	if (result == SCRIPT_OK)
		result = run_verb(s, &line);
	script_line_free(&line);
	return result;
}

/* What a line does to the nesting of blocks: 1 opens one, -1 closes one. */
static int nesting(const char *text)
{
	size_t length;

	text += strspn(text, " \t");
	length = strcspn(text, " \t\r\n#");
	if (length == 6 && strncmp(text, "repeat", 6) == 0)
		return 1;
	return length == 3 && strncmp(text, "end", 3) == 0 ? -1 : 0;
}

static enum script_result read_repeat(struct script *s, const char *text, uint64_t *times)
{
	struct script_line line;
	const char *why = script_line_parse(&line, text), *word = why ? NULL : script_next_word(&line);
	enum script_result result;

	if (why)
		result = script_bad(s, "%s", why);
	else if (!word || !script_number(word, times))
		result = script_bad(s, "repeat: how often? a number is wanted");
	else
		result = script_all_used(s, &line);
	script_line_free(&line);
	return result;
}

/* Lines [from, to) of the block. Recursion is as deep as blocks are nested, which script_feed() limits. */
static enum script_result run_lines(struct script *s, const struct script_pending *p, size_t from, size_t to)
{
	enum script_result result = SCRIPT_OK;

	for (size_t i = from; i < to && result == SCRIPT_OK; i++) {
		size_t close = i + 1;
		uint64_t times;
		int depth = 1;

		s->line = p->lines[i].number;
		if (nesting(p->lines[i].text) != 1) {
			result = script_execute(s, p->lines[i].text);
			continue;
		}
		while (depth && close < to)
			depth += nesting(p->lines[close++].text);
		result = read_repeat(s, p->lines[i].text, &times);
		for (uint64_t n = 0; result == SCRIPT_OK && n < times; n++)
			result = script_work(s) ? run_lines(s, p, i + 1, close - 1) : SCRIPT_BAD;
		i = close - 1;
	}
	return result;
}

static bool keep_line(struct script *s, const char *text)
{
	struct script_pending *p = &s->pending;
	void *grown = p->lines;

	if (p->count == p->room) {
		size_t room = p->room ? 2 * p->room : 16;

		grown = realloc(p->lines, room * sizeof(*p->lines));
		if (!grown)
			return false;
		p->lines = grown;
		p->room = room;
	}
	p->lines[p->count].text = strdup(text);
	p->lines[p->count].number = s->line;
	return p->lines[p->count].text && ++p->count;
}

enum script_result script_feed(struct script *s, const char *text)
{
	struct script_pending *p = &s->pending, whole;
	int change = nesting(text);
	enum script_result result;
	size_t line = s->line;

	if (!p->depth && !change)
		return script_execute(s, text);
	if (!p->depth && change < 0)
		return script_bad(s, "'end' without 'repeat'");
	if (change > 0 && p->depth == SCRIPT_REPEAT_DEPTH) {
		drop_pending(p);
		return script_bad(s, "blocks are nested more than %d deep", SCRIPT_REPEAT_DEPTH);
	}
	if (!keep_line(s, text))
		return script_bad(s, "out of memory");
	p->depth += (unsigned)change;
	if (p->depth)
		return SCRIPT_OK;
	whole = *p;
	memset(p, 0, sizeof(*p));
	result = run_lines(s, &whole, 0, whole.count);
	drop_pending(&whole);
	s->line = result == SCRIPT_OK ? line : s->line;
	return result;
}

enum script_result script_finish(struct script *s)
{
	if (!s->pending.depth)
		return SCRIPT_OK;
	s->line = s->pending.lines[0].number;
	drop_pending(&s->pending);
	return script_bad(s, "this 'repeat' has no 'end'");
}

static enum script_result feed_file(struct script *s, FILE *file)
{
	enum script_result result = SCRIPT_OK;
	char *text = NULL;
	size_t room = 0;
	ssize_t length;

	while (result == SCRIPT_OK && (length = getline(&text, &room, file)) >= 0) {
		s->line++;
		if (strlen(text) != (size_t)length)
			result = script_bad(s, "the line has a NUL in it: this is no script");
		else
			result = script_feed(s, text);
	}
	free(text);
	if (result == SCRIPT_OK && ferror(file))
		result = script_bad(s, "cannot be read further: %m");
	return result == SCRIPT_OK ? script_finish(s) : result;
}

enum script_result script_run_file(struct script *s, const char *path)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	struct script_pending outer = s->pending;
	const char *source = s->source;
	enum script_result result;
	size_t line = s->line;

	if (!file)
		return s->line ? script_bad(s, "%s: %m", path) : script_bad(s, "%m");
	s->source = file == stdin ? "standard input" : path;
	s->line = 0;
	memset(&s->pending, 0, sizeof(s->pending));
	result = feed_file(s, file);
	drop_pending(&s->pending);
	s->pending = outer;
	s->source = source;
	s->line = line;
	if (file != stdin)
		fclose(file);
	return result;
}
