/* What the tests of the readers share: a machine with storage, a log that can be searched, files. */
#ifndef FIRMWARE_TEST_SUPPORT_H
#define FIRMWARE_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <quire/firmware.h>

#define MACHINE_RANGES 128
#define MACHINE_CPUS 128
#define MACHINE_DISTANCES 32

/*
 * A machine over storage of its own. Every array ends in a canary, so that a reader that writes beyond its capacity
 * shows.
 */
struct test_machine {
	struct quire_machine m;
	struct quire_machine_storage storage;
	uint32_t canary_a;
	struct quire_memory_range map[MACHINE_RANGES + 1];
	struct quire_reservation reservations[MACHINE_RANGES + 1];
	struct quire_memory_affinity affinities[MACHINE_RANGES + 1];
	struct quire_cpu cpus[MACHINE_CPUS + 1];
	uint32_t domains[MACHINE_CPUS + 1];
	uint8_t distances[MACHINE_DISTANCES * MACHINE_DISTANCES + 1];
};

/* Empty, with all the room there is. */
void machine_reset(struct test_machine *t, enum quire_arch arch);
/* Empty, with room for this many of everything (distance rows too). */
void machine_reset_small(struct test_machine *t, enum quire_arch arch, size_t room);
/* Nothing was written behind any array's capacity. */
void machine_check(const struct test_machine *t);

/* All of the machine that counts, as text: two machines are the same if their texts are. */
void machine_text(const struct quire_machine *m, char *text, size_t size);

#define LOG_BYTES (1 << 16)
struct test_log {
	char text[LOG_BYTES];
	size_t length;
	unsigned counts[4];		/* by level */
	size_t last_offset;
	struct quire_reader_log log;
};
void log_reset(struct test_log *l);
bool log_has(const struct test_log *l, const char *text);

/* The whole file, 8-aligned; NULL if there is none. To be freed. */
uint8_t *read_file(const char *path, size_t *size);
/* As above; the test fails if there is none. */
uint8_t *read_sample(const char *name, size_t *size);

/* Where captures are, from QUIRE_CAPTURES or beside the project; NULL, after a notice, if there are none. */
const char *captures_path(void);

void put_le16(uint8_t *p, uint16_t value);
void put_le32(uint8_t *p, uint32_t value);
void put_le64(uint8_t *p, uint64_t value);
/* Set byte 9 so that the table's bytes sum to zero. */
void fix_checksum(uint8_t *table, size_t length);

/* A small generator, the same everywhere. */
uint64_t next_random(uint64_t *state);

#endif
