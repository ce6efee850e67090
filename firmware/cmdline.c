/*
 * The kernel command line: words, quotes, and one table that names the handler of each option.
 *
 * Reading is as in the field: words end at blanks outside double quotes, '-' and '_' are the same in names, "--" ends the
 * kernel's part, and characters behind a complete value do no harm (they are reported).
 */
#include "cmdline.h"

bool qi_cmdline_reject(struct qi_cmdline *c, const char *why)
{
	if (c->unknown)
		c->unknown(c->ctx, c->word.at, (size_t)(c->word.end - c->word.at), why);
	return false;
}

static bool is_i386(const struct qi_cmdline *c)
{
	return c->config->arch == QUIRE_ARCH_I386 || c->config->arch == QUIRE_ARCH_I386_PAE;
}

static bool is_x86(const struct qi_cmdline *c)
{
	return is_i386(c) || c->config->arch == QUIRE_ARCH_X86_64;
}

/* x86 removes memory at each mem=, so the lowest of several counts; elsewhere the last one. */
static void set_mem(struct qi_cmdline *c)
{
	struct quire_amount *mem = &c->options->mem;
	quire_phys_t bytes;

	if (!qi_cmdline_size(c, &bytes))
		return;
	bytes &= is_x86(c) ? UINT64_MAX : ~(((quire_phys_t)1 << quire_page_shift(c->config)) - 1);
	if (!bytes) {
		qi_cmdline_reject(c, "no memory would be left");
		return;
	}
	if (is_x86(c) && mem->given)
		bytes = qi_min(bytes, mem->bytes);
	*mem = (struct quire_amount){ .bytes = bytes, .given = true };
}

static void set_core(struct qi_cmdline *c, struct quire_amount *amount)
{
	quire_phys_t number;

	if (!qi_text_size(&c->value, &number)) {
		qi_cmdline_reject(c, "neither a size nor a percentage");
		return;
	}
	if (!qi_text_skip(&c->value, '%')) {
		*amount = (struct quire_amount){ .bytes = number, .given = true };
	} else if (number <= 100) {
		*amount = (struct quire_amount){ .percent = (unsigned)number, .given = true };
	} else {
		qi_cmdline_reject(c, "more than 100 percent");
		return;
	}
	qi_cmdline_note_rest(c);
}

static void set_kernelcore(struct qi_cmdline *c)
{
	if (qi_text_is(&c->value, "mirror"))
		c->options->kernelcore_mirror = true;
	else
		set_core(c, &c->options->kernelcore);
}

static void set_movablecore(struct qi_cmdline *c)
{
	set_core(c, &c->options->movablecore);
}

static void set_movable_node(struct qi_cmdline *c)
{
	c->options->movable_node = true;
}

/* cma=size[@start[-end]]: a start without an end is a fixed place. */
static void set_cma(struct qi_cmdline *c)
{
	struct quire_placement cma = { .given = true };

	if (!c->config->cma_enabled) {
		qi_cmdline_reject(c, "this kernel has no CMA");
		return;
	}
	if (!qi_text_size(&c->value, &cma.size)) {
		qi_cmdline_reject(c, "no size, or one beyond 64 bits");
		return;
	}
	if (qi_text_skip(&c->value, '@')) {
		bool sane = qi_text_size(&c->value, &cma.start);

		if (sane && qi_text_skip(&c->value, '-'))
			sane = qi_text_size(&c->value, &cma.end) && cma.end > cma.start && cma.end - cma.start >= cma.size;
		else if (sane)
			sane = qi_add(cma.start, cma.size, &cma.end);
		if (!sane) {
			qi_cmdline_reject(c, "no place for an area of this size");
			return;
		}
	}
	c->options->cma = cma;
	qi_cmdline_note_rest(c);
}

/* hugetlb_cma=size, or node:size[,…], of which the sum is kept. */
static void set_hugetlb_cma(struct qi_cmdline *c)
{
	quire_phys_t total = 0, node, size;
	struct qi_text piece;

	if (!c->config->cma_enabled) {
		qi_cmdline_reject(c, "this kernel has no CMA");
		return;
	}
	if (!qi_text_contains(&c->value, ':')) {
		if (qi_cmdline_size(c, &size))
			c->options->hugetlb_cma = size;
		return;
	}
	while (qi_text_next(&c->value, ',', &piece)) {
		if (!qi_text_size(&piece, &node) || !qi_text_skip(&piece, ':') || !qi_text_size(&piece, &size) ||
		    !qi_add(total, size, &total)) {
			qi_cmdline_reject(c, "not a list of node:size");
			return;
		}
	}
	c->options->hugetlb_cma = total;
}

static void set_highmem(struct qi_cmdline *c)
{
	quire_phys_t size;

	if (!is_i386(c))
		qi_cmdline_reject(c, "only i386 has high memory");
	else if (qi_cmdline_size(c, &size)) {
		c->options->highmem = size;
		c->options->highmem_given = true;
	}
}

static void set_vmalloc(struct qi_cmdline *c)
{
	quire_phys_t size;

	if (!is_i386(c))
		qi_cmdline_reject(c, "only i386 has so little address space");
	else if (qi_cmdline_size(c, &size))
		c->options->vmalloc = size;
}

/* efi_fake_mem=size@base:attributes[,…] */
static void set_fake_mem(struct qi_cmdline *c)
{
	struct qi_text piece;

	if (!c->config->efi_fake_mem) {
		qi_cmdline_reject(c, "this kernel is built without it");
		return;
	}
	while (qi_text_next(&c->value, ',', &piece)) {
		struct quire_fake_mem fake;
		quire_phys_t last;

		if (!qi_text_size(&piece, &fake.size) || !qi_text_skip(&piece, '@') || !qi_text_size(&piece, &fake.base) ||
		    !qi_text_skip(&piece, ':') || !qi_text_size(&piece, &fake.attribute) || !fake.size ||
		    !qi_add(fake.base, fake.size - 1, &last)) {
			qi_cmdline_reject(c, "not size@base:attributes");
			return;
		}
		if (c->options->fake_mem_count == QUIRE_FAKE_MEMS) {
			qi_cmdline_reject(c, "too many ranges");
			return;
		}
		c->options->fake_mem[c->options->fake_mem_count++] = fake;
	}
}

static void set_thp(struct qi_cmdline *c)
{
	if (!c->config->thp)
		qi_cmdline_reject(c, "this kernel has no transparent huge pages");
	else if (qi_text_is(&c->value, "never"))
		c->options->thp_never = true;
	else if (qi_text_is(&c->value, "always") || qi_text_is(&c->value, "madvise"))
		c->options->thp_never = false;
	else
		qi_cmdline_reject(c, "not one of always, madvise, never");
}

static void set_shuffle(struct qi_cmdline *c)
{
	qi_cmdline_boolean(c, &c->options->shuffle);
}

static void set_memtest(struct qi_cmdline *c)
{
	quire_phys_t passes = 17;	/* one of each pattern */

	if (c->has_value && !qi_cmdline_size(c, &passes))
		return;
	if (passes > UINT32_MAX)
		qi_cmdline_reject(c, "too many passes");
	else
		c->options->memtest = (unsigned)passes;
}

/* The option that leaves fewer CPUs counts. */
static void limit_cpus(struct qi_cmdline *c, unsigned cpus)
{
	if (!c->options->nr_cpus || cpus < c->options->nr_cpus)
		c->options->nr_cpus = cpus;
}

static void set_nr_cpus(struct qi_cmdline *c)
{
	quire_phys_t cpus;

	if (!qi_cmdline_size(c, &cpus))
		return;
	if (!cpus || cpus > INT32_MAX)
		qi_cmdline_reject(c, "not a number of CPUs");
	else
		limit_cpus(c, (unsigned)cpus);
}

static void set_maxcpus(struct qi_cmdline *c)
{
	quire_phys_t cpus;

	if (!qi_cmdline_size(c, &cpus))
		return;
	if (cpus > INT32_MAX)
		qi_cmdline_reject(c, "not a number of CPUs");
	else
		limit_cpus(c, cpus ? (unsigned)cpus : 1);
}

static void set_nosmp(struct qi_cmdline *c)
{
	limit_cpus(c, 1);
}

static void set_memblock(struct qi_cmdline *c)
{
	if (qi_text_is(&c->value, "debug"))
		c->options->memblock_debug = true;
	else
		qi_cmdline_reject(c, "not debug");
}

static void set_hugetlb_vmemmap(struct qi_cmdline *c)
{
	qi_cmdline_boolean(c, &c->options->hugetlb_vmemmap_optimize);
}

static void set_memmap(struct qi_cmdline *c)
{
	if (is_x86(c))
		qi_cmdline_memmap(c);
	else
		qi_cmdline_reject(c, "only x86 takes its memory map from the command line");
}

static const struct option {
	const char *name;
	void (*set)(struct qi_cmdline *c);
	bool alone;			/* makes sense without a value */
} option_table[] = {
	{ "mem", set_mem, false },
	{ "memmap", set_memmap, false },
	{ "kernelcore", set_kernelcore, false },
	{ "movablecore", set_movablecore, false },
	{ "movable_node", set_movable_node, true },
	{ "numa", qi_cmdline_numa, false },
	{ "cma", set_cma, false },
	{ "hugetlb_cma", set_hugetlb_cma, false },
	{ "hugepages", qi_cmdline_hugepages, false },
	{ "hugepagesz", qi_cmdline_hugepagesz, false },
	{ "default_hugepagesz", qi_cmdline_default_hugepagesz, false },
	{ "crashkernel", qi_cmdline_crashkernel, false },
	{ "highmem", set_highmem, false },
	{ "vmalloc", set_vmalloc, false },
	{ "efi_fake_mem", set_fake_mem, false },
	{ "transparent_hugepage", set_thp, false },
	{ "page_alloc.shuffle", set_shuffle, true },
	{ "page_poison", qi_cmdline_page_poison, false },
	{ "page_owner", qi_cmdline_page_owner, false },
	{ "debug_pagealloc", qi_cmdline_debug_pagealloc, false },
	{ "debug_guardpage_minorder", qi_cmdline_guardpage_minorder, false },
	{ "init_on_alloc", qi_cmdline_init_on_alloc, false },
	{ "init_on_free", qi_cmdline_init_on_free, false },
	{ "fail_page_alloc", qi_cmdline_fail_page_alloc, false },
	{ "memtest", set_memtest, true },
	{ "memory_hotplug.memmap_on_memory", qi_cmdline_memmap_on_memory, true },
	{ "memhp_default_state", qi_cmdline_memhp_state, false },
	{ "memory_hotplug.online_policy", qi_cmdline_online_policy, false },
	{ "memory_hotplug.auto_movable_ratio", qi_cmdline_auto_movable_ratio, false },
	{ "memory_hotplug.auto_movable_numa_aware", qi_cmdline_auto_movable_numa_aware, true },
	{ "nr_cpus", set_nr_cpus, false },
	{ "maxcpus", set_maxcpus, false },
	{ "nosmp", set_nosmp, true },
	{ "memblock", set_memblock, false },
	{ "hugetlb_free_vmemmap", set_hugetlb_vmemmap, false },
};

static bool name_is(const struct qi_text *name, const char *string)
{
	const char *p = name->at;

	for (; p < name->end && *string; p++, string++)
		if (*p != *string && !(*p == '-' && *string == '_'))
			return false;
	return p == name->end && !*string;
}

static void take_word(struct qi_cmdline *c, const struct qi_text *name)
{
	for (size_t i = 0; i < QI_ARRAY_SIZE(option_table); i++) {
		if (!name_is(name, option_table[i].name))
			continue;
		if (!c->has_value && !option_table[i].alone)
			qi_cmdline_reject(c, "needs a value");
		else
			option_table[i].set(c);
		return;
	}
	qi_cmdline_reject(c, "not about memory");
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static void strip_quotes(struct qi_text *text)
{
	if (text->at == text->end || *text->at != '"')
		return;
	text->at++;
	if (text->end > text->at && text->end[-1] == '"')
		text->end--;
}

/* Find the end of the word at `text` and take it apart. Returns where to go on. */
static const char *split_word(struct qi_cmdline *c, const char *text, struct qi_text *name)
{
	bool quoted = false;
	const char *equals = NULL, *p;

	for (p = text; *p && (quoted || !is_blank(*p)); p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (*p == '=' && !equals)
			equals = p;
	}
	c->word = (struct qi_text){ .at = text, .end = p };
	strip_quotes(&c->word);
	c->has_value = equals != NULL;
	*name = c->word;
	c->value = (struct qi_text){ .at = c->word.end, .end = c->word.end };
	if (equals) {
		name->end = equals;
		c->value.at = equals + 1 < c->word.end ? equals + 1 : c->word.end;
		strip_quotes(&c->value);
	}
	return p;
}

void quire_cmdline_parse(struct quire_config *config, const char *command_line,
			 void (*unknown)(void *ctx, const char *word, size_t length, const char *why), void *ctx)
{
	struct qi_cmdline c = { .config = config, .options = &config->options, .unknown = unknown, .ctx = ctx };
	const char *p = command_line;

	for (;;) {
		struct qi_text name;

		while (is_blank(*p))
			p++;
		if (!*p)
			break;
		p = split_word(&c, p, &name);
		if (qi_text_is(&c.word, "--"))
			break;
		take_word(&c, &name);
	}
	qi_cmdline_hugepages_finish(&c);
}
