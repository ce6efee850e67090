/*
 * The growing struct quire_machine: its arrays are ours, and when one is full all of them are doubled and the call is
 * made again. Limits keep a hostile file from making us ask for absurd amounts; reaching one is an error with a note, not
 * a silent loss.
 */
#include <stdlib.h>
#include <string.h>

#include "facts.h"

/* Far beyond any machine, and together below 200 MiB. */
#define MOST_RANGES ((size_t)1 << 21)
#define MOST_RESERVATIONS ((size_t)1 << 16)
#define MOST_AFFINITIES ((size_t)1 << 18)
#define MOST_CPUS ((size_t)1 << 18)
#define MOST_LOCALITIES ((size_t)4096)

/* Double one array up to `limit` elements (or limit squared). False: out of memory. */
static bool grow_one(void *array, size_t *max, size_t element, size_t limit, bool squared, bool *grown)
{
	size_t room = *max ? *max * 2 : 64;
	void *old, *bigger;

	if (room > limit)
		return true;
	memcpy(&old, array, sizeof(old));
	bigger = realloc(old, (squared ? room * room : room) * element);
	if (!bigger)
		return false;
	memcpy(array, &bigger, sizeof(bigger));
	*max = room;
	*grown = true;
	return true;
}

/* Make all arrays bigger and show the machine where they are now. QUIRE_ENOSPC when every one is at its limit. */
static enum quire_status grow(struct input *in)
{
	struct quire_machine_storage *s = &in->storage;
	struct quire_machine *m = &in->machine;
	bool grown = false;
	bool ok = grow_one(&s->map, &s->map_max, sizeof(s->map[0]), MOST_RANGES, false, &grown) &&
		  grow_one(&s->reservations, &s->reservation_max, sizeof(s->reservations[0]), MOST_RESERVATIONS, false,
			   &grown) &&
		  grow_one(&s->affinities, &s->affinity_max, sizeof(s->affinities[0]), MOST_AFFINITIES, false, &grown) &&
		  grow_one(&s->cpus, &s->cpu_max, sizeof(s->cpus[0]), MOST_CPUS, false, &grown) &&
		  grow_one(&s->domains, &s->domain_max, sizeof(s->domains[0]), MOST_LOCALITIES, false, &grown) &&
		  grow_one(&s->distances, &s->distance_max, sizeof(s->distances[0]), MOST_LOCALITIES, true, &grown);

	m->map = s->map;
	m->map_max = s->map_max;
	m->reservations = s->reservations;
	m->reservation_max = s->reservation_max;
	m->affinities = s->affinities;
	m->affinity_max = s->affinity_max;
	m->cpus = s->cpus;
	m->cpu_max = s->cpu_max;
	m->domains = s->domains;
	m->domain_max = s->domain_max;
	m->distances = s->distances;
	m->distance_max = s->distance_max;
	if (!ok)
		return QUIRE_ENOMEM;
	return grown ? QUIRE_OK : QUIRE_ENOSPC;
}

enum quire_status input_machine_init(struct input *in, enum quire_arch arch)
{
	quire_machine_init(&in->machine, arch, &in->storage);
	return in->storage.map_max ? QUIRE_OK : grow(in);
}

#define GROWING(call)						\
	enum quire_status status;				\
								\
	while ((status = (call)) == QUIRE_ENOSPC) {		\
		status = grow(in);				\
		if (status != QUIRE_OK)				\
			break;					\
	}							\
	return status

enum quire_status input_machine_range(struct input *in, const struct quire_memory_range *range)
{
	GROWING(quire_machine_add_range(&in->machine, range->base, range->size, range->type, range->attributes, range->nid));
}

enum quire_status input_machine_reservation(struct input *in, const struct quire_reservation *reservation)
{
	GROWING(quire_machine_add_reservation(&in->machine, reservation));
}

enum quire_status input_machine_affinity(struct input *in, const struct quire_memory_affinity *affinity)
{
	GROWING(quire_machine_add_affinity(&in->machine, affinity));
}

enum quire_status input_machine_cpu(struct input *in, const struct quire_cpu *cpu)
{
	GROWING(quire_machine_add_cpu(&in->machine, cpu));
}

enum quire_status input_machine_distance(struct input *in, uint32_t from, uint32_t to, uint8_t distance)
{
	GROWING(quire_machine_set_distance(&in->machine, from, to, distance));
}

/* The readers say each oddity once per call; calls that end in QUIRE_ENOSPC and are repeated must not say it again. */
struct blob_log {
	struct input *in;
	size_t notes_before;
};

static void emit(void *ctx, enum quire_log_level level, const char *source, size_t offset, const char *text)
{
	struct blob_log *log = ctx;

	input_note_offset(log->in, level, source, offset, text);
}

static void take_back_notes(struct input *in, size_t count)
{
	while (in->note_count > count) {
		in->note_count--;
		free(in->notes[in->note_count].source);
		free(in->notes[in->note_count].text);
	}
}

static enum quire_status read_blob(struct input *in, enum input_blob_kind kind, const struct quire_reader_log *log)
{
	const struct input_blob *blob = &in->facts->blobs[kind];
	struct quire_machine *m = &in->machine;

	switch (kind) {
	case INPUT_BLOB_FDT:
		return quire_read_fdt(m, blob->data, blob->size, log);
	case INPUT_BLOB_SRAT:
		return quire_read_srat(m, blob->data, blob->size, log);
	case INPUT_BLOB_SLIT:
		return quire_read_slit(m, blob->data, blob->size, log);
	case INPUT_BLOB_MADT:
		return quire_read_madt(m, blob->data, blob->size, log);
	case INPUT_BLOB_BOOT_PARAMS:
		return quire_read_boot_params(m, blob->data, blob->size, log);
	case INPUT_BLOB_E820:
		return quire_read_e820(m, blob->data, blob->size, log);
	case INPUT_BLOB_EFI_MAP:
		return quire_read_efi_map(m, blob->data, blob->size, in->facts->efi_desc_size, log);
	default:
		return QUIRE_EINVAL;
	}
}

enum quire_status input_machine_blob(struct input *in, enum input_blob_kind kind)
{
	const struct input_blob *blob = &in->facts->blobs[kind];
	struct blob_log context = { in, in->note_count };
	struct quire_reader_log log = { emit, &context, blob->path };
	enum quire_status status;

	while ((status = read_blob(in, kind, &log)) == QUIRE_ENOSPC) {
		take_back_notes(in, context.notes_before);
		status = grow(in);
		if (status != QUIRE_OK)
			break;
	}
	if (status != QUIRE_OK)
		input_note(in, QUIRE_LOG_ERROR, blob->path, 0, "table not used: %s", quire_status_string(status));
	return status == QUIRE_ENOMEM ? status : QUIRE_OK;
}

enum quire_status input_sanitize(struct input *in, const struct quire_reader_log *log)
{
	/*
	 * Ample room for what splitting can make of the map, so that the first try succeeds and lack of room is never
	 * reported.
	 */
	size_t need = 2 * in->machine.map_count + 4 * (QUIRE_MEMMAP_DIRECTIVES + QUIRE_FAKE_MEMS) + 16;

	while (in->machine.map_max < need) {
		enum quire_status status = grow(in);

		if (status != QUIRE_OK)
			return status;
	}
	return quire_e820_sanitize(&in->machine, &in->config.options, log);
}
