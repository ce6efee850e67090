/*
 * The platform's hooks fail, each at every place: no mapping, a charge that is refused, shrinkers and a last resort that do
 * nothing or say what is not so. A request that failed has taken nothing, charged nothing, and left nothing behind; what
 * trace hooks were told adds up to what is in somebody's hands.
 */
#include "booted.h"

#include <quire/debug.h>
#include <quire/reclaim.h>
#include <quire/vmstat.h>

enum hook { PHYS_TO_VIRT, ACCOUNT, SCAN, OUT_OF_MEMORY, WAIT, TASK, HOOKS };

static struct {
	struct quire_platform real;
	uint64_t calls[HOOKS];
	enum hook which;
	uint64_t fail_at;		/* that call, 0: none */
	bool ever_after;
	int64_t charged, held;		/* frames, by what the hooks were told */
	uint64_t events;
} world;

static bool fails(enum hook hook)
{
	uint64_t n = ++world.calls[hook];

	return hook == world.which && world.fail_at && (n == world.fail_at || (world.ever_after && n > world.fail_at));
}

static void fail_call(enum hook which, uint64_t n, bool ever_after)
{
	memset(world.calls, 0, sizeof(world.calls));
	world.which = which;
	world.fail_at = n;
	world.ever_after = ever_after;
}

static void *phys_to_virt(void *ctx, quire_phys_t phys, quire_phys_t size)
{
	return fails(PHYS_TO_VIRT) ? NULL : world.real.phys_to_virt(ctx, phys, size);
}

static bool account(void *ctx, unsigned order)
{
	(void)ctx;
	if (fails(ACCOUNT))
		return false;
	world.charged += 1ll << order;
	return true;
}

static void trace_alloc(void *ctx, quire_pfn_t pfn, unsigned order, quire_gfp_t gfp, enum quire_migratetype type)
{
	(void)ctx; (void)pfn; (void)gfp; (void)type;
	world.held += 1ll << order;
	world.events++;
}

static void trace_free(void *ctx, quire_pfn_t pfn, unsigned order)
{
	(void)ctx; (void)pfn;
	world.held -= 1ll << order;
	world.events++;
}

static void trace_slow(void *ctx, const struct quire_request_record *record)
{
	(void)ctx; (void)record;
	world.events++;
}

static const struct quire_trace trace = { .alloc = trace_alloc, .free = trace_free, .slow = trace_slow };

static struct booted *open_world(const struct booted_options *options)
{
	struct booted *b = booted_prepare(options);

	memset(&world, 0, sizeof(world));
	world.real = b->platform;
	b->platform.phys_to_virt = phys_to_virt;
	b->platform.account = account;
	assert_int_equal(quire_boot(&b->q), QUIRE_OK);
	quire_set_trace(&b->q, &trace);
	return b;
}

static void close_world(struct booted *b)
{
	fail_call(HOOKS, 0, false);
	quire_set_trace(&b->q, NULL);
	booted_close(b);
}

/* --- what can be seen ------------------------------------------------------------------------------------------------ */

struct seen {
	struct quire_zone_counts zones[QUIRE_ZONE_TYPES];
	uint64_t metadata;
	int64_t charged, held;
};

static struct seen look(struct booted *b)
{
	struct seen seen;

	memset(&seen, 0, sizeof(seen));
	assert_int_equal(quire_drain_frames(&b->q), QUIRE_OK);
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
		quire_zone_count(&b->q, &b->q.topology.nodes[0]->zones[type], &seen.zones[type]);
	seen.metadata = quire_metadata_total(&b->q.metadata);
	seen.charged = world.charged;
	seen.held = world.held;
	return seen;
}

/* --- requests -------------------------------------------------------------------------------------------------------- */

#define MANY 70u
static quire_pfn_t got[MANY];
static size_t got_count;
static unsigned got_order;

static enum quire_status take(struct booted *b, unsigned order, quire_gfp_t gfp)
{
	enum quire_status status = quire_alloc_frames(&b->q, 0, order, QUIRE_GFP_KERNEL | gfp, &got[0]);

	got_order = order;
	got_count = status == QUIRE_OK;
	return status;
}

static enum quire_status take_many(struct booted *b, quire_gfp_t gfp)
{
	for (unsigned i = 0; i < MANY; i++)
		got[i] = QUIRE_PFN_NONE;
	got_order = 0;
	got_count = quire_alloc_frames_bulk(&b->q, 0, QUIRE_GFP_KERNEL | gfp, MANY, got);
	return got_count == MANY ? QUIRE_OK : QUIRE_ENOMEM;
}

static enum quire_status take_exact(struct booted *b, unsigned count, quire_gfp_t gfp)
{
	enum quire_status status = quire_alloc_frames_exact(&b->q, 0, count, QUIRE_GFP_KERNEL | gfp, &got[0]);

	got_order = 0;
	got_count = status == QUIRE_OK ? count : 0;
	for (unsigned i = 1; i < got_count; i++)
		got[i] = got[0] + i;
	return status;
}

static enum quire_status take_contig(struct booted *b, quire_gfp_t gfp)
{
	enum quire_status status = quire_alloc_contig(&b->q, 0, 67, 8, QUIRE_GFP_KERNEL | gfp, &got[0], NULL);

	got_order = 0;
	got_count = status == QUIRE_OK ? 67 : 0;
	for (unsigned i = 1; i < got_count; i++)
		got[i] = got[0] + i;
	return status;
}

static enum quire_status take_pages(struct booted *b, quire_gfp_t gfp)
{
	struct quire_page *page;
	enum quire_status status = quire_alloc_pages(&b->q, 0, 2, QUIRE_GFP_KERNEL | QUIRE_GFP_COMP | gfp, &page);

	got_count = 0;
	return status == QUIRE_OK ? quire_put_page(&b->q, page) : status;
}

static void give_all(struct booted *b)
{
	for (size_t i = 0; i < got_count; i++)
		assert_int_equal(quire_free_frames(&b->q, got[i], got_order), QUIRE_OK);
	got_count = 0;
}

#define BOTH (QUIRE_GFP_ZERO | QUIRE_GFP_ACCOUNT)
#define REQUESTS 16u

static enum quire_status ask(struct booted *b, unsigned which)
{
	switch (which) {
	case 0: return take(b, 0, QUIRE_GFP_ZERO);
	case 1: return take(b, 3, QUIRE_GFP_ZERO);
	case 2: return take(b, 9, QUIRE_GFP_ZERO);
	case 3: return take(b, 0, QUIRE_GFP_ACCOUNT);
	case 4: return take(b, 9, QUIRE_GFP_ACCOUNT);
	case 5: return take(b, 0, BOTH);
	case 6: return take(b, 4, BOTH);
	case 7: return take_many(b, QUIRE_GFP_ZERO);
	case 8: return take_many(b, BOTH);
	case 9: return take_exact(b, 11, QUIRE_GFP_ZERO);
	case 10: return take_exact(b, 11, BOTH);
	case 11: return take_exact(b, 1, BOTH);
	case 12: return take_contig(b, QUIRE_GFP_ZERO);
	case 13: return take_pages(b, QUIRE_GFP_ZERO);
	case 14: return take_pages(b, BOTH);
	default: return take(b, 0, 0);
	}
}

/* What a request that went through was charged. */
static int64_t charge_of(unsigned which, size_t count)
{
	static const int64_t charges[REQUESTS] = { [3] = 1, [4] = 512, [5] = 1, [6] = 16, [10] = 16, [11] = 1, [14] = 4 };

	return which == 8 ? (int64_t)count : charges[which];
}

/* Bulk may have been served in part: what it has is given back, and was charged. */
static void one_failure(struct booted *b, unsigned which, struct seen *before)
{
	enum quire_status status = ask(b, which);
	struct seen after;

	if (status == QUIRE_OK || got_count)
		world.charged -= charge_of(which, got_count);
	give_all(b);
	after = look(b);
	if (memcmp(&after, before, sizeof(after)) != 0)
		fail_msg("request %u, hook %u, call %u%s: not as it was", which, world.which, (unsigned)world.fail_at,
			 world.ever_after ? " and all later ones" : "");
	booted_check(b);
}

static void every_hook_fails(struct booted *b, enum hook hook)
{
	for (unsigned which = 0; which < REQUESTS; which++) {
		struct seen before;
		uint64_t calls;

		/* Once without, for what is made when it is first needed. */
		fail_call(hook, 0, false);
		assert_int_equal(ask(b, which), QUIRE_OK);
		world.charged -= charge_of(which, got_count);
		give_all(b);
		calls = world.calls[hook];
		before = look(b);
		assert_int_equal(before.charged, 0);
		assert_int_equal(before.held, 0);
		for (uint64_t n = 1; n <= calls + 1; n += n < 20 || n >= calls ? 1 : 9)
			for (unsigned ever_after = 0; ever_after < 2; ever_after++) {
				fail_call(hook, n, ever_after);
				one_failure(b, which, &before);
			}
	}
}

static void configure_debug(struct quire_config *config)
{
	config->options.debug.page_owner = true;
	config->options.debug.page_poison = true;
}

static void hooks_fail_at_every_place(void **state)
{
	static const struct booted_options ways[] = {
		{ .init = QUIRE_INIT_EAGER },
		{ .init = QUIRE_INIT_EAGER, .cpus = 2, .hosted = QUIRE_HOSTED_OUTSIDE_METADATA },
		{ .init = QUIRE_INIT_LAZY, .model = QUIRE_MODEL_SPARSEMEM_EXTREME, .model_given = true },
		{ .init = QUIRE_INIT_EAGER, .hosted = QUIRE_HOSTED_OUTSIDE_METADATA, .configure = configure_debug },
	};

	(void)state;
	for (unsigned way = 0; way < sizeof(ways) / sizeof(ways[0]); way++)
		for (enum hook hook = PHYS_TO_VIRT; hook <= ACCOUNT; hook++) {
			struct booted *b = open_world(&ways[way]);

			every_hook_fails(b, hook);
			close_world(b);
		}
}

/* Boot needs a mapping for each of its tables: without one of them it is refused, and the machine is as good as new. */
static void boot_without_a_mapping(void **state)
{
	const struct booted_options options = { .init = QUIRE_INIT_LAZY, .cpus = 2 };
	uint64_t refused = 0, booted = 0, last = 0;

	(void)state;
	for (uint64_t n = 1; booted < 3; n++) {
		struct booted *b = booted_prepare(&options);
		enum quire_status status;

		memset(&world, 0, sizeof(world));
		world.real = b->platform;
		b->platform.phys_to_virt = phys_to_virt;
		fail_call(PHYS_TO_VIRT, n, false);
		status = quire_boot(&b->q);
		last = world.calls[PHYS_TO_VIRT];
		refused += status != QUIRE_OK;
		booted = last < n ? booted + 1 : 0;
		if (status == QUIRE_OK)
			booted_check(b);
		quire_fini(&b->q);
		fail_call(HOOKS, 0, false);
		assert_int_equal(quire_init(&b->q, &b->config, &b->machine, &b->platform), QUIRE_OK);
		assert_int_equal(quire_boot(&b->q), QUIRE_OK);
		booted_close(b);
	}
	assert_true(refused >= 3);
}

/* Things of a running machine that take frames for the engine's own use: without a mapping they are refused whole. */
static void metadata_without_a_mapping(void **state)
{
	const struct booted_options options = { .init = QUIRE_INIT_EAGER, .cpus = 2 };
	const struct quire_fault_options none = { .probability = 1, .times = 0 };
	struct booted *b = open_world(&options);
	struct seen before = look(b), after;

	(void)state;
	fail_call(PHYS_TO_VIRT, 1, true);
	assert_int_equal(quire_debug_set_faults(&b->q, &none), QUIRE_ENOMEM);
	after = look(b);
	assert_memory_equal(&after, &before, sizeof(after));
	assert_int_not_equal(quire_cpu_online(&b->q, 9, 0), QUIRE_OK);
	after = look(b);
	assert_memory_equal(&after, &before, sizeof(after));
	booted_check(b);
	fail_call(HOOKS, 0, false);
	assert_int_equal(quire_debug_set_faults(&b->q, &none), QUIRE_OK);
	close_world(b);
}

/*
 * There is no hook to take a charge back. So it comes last: whatever else is missing, who was refused was not charged. On a
 * new machine each time, where descriptors and nodes of the tree are yet to be made.
 */
static void a_charge_is_the_last_thing(void **state)
{
	static const struct booted_options ways[] = {
		{ .init = QUIRE_INIT_LAZY, .model = QUIRE_MODEL_SPARSEMEM_EXTREME, .model_given = true },
		{ .init = QUIRE_INIT_LAZY, .hosted = QUIRE_HOSTED_OUTSIDE_METADATA },
	};
	unsigned refused = 0;

	(void)state;
	for (unsigned way = 0; way < 4; way++)
		for (unsigned n = 1; n < 12; n++) {
			struct booted *b = open_world(&ways[way / 2]);
			enum quire_status status;

			fail_call(PHYS_TO_VIRT, n, true);
			quire_hosted_fail(b->host, QUIRE_HOSTED_META_ALLOC, n);
			status = way % 2 ? take_exact(b, 11, QUIRE_GFP_ACCOUNT) : take_pages(b, QUIRE_GFP_ACCOUNT);
			refused += status != QUIRE_OK;
			assert_int_equal(world.charged, status != QUIRE_OK ? 0 : way % 2 ? 16 : 4);
			fail_call(HOOKS, 0, false);
			quire_hosted_fail(b->host, QUIRE_HOSTED_META_ALLOC, 0);
			give_all(b);
			assert_int_equal(world.held, 0);
			close_world(b);
		}
	assert_true(refused >= 4);
}

/* --- memory is short --------------------------------------------------------------------------------------------------- */

#define STOCK 70000u
static struct {
	struct quire *q;
	quire_pfn_t pfn[STOCK];
	size_t count;
	uint64_t seed;
	bool honest;
} hoard;

static uint64_t let_go(uint64_t n)
{
	uint64_t freed = 0;

	for (; hoard.count && freed < n; freed++) {
		size_t i = booted_random(&hoard.seed) % hoard.count;

		assert_int_equal(quire_free_frames(hoard.q, hoard.pfn[i], 0), QUIRE_OK);
		hoard.pfn[i] = hoard.pfn[--hoard.count];
	}
	return freed;
}

static uint64_t count(void *ctx, int nid)
{
	(void)ctx; (void)nid;
	return hoard.honest ? hoard.count : booted_random(&hoard.seed) >> (booted_random(&hoard.seed) % 64);
}

/* Nothing although asked, or nothing and says it was much. */
static uint64_t scan(void *ctx, const struct quire_reclaim *reclaim)
{
	(void)ctx;
	if (fails(SCAN))
		return hoard.honest ? 0 : booted_random(&hoard.seed);
	return let_go(reclaim->target);
}

static bool out_of_memory(void *ctx, int nid, unsigned order, uint32_t gfp)
{
	(void)ctx; (void)nid; (void)gfp;
	if (fails(OUT_OF_MEMORY))
		return !hoard.honest;
	return let_go(2ull << order) > 0;
}

static void wait_a_moment(void *ctx)
{
	(void)ctx;
	if (!fails(WAIT))
		let_go(1);
}

static uint32_t task(void *ctx)
{
	(void)ctx;
	return fails(TASK) ? (uint32_t)(booted_random(&hoard.seed) % 8) : 0;
}

static void fill(struct booted *b)
{
	while (hoard.count < STOCK && quire_alloc_frames(&b->q, 0, 0, QUIRE_GFP_NOWAIT | QUIRE_GFP_NOWARN,
							 &hoard.pfn[hoard.count]) == QUIRE_OK)
		hoard.count++;
}

/*
 * Each hook alone does nothing from its n-th call on, or says what is not so: every request comes to an end, and counts
 * agree.
 */
static void short_of_memory(bool honest)
{
	const struct booted_options options = {
		.init = QUIRE_INIT_EAGER, .cpus = 2, .hosted = QUIRE_HOSTED_OUTSIDE_METADATA,
	};
	struct quire_shrinker shrinker = { .name = "hoard", .count = count, .scan = scan };
	struct booted *b = open_world(&options);
	uint64_t all = booted_free(b), served = 0, failed = 0;

	hoard.q = &b->q;
	hoard.count = 0;
	hoard.seed = 12345 + honest;
	hoard.honest = honest;
	b->platform.out_of_memory = out_of_memory;
	b->platform.wait = wait_a_moment;
	b->platform.task = task;
	assert_int_equal(quire_register_shrinker(&b->q, &shrinker), QUIRE_OK);
	for (unsigned i = 0; i < 160; i++) {
		static const quire_gfp_t extra[] = { 0, QUIRE_GFP_RETRY_MAYFAIL, QUIRE_GFP_NORETRY, BOTH };
		unsigned order = i % 5;

		fail_call(HOOKS, 0, false);
		fill(b);
		fail_call((enum hook)(SCAN + i % 4), 1 + i % 3, i & 4);
		if (take(b, order, extra[i / 5 % 4] | QUIRE_GFP_NOWARN) == QUIRE_OK) {
			served++;
			assert_int_equal(booted_free(b) + hoard.count + (1ull << order), all);
		} else {
			failed++;
			assert_int_equal(booted_free(b) + hoard.count, all);
		}
		assert_int_equal(world.held, hoard.count + (got_count << got_order));
		give_all(b);
		if (i % 32 == 0)
			booted_check(b);
	}
	assert_true(served > 20 && failed > 5);
	fail_call(HOOKS, 0, false);
	let_go(STOCK);
	assert_int_equal(booted_free(b), all);
	assert_int_equal(quire_unregister_shrinker(&b->q, &shrinker), QUIRE_OK);
	close_world(b);
}

static void hooks_that_do_nothing(void **state) { (void)state; short_of_memory(true); }
static void hooks_that_say_what_is_not_so(void **state) { (void)state; short_of_memory(false); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hooks_fail_at_every_place),
		cmocka_unit_test(boot_without_a_mapping),
		cmocka_unit_test(metadata_without_a_mapping),
		cmocka_unit_test(a_charge_is_the_last_thing),
		cmocka_unit_test(hooks_that_do_nothing),
		cmocka_unit_test(hooks_that_say_what_is_not_so),
	};

	return cmocka_run_group_tests_name("hooks", tests, NULL, NULL);
}
