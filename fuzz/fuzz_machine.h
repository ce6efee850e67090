/* A machine with storage for the fuzzers of the firmware readers, and what must hold whatever was read. */
#ifndef FUZZ_MACHINE_H
#define FUZZ_MACHINE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <quire/firmware.h>

#define FUZZ_ROOM 64

struct fuzz_machine {
	struct quire_memory_range map[FUZZ_ROOM];
	struct quire_reservation reservations[FUZZ_ROOM];
	struct quire_memory_affinity affinities[FUZZ_ROOM];
	struct quire_cpu cpus[FUZZ_ROOM];
	uint32_t domains[FUZZ_ROOM];
	uint8_t distances[FUZZ_ROOM * FUZZ_ROOM];
	struct quire_machine m;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

/* A machine whose arrays have `room` places each; on the heap, so that the sanitizer sees every step beyond. */
static inline struct fuzz_machine *fuzz_machine_new(enum quire_arch arch, size_t room)
{
	struct fuzz_machine *f = calloc(1, sizeof(*f));
	struct quire_machine_storage storage;

	if (!f)
		abort();
	storage = (struct quire_machine_storage){
		.map = f->map, .map_max = room, .reservations = f->reservations, .reservation_max = room,
		.affinities = f->affinities, .affinity_max = room, .cpus = f->cpus, .cpu_max = room,
		.domains = f->domains, .domain_max = room, .distances = f->distances, .distance_max = room,
	};
	quire_machine_init(&f->m, arch, &storage);
	return f;
}

static inline void fuzz_emit(void *ctx, enum quire_log_level level, const char *source, size_t offset, const char *text)
{
	(void)level;
	(void)source;
	(void)offset;
	fuzz_require(strlen(text) < 256, "messages are short");
	++*(size_t *)ctx;
}

/* Counts within capacities; a failure left nothing behind and said why. */
static inline void fuzz_check(const struct fuzz_machine *f, enum quire_status status, size_t messages)
{
	const struct quire_machine *m = &f->m;

	fuzz_require(m->map_count <= m->map_max && m->reservation_count <= m->reservation_max &&
			     m->affinity_count <= m->affinity_max && m->cpu_count <= m->cpu_max &&
			     m->domain_count <= m->domain_max && m->distance_count <= m->distance_max,
		     "counts stay within capacities");
	if (status == QUIRE_OK)
		return;
	fuzz_require(messages > 0, "a failure is reported");
	fuzz_require(!m->map_count && !m->reservation_count && !m->affinity_count && !m->cpu_count && !m->domain_count &&
		     !m->distance_count && !m->numa_broken, "a failure leaves the machine as it was");
}

/*
 * Read the input into an empty machine and check. ACPI tables are repaired first (signature, length, checksum), as no
 * mutation would ever get past those.
 */
typedef enum quire_status fuzz_reader(struct quire_machine *m, const void *data, size_t size,
				      const struct quire_reader_log *log);

static inline void fuzz_read(fuzz_reader *reader, enum quire_arch arch, size_t room, const uint8_t *data, size_t size,
			     const char *signature)
{
	struct fuzz_machine *f = fuzz_machine_new(arch, room % (FUZZ_ROOM + 1));
	uint8_t *copy = malloc(size ? size : 1), sum = 0;
	size_t messages = 0;
	struct quire_reader_log log = { .emit = fuzz_emit, .ctx = &messages };

	if (!copy)
		abort();
	memcpy(copy, data, size);
	if (signature && size >= 36) {
		memcpy(copy, signature, 4);
		for (int i = 0; i < 4; i++)
			copy[4 + i] = (uint8_t)(size >> 8 * i);
		for (size_t i = 0; i < size; i++)
			sum = (uint8_t)(sum + (i == 9 ? 0 : copy[i]));
		copy[9] = (uint8_t)-sum;
	}
	fuzz_check(f, reader(&f->m, copy, size, &log), messages);
	free(copy);
	free(f);
}

#endif
