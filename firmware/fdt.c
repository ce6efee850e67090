/*
 * Flattened device trees, read through libfdt.
 *
 * The blob is judged as a whole first (fdt_check_full), so that libfdt can be trusted with it afterwards; then one walk
 * over all nodes takes what is about memory. There is no recursion: the walk keeps an array of levels.
 */
#include <libfdt.h>

#include "fdt_reader.h"

const uint8_t *qi_fdt_property(const struct qi_fdt *f, int node, const char *name, size_t *size)
{
	int length;
	const void *value = fdt_getprop(f->blob, node, name, &length);

	*size = value && length > 0 ? (size_t)length : 0;
	return value;
}

bool qi_fdt_has(const struct qi_fdt *f, int node, const char *name)
{
	size_t size;

	return qi_fdt_property(f, node, name, &size) != NULL;
}

bool qi_fdt_same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

bool qi_fdt_lists(const struct qi_fdt *f, int node, const char *name, const char *member)
{
	size_t size, start = 0;
	const uint8_t *list = qi_fdt_property(f, node, name, &size);

	for (size_t i = 0; i < size; i++) {
		if (list[i])
			continue;
		if (qi_fdt_same((const char *)list + start, member))
			return true;
		start = i + 1;
	}
	return false;
}

const char *qi_fdt_name(const struct qi_fdt *f, int node)
{
	const char *name = fdt_get_name(f->blob, node, NULL);

	return name ? name : "";
}

size_t qi_fdt_offset(const struct qi_fdt *f, int node)
{
	return (size_t)fdt_off_dt_struct(f->blob) + (size_t)node;
}

uint32_t qi_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

bool qi_fdt_number(const uint8_t *p, unsigned cells, uint64_t *value)
{
	uint64_t number = 0;

	for (unsigned i = 0; i < cells; i++, p += 4) {
		if (number >> 32)
			return false;
		number = number << 32 | qi_be32(p);
	}
	*value = number;
	return true;
}

bool qi_fdt_word(const struct qi_fdt *f, int node, const char *name, uint32_t *value)
{
	size_t size;
	const uint8_t *p = qi_fdt_property(f, node, name, &size);

	if (size < 4)
		return false;
	*value = qi_be32(p);
	return true;
}

/* status absent, "okay" or "ok" */
static bool is_available(const struct qi_fdt *f, int node)
{
	return !qi_fdt_has(f, node, "status") || qi_fdt_lists(f, node, "status", "okay") ||
	       qi_fdt_lists(f, node, "status", "ok");
}

/* The specification's defaults are 2 and 1; more than 4 cells is nonsense that would only make lengths overflow. */
static unsigned cells_of(struct qi_fdt *f, int node, const char *name, unsigned otherwise)
{
	uint32_t cells;

	if (!qi_fdt_word(f, node, name, &cells))
		return otherwise;
	if (cells <= 4)
		return cells;
	qi_note(f->log, QUIRE_LOG_WARNING, qi_fdt_offset(f, node), "%s of %s is %u: %u is taken", name, qi_fdt_name(f, node),
		(unsigned)cells, otherwise);
	return otherwise;
}

/* /reserved-memory must address memory as the root does. */
static bool reserved_well_formed(const struct qi_fdt *f, int node, const struct qi_fdt_level *level)
{
	if (level->address_cells == f->levels[0].address_cells && level->size_cells == f->levels[0].size_cells &&
	    qi_fdt_has(f, node, "ranges"))
		return true;
	qi_note(f->log, QUIRE_LOG_ERROR, qi_fdt_offset(f, node),
		"reserved-memory has no ranges or other cells than the root: ignored");
	return false;
}

static void enter(struct qi_fdt *f, int node, int depth)
{
	struct qi_fdt_level *level = &f->levels[depth];
	const char *name = qi_fdt_name(f, node);

	level->available = is_available(f, node) && (depth == 0 || f->levels[depth - 1].available);
	level->address_cells = cells_of(f, node, "#address-cells", 2);
	level->size_cells = cells_of(f, node, "#size-cells", 1);
	level->dma_ranges = qi_fdt_property(f, node, "dma-ranges", &level->dma_bytes);
	level->kind = QI_FDT_OTHER;
	if (depth == 1 && qi_fdt_same(name, "cpus"))
		level->kind = QI_FDT_CPUS;
	else if (depth == 1 && qi_fdt_same(name, "reserved-memory") && reserved_well_formed(f, node, level))
		level->kind = QI_FDT_RESERVED;
}

static enum quire_status take(struct qi_fdt *f, int node, int depth)
{
	const struct qi_fdt_level *parent = depth ? &f->levels[depth - 1] : NULL;

	if (depth && f->levels[depth].dma_bytes && f->levels[depth].available)
		qi_fdt_dma(f, depth, node);
	if (depth == 1 && qi_fdt_lists(f, node, "device_type", "memory"))
		return f->levels[depth].available ? qi_fdt_memory(f, node) : QUIRE_OK;
	if (depth == 1 && (qi_fdt_same(qi_fdt_name(f, node), "chosen") || qi_fdt_same(qi_fdt_name(f, node), "chosen@0")))
		return qi_fdt_chosen(f, node);
	if (depth == 2 && parent->kind == QI_FDT_CPUS && qi_fdt_lists(f, node, "device_type", "cpu"))
		return qi_fdt_cpu(f, node, parent);
	if (depth == 2 && parent->kind == QI_FDT_RESERVED && f->levels[depth].available)
		return qi_fdt_reserved(f, node);
	if (qi_fdt_lists(f, node, "compatible", "numa-distance-map-v1"))
		f->distance_node = node;
	return QUIRE_OK;
}

static enum quire_status walk(struct qi_fdt *f)
{
	enum quire_status status = QUIRE_OK;
	bool told = false;
	int depth = 0;

	for (int node = 0; node >= 0 && depth >= 0 && status == QUIRE_OK; node = fdt_next_node(f->blob, node, &depth)) {
		if (depth >= QI_FDT_DEPTH) {
			if (!told)
				qi_note(f->log, QUIRE_LOG_WARNING, qi_fdt_offset(f, node),
					"nodes more than %d levels deep are ignored", QI_FDT_DEPTH);
			told = true;
			continue;
		}
		enter(f, node, depth);
		status = take(f, node, depth);
	}
	return status;
}

/* /memreserve/, of which an empty entry is the end, and the blob itself where its address is known. */
static enum quire_status take_reservations(struct qi_fdt *f)
{
	struct quire_reservation r = { .kind = QUIRE_RESERVE_FIRMWARE, .name = "memreserve" };
	enum quire_status status = QUIRE_OK;
	int count = fdt_num_mem_rsv(f->blob);

	for (int i = 0; i < count && status == QUIRE_OK; i++) {
		fdt_get_mem_rsv(f->blob, i, &r.base, &r.size);
		if (r.base + (r.size - 1) < r.base)
			qi_note(f->log, QUIRE_LOG_WARNING, fdt_off_mem_rsvmap(f->blob),
				"/memreserve/ %#llx wraps around: ignored", (unsigned long long)r.base);
		else
			status = quire_machine_add_reservation(f->m, &r);
	}
	if (status == QUIRE_OK && f->m->fdt) {
		struct quire_reservation self = {
			.base = f->m->fdt, .size = fdt_totalsize(f->blob), .kind = QUIRE_RESERVE_FDT, .name = "fdt",
		};

		status = quire_machine_add_reservation(f->m, &self);
	}
	return status;
}

static enum quire_status check_blob(const void *data, size_t size, const struct quire_reader_log *log)
{
	int error;

	if ((uintptr_t)data % 8) {
		qi_note(log, QUIRE_LOG_ERROR, 0, "a device tree must lie at a multiple of 8");
		return QUIRE_EINVAL;
	}
	if (size < sizeof(struct fdt_header)) {
		qi_note(log, QUIRE_LOG_ERROR, size, "%zu bytes hold no device tree", size);
		return QUIRE_ETRUNCATED;
	}
	error = fdt_check_full(data, size);
	if (!error)
		return QUIRE_OK;
	qi_note(log, QUIRE_LOG_ERROR, 0, "no sound device tree in %zu bytes: %s", size, fdt_strerror(error));
	return error == -FDT_ERR_TRUNCATED && fdt_magic(data) == FDT_MAGIC && fdt_totalsize(data) > size ? QUIRE_ETRUNCATED :
													QUIRE_EFORMAT;
}

/* NUMA stands only if every memory node says where it belongs. */
static void judge_ids(struct qi_fdt *f)
{
	if (!f->ids_bad && !(f->ids_given && f->ids_missing))
		return;
	qi_note(f->log, QUIRE_LOG_WARNING, 0, "node ids are %s: NUMA is off",
		f->ids_bad ? "out of range" : "missing on some memory");
	f->m->numa_broken = true;
}

enum quire_status quire_read_fdt(struct quire_machine *m, const void *data, size_t size, const struct quire_reader_log *log)
{
	struct quire_machine before = *m;
	struct qi_fdt f = { .m = m, .blob = data, .log = log, .distance_node = -1 };
	enum quire_status status = check_blob(data, size, log);

	if (status != QUIRE_OK)
		return status;
	status = walk(&f);
	if (status == QUIRE_OK)
		status = take_reservations(&f);
	if (status == QUIRE_OK) {
		judge_ids(&f);
		status = qi_fdt_distances(&f);
	}
	if (status != QUIRE_OK) {
		qi_note(log, QUIRE_LOG_ERROR, 0, "no room for all the device tree says");
		*m = before;
	}
	return status;
}
