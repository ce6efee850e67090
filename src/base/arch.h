/* Families of architectures. */
#ifndef QI_BASE_ARCH_H
#define QI_BASE_ARCH_H

#include <quire/config.h>

static inline bool qi_arch_is_i386(enum quire_arch arch)
{
	return arch == QUIRE_ARCH_I386 || arch == QUIRE_ARCH_I386_PAE;
}

static inline bool qi_arch_is_x86(enum quire_arch arch)
{
	return arch == QUIRE_ARCH_X86_64 || qi_arch_is_i386(arch);
}

#endif
