/* Memory nodes, CPUs and distances of a device tree. */
#include "fdt_reader.h"

#define LOCAL_DISTANCE 10

int qi_fdt_node_id(struct qi_fdt *f, int node)
{
	uint32_t id;

	if (!qi_fdt_word(f, node, "numa-node-id", &id))
		return QUIRE_NO_NODE;
	f->ids_given = true;
	if (id < QUIRE_MAX_NODES)
		return (int)id;
	qi_note(f->log, QUIRE_LOG_WARNING, qi_fdt_offset(f, node), "numa-node-id %u of %s is more than there can be",
		(unsigned)id, qi_fdt_name(f, node));
	return QUIRE_NO_NODE;
}

static enum quire_status add_memory(struct qi_fdt *f, quire_phys_t base, quire_phys_t size, bool hotplug, int nid)
{
	struct quire_memory_affinity affinity = {
		.base = base, .size = size, .domain = (uint32_t)nid,
		.flags = QUIRE_AFFINITY_ENABLED | (hotplug ? QUIRE_AFFINITY_HOTPLUG : 0),
	};
	enum quire_status status = quire_machine_add_range(f->m, base, size, QUIRE_MEMORY_RAM,
							   hotplug ? QUIRE_MEMORY_HOTPLUG : 0, nid);

	return status == QUIRE_OK && nid != QUIRE_NO_NODE ? quire_machine_add_affinity(f->m, &affinity) : status;
}

enum quire_status qi_fdt_memory(struct qi_fdt *f, int node)
{
	const struct qi_fdt_level *root = &f->levels[0];
	unsigned cells = root->address_cells + root->size_cells;
	size_t size, offset = qi_fdt_offset(f, node);
	const uint8_t *reg = qi_fdt_property(f, node, "linux,usable-memory", &size);
	bool hotplug = qi_fdt_has(f, node, "hotpluggable");
	int nid = qi_fdt_node_id(f, node);
	enum quire_status status = QUIRE_OK;

	if (!reg)
		reg = qi_fdt_property(f, node, "reg", &size);
	if (nid == QUIRE_NO_NODE) {
		f->ids_bad |= qi_fdt_has(f, node, "numa-node-id");
		f->ids_missing = true;
	}
	if (!cells || !size || size % (4 * cells))
		qi_note(f->log, QUIRE_LOG_WARNING, offset, "%s: %zu bytes of reg are no list of address and size",
			qi_fdt_name(f, node), size);
	for (; cells && size >= 4 * cells && status == QUIRE_OK; reg += 4 * cells, size -= 4 * cells) {
		quire_phys_t base, bytes;

		if (!qi_fdt_number(reg, root->address_cells, &base) ||
		    !qi_fdt_number(reg + 4 * root->address_cells, root->size_cells, &bytes))
			qi_note(f->log, QUIRE_LOG_WARNING, offset, "%s: a range beyond 64 bits is ignored",
				qi_fdt_name(f, node));
		else if (bytes && base + (bytes - 1) < base)
			qi_note(f->log, QUIRE_LOG_WARNING, offset, "%s: the range at %#llx wraps around: ignored",
				qi_fdt_name(f, node), (unsigned long long)base);
		else if (bytes)
			status = add_memory(f, base, bytes, hotplug, nid);
	}
	return status;
}

enum quire_status qi_fdt_cpu(struct qi_fdt *f, int node, const struct qi_fdt_level *parent)
{
	int nid = qi_fdt_node_id(f, node);
	struct quire_cpu cpu = {
		.domain = nid == QUIRE_NO_NODE ? QUIRE_DOMAIN_NONE : (uint32_t)nid,
		.enabled = f->levels[2].available,
	};
	size_t size;
	const uint8_t *reg = qi_fdt_property(f, node, "reg", &size);

	if (!reg || size < 4 * parent->address_cells || !qi_fdt_number(reg, parent->address_cells, &cpu.hwid)) {
		qi_note(f->log, QUIRE_LOG_WARNING, qi_fdt_offset(f, node), "%s has no usable reg: ignored",
			qi_fdt_name(f, node));
		return QUIRE_OK;
	}
	return quire_machine_add_cpu(f->m, &cpu);
}

/* The matrix is a list of (from, to, distance). False, and why, if one of them breaks the rules of distances. */
static bool distances_sane(struct qi_fdt *f, const uint8_t *matrix, size_t count, uint32_t *highest)
{
	*highest = 0;
	for (size_t i = 0; i < count; i++, matrix += 12) {
		uint32_t from = qi_be32(matrix), to = qi_be32(matrix + 4), distance = qi_be32(matrix + 8);

		if (from >= QUIRE_MAX_NODES || to >= QUIRE_MAX_NODES || distance > UINT8_MAX ||
		    (from == to ? distance != LOCAL_DISTANCE : distance <= LOCAL_DISTANCE)) {
			qi_note(f->log, QUIRE_LOG_WARNING, qi_fdt_offset(f, f->distance_node),
				"distance %u from node %u to node %u cannot be: NUMA is off", (unsigned)distance,
				(unsigned)from, (unsigned)to);
			return false;
		}
		*highest = (uint32_t)qi_max(*highest, qi_max(from, to));
	}
	return true;
}

/* An entry from a lower to a higher node also stands for the way back, until that has an entry of its own. */
enum quire_status qi_fdt_distances(struct qi_fdt *f)
{
	size_t size;
	const uint8_t *matrix;
	uint32_t highest;

	if (f->distance_node < 0)
		return QUIRE_OK;
	matrix = qi_fdt_property(f, f->distance_node, "distance-matrix", &size);
	if (size < 12) {
		qi_note(f->log, QUIRE_LOG_WARNING, qi_fdt_offset(f, f->distance_node),
			"the distance map is empty: NUMA is off");
		f->m->numa_broken = true;
		return QUIRE_OK;
	}
	if (!distances_sane(f, matrix, size / 12, &highest)) {
		f->m->numa_broken = true;
		return QUIRE_OK;
	}
	if (highest >= f->m->distance_max)
		return QUIRE_ENOSPC;
	for (size_t i = 0; i < size / 12; i++, matrix += 12) {
		uint32_t from = qi_be32(matrix), to = qi_be32(matrix + 4);
		uint8_t distance = (uint8_t)qi_be32(matrix + 8);

		quire_machine_set_distance(f->m, from, to, distance);
		if (to > from)
			quire_machine_set_distance(f->m, to, from, distance);
	}
	return QUIRE_OK;
}
