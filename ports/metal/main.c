/*
 * The kernel's one road: options, machine, direct map, CPUs, engine, reports, tests, power off. Every stop on the way
 * has a message and an exit code.
 */
#include "kernel.h"

struct metal metal;

static void finish(unsigned code) __attribute__((noreturn));
static void finish(unsigned code)
{
	metal_print("metal: exit %u\n", code);
	arch_exit(code);
}

static void done(enum metal_step step)
{
	metal.step_ns[step] = arch_now_ns();
}

static void prepare(const struct metal_boot *boot)
{
	enum quire_status status;

	done(METAL_STEP_BEGIN);
	metal.boot = *boot;
	metal_machine_begin(boot);
	metal_print("Quire on %s\n", arch_info()->name);
	if (!metal_parse_options(metal_command_line(), &metal.options, &metal.config))
		finish(METAL_EXIT_ARGUMENT);
	done(METAL_STEP_OPTIONS);
	status = metal_read_machine(boot, &metal.config);
	done(METAL_STEP_FIRMWARE);
	if (status == QUIRE_OK)
		status = metal_reserve_tables();
	if (status == QUIRE_OK)
		status = metal_map_ram();
	if (status != QUIRE_OK) {
		metal_print("this machine cannot be used: %s\n", quire_status_string(status));
		finish(METAL_EXIT_MACHINE);
	}
	done(METAL_STEP_MAPPED);
}

/* Boot is done when somebody can have memory. */
static enum quire_status boot_to_first_allocation(void)
{
	enum quire_status status = metal_boot_engine(&metal.config);
	quire_pfn_t pfn;

	done(METAL_STEP_ENGINE);
	if (status == QUIRE_OK)
		status = quire_alloc_frames(&metal.q, QUIRE_NO_NODE, 0, QUIRE_GFP_KERNEL, &pfn);
	done(METAL_STEP_FIRST);
	return status == QUIRE_OK ? quire_free_frames(&metal.q, pfn, 0) : status;
}

void metal_report(void)
{
	const struct quire *q = &metal.q;
	unsigned what = metal.options.report;

	metal_print("model %s, init %s, %u CPUs, %llu KiB of page tables and stacks\n", quire_model_name(q->config.model),
		    quire_init_policy_name(q->config.init), q->config.cpus, (unsigned long long)(metal_tables_used() >> 10));
	if (what & METAL_REPORT_COSTS)
		quire_report_costs(q, &metal_sink);
	if (what & METAL_REPORT_LOG)
		quire_report_boot_log(q, &metal_sink);
	if (what & METAL_REPORT_ZONELISTS)
		quire_report_zonelists(q, &metal_sink);
	if (what & METAL_REPORT_ZONEINFO)
		quire_report_zoneinfo(q, &metal_sink);
	if (what & METAL_REPORT_BUDDYINFO)
		quire_report_buddyinfo(q, &metal_sink);
	if (what & METAL_REPORT_BLOCKS)
		quire_report_memory_blocks(q, &metal_sink);
}

static unsigned run_tests(void)
{
	unsigned code;

	switch (metal.options.test) {
	case METAL_TEST_QUICK:
		code = metal_test_portable();
		code = code == METAL_EXIT_OK ? metal_test_kmap() : code;
		return code == METAL_EXIT_OK ? metal_test_storm(1) : code;
	case METAL_TEST_STORM:
		return metal_test_storm(metal.options.seconds);
	case METAL_TEST_HOTPLUG:
		return metal_test_hotplug(metal.options.seconds, metal.options.cycles);
	case METAL_TEST_BENCH:
		return metal_test_bench();
	case METAL_TEST_PANIC:
		return metal_test_panic();
	case METAL_TEST_OVERFLOW:
		return metal_test_overflow();
	default:
		return METAL_EXIT_OK;
	}
}

/* From here on CPU 0 is on a stack that cannot run over unseen. */
static void with_memory(void)
{
	enum quire_status status;

	metal.config.cpus = metal_start_cpus(metal.config.cpus ? metal.config.cpus : METAL_CPUS);
	done(METAL_STEP_CPUS);
	if (metal.options.test == METAL_TEST_MATRIX)
		finish(metal_test_matrix(&metal.config));
	status = boot_to_first_allocation();
	if (status != QUIRE_OK) {
		metal_print("boot failed: %s\n", quire_status_string(status));
		finish(METAL_EXIT_MACHINE);
	}
	metal_report();
	finish(run_tests());
}

void metal_main(const struct metal_boot *boot)
{
	void *stack, *left;

	prepare(boot);
	stack = metal_stack_make(0);
	if (!stack)
		metal_panic(false, "no memory for a stack");
	arch_switch(&left, arch_stack_frame(stack, with_memory));
	metal_panic(false, "the kernel's road came back to its beginning");
}
