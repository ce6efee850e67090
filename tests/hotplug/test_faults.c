/*
 * Every n-th call of the platform, of a notifier or of an owner fails, for every n, in every step: what can be seen of the
 * machine is then as it was before. And a random life of blocks against a model of what each frame is.
 */
#include "plug.h"

static struct plug plug;

/* --- what can be seen ------------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t sum, uint64_t value)
{
	return (sum ^ value) * 0x9e3779b97f4a7c15ull + (sum >> 29);
}

static uint64_t fingerprint(struct plug *p)
{
	uint64_t sum = p->q.memblock.memory.cnt, cursor = 0;
	struct quire_block block;

	quire_drain_frames(&p->q);
	for (size_t i = 0; i < p->q.memblock.memory.cnt; i++) {
		sum = mix(sum, p->q.memblock.memory.regions[i].base);
		sum = mix(sum, p->q.memblock.memory.regions[i].size);
	}
	for (int nid = 0; nid < PLUG_NODES; nid++) {
		const struct quire_node *node = p->q.topology.nodes[nid];

		sum = mix(mix(mix(sum, node->online), node->start_pfn), node->end_pfn);
		sum = mix(sum, node->online ? node->zonelists[0].count : 0);
		for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
			const struct quire_zone *z = &node->zones[type];

			sum = mix(mix(mix(mix(sum, z->start_pfn), z->spanned), z->present), z->managed);
			sum = mix(mix(sum, z->present_early), z->watermark[QUIRE_WMARK_LOW]);
			sum = mix(sum, z->tree ? qi_tree_free_pages(z->tree) : 0);
			for (unsigned t = 0; t < QUIRE_MIGRATE_TYPES; t++)
				sum = mix(sum, z->tree ? z->tree->free_special[t] : 0);
		}
	}
	while (quire_block_next(&p->q, &cursor, &block))
		sum = mix(mix(mix(sum, block.pfn), block.pages), (uint64_t)block.state + 8 * block.hotplugged);
	for (uint64_t i = 0; i < PLUG_SIZE / BLOCK; i++)
		sum = mix(sum, quire_pfn_valid(&p->q.memmap, plug_pfn(0) + i * BLOCK_PAGES));
	return sum;
}

/* --- an owner --------------------------------------------------------------------------------------------------------- */

#define HELD 600u
struct holder {
	struct quire_owner owner;
	quire_pfn_t pfn[HELD];
	unsigned count;
	uint64_t fail_at, calls;	/* the n-th block to be moved is refused; 0: none */
	enum quire_status refusal;
};

static bool holds(void *ctx, quire_pfn_t pfn, struct quire_held *held)
{
	struct holder *h = ctx;

	for (unsigned i = 0; i < h->count; i++)
		if (h->pfn[i] == pfn) {
			*held = (struct quire_held){ .pfn = pfn, .movable = true };
			return true;
		}
	return false;
}

static void migrate(void *ctx, struct quire_move *moves, unsigned n, enum quire_migrate_mode mode)
{
	struct holder *h = ctx;

	(void)mode;
	for (unsigned i = 0; i < n; i++) {
		if (h->fail_at && h->calls++ >= h->fail_at - 1) {
			moves[i].status = h->refusal;
			continue;
		}
		for (unsigned k = 0; k < h->count; k++)
			if (h->pfn[k] == moves[i].from) {
				h->pfn[k] = moves[i].to;
				moves[i].status = QUIRE_OK;
			}
	}
}

static void hold_some(struct plug *p, struct holder *h, unsigned count)
{
	h->owner = (struct quire_owner){ .name = "holder", .holds = holds, .migrate = migrate, .ctx = h };
	for (h->count = 0; h->count < count; h->count++)
		assert_int_equal(quire_alloc_frames(&p->q, 0, 0, QUIRE_GFP_HIGHUSER_MOVABLE, &h->pfn[h->count]), QUIRE_OK);
	assert_int_equal(quire_register_owner(&p->q, &h->owner), QUIRE_OK);
}

static void let_go(struct plug *p, struct holder *h)
{
	while (h->count)
		assert_int_equal(quire_free_frames(&p->q, h->pfn[--h->count], 0), QUIRE_OK);
	assert_int_equal(quire_unregister_owner(&p->q, &h->owner), QUIRE_OK);
}

/* --- faults ----------------------------------------------------------------------------------------------------------- */

static enum quire_status step(struct plug *p, unsigned which)
{
	const quire_pfn_t pfn = plug_pfn(2);
	struct quire_memory_add own = { .base = plug_base(0), .size = 3 * BLOCK, .nid = 0, .memmap_on_memory = true };

	switch (which) {
	case 0: return plug_add(p, 2, 0, 3);
	case 1: return plug_online(p, pfn, 3, QUIRE_ONLINE_KERNEL);
	case 2: return plug_offline(p, pfn, 2);
	case 3: return plug_online(p, pfn, 2, QUIRE_ONLINE_MOVABLE);
	case 4: return plug_offline(p, pfn, 3);
	case 5: return plug_remove(p, pfn + BLOCK_PAGES, 1);
	case 6: return quire_memory_add(&p->q, &own, NULL);
	case 7: return plug_online(p, plug_pfn(0), 3, QUIRE_ONLINE_MOVABLE);
	case 8: return plug_offline(p, plug_pfn(0), 3);
	case 9: return plug_remove(p, plug_pfn(0), 3);
	case 10: return plug_offline(p, (112 * MIB) >> 12, 1);
	case 11: return plug_remove(p, (112 * MIB) >> 12, 1);
	}
	return QUIRE_ENOENT;
}
#define STEPS 12u

static void platform_faults(enum quire_hosted_call call)
{
	for (unsigned which = 0; which < STEPS; which++)
		for (uint64_t n = 1;; n++) {
			uint64_t before = fingerprint(&plug);
			enum quire_status status;

			quire_hosted_fail(plug.hosted, call, n);
			status = step(&plug, which);
			quire_hosted_fail(plug.hosted, call, 0);
			plug_check(&plug);
			/* It went through although a call failed, or there were no more calls. */
			if (status == QUIRE_OK)
				break;
			if (fingerprint(&plug) != before)
				fail_msg("step %u, call %u: not as it was; %s", which, (unsigned)n, plug.log);
			assert_true(n < 1000);
		}
}

static void test_platform_faults(void **state)
{
	(void)state;
	for (int model = PLUG_FIRST_MODEL; model <= PLUG_LAST_MODEL; model++)
		for (int init = 0; init < QUIRE_INIT_POLICIES; init++)
			for (enum quire_hosted_call call = QUIRE_HOSTED_PHYS_TO_VIRT; call < QUIRE_HOSTED_CALLS; call++) {
				struct plug_setup setup = plug_ordinary;

				setup.model = (enum quire_model)model;
				setup.init = (enum quire_init_policy)init;
				plug_make(&plug, &setup);
				platform_faults(call);
				plug_drop(&plug);
			}
}

static int refuse_at;
static enum quire_status notify(void *ctx, const struct quire_memory_notice *notice)
{
	(void)ctx;
	if (notice->event == QUIRE_MEM_GOING_ONLINE || notice->event == QUIRE_MEM_GOING_OFFLINE)
		return refuse_at-- == 0 ? QUIRE_EBUSY : QUIRE_OK;
	return QUIRE_OK;
}

static void test_notifier_faults(void **state)
{
	struct quire_memory_notifier notifier = { .name = "refuser", .notify = notify };

	(void)state;
	plug_make(&plug, &plug_ordinary);
	assert_int_equal(quire_register_memory_notifier(&plug.q, &notifier), QUIRE_OK);
	for (unsigned which = 0; which < STEPS; which++)
		for (int n = 0;; n++) {
			uint64_t before = fingerprint(&plug);
			enum quire_status status;

			refuse_at = n;
			status = step(&plug, which);
			plug_check(&plug);
			if (status == QUIRE_OK)
				break;
			assert_int_equal(status, QUIRE_EPERM);
			assert_int_equal(fingerprint(&plug), before);
		}
	plug_drop(&plug);
}

/* What has moved stays where it went; all else is as it was. */
static void test_owner_faults(void **state)
{
	static struct holder h;
	struct quire_hotplug_failure failure;
	struct quire_survey survey;

	(void)state;
	plug_make(&plug, &plug_ordinary);
	assert_int_equal(plug_add(&plug, 0, 0, 2), QUIRE_OK);
	assert_int_equal(plug_online(&plug, plug_pfn(0), 2, QUIRE_ONLINE_MOVABLE), QUIRE_OK);
	hold_some(&plug, &h, HELD);
	assert_int_equal(quire_memory_offline_survey(&plug.q, plug_pfn(0), 2 * BLOCK_PAGES, &survey, &failure), QUIRE_OK);
	assert_int_equal(survey.movable, HELD);
	for (unsigned n = 1; n < HELD; n += 97) {
		enum quire_status status;

		h.calls = 0;
		h.fail_at = n;
		h.refusal = QUIRE_EPERM;
		status = quire_memory_offline(&plug.q, plug_pfn(0), 2 * BLOCK_PAGES, &failure);
		if (status == QUIRE_OK) {
			assert_int_equal(plug_online(&plug, plug_pfn(0), 2, QUIRE_ONLINE_MOVABLE), QUIRE_OK);
			continue;
		}
		assert_int_equal(status, QUIRE_EBUSY);
		assert_string_equal(failure.who, "holder");
		assert_string_equal(failure.step, "migration");
		assert_int_equal(plug_state(&plug, plug_pfn(0)), QUIRE_BLOCK_ONLINE);
		assert_int_equal(plug_zone(&plug, 0, QUIRE_ZONE_MOVABLE)->tree->free_special[QUIRE_MIGRATE_ISOLATE], 0);
		plug_check(&plug);
	}
	h.fail_at = 0;
	assert_int_equal(plug_offline(&plug, plug_pfn(0), 2), QUIRE_OK);
	for (unsigned i = 0; i < h.count; i++)
		assert_true(h.pfn[i] - plug_pfn(0) >= 2 * BLOCK_PAGES);
	let_go(&plug, &h);
	plug_check(&plug);
	plug_drop(&plug);
}

/* --- the model -------------------------------------------------------------------------------------------------------- */

#define BLOCKS 24u
enum { ABSENT, OFFLINE, KERNEL, MOVABLE };

static unsigned model[BLOCKS];

static uint64_t present_of(unsigned kind)
{
	uint64_t pages = 0;

	for (unsigned i = 0; i < BLOCKS; i++)
		pages += model[i] == kind ? BLOCK_PAGES : 0;
	return pages;
}

static void compare(struct plug *p, uint64_t taken)
{
	const struct quire_zone *normal = plug_zone(p, 2, QUIRE_ZONE_NORMAL), *movable = plug_zone(p, 2, QUIRE_ZONE_MOVABLE);
	unsigned first = BLOCKS, last = 0;

	assert_int_equal(normal->present, present_of(KERNEL));
	assert_int_equal(movable->present, present_of(MOVABLE));
	assert_int_equal(normal->managed + movable->managed, present_of(KERNEL) + present_of(MOVABLE));
	assert_int_equal(plug_free(normal) + plug_free(movable) + taken, present_of(KERNEL) + present_of(MOVABLE));
	for (unsigned i = 0; i < BLOCKS; i++) {
		struct quire_block block;
		enum quire_status status = quire_block_at(&p->q, plug_pfn(2) + i * BLOCK_PAGES + 7, &block);

		assert_int_equal(status, model[i] == ABSENT ? QUIRE_ENOENT : QUIRE_OK);
		if (model[i] == ABSENT)
			continue;
		assert_int_equal(block.state, model[i] == OFFLINE ? QUIRE_BLOCK_OFFLINE : QUIRE_BLOCK_ONLINE);
		assert_ptr_equal(block.zone, model[i] == OFFLINE ? NULL : model[i] == KERNEL ? normal : movable);
		if (model[i] == KERNEL) {
			first = first < i ? first : i;
			last = i + 1;
		}
	}
	assert_int_equal(normal->spanned, last ? (last - first) * BLOCK_PAGES : 0);
	if (last)
		assert_int_equal(normal->start_pfn, plug_pfn(2) + first * BLOCK_PAGES);
}

struct life {
	struct { quire_pfn_t pfn; unsigned order; } block[4096];
	unsigned count;
	uint64_t pages;
};

static unsigned blocks_in_use(const struct life *l, unsigned i)
{
	unsigned n = 0;

	for (unsigned k = 0; k < l->count; k++)
		n += (l->block[k].pfn - plug_pfn(2)) / BLOCK_PAGES == i;
	return n;
}

static void plug_something(struct plug *p, const struct life *l, unsigned i, unsigned n)
{
	enum quire_online_type type = rand() % 2 ? QUIRE_ONLINE_KERNEL : QUIRE_ONLINE_MOVABLE;
	quire_pfn_t pfn = plug_pfn(2) + i * BLOCK_PAGES;
	unsigned absent = 0, online = 0, used = 0;

	for (unsigned k = i; k < i + n; k++) {
		absent += model[k] == ABSENT;
		online += model[k] >= KERNEL;
		used += blocks_in_use(l, k);
	}
	switch (rand() % 4) {
	case 0:
		assert_int_equal(plug_add(p, 2, i, n), absent == n ? QUIRE_OK : QUIRE_EEXIST);
		for (unsigned k = i; absent == n && k < i + n; k++)
			model[k] = OFFLINE;
		break;
	case 1:
		assert_int_equal(plug_online(p, pfn, n, type), absent ? QUIRE_ENOENT : QUIRE_OK);
		for (unsigned k = i; !absent && k < i + n; k++)
			model[k] = model[k] >= KERNEL ? model[k] : type == QUIRE_ONLINE_KERNEL ? KERNEL : MOVABLE;
		break;
	case 2:
		assert_int_equal(plug_offline(p, pfn, n), absent ? QUIRE_ENOENT : used ? QUIRE_EBUSY : QUIRE_OK);
		for (unsigned k = i; !absent && !used && k < i + n; k++)
			model[k] = OFFLINE;
		break;
	default:
		assert_int_equal(plug_remove(p, pfn, n), absent ? QUIRE_ENOENT : online ? QUIRE_EBUSY : QUIRE_OK);
		for (unsigned k = i; !absent && !online && k < i + n; k++)
			model[k] = ABSENT;
	}
}

static void take_or_give(struct plug *p, struct life *l)
{
	quire_gfp_t gfp = (rand() % 2 ? QUIRE_GFP_HIGHUSER_MOVABLE : QUIRE_GFP_KERNEL) | QUIRE_GFP_THISNODE |
			  QUIRE_GFP_NOWARN | QUIRE_GFP_NORETRY;
	unsigned order = rand() % 8 ? (unsigned)rand() % 4 : (unsigned)rand() % 10;

	if (rand() % 3 && l->count < 4096 && quire_alloc_frames(&p->q, 2, order, gfp, &l->block[l->count].pfn) == QUIRE_OK) {
		unsigned i = (unsigned)((l->block[l->count].pfn - plug_pfn(2)) / BLOCK_PAGES);

		assert_true(i < BLOCKS && model[i] >= KERNEL);
		assert_true(model[i] == KERNEL || (gfp & QUIRE_GFP_MOVABLE));
		assert_true(quire_pfn_initialised(&p->q.memmap, l->block[l->count].pfn));
		l->block[l->count++].order = order;
		l->pages += 1ull << order;
	} else if (l->count) {
		unsigned i = (unsigned)rand() % l->count;

		assert_int_equal(quire_free_frames(&p->q, l->block[i].pfn, l->block[i].order), QUIRE_OK);
		l->pages -= 1ull << l->block[i].order;
		l->block[i] = l->block[--l->count];
	}
}

static void live(unsigned seed, const struct plug_setup *setup, unsigned rounds)
{
	static struct life l;

	srand(seed);
	memset(&l, 0, sizeof(l));
	memset(model, 0, sizeof(model));
	plug_make(&plug, setup);
	for (unsigned round = 0; round < rounds; round++) {
		unsigned i = (unsigned)rand() % BLOCKS, n = 1 + (rand() % 3 ? 0 : (unsigned)rand() % 6);

		for (unsigned k = (unsigned)rand() % 20; k; k--)
			take_or_give(&plug, &l);
		if (rand() % 16 == 0)
			while (l.count && rand() % 64)
				take_or_give(&plug, &l);
		plug_something(&plug, &l, i, i + n > BLOCKS ? BLOCKS - i : n);
		compare(&plug, l.pages);
		if (round % 8 == 0)
			plug_check(&plug);
	}
	while (l.count) {
		l.count--;
		assert_int_equal(quire_free_frames(&plug.q, l.block[l.count].pfn, l.block[l.count].order), QUIRE_OK);
	}
	assert_int_equal(quire_drain_frames(&plug.q), QUIRE_OK);
	compare(&plug, 0);
	plug_check(&plug);
	plug_drop(&plug);
}

static void test_model(void **state)
{
	const char *rounds = getenv("QUIRE_HOTPLUG_ROUNDS");

	(void)state;
	for (int model_kind = PLUG_FIRST_MODEL; model_kind <= PLUG_LAST_MODEL; model_kind++)
		for (int init = 0; init < QUIRE_INIT_POLICIES; init++) {
			struct plug_setup setup = plug_ordinary;

			setup.model = (enum quire_model)model_kind;
			setup.init = (enum quire_init_policy)init;
			live((unsigned)(model_kind * 8 + init), &setup, rounds ? (unsigned)atoi(rounds) : 400);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_platform_faults),
		cmocka_unit_test(test_notifier_faults),
		cmocka_unit_test(test_owner_faults),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
