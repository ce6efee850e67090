/*
 * The machines that broke each model, and the model that came for them, at true geometry: 128 MiB sections,
 * 52 address bits. What is compared is what descriptors and tables cost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include <quire/quire.h>

#include "hosted.h"

#define MiB (1ull << 20)
#define GiB (1ull << 30)
#define TiB (1ull << 40)

struct piece { quire_phys_t base, size; int nid; };

static struct quire q;
static struct quire_node nodes[2];

/* Boot the memmap of a machine made of `pieces`; its costs stay in q.memmap.stats. */
static enum quire_status boot(const struct piece *pieces, size_t count, enum quire_model model, struct quire_hosted **hosted)
{
	struct quire_hosted_options options = { .config = &q.config };
	struct quire_hosted_range ranges[16] = { { 0, 0 } };
	enum quire_status status;

	memset(&q, 0, sizeof(q));
	memset(nodes, 0, sizeof(nodes));
	q.config = (struct quire_config){ .arch = QUIRE_ARCH_ARM64, .zone_mask = 0x17, .model = model, .page_stride = 16,
					  .init = QUIRE_INIT_EAGER, .geometry = { 12, 27, 52, 4, 10, 9, 64 } };
	for (size_t i = 0; i < count; i++)
		ranges[i] = (struct quire_hosted_range){ pieces[i].base, pieces[i].size };
	assert_int_equal(quire_hosted_create(ranges, count, &options, hosted), QUIRE_OK);
	q.platform = q.memblock.platform = q.topology.platform = quire_hosted_platform(*hosted);
	q.topology.config = &q.config;
	q.topology.node_count = 2;
	for (size_t i = 0; i < count; i++) {
		struct quire_node *node = &nodes[pieces[i].nid];
		struct quire_zone *zone = &node->zones[QUIRE_ZONE_NORMAL];
		quire_pfn_t start = pieces[i].base >> 12, end = (pieces[i].base + pieces[i].size) >> 12;

		quire_memblock_add_node(&q.memblock, pieces[i].base, pieces[i].size, pieces[i].nid, 0);
		*zone = (struct quire_zone){ .node = node, .type = QUIRE_ZONE_NORMAL, .present = zone->present + end - start,
					     .start_pfn = zone->present ? zone->start_pfn : start };
		zone->spanned = end - zone->start_pfn;
		node->nid = pieces[i].nid;
		node->has_memory = true;
		node->start_pfn = zone->start_pfn;
		node->end_pfn = end;
		q.topology.nodes[node->nid] = node;
		q.topology.max_pfn = end;
	}
	for (unsigned i = 0; i < 2; i++)
		q.topology.nodes[i] = &nodes[i];
	status = qi_memmap_present(&q);
	if (status == QUIRE_OK)
		status = qi_memmap_populate(&q);
	if (status == QUIRE_OK)
		status = qi_memmap_init(&q);
	if (status == QUIRE_OK)
		assert_int_equal(quire_check_memmap(&q), QUIRE_OK);
	return status;
}

static enum quire_status cost(const struct piece *pieces, size_t count, enum quire_model model,
			      struct quire_memmap_stats *stats)
{
	struct quire_hosted *hosted;
	enum quire_status status = boot(pieces, count, model, &hosted);

	*stats = q.memmap.stats;
	qi_memmap_fini(&q);
	quire_hosted_destroy(hosted);
	return status;
}

/* Little memory spread over a terabyte: arrays over the hole cost more than there is; sections cost what is there. */
static void test_terabyte_hole(void **state)
{
	static const struct piece one_node[] = { { 0, GiB, 0 }, { TiB - GiB, GiB, 0 } };
	static const struct piece two_nodes[] = { { 0, GiB, 0 }, { TiB - GiB, GiB, 1 } };
	struct quire_memmap_stats stats;

	(void)state;
	assert_int_equal(cost(one_node, 2, QUIRE_MODEL_FLATMEM, &stats), QUIRE_EUNSUPPORTED);
	assert_int_equal(cost(one_node, 2, QUIRE_MODEL_DISCONTIGMEM, &stats), QUIRE_EUNSUPPORTED);
	assert_int_equal(cost(two_nodes, 2, QUIRE_MODEL_FLATMEM, &stats), QUIRE_EUNSUPPORTED);
	assert_int_equal(cost(two_nodes, 2, QUIRE_MODEL_DISCONTIGMEM, &stats), QUIRE_OK);
	assert_int_equal(stats.descriptor_bytes, 8 * MiB);
	for (unsigned model = QUIRE_MODEL_SPARSEMEM_EXTREME; model < QUIRE_MODELS; model++) {
		assert_int_equal(cost(one_node, 2, (enum quire_model)model, &stats), QUIRE_OK);
		assert_int_equal(stats.descriptor_bytes, 8 * MiB);
	}
}

/* Memory that begins at 1 GiB: nobody pays for frames below it. */
static void test_leading_hole(void **state)
{
	static const struct piece pieces[] = { { GiB, GiB, 0 } };
	struct quire_memmap_stats stats;

	(void)state;
	for (unsigned model = 0; model < QUIRE_MODELS; model++) {
		if (model == QUIRE_MODEL_SPARSEMEM)
			continue;
		assert_int_equal(cost(pieces, 1, (enum quire_model)model, &stats), QUIRE_OK);
		assert_int_equal(stats.descriptor_bytes, 4 * MiB);
	}
}

/* Nodes that alternate every 256 MiB: an array per node covers the other's memory too, and costs double. */
static void test_interleaved_nodes(void **state)
{
	struct piece pieces[16];
	struct quire_memmap_stats stats;

	(void)state;
	for (unsigned i = 0; i < 16; i++)
		pieces[i] = (struct piece){ i * 256 * MiB, 256 * MiB, i % 2 };
	assert_int_equal(cost(pieces, 16, QUIRE_MODEL_FLATMEM, &stats), QUIRE_OK);
	assert_int_equal(stats.descriptor_bytes, 16 * MiB);
	assert_int_equal(cost(pieces, 16, QUIRE_MODEL_DISCONTIGMEM, &stats), QUIRE_OK);
	assert_int_equal(stats.descriptor_bytes, 30 * MiB);
	for (unsigned model = QUIRE_MODEL_SPARSEMEM_EXTREME; model < QUIRE_MODELS; model++) {
		assert_int_equal(cost(pieces, 16, (enum quire_model)model, &stats), QUIRE_OK);
		assert_int_equal(stats.descriptor_bytes, 16 * MiB);
	}
}

/* Memory at the top of 52 bits: the static table takes 512 MiB, roots on demand one megabyte of pointers and two pages. */
static void test_top_of_memory(void **state)
{
	static const struct piece small[] = { { 0, 256 * MiB, 0 }, { 4096 * TiB - 256 * MiB, 256 * MiB, 0 } };
	static const struct piece large[] = { { 0, 2 * GiB, 0 }, { 4096 * TiB - 256 * MiB, 256 * MiB, 0 } };
	struct quire_memmap_stats stats;

	(void)state;
	assert_int_equal(cost(small, 2, QUIRE_MODEL_SPARSEMEM, &stats), QUIRE_EUNSUPPORTED);
	assert_int_equal(cost(large, 2, QUIRE_MODEL_SPARSEMEM, &stats), QUIRE_OK);
	assert_true(stats.table_bytes >= 512 * MiB);
	/* Two levels, and nothing beside them that grows with the geometry: 1 MiB of roots' addresses. */
	assert_int_equal(cost(small, 2, QUIRE_MODEL_SPARSEMEM_EXTREME, &stats), QUIRE_OK);
	assert_in_range(stats.table_bytes, MiB, MiB + 5 * 4096);
	assert_int_equal(cost(small, 2, QUIRE_MODEL_SPARSEMEM_VMEMMAP, &stats), QUIRE_OK);
	assert_in_range(stats.table_bytes, MiB + 8192 + 4096, MiB + 8192 + 8192);
	assert_int_equal(stats.descriptor_bytes, 2 * MiB);
}

/* Two nodes meet inside a section: its descriptors are on the first node, and every frame knows its own. */
static void test_shared_section(void **state)
{
	static const struct piece pieces[] = { { 0, GiB + 0x1234000, 0 }, { GiB + 0x1234000, GiB, 1 } };
	const struct quire_memmap *m = &q.memmap;
	quire_pfn_t border = (GiB + 0x1234000) >> 12;
	struct quire_memmap_stats stats;
	struct quire_hosted *hosted;

	(void)state;
	for (unsigned model = QUIRE_MODEL_SPARSEMEM_EXTREME; model < QUIRE_MODELS; model++) {
		assert_int_equal(boot(pieces, 2, (enum quire_model)model, &hosted), QUIRE_OK);
		assert_int_equal(quire_page_nid(m, quire_pfn_to_page(m, border - 1)), 0);
		assert_int_equal(quire_page_nid(m, quire_pfn_to_page(m, border)), 1);
		assert_true(quire_page_zone_id(m, quire_pfn_to_page(m, border - 1)) !=
			    quire_page_zone_id(m, quire_pfn_to_page(m, border)));
		assert_int_equal(m->run_count, 2);
		assert_int_equal(m->runs[0].end, 9);
		qi_memmap_fini(&q);
		quire_hosted_destroy(hosted);
	}
	/* The per-node arrays cannot tell the two apart: the border is inside a block of the highest order. */
	assert_int_equal(cost(pieces, 2, QUIRE_MODEL_DISCONTIGMEM, &stats), QUIRE_EUNSUPPORTED);
}

/* Descriptors of a run fill whole huge pages where there are some; without huge mappings the same frames by base pages. */
static void test_huge_mappings(void **state)
{
	static const struct piece pieces[] = { { 0, 2 * GiB, 0 } };
	struct quire_memmap_stats stats;

	(void)state;
	assert_int_equal(cost(pieces, 1, QUIRE_MODEL_SPARSEMEM_VMEMMAP, &stats), QUIRE_OK);
	assert_int_equal(stats.huge_mappings, 4);
	assert_int_equal(stats.base_mappings, 0);
	assert_int_equal(stats.offnode_bytes, 0);
}

/* A node too full for its own descriptors borrows from its neighbour, and the books say so. */
static void test_borrowing(void **state)
{
	static const struct piece pieces[] = { { 0, GiB, 0 }, { GiB, GiB, 1 } };
	struct quire_hosted *hosted;

	(void)state;
	assert_int_equal(boot(pieces, 2, QUIRE_MODEL_SPARSEMEM_VMEMMAP, &hosted), QUIRE_OK);
	qi_memmap_fini(&q);
	quire_memblock_reserve(&q.memblock, GiB, GiB - MiB);
	assert_int_equal(qi_memmap_present(&q), QUIRE_OK);
	assert_int_equal(qi_memmap_populate(&q), QUIRE_OK);
	assert_in_range(q.memmap.stats.offnode_bytes, 3 * MiB, 4 * MiB);
	assert_int_equal(qi_memmap_init(&q), QUIRE_OK);
	assert_int_equal(quire_check_memmap(&q), QUIRE_OK);
	qi_memmap_fini(&q);
	/* And where nobody has room, the tables are as they were. */
	quire_memblock_reserve(&q.memblock, 0, GiB - MiB);
	assert_int_equal(qi_memmap_present(&q), QUIRE_OK);
	assert_int_equal(qi_memmap_populate(&q), QUIRE_ENOMEM);
	assert_int_equal(q.memblock.reserved.total_size, 2 * (GiB - MiB));
	quire_hosted_destroy(hosted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_terabyte_hole),
		cmocka_unit_test(test_leading_hole),
		cmocka_unit_test(test_interleaved_nodes),
		cmocka_unit_test(test_top_of_memory),
		cmocka_unit_test(test_shared_section),
		cmocka_unit_test(test_huge_mappings),
		cmocka_unit_test(test_borrowing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
