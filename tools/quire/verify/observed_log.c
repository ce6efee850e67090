/*
 * The kernel log's lines about memory, except zones and zonelists (observed_zones.c) and the memblock calls (events.c).
 *
 * Every line is looked at on its own; only memblock dumps and the indented lists below a heading need to know what came
 * before.
 */
#include "observed.h"

static void version_line(struct observed *o, struct text_slice text)
{
	uint64_t major, minor;

	if (o->kernel_major || !text_take(&text, "Linux version ") || !text_take_number(&text, &major) ||
	    !text_take(&text, ".") || !text_take_number(&text, &minor))
		return;
	o->kernel_major = (unsigned)major;
	o->kernel_minor = (unsigned)minor;
}

/* "14343K kernel code, … 253752K reserved, 0K cma-reserved, 1195912K highmem)": an amount, then what it is of */
static void memory_details(struct observed_memory *memory, struct text_slice text)
{
	struct text_slice word;
	uint64_t amount = 0, value;

	while (text_take_word(&text, &word)) {
		struct text_slice number = word;

		if (text_starts(word, "reserved"))
			memory->reserved_k = amount;
		else if (text_starts(word, "cma-reserved"))
			memory->cma_k = amount;
		else if (text_starts(word, "highmem"))
			memory->highmem_k = amount;
		else if (text_take_number(&number, &value) && text_equals(number, "K"))
			amount = value;
	}
}

static bool memory_line(struct observed *o, struct text_slice text, struct origin origin)
{
	struct observed_memory memory = { .origin = origin, .found = true };

	if (!text_take(&text, "Memory: ") || !text_take_number(&text, &memory.available_k) || !text_take(&text, "K/") ||
	    !text_take_number(&text, &memory.physical_k) || !text_take(&text, "K available ("))
		return false;
	memory_details(&memory, text);
	if (!o->memory.found)
		o->memory = memory;
	return true;
}

static bool freed_line(struct observed *o, struct text_slice text, struct origin origin)
{
	struct observed_freed *freed;
	struct text_slice what = text;
	uint64_t kbytes;

	if (!text_take(&what, "Freeing "))
		return false;
	text = what;
	if (!text_take_through(&text, "memory: ") || !text_take_number(&text, &kbytes) || !text_take(&text, "K"))
		return false;
	freed = LIST_ADD(&o->freed);
	if (!freed)
		return true;
	freed->origin = origin;
	freed->kbytes = kbytes;
	if (text_starts(what, "initrd"))
		freed->kind = FREED_INITRD;
	else if (text_starts(what, "unused decrypted"))
		freed->kind = FREED_DECRYPTED;
	else if (text_starts(what, "SMP alternatives"))
		freed->kind = FREED_ALTERNATIVES;
	else if (text_contains(what, "(text/rodata gap)"))
		freed->kind = FREED_TEXT_GAP;
	else if (text_contains(what, "(rodata/data gap)"))
		freed->kind = FREED_RODATA_GAP;
	else if (text_starts(what, "unused kernel"))
		freed->kind = FREED_INIT;
	else
		freed->kind = FREED_OTHER;
	return true;
}

/* "64 MiB", "2048MB" */
static bool take_amount(struct text_slice *text, uint64_t *bytes)
{
	struct text_slice left = *text;
	uint64_t value;

	if (!text_take_number(&left, &value))
		return false;
	text_skip_blanks(&left);
	if (text_take(&left, "MiB") || text_take(&left, "MB"))
		*bytes = value << 20;
	else if (text_take(&left, "KiB") || text_take(&left, "KB") || text_take(&left, "kB"))
		*bytes = value << 10;
	else if (text_take(&left, "GiB") || text_take(&left, "GB"))
		*bytes = value << 30;
	else
		return false;
	*text = left;
	return true;
}

static bool cma_line(struct observed *o, struct text_slice text, struct origin origin)
{
	struct observed_cma area = { .origin = origin };
	struct text_slice left = text;

	if (text_take(&left, "cma: Reserved ")) {
		if (!take_amount(&left, &area.size) || !text_take(&left, " at ") || !text_take_hex(&left, &area.base))
			return false;
	} else if (text_take_through(&left, "created CMA memory pool at ")) {
		if (!text_take_hex(&left, &area.base) || !text_take(&left, ", size ") ||
		    !take_amount(&left, &area.size))
			return false;
		area.pool = true;
	} else if (text_starts(text, "cma: CMA area ") && text_contains(text, "could not be activated")) {
		struct observed_node_range *inactive = LIST_ADD(&o->cma_inactive);

		if (inactive)
			inactive->origin = origin;
		return true;
	} else {
		return false;
	}
	if (LIST_ADD(&o->cma))
		o->cma.items[o->cma.count - 1] = area;
	return true;
}

/* "HugeTLB: registered 1.00 GiB page size, pre-allocated 2 pages" */
static bool hugepage_line(struct observed *o, struct text_slice text, struct origin origin)
{
	struct observed_hugepages huge = { .origin = origin }, *added;
	uint64_t whole, hundredths = 0;

	if (!text_take(&text, "HugeTLB: registered ") && !text_take(&text, "HugeTLB registered "))
		return false;
	if (!text_take_number(&text, &whole))
		return false;
	if (text_take(&text, ".") && !text_take_number(&text, &hundredths))
		return false;
	if (text_take(&text, " GiB"))
		huge.page_size = whole << 30;
	else if (text_take(&text, " MiB"))
		huge.page_size = whole << 20;
	else if (text_take(&text, " KiB"))
		huge.page_size = whole << 10;
	if (!text_take_through(&text, "pre-allocated ") || !text_take_number(&text, &huge.count))
		return false;
	added = LIST_ADD(&o->hugepages);
	if (added)
		*added = huge;
	return true;
}

static bool crash_line(struct observed *o, struct text_slice text, struct origin origin)
{
	uint64_t first, end;

	if (text_take(&text, "crashkernel reserved: ")) {
		if (!text_take_hex(&text, &first) || !text_take(&text, " - ") || !text_take_hex(&text, &end) ||
		    end < first)
			return false;
		o->crash_base = first;
		o->crash_size = end - first;
	} else if (text_take(&text, "Reserving ")) {
		if (!take_amount(&text, &o->crash_size) || !text_take(&text, " of memory at ") ||
		    !take_amount(&text, &o->crash_base) || !text_contains(text, "crashkernel"))
			return false;
	} else {
		return false;
	}
	o->crash_found = true;
	o->crash_origin = origin;
	return true;
}

static bool ramdisk_line(struct observed *o, struct text_slice text, struct origin origin)
{
	if (!text_take(&text, "Allocated new RAMDISK: ") && !text_take(&text, "RAMDISK: "))
		return false;
	if (text_take_range(&text, &o->ramdisk_first, &o->ramdisk_last)) {
		o->ramdisk_found = true;
		o->ramdisk_origin = origin;
	}
	return true;
}

/* "node 0 deferred pages initialised in 76ms" */
static bool deferred_line(struct observed *o, struct text_slice text, struct origin origin)
{
	struct observed_node_range *node;
	int nid;

	if (!text_take(&text, "node ") || !observed_take_nid(&text, &nid) ||
	    !text_take(&text, " deferred pages initialised"))
		return false;
	node = LIST_ADD(&o->deferred);
	if (node) {
		node->origin = origin;
		node->nid = nid;
	}
	return true;
}

/* " memory[0x0]	[0x…-0x…], 0x… bytes on node 0 flags: 0x0" */
static bool dump_region(struct observed_tables *dump, struct text_slice text)
{
	struct observed_region region = { .nid = QUIRE_NO_NODE }, *added;
	bool reserved = text_starts(text, "reserved[");
	uint64_t value;
	int nid;

	if ((!reserved && !text_starts(text, "memory[")) || !text_take_through(&text, "]"))
		return false;
	text_skip_blanks(&text);
	if (!text_take_range_loose(&text, &region.first, &region.last))
		return false;
	/* An empty table is shown as one region of nothing. */
	if (text_take(&text, ", ") && text_take_number(&text, &value) && !value)
		return true;
	if (region.last < region.first)
		return false;
	if (text_take_through(&text, " on node ") && observed_take_nid(&text, &nid))
		region.nid = nid;
	if (text_take_through(&text, "flags: ") && text_take_number(&text, &value))
		region.flags = (uint32_t)value;
	added = reserved ? LIST_ADD(&dump->reserved) : LIST_ADD(&dump->memory);
	if (added)
		*added = region;
	return true;
}

static bool dump_line(struct observed *o, struct text_slice text, struct origin origin)
{
	struct observed_tables *dump = o->dumps.count ? &o->dumps.items[o->dumps.count - 1] : NULL;

	if (text_equals(text, "MEMBLOCK configuration:")) {
		dump = LIST_ADD(&o->dumps);
		if (dump)
			dump->origin = origin;
		return true;
	}
	if (!dump || dump->complete)
		return false;
	if (text_take(&text, "memory size = ")) {
		dump->has_sizes = text_take_number(&text, &dump->memory_size) &&
				  text_take(&text, " reserved size = ") &&
				  text_take_number(&text, &dump->reserved_size);
		return true;
	}
	if (text_starts(text, "memory.cnt ") || text_starts(text, "reserved.cnt "))
		return true;
	if (dump_region(dump, text))
		return true;
	dump->complete = true;
	return false;
}

void observed_log_line(struct observed *o, struct text_slice text, size_t line)
{
	struct origin origin = { o->log_name, line };
	struct text_slice left = text;
	uint64_t value;

	text_skip_blanks(&text);
	if (dump_line(o, text, origin) || observed_log_zones(o, text, origin) || memory_line(o, text, origin) ||
	    freed_line(o, text, origin) || cma_line(o, text, origin) || hugepage_line(o, text, origin) ||
	    crash_line(o, text, origin) || ramdisk_line(o, text, origin) || deferred_line(o, text, origin))
		return;
	version_line(o, text);
	if (text_starts(text, "SLUB: HWalign") && !o->slub_origin.file)
		o->slub_origin = origin;
	if (text_starts(text, "Kernel panic - not syncing") && !o->panicked) {
		o->panicked = true;
		o->panic_origin = origin;
	}
	left = text;
	if (text_take_through(&left, "Memory block size: ") && take_amount(&left, &o->block_size_log))
		o->block_origin = origin;
	left = text;
	if (text_take(&left, "smp: Brought up ") && text_take_through(&left, ", ") && text_take_number(&left, &value)) {
		o->online_cpus = value;
		o->online_cpus_origin = origin;
	}
}
