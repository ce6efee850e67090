#include "support.h"

#define CANARY 0xa5
#define CANARY_BYTES 512

void machine_reset(struct test_machine *t, enum quire_arch arch)
{
	memset(t, CANARY, sizeof(*t));
	t->storage = (struct quire_machine_storage){
		.map = t->map, .map_max = MACHINE_RANGES, .reservations = t->reservations, .reservation_max = MACHINE_RANGES,
		.affinities = t->affinities, .affinity_max = MACHINE_RANGES, .cpus = t->cpus, .cpu_max = MACHINE_CPUS,
		.domains = t->domains, .domain_max = MACHINE_CPUS, .distances = t->distances,
		.distance_max = MACHINE_DISTANCES,
	};
	quire_machine_init(&t->m, arch, &t->storage);
}

void machine_reset_small(struct test_machine *t, enum quire_arch arch, size_t room)
{
	machine_reset(t, arch);
	t->storage.map_max = t->storage.reservation_max = t->storage.affinity_max = room;
	t->storage.cpu_max = t->storage.domain_max = room;
	t->storage.distance_max = room < MACHINE_DISTANCES ? room : MACHINE_DISTANCES;
	quire_machine_init(&t->m, arch, &t->storage);
}

static void check_tail(const void *array, size_t used, size_t total)
{
	const uint8_t *bytes = array;
	size_t end = total - used < CANARY_BYTES ? total : used + CANARY_BYTES;

	for (size_t i = used; i < end; i++)
		if (bytes[i] != CANARY)
			fail_msg("byte %zu behind a capacity of %zu was written", i, used);
}

void machine_check(const struct test_machine *t)
{
	check_tail(t->map, t->storage.map_max * sizeof(t->map[0]), sizeof(t->map));
	check_tail(t->reservations, t->storage.reservation_max * sizeof(t->reservations[0]), sizeof(t->reservations));
	check_tail(t->affinities, t->storage.affinity_max * sizeof(t->affinities[0]), sizeof(t->affinities));
	check_tail(t->cpus, t->storage.cpu_max * sizeof(t->cpus[0]), sizeof(t->cpus));
	check_tail(t->domains, t->storage.domain_max * sizeof(t->domains[0]), sizeof(t->domains));
	check_tail(t->distances, t->storage.distance_max * t->storage.distance_max, sizeof(t->distances));
}

struct writer {
	char *text;
	size_t size, length;
};

static void append(struct writer *w, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	w->length += (size_t)vsnprintf(w->text + w->length, w->size - w->length, format, arguments);
	va_end(arguments);
	assert_true(w->length < w->size);
}

void machine_text(const struct quire_machine *m, char *text, size_t size)
{
	struct writer w = { text, size, 0 };

	text[0] = '\0';
	for (size_t i = 0; i < m->map_count; i++)
		append(&w, "map %llx %llx %d %x %d\n", (unsigned long long)m->map[i].base,
		       (unsigned long long)m->map[i].size, m->map[i].type, m->map[i].attributes, m->map[i].nid);
	for (size_t i = 0; i < m->reservation_count; i++)
		append(&w, "res %llx %llx %d %s\n", (unsigned long long)m->reservations[i].base,
		       (unsigned long long)m->reservations[i].size, m->reservations[i].kind, m->reservations[i].name);
	for (size_t i = 0; i < m->affinity_count; i++)
		append(&w, "mem %llx %llx %u %x\n", (unsigned long long)m->affinities[i].base,
		       (unsigned long long)m->affinities[i].size, m->affinities[i].domain, m->affinities[i].flags);
	for (size_t i = 0; i < m->cpu_count; i++)
		append(&w, "cpu %llx %x %d %d\n", (unsigned long long)m->cpus[i].hwid, m->cpus[i].domain, m->cpus[i].enabled,
		       m->cpus[i].initiator);
	for (size_t i = 0; i < m->domain_count; i++)
		append(&w, "domain %u\n", m->domains[i]);
	for (size_t i = 0; i < m->distance_count * m->distance_count; i++)
		append(&w, "%u ", m->distances[i]);
	append(&w, "dma %llx usable %llx %llx rsdp %llx fdt %llx broken %d cmdline %p\n", (unsigned long long)m->dma_limit,
	       (unsigned long long)m->usable_base, (unsigned long long)m->usable_size, (unsigned long long)m->rsdp,
	       (unsigned long long)m->fdt, m->numa_broken, (const void *)m->command_line);
}

static void collect(void *ctx, enum quire_log_level level, const char *source, size_t offset, const char *text)
{
	struct test_log *l = ctx;

	assert_string_equal(source, "test");
	l->counts[level]++;
	l->last_offset = offset;
	if (l->length + strlen(text) + 2 < sizeof(l->text))
		l->length += (size_t)sprintf(l->text + l->length, "%s\n", text);
}

void log_reset(struct test_log *l)
{
	l->text[0] = '\0';
	l->length = 0;
	l->last_offset = 0;
	memset(l->counts, 0, sizeof(l->counts));
	l->log = (struct quire_reader_log){ .emit = collect, .ctx = l, .source = "test" };
}

bool log_has(const struct test_log *l, const char *text)
{
	return strstr(l->text, text) != NULL;
}

uint8_t *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data;
	long length;

	if (!file)
		return NULL;
	fseek(file, 0, SEEK_END);
	length = ftell(file);
	rewind(file);
	data = malloc(length > 0 ? (size_t)length : 1);
	assert_non_null(data);
	*size = fread(data, 1, (size_t)length, file);
	fclose(file);
	return data;
}

uint8_t *read_sample(const char *name, size_t *size)
{
	char path[256];
	uint8_t *data;

	snprintf(path, sizeof(path), "samples/firmware/%s", name);
	data = read_file(path, size);
	if (!data)
		fail_msg("%s: no such sample", path);
	return data;
}

const char *captures_path(void)
{
	const char *path = getenv("QUIRE_CAPTURES");
	char readme[512];
	FILE *file;

	if (!path)
		path = "../shared/captures";
	snprintf(readme, sizeof(readme), "%s/README.md", path);
	file = fopen(readme, "r");
	if (!file) {
		print_message("no captures at %s: skipped\n", path);
		return NULL;
	}
	fclose(file);
	return path;
}

void put_le16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)value;
	p[1] = (uint8_t)(value >> 8);
}

void put_le32(uint8_t *p, uint32_t value)
{
	put_le16(p, (uint16_t)value);
	put_le16(p + 2, (uint16_t)(value >> 16));
}

void put_le64(uint8_t *p, uint64_t value)
{
	put_le32(p, (uint32_t)value);
	put_le32(p + 4, (uint32_t)(value >> 32));
}

void fix_checksum(uint8_t *table, size_t length)
{
	uint8_t sum = 0;

	table[9] = 0;
	for (size_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + table[i]);
	table[9] = (uint8_t)-sum;
}

uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}
