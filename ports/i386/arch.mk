# i386: a multiboot kernel for one CPU, with PAE or without. No floating point, no vector registers: nobody saves them.
ARCH_CC      := gcc
ARCH_CFLAGS  := -m32 -march=i586 -mno-mmx -mno-sse -mno-sse2 -mno-80387 -fcf-protection=none
ARCH_LDFLAGS := -m32
ARCH_SOURCES := $(addprefix i386/,entry.S vectors.S switch.S start.c loader.c acpi.c exceptions.c paging.c kmap.c cpu.c) \
	$(addprefix pc/,console.c time.c)
ARCH_SCRIPT  := kernel.ld
