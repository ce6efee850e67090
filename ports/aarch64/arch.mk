# aarch64: a kernel for QEMU's virt machine, as an ELF file, as a raw Image with the Linux header, and as kernel.efi for EFI
# firmware. General registers only: nobody saves the others, and the instructions every ARMv8 has: no calls of the compiler's
# library for atomics.
ARCH_CC      := aarch64-linux-gnu-gcc
ARCH_OBJCOPY := aarch64-linux-gnu-objcopy
ARCH_CFLAGS  := -march=armv8-a -mgeneral-regs-only -mno-outline-atomics -mstrict-align -mcmodel=small -I$(TOP)/firmware/blob
ARCH_SOURCES := $(addprefix aarch64/,entry.S vectors.S switch.S start.c tree.c console.c exceptions.c gic.c psci.c time.c) \
	$(addprefix paging/,walk.c maps.c) efi/kernel.c
ARCH_SCRIPT  := kernel.ld
ARCH_FDT     := 1
ARCH_FDT_SOURCES := $(TOP)/firmware/blob/blob.c
ARCH_OUTPUTS := $(O)/Image $(O)/kernel.efi
ARCH_RULES   := efi/efi.mk
EFI_MACHINE  := 0xaa64
EFI_CFLAGS   := -mcmodel=small
EFI_SOURCES  := aarch64/efi_loader.c

$(O)/Image: $(O)/kernel.elf
	@$(ARCH_OBJCOPY) -O binary $< $@
