# aarch64: a kernel for QEMU's virt machine, as an ELF file and as a raw Image with the Linux header. General registers only:
# nobody saves the others, and the instructions every ARMv8 has: no calls of the compiler's library for atomics.
ARCH_CC      := aarch64-linux-gnu-gcc
ARCH_CFLAGS  := -march=armv8-a -mgeneral-regs-only -mno-outline-atomics -mstrict-align -mcmodel=small -I$(TOP)/firmware/blob
ARCH_SOURCES := $(addprefix aarch64/,entry.S vectors.S switch.S start.c tree.c console.c exceptions.c gic.c psci.c time.c) \
	$(addprefix paging/,walk.c maps.c)
ARCH_SCRIPT  := kernel.ld
ARCH_FDT     := 1
ARCH_FDT_SOURCES := $(TOP)/firmware/blob/blob.c
ARCH_OUTPUTS := $(O)/Image

$(O)/Image: $(O)/kernel.elf
	@aarch64-linux-gnu-objcopy -O binary $< $@
