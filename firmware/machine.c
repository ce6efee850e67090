/*
 * struct quire_machine: appending what firmware said.
 *
 * Arrays only ever grow at their end, so a reader that has to give up half way restores the machine by putting the old
 * counts back (a copy of the struct is enough). The distance matrix is the exception: it is laid out anew when it grows, so
 * readers check its capacity first and write it last.
 */
#include "reader.h"

#define LOCAL_DISTANCE 10
#define REMOTE_DISTANCE 20

void quire_machine_init(struct quire_machine *machine, enum quire_arch arch, const struct quire_machine_storage *storage)
{
	memset(machine, 0, sizeof(*machine));
	machine->arch = arch;
	machine->map = storage->map;
	machine->map_max = storage->map_max;
	machine->reservations = storage->reservations;
	machine->reservation_max = storage->reservation_max;
	machine->affinities = storage->affinities;
	machine->affinity_max = storage->affinity_max;
	machine->cpus = storage->cpus;
	machine->cpu_max = storage->cpu_max;
	machine->domains = storage->domains;
	machine->domain_max = storage->domain_max;
	machine->distances = storage->distances;
	machine->distance_max = storage->distance_max;
}

enum quire_status quire_machine_add_range(struct quire_machine *machine, quire_phys_t base, quire_phys_t size,
					  enum quire_memory_type type, uint32_t attributes, int nid)
{
	if (machine->map_count == machine->map_max)
		return QUIRE_ENOSPC;
	machine->map[machine->map_count++] = (struct quire_memory_range){
		.base = base, .size = size, .type = type, .attributes = attributes, .nid = nid,
	};
	return QUIRE_OK;
}

enum quire_status quire_machine_add_reservation(struct quire_machine *machine, const struct quire_reservation *reservation)
{
	if (machine->reservation_count == machine->reservation_max)
		return QUIRE_ENOSPC;
	machine->reservations[machine->reservation_count++] = *reservation;
	return QUIRE_OK;
}

enum quire_status qi_machine_add_domain(struct quire_machine *machine, uint32_t domain)
{
	for (size_t i = 0; i < machine->domain_count; i++)
		if (machine->domains[i] == domain)
			return QUIRE_OK;
	if (machine->domain_count == machine->domain_max)
		return QUIRE_ENOSPC;
	machine->domains[machine->domain_count++] = domain;
	return QUIRE_OK;
}

enum quire_status quire_machine_add_affinity(struct quire_machine *machine, const struct quire_memory_affinity *affinity)
{
	enum quire_status status = QUIRE_OK;

	if (machine->affinity_count == machine->affinity_max)
		return QUIRE_ENOSPC;
	if (affinity->flags & QUIRE_AFFINITY_ENABLED)
		status = qi_machine_add_domain(machine, affinity->domain);
	if (status == QUIRE_OK)
		machine->affinities[machine->affinity_count++] = *affinity;
	return status;
}

enum quire_status quire_machine_add_cpu(struct quire_machine *machine, const struct quire_cpu *cpu)
{
	enum quire_status status = QUIRE_OK;

	if (machine->cpu_count == machine->cpu_max)
		return QUIRE_ENOSPC;
	if (cpu->enabled && cpu->domain != QUIRE_DOMAIN_NONE)
		status = qi_machine_add_domain(machine, cpu->domain);
	if (status == QUIRE_OK)
		machine->cpus[machine->cpu_count++] = *cpu;
	return status;
}

struct quire_cpu *qi_machine_find_cpu(struct quire_machine *machine, uint64_t hwid)
{
	for (size_t i = 0; i < machine->cpu_count; i++)
		if (machine->cpus[i].hwid == hwid && !machine->cpus[i].initiator)
			return &machine->cpus[i];
	return NULL;
}

/* Spread the rows of the matrix to a new, larger width, last row first because rows move up in memory. */
static void grow_distances(struct quire_machine *machine, size_t count)
{
	size_t old = machine->distance_count;

	for (size_t row = count; row-- > 0;) {
		size_t known = row < old ? old : 0;
		uint8_t *cells = machine->distances + row * count;

		if (known)
			memmove(cells, machine->distances + row * old, known);
		memset(cells + known, REMOTE_DISTANCE, count - known);
		if (row >= known)
			cells[row] = LOCAL_DISTANCE;
	}
	machine->distance_count = count;
}

enum quire_status quire_machine_set_distance(struct quire_machine *machine, uint32_t from, uint32_t to, uint8_t distance)
{
	uint32_t highest = from > to ? from : to;

	if (highest >= machine->distance_max)
		return QUIRE_ENOSPC;
	if (highest >= machine->distance_count)
		grow_distances(machine, (size_t)highest + 1);
	machine->distances[from * machine->distance_count + to] = distance;
	return QUIRE_OK;
}
