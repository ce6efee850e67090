/*
 * Every memory model with every init policy, one after the other on the same memory: boot, tests, the end of the
 * machine. The descriptor window outlives engines: what one left mapped there the next one's boot would run into.
 */
#include "kernel.h"

static unsigned boot_and_test(const struct quire_config *config)
{
	enum quire_status status = metal_boot_engine(config);
	unsigned code;

	metal_print("--- model %s, init %s: %s\n", quire_model_name(config->model), quire_init_policy_name(config->init),
		    quire_status_string(status));
	if (status == QUIRE_EUNSUPPORTED)
		return METAL_EXIT_OK;		/* said why; this machine has no such model */
	if (status != QUIRE_OK)
		return METAL_EXIT_FAILED;
	code = metal_test_portable();
	if (code == METAL_EXIT_OK)
		code = metal_test_storm(0);
	metal_end_engine();
	return code;
}

unsigned metal_test_matrix(const struct quire_config *given)
{
	unsigned worst = METAL_EXIT_OK;

	for (int model = 0; model < QUIRE_MODELS; model++)
		for (int init = 0; init < QUIRE_INIT_POLICIES; init++) {
			struct quire_config config = *given;

			config.model = (enum quire_model)model;
			config.init = (enum quire_init_policy)init;
			worst = (unsigned)qi_max(worst, boot_and_test(&config));
		}
	return worst;
}
