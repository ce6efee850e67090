/*
 * quire plan: what page descriptors cost on a machine, under every memory model and init policy.
 *
 * Nothing is estimated that the engine can say: each row is a boot of the machine by the engine in the hosted port, its
 * metadata taken from the machine itself, and the bytes are the engine's own books. Only the writing of descriptors has a
 * bound: where there are more than PLAN_MEASURED_BYTES of them, that stage is skipped, its time is the rate measured on a
 * small machine of the same model times the number of descriptors, and what follows from it is worked out.
 */
#ifndef QUIRE_TOOL_PLAN_H
#define QUIRE_TOOL_PLAN_H

#include <stdio.h>

#include <quire/quire.h>

#define PLAN_MEASURED_BYTES ((uint64_t)96 << 20)
#define PLAN_WHY_MAX 200

/* What is planned for: a machine as firmware described it, and everything the user chose but model and policy. */
struct plan_machine {
	const struct quire_machine *machine;
	struct quire_config config;
};

/* How sure a time is. */
enum plan_source {
	PLAN_MEASURED,		/* the engine did it on this host */
	PLAN_SCALED,		/* number of descriptors times the rate measured on a small machine */
	PLAN_SHARED,		/* measured under the lazy policy, which does the same work in this stage */
};

struct plan_stage {
	const char *name;
	uint64_t ns;
	enum plan_source source;
};

/* One row: one model under one policy. */
struct plan_row {
	enum quire_model model;
	enum quire_init_policy init;
	char why[PLAN_WHY_MAX];		/* not empty: it cannot be, and nothing below is set */
	uint64_t descriptor_bytes;	/* memory set aside for descriptors at boot */
	uint64_t table_bytes;		/* section and node tables, usage maps */
	uint64_t metadata_bytes;	/* all the engine took, these included */
	uint64_t full_bytes;		/* descriptors once every frame has been used */
	uint64_t early, late;		/* descriptors written before the allocator opens, and after */
	uint64_t free_frames;		/* left to users at the end of boot */
	bool free_computed;		/* … from the lazy row's and the ledger's difference */
	struct plan_stage stages[QUIRE_STAGES];
	uint64_t ledger_free;		/* bytes free in the ledger after the section stage */
};

struct plan_node {
	int nid;
	uint64_t memory_bytes;
	uint64_t full_bytes[QUIRE_MODELS]; /* descriptors of the node in full use; by the array's node where one is shared
					    */
};

#define PLAN_ROWS (QUIRE_MODELS * QUIRE_INIT_POLICIES)

/* A geometry with all its rows. */
struct plan {
	uint64_t page_size, section_size;
	unsigned stride, address_bits, workers;
	uint64_t memory_bytes;
	struct plan_row rows[PLAN_ROWS];	/* by model, then policy */
	struct plan_node *nodes;
	size_t node_count;
};

/* Called before each row is worked out. */
struct plan_progress {
	void (*step)(struct plan_progress *progress, const char *what);
};

static inline struct plan_row *plan_row(struct plan *plan, enum quire_model model, enum quire_init_policy init)
{
	return &plan->rows[model * QUIRE_INIT_POLICIES + init];
}

static inline const struct plan_row *plan_row_of(const struct plan *plan, enum quire_model model,
						 enum quire_init_policy init)
{
	return &plan->rows[model * QUIRE_INIT_POLICIES + init];
}

/* Sum of all stages. */
uint64_t plan_boot_ns(const struct plan_row *row);
/* True if some stage was not measured. */
bool plan_is_scaled(const struct plan_row *row);

/* row.c: work out one row. `lazy` is the same model's lazy row, already there, or NULL for that row itself. */
enum quire_status plan_measure(const struct plan_machine *m, const struct plan_row *lazy, struct plan *plan,
			       struct plan_row *row);

/*
 * rate.c: picoseconds per descriptor when `workers` write them (1: by the early road), on a small machine of this
 * geometry. Remembered for the life of the process. QUIRE_ENOMEM.
 */
enum quire_status plan_rate(const struct quire_config *config, unsigned workers, uint64_t *picoseconds);

/* plan.c: all rows. Free it either way. QUIRE_ENOMEM. */
enum quire_status plan_make(const struct plan_machine *m, struct plan *plan, struct plan_progress *progress);
void plan_free(struct plan *plan);

/* Free frames of all zones of a machine that has booted. */
uint64_t plan_free_frames(const struct quire *q);

/* Choose page size, section size and descriptor size, and the orders a kernel of such pages has. */
void plan_set_geometry(struct quire_config *config, uint64_t page_size, uint64_t section_size, unsigned stride);

#define PLAN_SWEEP_MAX 8

/* compare.c: --compare. An empty list stands for the machine's own value. */
struct plan_sweep {
	uint64_t pages[PLAN_SWEEP_MAX], sections[PLAN_SWEEP_MAX];
	unsigned strides[PLAN_SWEEP_MAX];
	size_t page_count, section_count, stride_count;
};
bool plan_sweep_parse(const char *text, struct plan_sweep *sweep, const char **why);

/* scale.c: the machine's layout, every address and size times 2^shift; below 1 MiB all stays as it is. */
enum quire_status plan_scale(const struct plan_machine *m, int shift, struct quire_machine *scaled);
void plan_scale_free(struct quire_machine *scaled);

/* chart.c: cost against memory size. */
#define PLAN_CHART_POINTS 20
struct plan_chart {
	size_t points;
	struct {
		uint64_t memory_bytes;
		bool possible[PLAN_ROWS];
		uint64_t metadata_bytes[PLAN_ROWS], boot_ns[PLAN_ROWS];
		uint64_t wide_bytes;		/* 64-byte descriptors of the same memory */
	} at[PLAN_CHART_POINTS];
};
size_t plan_chart_points(const struct plan_machine *m, int *first_shift);
enum quire_status plan_chart_make(const struct plan_machine *m, struct plan_chart *chart, struct plan_progress *progress);

/* text.c, json.c, svg.c: one plan, a sweep's plans, a chart. */
struct plan_title {
	const char *name;
	const char *arch;
	unsigned nodes;
};
void plan_text(const struct plan *plan, const struct plan_title *title, FILE *out);
void plan_compare_text(const struct plan *plans, size_t count, const struct plan_title *title, FILE *out);
void plan_json(const struct plan *plans, size_t count, const struct plan_title *title, FILE *out);
void plan_svg(const struct plan_chart *chart, const struct plan_title *title, FILE *out);

/* format.c: "33.5 MiB", "816 us", into a buffer of this size; the buffer is returned. */
#define PLAN_NUMBER_MAX 32
char *plan_bytes(char *buffer, uint64_t bytes);
char *plan_time(char *buffer, uint64_t ns);

#endif
