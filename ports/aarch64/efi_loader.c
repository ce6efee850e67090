/* aarch64's part of the EFI loader. */
#include "efi/loader.h"

/* A call that only QEMU understands would end the firmware elsewhere: it is told on the console, and that is all. */
void efi_exit_code(unsigned code)
{
	(void)code;
}

/* Nothing stays in caches either: what was there of firmware's must not be written over the kernel's first steps later. */
void efi_write_back(uint64_t at, uint64_t bytes)
{
	uint64_t type, line;

	__asm__ volatile("mrs %0, ctr_el0" : "=r"(type));
	line = 4ull << (type >> 16 & 15);
	for (uint64_t p = at & ~(line - 1); p < at + bytes; p += line)
		__asm__ volatile("dc civac, %0" :: "r"(p) : "memory");
	__asm__ volatile("dsb sy; ic iallu; dsb sy; isb" ::: "memory");
}
