/*
 * default_hugepagesz=, hugepagesz= and hugepages=.
 *
 * hugepages= counts pages of the size named just before it, or of the default size. As the default may be named later, such
 * requests are stored with size 0 until the whole line is read. Each size may be named once; the first one counts.
 */
#include "cmdline.h"

/* Shifts of the sizes an architecture's page tables can map, lowest first, 0 at the end; the marked one is the default. */
struct size_row {
	unsigned page_shift;
	unsigned default_shift;
	unsigned shifts[5];
};

static const struct size_row x86_64_rows[] = { { 12, 21, { 21, 30 } }, { 0 } };
static const struct size_row i386_rows[] = { { 12, 22, { 22 } }, { 0 } };
static const struct size_row i386_pae_rows[] = { { 12, 21, { 21 } }, { 0 } };
static const struct size_row riscv64_rows[] = { { 12, 21, { 16, 21, 30 } }, { 0 } };
static const struct size_row arm64_rows[] = {
	{ 12, 21, { 16, 21, 25, 30 } },
	{ 14, 25, { 21, 25, 30 } },
	{ 16, 29, { 21, 29, 34 } },
	{ 0 },
};

static const struct size_row *const arch_rows[QUIRE_ARCHES] = {
	[QUIRE_ARCH_X86_64] = x86_64_rows, [QUIRE_ARCH_I386] = i386_rows,	[QUIRE_ARCH_I386_PAE] = i386_pae_rows,
	[QUIRE_ARCH_ARM64] = arm64_rows,   [QUIRE_ARCH_RISCV64] = riscv64_rows,
};

static const struct size_row *sizes_of(const struct quire_config *config)
{
	const struct size_row *row = arch_rows[config->arch];

	while (row->page_shift && row->page_shift != quire_page_shift(config))
		row++;
	return row;
}

static bool possible(const struct quire_config *config, quire_phys_t size)
{
	const struct size_row *row = sizes_of(config);

	for (size_t i = 0; i < QI_ARRAY_SIZE(row->shifts) && row->shifts[i]; i++)
		if (size == (quire_phys_t)1 << row->shifts[i])
			return true;
	return false;
}

static bool read_size(struct qi_cmdline *c, quire_phys_t *size)
{
	if (!qi_text_size(&c->value, size) || c->value.at < c->value.end || !possible(c->config, *size))
		return qi_cmdline_reject(c, "not a huge page size of this architecture");
	return true;
}

void qi_cmdline_hugepagesz(struct qi_cmdline *c)
{
	struct qi_hugepage_state *huge = &c->huge;
	quire_phys_t size;

	huge->target_bad = true;
	if (!read_size(c, &size))
		return;
	if (huge->seen >> qi_log2(size) & 1) {
		qi_cmdline_reject(c, "this size was named before");
		return;
	}
	huge->seen |= (uint64_t)1 << qi_log2(size);
	huge->target = size;
	huge->target_bad = false;
	huge->target_used = false;
}

void qi_cmdline_default_hugepagesz(struct qi_cmdline *c)
{
	struct qi_hugepage_state *huge = &c->huge;
	quire_phys_t size;

	huge->target_bad = true;
	if (huge->default_size) {
		qi_cmdline_reject(c, "the default size was named before");
		return;
	}
	if (!read_size(c, &size))
		return;
	huge->default_size = size;
	huge->target = 0;
	huge->target_bad = false;
	huge->target_used = false;
}

static bool add_request(struct qi_cmdline *c, uint64_t count, int nid)
{
	struct quire_boot_options *options = c->options;

	if (options->hugepage_count == QUIRE_HUGEPAGE_REQUESTS)
		return qi_cmdline_reject(c, "too many requests");
	options->hugepages[options->hugepage_count++] = (struct quire_hugepage_request){
		.page_size = c->huge.target, .count = count, .nid = nid,
	};
	return true;
}

/* node:count[,node:count…] */
static void add_per_node(struct qi_cmdline *c)
{
	uint64_t nodes = (uint64_t)1 << c->config->geometry.nodes_shift;
	quire_phys_t node, count;
	struct qi_text piece;

	while (qi_text_next(&c->value, ',', &piece)) {
		if (!qi_text_size(&piece, &node) || !qi_text_skip(&piece, ':') || !qi_text_size(&piece, &count) ||
		    piece.at < piece.end) {
			qi_cmdline_reject(c, "not a list of node:count");
			return;
		}
		if (node >= nodes) {
			qi_cmdline_reject(c, "there cannot be such a node");
			return;
		}
		if (!add_request(c, count, (int)node))
			return;
	}
}

void qi_cmdline_hugepages(struct qi_cmdline *c)
{
	struct qi_hugepage_state *huge = &c->huge;
	quire_phys_t count;

	if (huge->target_bad || huge->target_used) {
		qi_cmdline_reject(c, huge->target_bad ? "belongs to a size that was refused" :
							"given twice without hugepagesz= in between");
		huge->target_bad = false;
		huge->target_used = true;
		return;
	}
	if (qi_text_contains(&c->value, ':')) {
		add_per_node(c);
	} else if (!qi_text_size(&c->value, &count) || c->value.at < c->value.end) {
		qi_cmdline_reject(c, "not a number of pages");
		return;
	} else {
		add_request(c, count, QUIRE_NO_NODE);
	}
	huge->target_used = true;
}

/* Requests without a size get the default one, and then count instead of those that named that size. */
void qi_cmdline_hugepages_finish(struct qi_cmdline *c)
{
	static const char name[] = "hugepages";
	struct quire_boot_options *options = c->options;
	quire_phys_t default_size = c->huge.default_size;
	bool unsized = false;
	size_t kept = 0;

	if (!default_size)
		default_size = (quire_phys_t)1 << sizes_of(c->config)->default_shift;
	for (size_t i = 0; i < options->hugepage_count; i++)
		unsized |= options->hugepages[i].page_size == 0;
	for (size_t i = 0; i < options->hugepage_count; i++) {
		struct quire_hugepage_request request = options->hugepages[i];

		if (unsized && request.page_size == default_size) {
			c->word = (struct qi_text){ .at = name, .end = name + sizeof(name) - 1 };
			qi_cmdline_reject(c, "the count given for the default size takes precedence");
			continue;
		}
		if (!request.page_size)
			request.page_size = default_size;
		options->hugepages[kept++] = request;
	}
	options->hugepage_count = kept;
}
