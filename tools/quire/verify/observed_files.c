/* The other /proc and /sys files of a capture. Each is optional; a line that makes no sense is skipped. */
#include "observed.h"

/* "01000000-01e01d31 : Kernel code" */
static void iomem_line(struct observed *o, struct text_slice text)
{
	struct observed_kernel *k = &o->kernel;
	uint64_t first, last;

	text_skip_blanks(&text);
	if (!text_take_hex(&text, &first) || !text_take(&text, "-") || !text_take_hex(&text, &last) ||
	    !text_take(&text, " : "))
		return;
	if (text_starts(text, "System RAM") && last) {
		struct observed_region *region = LIST_ADD(&o->system_ram);

		if (region)
			*region = (struct observed_region){ first, last, QUIRE_NO_NODE, 0 };
	}
	if (!text_take(&text, "Kernel "))
		return;
	if (text_starts(text, "code") && !k->code_last) {
		k->code_first = first;
		k->code_last = last;
	} else if (text_starts(text, "rodata") && !k->rodata_last) {
		k->rodata_first = first;
		k->rodata_last = last;
	} else if (text_starts(text, "data") && !k->data_last) {
		k->data_first = first;
		k->data_last = last;
	} else if (text_starts(text, "bss") && !k->bss_last) {
		k->bss_first = first;
		k->bss_last = last;
	}
	/* Without privilege the file shows zeros. */
	o->has_iomem = k->code_last != 0;
}

static int by_first(const void *a, const void *b)
{
	const struct observed_region *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* The file ascends without overlaps; whoever changed it must not make looking up a range slow. */
static void order_system_ram(struct observed *o)
{
	struct observed_region *at = o->system_ram.items;
	size_t kept = 0;

	if (o->system_ram.count)
		qsort(at, o->system_ram.count, sizeof(at[0]), by_first);
	for (size_t i = 0; i < o->system_ram.count; i++) {
		if (!kept || at[i].first > at[kept - 1].last)
			at[kept++] = at[i];
		else if (at[i].last > at[kept - 1].last)
			at[kept - 1].last = at[i].last;
	}
	o->system_ram.count = kept;
}

/* The text in brackets after "key=[" */
static struct text_slice bracketed(struct text_slice text, const char *key)
{
	struct text_slice value = { text.at, 0 };

	if (!text_take_through(&text, key))
		return value;
	value.at = text.at;
	while (value.length < text.length && text.at[value.length] != ']')
		value.length++;
	return value;
}

static void block_line(struct observed *o, struct text_slice text, size_t line)
{
	struct origin origin = { "memory_blocks.txt", line };
	struct observed_block *block;
	uint64_t index;

	if (text_take(&text, "block_size_bytes ")) {
		if (text_take_hex(&text, &o->block_size))
			o->block_size_origin = origin;
		return;
	}
	if (!text_take(&text, "memory") || !text_take_number(&text, &index) || !text_contains(text, "state=["))
		return;
	block = LIST_ADD(&o->blocks);
	if (!block)
		return;
	block->origin = origin;
	block->index = index;
	observed_copy(block->state, sizeof(block->state), bracketed(text, " state=["));
	observed_copy(block->zones, sizeof(block->zones), bracketed(text, "valid_zones=["));
	observed_copy(block->nodes, sizeof(block->nodes), bracketed(text, "link=["));
}

/* The columns below "Number of blocks type     Unmovable      Movable …"; `cma_column` counts from 0, -1: none. */
static void pageblock_line(struct observed *o, struct text_slice text, size_t line, int *cma_column)
{
	struct observed_pageblocks blocks = { .origin = { "pagetypeinfo.txt", line } }, *added;
	struct text_slice name;
	uint64_t count;
	int nid;

	if (text_take(&text, "Number of blocks type")) {
		*cma_column = -1;
		for (int column = 0; text_take_word(&text, &name); column++)
			if (text_equals(name, "CMA"))
				*cma_column = column;
		return;
	}
	if (!text_take(&text, "Node ") || !observed_take_nid(&text, &nid) || !text_take(&text, ", zone") ||
	    !text_take_word(&text, &name) || !observed_zone_type(name, &blocks.type))
		return;
	blocks.nid = nid;
	for (int column = 0; text_take_number(&text, &count); column++) {
		blocks.total += count;
		if (column == *cma_column)
			blocks.cma = count;
	}
	/* The table of free pages has the type's name after the zone: no number was found there. */
	if (text_trim(text).length)
		return;
	added = LIST_ADD(&o->pageblocks);
	if (added)
		*added = blocks;
}

static void sysctl_line(struct observed *o, struct text_slice text, size_t line)
{
	struct text_slice left = text;

	if (text_take(&left, "min_free_kbytes ") && text_take_number(&left, &o->min_free_kbytes)) {
		o->has_min_free = true;
		o->min_free_origin = (struct origin){ "sysctl.txt", line };
	}
	left = text;
	if (text_take(&left, "nproc ") && text_take_number(&left, &o->online_cpus))
		o->online_cpus_origin = (struct origin){ "sysctl.txt", line };
}

static void meminfo_line(struct observed *o, struct text_slice text, size_t line)
{
	struct origin origin = { "meminfo.txt", line };

	if (text_take(&text, "MemTotal:")) {
		o->has_mem_total = text_take_number(&text, &o->mem_total_k);
		o->mem_total_origin = origin;
	} else if (text_take(&text, "CmaTotal:")) {
		o->has_cma_total = text_take_number(&text, &o->cma_total_k);
		o->cma_total_origin = origin;
	}
}

/* "online 0-1", "has_memory 0", and below "== node0/cpulist" and "== node0/distance" one line each. */
static void node_line(struct observed *o, struct text_slice text, size_t line, char *section, size_t section_size)
{
	struct origin origin = { "node.txt", line };
	struct text_slice left = text;

	if (text_take(&left, "== ")) {
		observed_copy(section, section_size, text_trim(left));
		return;
	}
	if (strstr(section, "/cpulist") || strstr(section, "/distance")) {
		struct observed_layout *entry =
			strstr(section, "/cpulist") ? LIST_ADD(&o->node_cpus) : LIST_ADD(&o->node_distances);
		char list[160];

		observed_copy(list, sizeof(list), text_trim(text));
		if (entry) {
			entry->origin = origin;
			snprintf(entry->text, sizeof(entry->text), "%.*s %s", (int)strcspn(section, "/"), section,
				 list);
		}
		section[0] = 0;
		return;
	}
	if (section[0])
		return;
	if (text_take(&left, "online ")) {
		observed_copy(o->online_nodes, sizeof(o->online_nodes), text_trim(left));
		o->online_nodes_origin = origin;
	} else if (text_take(&left, "has_memory ")) {
		observed_copy(o->memory_nodes, sizeof(o->memory_nodes), text_trim(left));
		o->memory_nodes_origin = origin;
	}
}

/* "== reserved" headings and "   0: 0x…..0x…" lines; 6.12 appends node and flags, which tables here need not have. */
static void debugfs_line(struct observed *o, struct text_slice text, size_t line, int *section)
{
	struct observed_region region = { .nid = QUIRE_NO_NODE }, *added;
	uint64_t index;

	if (text_take(&text, "== ")) {
		*section = text_equals(text, "memory") ? 1 : text_equals(text, "reserved") ? 2 : 0;
		return;
	}
	if (!*section || !text_take_number(&text, &index) || !text_take(&text, ": ") ||
	    !text_take_hex(&text, &region.first) || !text_take(&text, "..") || !text_take_hex(&text, &region.last))
		return;
	added = *section == 1 ? LIST_ADD(&o->debugfs.memory) : LIST_ADD(&o->debugfs.reserved);
	if (!added)
		return;
	*added = region;
	o->debugfs.origin = (struct origin){ "memblock_debugfs.txt", o->has_debugfs ? o->debugfs.origin.line : line };
	o->has_debugfs = true;
}

/* "0+100 reserved" */
static void frames_line(struct observed *o, struct text_slice text, size_t line)
{
	struct observed_frames run = { .origin = { "kpageflags_rle.txt", line } }, *added;

	if (!text_take_hex(&text, &run.start) || !text_take(&text, "+") || !text_take_hex(&text, &run.count))
		return;
	run.absent = text_contains(text, "nopage");
	run.reserved = text_contains(text, "reserved");
	run.offline = text_contains(text, "offline");
	added = LIST_ADD(&o->frames);
	if (added)
		*added = run;
}

void observed_read_files(struct observed *o, const char *directory)
{
	enum { IOMEM, BLOCKS, PAGETYPES, SYSCTL, MEMINFO, NODE, DEBUGFS, FRAMES, ZONEINFO, FILES };
	static const char *const names[FILES] = {
		"iomem.txt", "memory_blocks.txt",    "pagetypeinfo.txt",   "sysctl.txt",  "meminfo.txt",
		"node.txt",  "memblock_debugfs.txt", "kpageflags_rle.txt", "zoneinfo.txt"
	};
	char section[64] = "";
	int cma_column = -1, table = 0;

	for (int kind = 0; kind < FILES; kind++) {
		struct textfile file;
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", directory, names[kind]);
		if (textfile_read(&file, path, 0) != QUIRE_OK)
			continue;
		if (kind == ZONEINFO)
			observed_read_zoneinfo(o, &file);
		for (size_t i = 0; kind != ZONEINFO && i < file.line_count; i++) {
			struct text_slice text = textfile_line(&file, i);

			switch (kind) {
			case IOMEM: iomem_line(o, text); break;
			case BLOCKS: block_line(o, text, i + 1); break;
			case PAGETYPES: pageblock_line(o, text, i + 1, &cma_column); break;
			case SYSCTL: sysctl_line(o, text, i + 1); break;
			case MEMINFO: meminfo_line(o, text, i + 1); break;
			case NODE: node_line(o, text, i + 1, section, sizeof(section)); break;
			case DEBUGFS: debugfs_line(o, text, i + 1, &table); break;
			case FRAMES: frames_line(o, text, i + 1); break;
			}
		}
		textfile_free(&file);
	}
	order_system_ram(o);
}
