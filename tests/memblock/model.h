/*
 * A naive memblock: one entry a byte of a small address space. It knows nothing of regions, tables or searches; it is slow
 * and plainly right, and the real one must agree with it after every step.
 *
 * An entry is 0 where nothing is, else PRESENT with flags and node packed in. Two neighbouring bytes belong to one region
 * exactly if their entries are equal.
 */
#ifndef TEST_MEMBLOCK_MODEL_H
#define TEST_MEMBLOCK_MODEL_H

#include "common.h"

#define SPACE 2048

typedef uint16_t model_byte;

struct model {
	quire_phys_t origin;		/* address of byte 0 */
	quire_phys_t page;
	bool movable_node;
	model_byte memory[SPACE];
	model_byte reserved[SPACE];
};

struct model_request {
	quire_phys_t size, align, start, end;	/* end: exclusive, meant literally */
	int nid;
	uint32_t flags;
	bool bottom_up;
};

static inline model_byte model_pack(int nid, uint32_t flags)
{
	return (model_byte)(1 | flags << 1 | (unsigned)(nid + 1) << 6);
}

static inline int model_nid(model_byte byte) { return (int)(byte >> 6) - 1; }
static inline uint32_t model_flags(model_byte byte) { return byte >> 1 & 0x1f; }

/* The part of [start, end) that lies in the model's space, as indexes. */
struct model_slice {
	size_t from, to;
};
struct model_slice model_slice(const struct model *model, quire_phys_t start, quire_phys_t end);

void model_insert(model_byte *bytes, struct model_slice slice, model_byte value);
void model_clear(model_byte *bytes, struct model_slice slice);
void model_change(model_byte *bytes, struct model_slice slice, uint32_t set, uint32_t clear);
void model_set_node(model_byte *bytes, struct model_slice slice, int nid);
void model_cap(struct model *model, quire_phys_t start, quire_phys_t end);
void model_trim(struct model *model, quire_phys_t align);

/*
 * Number of regions; pieces of the slice that are absent; ends of the slice that cut a region; whether it lies inside
 * one.
 */
size_t model_regions(const model_byte *bytes);
size_t model_holes(const model_byte *bytes, struct model_slice slice);
size_t model_cuts(const model_byte *bytes, struct model_slice slice);
bool model_inside_one(const model_byte *bytes, struct model_slice slice);

quire_phys_t model_max_addr(const struct model *model, quire_phys_t limit);
bool model_skips(const struct model *model, model_byte byte, int nid, uint32_t flags);
quire_phys_t model_find(const struct model *model, const struct model_request *request);

/* Whether a real table says what the bytes say. */
void model_compare(const struct model *model, const model_byte *bytes, const struct quire_memblock_type *type);

#endif
