/* Sizes of Debian's kernels, read off their boot logs. */
#include "footprint.h"

#define KIB ((quire_phys_t)1 << 10)
#define MIB ((quire_phys_t)1 << 20)

/* Section tables of 64-bit kernels: two levels, and a usage map in every section. */
#define SECTIONS .sections_per_root = 128, .section_usage = 56, .pointer_size = 8

static const struct linux_build x86_64_6_1 = {
	.image_offset = 16 * MIB, .image_size = 0x3411000, .image_released = 8020 * KIB, .image_early = 36 * KIB,
	.node_data = 0x2b000, .percpu_unit = 62 * 4 * KIB, .section_roots = 32 * KIB, .bounce_slots = 768 * KIB, SECTIONS,
};
static const struct linux_build x86_64_6_12 = {
	.image_offset = 16 * MIB, .image_size = 0x2c11000, .image_released = 6864 * KIB, .image_early = 40 * KIB,
	.node_data = 0x2a980, .percpu_unit = 66 * 4 * KIB, .section_roots = 32 * KIB, .bounce_slots = 768 * KIB, SECTIONS,
};
static const struct linux_build arm64_6_1 = {
	.image_offset = 0x210000, .image_size = 0x1ffb000, .image_released = 6464 * KIB, .fdt = MIB,
	.node_data = 0x2c80, .percpu_unit = 31 * 4 * KIB, .section_roots = 128 * KIB, .bounce_slots = 768 * KIB, SECTIONS,
};
static const struct linux_build arm64_6_12 = {
	.image_offset = 0x200000, .image_size = 0x2b30000, .image_released = 9664 * KIB, .fdt = MIB,
	.node_data = 0x3740, .percpu_unit = 34 * 4 * KIB, .section_roots = 128 * KIB, .bounce_slots = 768 * KIB, SECTIONS,
};
static const struct linux_build i386_6_1 = {
	.image_offset = 16 * MIB, .image_size = 0xf24000, .image_released = 928 * KIB, .image_early = 32 * KIB,
	.percpu_unit = 33 * 4 * KIB, .bounce_slots = 512 * KIB, .pointer_size = 4,
};

const struct linux_build *linux_build_of(enum quire_arch arch, enum quire_rules rules)
{
	switch (arch) {
	case QUIRE_ARCH_X86_64: return rules >= QUIRE_RULES_6_12 ? &x86_64_6_12 : &x86_64_6_1;
	case QUIRE_ARCH_I386:
	case QUIRE_ARCH_I386_PAE: return &i386_6_1;
	default: return rules >= QUIRE_RULES_6_12 ? &arm64_6_12 : &arm64_6_1;
	}
}
