/*
 * The device-tree reader's inner face: one walk over the tree, with what each level of it means to its children. Internal.
 */
#ifndef QI_FDT_READER_H
#define QI_FDT_READER_H

#include "reader.h"

/* Nodes deeper than this are not looked at; real trees stay below ten levels. */
#define QI_FDT_DEPTH 32

enum qi_fdt_kind {
	QI_FDT_OTHER,
	QI_FDT_CPUS,			/* /cpus */
	QI_FDT_RESERVED,		/* /reserved-memory, well-formed */
};

struct qi_fdt_level {
	enum qi_fdt_kind kind;
	bool available;			/* this node and all above it: status absent or okay */
	unsigned address_cells;		/* for the reg of children */
	unsigned size_cells;
	const uint8_t *dma_ranges;	/* NULL or empty: addresses pass unchanged */
	size_t dma_bytes;
};

struct qi_fdt {
	struct quire_machine *m;
	const void *blob;
	const struct quire_reader_log *log;
	struct qi_fdt_level levels[QI_FDT_DEPTH];
	bool ids_given;			/* some CPU or memory node has a numa-node-id */
	bool ids_missing;		/* some memory node has none */
	bool ids_bad;
	int distance_node;		/* offset of the distance map, -1: none */
};

/* A property's value, or NULL. */
const uint8_t *qi_fdt_property(const struct qi_fdt *f, int node, const char *name, size_t *size);
bool qi_fdt_has(const struct qi_fdt *f, int node, const char *name);
/* The property is a string list with this member. */
bool qi_fdt_lists(const struct qi_fdt *f, int node, const char *name, const char *member);
/* Two texts, both NUL-terminated. */
bool qi_fdt_same(const char *a, const char *b);
const char *qi_fdt_name(const struct qi_fdt *f, int node);
/* Offset of a node in the blob, for messages. */
size_t qi_fdt_offset(const struct qi_fdt *f, int node);

uint32_t qi_be32(const uint8_t *p);
/* A number of `cells` 32-bit words. False if it needs more than 64 bits. */
bool qi_fdt_number(const uint8_t *p, unsigned cells, uint64_t *value);
/* A property of one word. */
bool qi_fdt_word(const struct qi_fdt *f, int node, const char *name, uint32_t *value);

/* numa-node-id of a CPU or memory node: QUIRE_NO_NODE if there is none or it cannot be; keeps count of both. */
int qi_fdt_node_id(struct qi_fdt *f, int node);

/* Each takes one node (its parent's level is f->levels[depth - 1]) into the machine. QUIRE_ENOSPC is the only failure. */
enum quire_status qi_fdt_memory(struct qi_fdt *f, int node);
enum quire_status qi_fdt_cpu(struct qi_fdt *f, int node, const struct qi_fdt_level *parent);
enum quire_status qi_fdt_reserved(struct qi_fdt *f, int node);
enum quire_status qi_fdt_chosen(struct qi_fdt *f, int node);

/* Lower m->dma_limit to what the bus at `depth`, whose dma-ranges are in its level, can reach. */
void qi_fdt_dma(struct qi_fdt *f, int depth, int node);

/* The distance map, after everything else; nothing may fail behind it. */
enum quire_status qi_fdt_distances(struct qi_fdt *f);

#endif
