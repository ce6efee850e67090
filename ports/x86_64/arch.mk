# x86_64: a PVH kernel in the top 2 GiB of address space. No vector registers: nobody saves them.
ARCH_CC      := gcc
ARCH_CFLAGS  := -m64 -mcmodel=kernel -mno-red-zone -mno-mmx -mno-sse -mno-sse2 -mno-80387 -fcf-protection=none
ARCH_LDFLAGS := -m64
ARCH_SOURCES := entry.S vectors.S trampoline.S start.c cpu.c exceptions.c console.c paging.c apic.c time.c dimm.c pci.c
ARCH_SCRIPT  := kernel.ld
