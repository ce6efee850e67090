# x86_64: a PVH kernel in the top 2 GiB of address space. No vector registers: nobody saves them.
ARCH_CC      := gcc
ARCH_CFLAGS  := -m64 -mcmodel=kernel -mno-red-zone -mno-mmx -mno-sse -mno-sse2 -mno-80387 -fcf-protection=none
ARCH_LDFLAGS := -m64
ARCH_SOURCES := $(addprefix x86_64/,entry.S vectors.S switch.S trampoline.S start.c cpu.c exceptions.c paging.c apic.c) \
	$(addprefix pc/,console.c time.c dimm.c pci.c) $(addprefix paging/,walk.c maps.c)
ARCH_SCRIPT  := kernel.ld
