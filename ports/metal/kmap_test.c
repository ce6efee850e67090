/*
 * Frames, wherever they are, hold what is written into them: through kmap, which is the only way to high memory. Where the
 * direct map holds a frame both ways lead to the same bytes.
 */
#include "kernel.h"

#define FRAMES 512u
#define DEPTH 8u

static quire_pfn_t frames[FRAMES];

static unsigned page_shift(void)
{
	return quire_page_shift(&metal.q.config);
}

static uint32_t pattern(quire_pfn_t pfn, unsigned word)
{
	return (uint32_t)((pfn ^ pfn >> 20) * 0x9e3779b1u) + word * 0x85ebca6bu;
}

/* Fill the frame, or look whether it is still filled. */
static bool visit(quire_pfn_t pfn, bool fill)
{
	unsigned words = (1u << page_shift()) / sizeof(uint32_t);
	uint32_t *p = arch_kmap(pfn << page_shift());
	bool good = p != NULL;

	for (unsigned i = 0; good && i < words; i++) {
		if (fill)
			p[i] = pattern(pfn, i);
		else
			good = p[i] == pattern(pfn, i);
	}
	if (p)
		arch_kunmap(p);
	return good;
}

/* Several at once: each slot shows its own frame. */
static bool nested(unsigned count)
{
	uint32_t *slots[DEPTH];
	unsigned depth = 0;
	bool good = true;

	for (; depth < DEPTH && depth < count; depth++) {
		slots[depth] = arch_kmap(frames[depth] << page_shift());
		if (!slots[depth])
			break;
	}
	good = depth == DEPTH || depth == count;
	for (unsigned i = 0; i < depth; i++)
		good &= slots[i][1] == pattern(frames[i], 1);
	while (depth)
		arch_kunmap(slots[--depth]);
	return good;
}

/* What phys_to_virt answers: the direct map up to its end, nothing beyond. */
static bool direct_agrees(quire_pfn_t pfn)
{
	quire_phys_t phys = pfn << page_shift();
	const uint32_t *p = metal_phys_to_virt(NULL, phys, 1u << page_shift());

	return phys >= arch_info()->direct_end ? !p : p && p[2] == pattern(pfn, 2);
}

static unsigned take(void)
{
	unsigned count = 0;

	while (count < FRAMES && quire_alloc_frames(&metal.q, QUIRE_NO_NODE, 0, QUIRE_GFP_HIGHUSER | QUIRE_GFP_NOWARN |
						    QUIRE_GFP_NORETRY, &frames[count]) == QUIRE_OK)
		count++;
	return count;
}

unsigned metal_test_kmap(void)
{
	unsigned count = take(), beyond = 0;
	const char *wrong = count ? NULL : "no frame to be had";

	for (unsigned i = 0; i < count && !wrong; i++) {
		if (!visit(frames[i], true))
			wrong = "a frame cannot be mapped";
		beyond += frames[i] << page_shift() >= arch_info()->direct_end;
	}
	for (unsigned i = 0; i < count && !wrong; i++) {
		if (!visit(frames[i], false))
			wrong = "a frame does not hold what was written";
		else if (!direct_agrees(frames[i]))
			wrong = "direct map and kmap disagree";
	}
	if (!wrong && !nested(count))
		wrong = "nested slots do not hold their frames";
	for (unsigned i = 0; i < count; i++)
		if (quire_free_frames(&metal.q, frames[i], 0) != QUIRE_OK && !wrong)
			wrong = "a frame is not taken back";
	metal_print("test kmap: %u frames, %u beyond the direct map: %s\n", count, beyond, wrong ? wrong : "ok");
	return wrong ? METAL_EXIT_FAILED : METAL_EXIT_OK;
}
