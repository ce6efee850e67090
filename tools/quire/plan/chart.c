/*
 * The figures of the chart: the machine's layout at sizes from 1 GiB to 64 TiB, doubling, as far as the widest physical
 * addresses of its architecture reach.
 */
#include <string.h>

#include "input/facts.h"
#include "plan.h"

#define LEAST ((uint64_t)1 << 30)
#define MOST ((uint64_t)64 << 40)

static uint64_t ram_of(const struct quire_machine *machine, quire_phys_t *end)
{
	uint64_t bytes = 0;

	*end = 0;
	for (size_t i = 0; i < machine->map_count; i++) {
		if (machine->map[i].type != QUIRE_MEMORY_RAM)
			continue;
		bytes += machine->map[i].size;
		if (machine->map[i].base + machine->map[i].size > *end)
			*end = machine->map[i].base + machine->map[i].size;
	}
	return bytes;
}

/* Sizes are the machine's own times powers of two. */
size_t plan_chart_points(const struct plan_machine *m, int *first_shift)
{
	unsigned widest = input_widest_address(m->machine->arch);
	quire_phys_t end;
	uint64_t bytes = ram_of(m->machine, &end);
	int shift = 0, last = 0;

	while (shift > -30 && bytes >> (1 - shift) >= LEAST - (LEAST >> 3))
		shift--;
	while (last < 40 && bytes << (last + 1) <= MOST + (MOST >> 3) && end << (last + 1) <= (quire_phys_t)1 << widest)
		last++;
	while (last - shift + 1 > PLAN_CHART_POINTS)
		last--;
	*first_shift = shift;
	return (size_t)(last - shift + 1);
}

static void take(const struct plan *plan, struct plan_chart *chart, size_t point)
{
	const struct plan_row *described = NULL;

	chart->at[point].memory_bytes = plan->memory_bytes;
	for (unsigned i = 0; i < PLAN_ROWS; i++) {
		chart->at[point].possible[i] = !plan->rows[i].why[0];
		chart->at[point].metadata_bytes[i] = plan->rows[i].metadata_bytes;
		chart->at[point].boot_ns[i] = plan_boot_ns(&plan->rows[i]);
		if (!plan->rows[i].why[0])
			described = &plan->rows[i];
	}
	chart->at[point].wide_bytes = described ? described->full_bytes / plan->stride * 64 : 0;
}

enum quire_status plan_chart_make(const struct plan_machine *m, struct plan_chart *chart, struct plan_progress *progress)
{
	unsigned widest = input_widest_address(m->machine->arch);
	enum quire_status status = QUIRE_OK;
	int first;
	size_t points = plan_chart_points(m, &first);

	memset(chart, 0, sizeof(*chart));
	for (size_t i = 0; i < points && status == QUIRE_OK; i++) {
		struct plan_machine sized = *m;
		struct quire_machine machine;
		struct plan plan;
		quire_phys_t end;

		status = plan_scale(m, first + (int)i, &machine);
		if (status != QUIRE_OK)
			return status;
		sized.machine = &machine;
		memset(&sized.config.options, 0, sizeof(sized.config.options));
		ram_of(&machine, &end);
		if (end >> sized.config.geometry.physmem_bits)
			sized.config.geometry.physmem_bits = widest;
		status = plan_make(&sized, &plan, progress);
		if (status == QUIRE_OK && plan.memory_bytes)
			take(&plan, chart, chart->points++);
		plan_free(&plan);
		plan_scale_free(&machine);
	}
	return status;
}
