/* Options that describe a machine; see machine_options.h. */
#include "machine_options.h"

#include <string.h>

int machine_take_inputs(const struct cli_command *command, struct machine_options *options, char **words, int count,
			bool wanted)
{
	if (wanted && !count && !options->simulate.input.nodes)
		return cli_bad_usage(command, "no INPUT, and no --nodes to make a machine from");
	if (count && options->simulate.input.nodes)
		return cli_bad_usage(command, "either INPUT or --nodes, not both");
	options->simulate.paths = (const char *const *)words;
	options->simulate.path_count = (size_t)count;
	return CLI_OK;
}

bool machine_take_command_line(void *target, const char *value, const char **why)
{
	(void)why;
	((struct machine_options *)target)->simulate.input.command_line = value;
	return true;
}

bool machine_take_kernel(void *target, const char *value, const char **why)
{
	enum quire_rules rules;

	*why = "rules are known for 6.1 and 6.12";
	((struct machine_options *)target)->simulate.input.kernel = value;
	return input_rules_by_name(value, &rules);
}

bool machine_take_sysctl(void *target, const char *value, const char **why)
{
	struct machine_options *options = target;
	struct quire_tunables scratch = { 0 };

	*why = "too many of them";
	if (options->simulate.input.sysctl_count == MACHINE_OPTION_REPEATS)
		return false;
	switch (quire_sysctl_set(&scratch, value)) {
	case QUIRE_OK:
		break;
	case QUIRE_ENOENT:
		*why = "no memory tunable of that name";
		return false;
	default:
		*why = "not a value this tunable can have";
		return false;
	}
	options->sysctls[options->simulate.input.sysctl_count++] = value;
	options->simulate.input.sysctls = options->sysctls;
	return true;
}

bool machine_take_arch(void *target, const char *value, const char **why)
{
	enum quire_arch arch;

	*why = "architectures are x86_64, i386, i386-pae, arm64, riscv64";
	((struct machine_options *)target)->simulate.input.arch = value;
	return input_arch_by_name(value, &arch);
}

bool machine_take_nodes(void *target, const char *value, const char **why)
{
	(void)why;
	((struct machine_options *)target)->simulate.input.nodes = value;
	return true;
}

bool machine_take_cpus(void *target, const char *value, const char **why)
{
	*why = "a number from 1 to 65536 is wanted";
	return cli_number(value, 1, 65536, &((struct machine_options *)target)->simulate.input.cpus);
}

bool machine_take_hole(void *target, const char *value, const char **why)
{
	struct machine_options *options = target;

	*why = "too many of them";
	if (options->simulate.input.hole_count == MACHINE_OPTION_REPEATS)
		return false;
	options->holes[options->simulate.input.hole_count++] = value;
	options->simulate.input.holes = options->holes;
	return true;
}

bool machine_take_distances(void *target, const char *value, const char **why)
{
	(void)why;
	((struct machine_options *)target)->simulate.input.distances = value;
	return true;
}

bool machine_take_model(void *target, const char *value, const char **why)
{
	enum quire_model model;

	*why = "models are flat, discontig, sparse, sparse-extreme, sparse-vmemmap";
	((struct machine_options *)target)->simulate.model = value;
	return simulate_model_by_name(value, &model);
}

bool machine_take_init(void *target, const char *value, const char **why)
{
	enum quire_init_policy policy;

	*why = "policies are eager, deferred, lazy";
	((struct machine_options *)target)->simulate.init = value;
	return simulate_init_by_name(value, &policy);
}

bool machine_take_workers(void *target, const char *value, const char **why)
{
	*why = "a number from 1 to 1024 is wanted";
	return cli_number(value, 1, 1024, &((struct machine_options *)target)->simulate.workers);
}

bool machine_take_stride(void *target, const char *value, const char **why)
{
	unsigned *stride = &((struct machine_options *)target)->simulate.stride;

	*why = "a descriptor takes 16, 32 or 64 bytes";
	return cli_number(value, 16, 64, stride) && (*stride == 16 || *stride == 32 || *stride == 64);
}

bool machine_take_verbose(void *target, const char *value, const char **why)
{
	(void)value;
	(void)why;
	((struct machine_options *)target)->simulate.verbose = true;
	return true;
}

bool machine_take_quiet(void *target, const char *value, const char **why)
{
	(void)value;
	(void)why;
	((struct machine_options *)target)->simulate.quiet = true;
	return true;
}
