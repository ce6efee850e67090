/* Descriptors of a booted machine: references, orders, compound blocks, splitting, what is told about wrong frees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <quire/pages.h>
#include <quire/quire.h>

#include "hosted.h"

#define MIB (1ull << 20)

struct machine {
	struct quire q;
	struct quire_config config;
	struct quire_machine machine;
	struct quire_memory_range map[1];
	struct quire_platform platform;
	struct quire_hosted *host;
	char told[512];
};

static void remember(void *ctx, enum quire_log_level level, const char *text, size_t len)
{
	struct machine *m = ctx;

	if (level == QUIRE_LOG_WARNING || level == QUIRE_LOG_ERROR) {
		memcpy(m->told, text, len < 511 ? len : 511);
		m->told[len < 511 ? len : 511] = '\0';
	}
}

static struct machine *logging;
static void log_line(void *ctx, enum quire_log_level level, const char *text, size_t len)
{
	(void)ctx;
	remember(logging, level, text, len);
}

static struct machine *boot(enum quire_init_policy init)
{
	struct machine *m = calloc(1, sizeof(*m));
	struct quire_hosted_options options = { .config = &m->config };

	quire_config_defaults(&m->config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_12);
	m->config.init = init;
	m->config.cpus = 1;
	m->map[0] = (struct quire_memory_range){ .base = MIB, .size = 255 * MIB, .nid = QUIRE_NO_NODE };
	m->machine.arch = QUIRE_ARCH_X86_64;
	m->machine.map = m->map;
	m->machine.map_count = m->machine.map_max = 1;
	assert_int_equal(quire_hosted_create_machine(&m->machine, &options, &m->host), QUIRE_OK);
	m->platform = *quire_hosted_platform(m->host);
	m->platform.log = log_line;
	logging = m;
	assert_int_equal(quire_init(&m->q, &m->config, &m->machine, &m->platform), QUIRE_OK);
	assert_int_equal(quire_boot(&m->q), QUIRE_OK);
	return m;
}

static void drop(struct machine *m)
{
	assert_int_equal(quire_drain_frames(&m->q), QUIRE_OK);
	assert_int_equal(quire_check(&m->q), QUIRE_OK);
	quire_fini(&m->q);
	quire_hosted_destroy(m->host);
	free(m);
}

static void references(struct quire *q, unsigned order, quire_gfp_t gfp)
{
	struct quire_page *page;
	quire_pfn_t pfn;

	q->page_alloc.refused = 0;	/* so that everything is told */
	assert_int_equal(quire_alloc_pages(q, 0, order, gfp, &page), QUIRE_OK);
	pfn = quire_page_to_pfn(&q->memmap, page);
	assert_int_equal(quire_page_refs(page), 1);
	assert_int_equal(quire_page_order(page), order);
	assert_int_equal(quire_page_test(page, QUIRE_PAGE_HEAD), order && (gfp & QUIRE_GFP_COMP));
	for (quire_pfn_t i = 1; i < 1ull << order; i++) {
		assert_int_equal(quire_page_refs(quire_pfn_to_page(&q->memmap, pfn + i)), 0);
		if (gfp & QUIRE_GFP_COMP)
			assert_ptr_equal(quire_page_head(q, quire_pfn_to_page(&q->memmap, pfn + i)), page);
	}
	quire_page_get(page);
	assert_int_equal(quire_put_page(q, page), QUIRE_OK);
	assert_int_equal(quire_free_pages(q, page, order + 1), QUIRE_EINVAL);
	assert_non_null(strstr(logging->told, "another order"));
	assert_int_equal(quire_page_refs(page), 1);
	assert_int_equal(quire_free_pages(q, page, order), QUIRE_OK);
	assert_int_equal(quire_page_refs(page), 0);
	assert_int_equal(quire_page_test(page, QUIRE_PAGE_HEAD), 0);
	/* Twice: whoever keeps it, the references know. */
	logging->told[0] = '\0';
	assert_int_equal(quire_free_pages(q, page, 0), QUIRE_EEXIST);
	assert_non_null(strstr(logging->told, "nobody has a reference"));
	assert_non_null(strstr(logging->told, "pageblock"));
	assert_int_equal(quire_put_page(q, page), QUIRE_EEXIST);
}

static void references_count(void **state)
{
	(void)state;
	for (unsigned init = 0; init < QUIRE_INIT_POLICIES; init++) {
		struct machine *m = boot((enum quire_init_policy)init);

		for (unsigned order = 0; order <= 10; order++) {
			references(&m->q, order, QUIRE_GFP_KERNEL);
			references(&m->q, order, QUIRE_GFP_KERNEL | QUIRE_GFP_COMP);
			references(&m->q, order, QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_COMP);
		}
		drop(m);
	}
}

/* Somebody still holds the first frame of a block that is not compound: the rest goes, then the first. */
static void held_while_freed(void **state)
{
	struct machine *m = boot(QUIRE_INIT_EAGER);
	struct quire_page *page;
	quire_pfn_t pfn;

	(void)state;
	assert_int_equal(quire_alloc_pages(&m->q, 0, 4, QUIRE_GFP_KERNEL, &page), QUIRE_OK);
	pfn = quire_page_to_pfn(&m->q.memmap, page);
	quire_page_get(page);
	assert_int_equal(quire_free_pages(&m->q, page, 4), QUIRE_OK);
	assert_int_equal(quire_page_refs(page), 1);
	assert_int_equal(quire_drain_frames(&m->q), QUIRE_OK);
	for (unsigned i = 1; i < 16; i++)
		assert_int_equal(quire_free_frames(&m->q, pfn + i, 0), QUIRE_EEXIST);
	assert_int_equal(quire_put_page(&m->q, page), QUIRE_OK);
	assert_int_equal(quire_page_refs(page), 0);
	/* A compound one goes as a whole. */
	assert_int_equal(quire_alloc_pages(&m->q, 0, 4, QUIRE_GFP_KERNEL | QUIRE_GFP_COMP, &page), QUIRE_OK);
	quire_page_get(page);
	assert_int_equal(quire_free_pages(&m->q, page, 4), QUIRE_OK);
	assert_int_equal(quire_page_order(page), 4);
	pfn = quire_page_to_pfn(&m->q.memmap, page);
	assert_int_equal(quire_put_page(&m->q, quire_pfn_to_page(&m->q.memmap, pfn + 7)), QUIRE_OK);
	assert_int_equal(quire_page_refs(page), 0);
	drop(m);
}

static void split(void **state)
{
	struct machine *m = boot(QUIRE_INIT_LAZY);
	struct quire_page *page;
	quire_pfn_t pfn;

	(void)state;
	for (unsigned order = 0; order <= 10; order += 5) {
		assert_int_equal(quire_alloc_pages(&m->q, 0, order, QUIRE_GFP_KERNEL | QUIRE_GFP_COMP, &page), QUIRE_OK);
		pfn = quire_page_to_pfn(&m->q.memmap, page);
		quire_page_get(page);
		assert_int_equal(quire_split_page(&m->q, page, order), QUIRE_EBUSY);
		assert_int_equal(quire_put_page(&m->q, page), QUIRE_OK);
		assert_int_equal(quire_split_page(&m->q, page, order), QUIRE_OK);
		for (quire_pfn_t i = 1ull << order; i-- > 0;) {
			struct quire_page *one = quire_pfn_to_page(&m->q.memmap, pfn + i);

			assert_int_equal(quire_page_refs(one), 1);
			assert_ptr_equal(quire_page_head(&m->q, one), one);
			assert_int_equal(quire_free_pages(&m->q, one, 0), QUIRE_OK);
		}
		assert_int_equal(quire_split_page(&m->q, page, order), QUIRE_EEXIST);
	}
	drop(m);
}

/* A descriptor somebody wrote to after he gave the frame back is found before the next one gets it. */
static void bad_state_is_not_handed_out(void **state)
{
	struct machine *m = boot(QUIRE_INIT_EAGER);
	struct quire_page *page, *next;
	quire_pfn_t pfn;

	(void)state;
	assert_int_equal(quire_alloc_pages(&m->q, 0, 0, QUIRE_GFP_KERNEL, &page), QUIRE_OK);
	pfn = quire_page_to_pfn(&m->q.memmap, page);
	assert_int_equal(quire_free_pages(&m->q, page, 0), QUIRE_OK);
	quire_page_set_refs(page, 5);
	/* It is the next one handed out here, sooner or later; then it is reported, lost, and not seen again. */
	for (unsigned i = 0; i < 65536; i++) {
		enum quire_status status = quire_alloc_pages(&m->q, 0, 0, QUIRE_GFP_KERNEL | QUIRE_GFP_NOWARN, &next);

		if (status == QUIRE_ECORRUPT) {
			assert_non_null(strstr(m->told, "bad page state"));
			drop(m);
			return;
		}
		assert_int_equal(status, QUIRE_OK);
		assert_true(quire_page_to_pfn(&m->q.memmap, next) != pfn);
	}
	fail();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(references_count),
		cmocka_unit_test(held_while_freed),
		cmocka_unit_test(split),
		cmocka_unit_test(bad_state_is_not_handed_out),
	};

	return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
