# x86_64: a kernel in the top 2 GiB of address space, started by PVH, or by EFI from kernel.efi. No vector registers: nobody
# saves them.
ARCH_CC      := gcc
ARCH_OBJCOPY := objcopy
ARCH_CFLAGS  := -m64 -mcmodel=kernel -mno-red-zone -mno-mmx -mno-sse -mno-sse2 -mno-80387 -fcf-protection=none
ARCH_PINS    := -DQUIRE_PIN_CPU='"pin_cpu.h"'
ARCH_LDFLAGS := -m64
ARCH_SOURCES := $(addprefix x86_64/,entry.S vectors.S switch.S trampoline.S start.c pvh.c efi.c cpu.c exceptions.c paging.c \
	apic.c) \
	efi/kernel.c $(addprefix pc/,console.c time.c dimm.c pci.c) $(addprefix paging/,walk.c maps.c)
ARCH_SCRIPT  := kernel.ld
ARCH_OUTPUTS := $(O)/kernel.efi
ARCH_RULES   := efi/efi.mk
EFI_MACHINE  := 0x8664
EFI_CFLAGS   := -mcmodel=small
EFI_SOURCES  := x86_64/efi_loader.c
