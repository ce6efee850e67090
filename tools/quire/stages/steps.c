/*
 * Reading steps.txt. JSON arguments are not parsed as JSON: only a handful of keys matter, and each stands once per
 * line as "key": value.
 */
#include "steps.h"

/* Memory backends that were made and not plugged in yet: their size is said when they are made. */
struct backend {
	char name[64];
	uint64_t size;
};

struct reader {
	struct steps *steps;
	size_t line;
	LIST(struct backend) backends;
};

static struct step *add(struct reader *r, enum step_kind kind)
{
	struct step *step = LIST_ADD(&r->steps->list);

	if (step)
		*step = (struct step){ .kind = kind, .origin = { "steps.txt", r->line } };
	return step;
}

static void copy(char *to, size_t size, struct text_slice from)
{
	size_t length = from.length < size - 1 ? from.length : size - 1;

	memcpy(to, from.at, length);
	to[length] = 0;
}

/* --- the virtual machine's commands ------------------------------------------------------------------------------- */

/* The text after "key": */
static bool value_of(struct text_slice text, const char *key, struct text_slice *value)
{
	char quoted[40];

	snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	if (!text_take_through(&text, quoted))
		return false;
	text_skip_blanks(&text);
	*value = text;
	return true;
}

static bool string_of(struct text_slice text, const char *key, char *to, size_t size)
{
	struct text_slice value;
	size_t length = 0;

	if (!value_of(text, key, &value) || !text_take(&value, "\""))
		return false;
	while (length < value.length && value.at[length] != '"')
		length++;
	copy(to, size, (struct text_slice){ value.at, length });
	return true;
}

static bool number_of(struct text_slice text, const char *key, uint64_t *number)
{
	struct text_slice value;

	return value_of(text, key, &value) && text_take_number(&value, number);
}

static void object_add(struct reader *r, struct text_slice text)
{
	struct backend *backend;
	char name[64];
	uint64_t size;

	if (!string_of(text, "id", name, sizeof(name)) || !number_of(text, "size", &size))
		return;
	backend = LIST_ADD(&r->backends);
	if (!backend)
		return;
	memcpy(backend->name, name, sizeof(name));
	backend->size = size;
}

static void device_add(struct reader *r, struct text_slice text)
{
	char name[64], memdev[64];
	struct step *step;
	uint64_t nid = 0;

	if (!string_of(text, "id", name, sizeof(name)) || !string_of(text, "memdev", memdev, sizeof(memdev)))
		return;
	step = add(r, STEP_PLUG);
	if (!step)
		return;
	memcpy(step->name, name, sizeof(name));
	number_of(text, "node", &nid);
	step->nid = nid < QUIRE_MAX_NODES ? (int)nid : QUIRE_NO_NODE;
	step->has_address = number_of(text, "addr", &step->address);
	for (size_t i = 0; i < r->backends.count; i++)
		if (strcmp(r->backends.items[i].name, memdev) == 0)
			step->size = r->backends.items[i].size;
}

static void virtual_machine(struct reader *r, struct text_slice text)
{
	char name[64], property[64];
	struct step *step = NULL;
	uint64_t size;

	if (text_contains(text, "\"error\""))
		return;
	if (text_take(&text, "object-add ")) {
		object_add(r, text);
	} else if (text_take(&text, "device_add ")) {
		device_add(r, text);
	} else if (text_take(&text, "device_del ")) {
		if (string_of(text, "id", name, sizeof(name)) && (step = add(r, STEP_UNPLUG)) != NULL)
			memcpy(step->name, name, sizeof(name));
	} else if (text_take(&text, "qom-set ")) {
		if (string_of(text, "property", property, sizeof(property)) && strcmp(property, "requested-size") == 0 &&
		    string_of(text, "path", name, sizeof(name)) && number_of(text, "value", &size) &&
		    (step = add(r, STEP_RESIZE)) != NULL) {
			memcpy(step->name, name, sizeof(name));
			step->size = size;
		}
	}
}

/* --- what ran inside it -------------------------------------------------------------------------------------------- */

/* The numbers of "for i in 32 33 34" that loops over a block's "$i". */
struct loop {
	uint64_t numbers[256];
	size_t count;
	bool every_block;		/* "for b in .../memory*" */
};

static void loop_over(struct loop *loop, struct text_slice text)
{
	uint64_t number;

	*loop = (struct loop){ 0 };
	if (!text_take_through(&text, " in "))
		return;
	loop->every_block = text_contains(text, "/memory*");
	while (!loop->every_block && text_take_number(&text, &number))
		if (loop->count < sizeof(loop->numbers) / sizeof(loop->numbers[0]))
			loop->numbers[loop->count++] = number;
}

/* echo WORD >/sys/devices/system/memory/memoryN/state, N a number or the loop's variable */
static void write_state(struct reader *r, const struct loop *loop, struct text_slice word, struct text_slice path)
{
	struct loop one = { .count = 1 };
	struct step *step;

	if (text_starts(path, "$")) {
		one = *loop;
	} else if (!text_take_number(&path, &one.numbers[0])) {
		return;
	}
	for (size_t i = 0; i < one.count; i++) {
		step = add(r, STEP_BLOCK);
		if (!step)
			return;
		step->number = one.numbers[i];
		copy(step->word, sizeof(step->word), word);
	}
}

static void write_named(struct reader *r, enum step_kind kind, struct text_slice word, struct text_slice name)
{
	struct step *step = add(r, kind);

	if (!step)
		return;
	copy(step->word, sizeof(step->word), word);
	if (kind == STEP_CPU)
		text_take_number(&name, &step->number);
	else
		copy(step->name, sizeof(step->name), name);
}

/* One command of the line, without its `;`. */
static void command(struct reader *r, struct loop *loop, struct text_slice text)
{
	struct text_slice word, path;

	text = text_trim(text);
	if (text_take(&text, "for ")) {
		loop_over(loop, text);
		return;
	}
	if (!text_take_through(&text, "echo "))
		return;
	word = text;
	if (!text_take_through(&text, ">"))
		return;
	word.length = (size_t)(text.at - word.at) - 1;
	word = text_trim(word);
	if (text_take(&word, "\""))
		word.length -= word.length && word.at[word.length - 1] == '"';
	path = text_trim(text);
	if (text_take(&path, "/sys/devices/system/memory/memory"))
		write_state(r, loop, word, path);
	else if (text_starts(path, "$") && text_contains(path, "/state") && loop->every_block)
		write_named(r, STEP_ONLINE_ALL, word, path);
	else if (text_take(&path, "/proc/sys/vm/"))
		write_named(r, STEP_SYSCTL, word, path);
	else if (text_take(&path, "/sys/devices/system/cpu/cpu"))
		write_named(r, STEP_CPU, word, path);
}

static void shell(struct reader *r, struct text_slice text)
{
	struct loop loop = { 0 };

	while (text.length) {
		struct text_slice part = text;

		part.length = 0;
		while (part.length < text.length && text.at[part.length] != ';')
			part.length++;
		text.at += part.length;
		text.length -= part.length;
		text_take(&text, ";");
		text_take(&part, " ");
		text_take(&part, "do ");
		command(r, &loop, part);
	}
}

void steps_from_text(struct steps *steps, const struct textfile *file)
{
	struct reader r = { .steps = steps };

	for (size_t i = 0; i < file->line_count; i++) {
		struct text_slice text = textfile_line(file, i);
		struct step *step;

		r.line = i + 1;
		if (text_take(&text, "qmp "))
			virtual_machine(&r, text);
		else if (text_take(&text, "sh: "))
			shell(&r, text);
		else if (text_take(&text, "dump ") && !text_contains(text, "/") && (step = add(&r, STEP_DUMP)) != NULL)
			copy(step->name, sizeof(step->name), text_trim(text));
	}
	LIST_FREE(&r.backends);
}

bool steps_read(struct steps *steps, const char *directory)
{
	struct textfile file;
	char path[4096];
	bool found = false;

	*steps = (struct steps){ 0 };
	snprintf(path, sizeof(path), "%s/steps.txt", directory);
	if (textfile_read(&file, path, 0) != QUIRE_OK)
		return false;
	steps_from_text(steps, &file);
	textfile_free(&file);
	for (size_t i = 0; i < steps->list.count; i++)
		found |= steps->list.items[i].kind == STEP_DUMP;
	return found;
}

void steps_free(struct steps *steps)
{
	LIST_FREE(&steps->list);
}
