# kernel.efi: an EFI application with the kernel inside. arch.mk says
#	EFI_MACHINE	the machine's number in PE headers
#	EFI_CFLAGS	code model of code that runs anywhere
#	EFI_SOURCES	relative to ports/: what the loader has of the architecture
# Its objects are compiled apart from the kernel's, which run where they are linked.
EFI_OBJECTS := $(addprefix $(O)/efi/,$(addsuffix .o,$(basename efi/image.S efi/main.c efi/loader.c efi/words.c \
	metal/string.c $(EFI_SOURCES))))
EFI_FLAGS = $(filter-out -mcmodel=% -fno-pic -fno-pie,$(CFLAGS)) $(EFI_CFLAGS) -fpie -fvisibility=hidden

$(O)/kernel.bin: $(O)/kernel.elf
	@$(ARCH_OBJCOPY) -O binary $< $@

$(O)/efi/efi/image.o: $(O)/kernel.bin

$(O)/efi/%.o: $(TOP)/ports/%.c $(O)/flags
	@mkdir -p $(dir $@)
	@$(CC) $(EFI_FLAGS) -MMD -MP -c $< -o $@

$(O)/efi/%.o: $(TOP)/ports/%.S $(O)/flags
	@mkdir -p $(dir $@)
	@$(CC) $(EFI_FLAGS) -D__ASSEMBLY__ -Wa,-I$(O) -MMD -MP -c $< -o $@

$(O)/kernel.efi: $(EFI_OBJECTS) $(TOP)/ports/efi/efi.ld
	@$(CC) $(EFI_FLAGS) -pie -Wl,--no-dynamic-linker -Wl,--gc-sections -Wl,--build-id=none -Wl,--no-warn-rwx-segments \
		-Wl,-z,max-page-size=4096 -Wl,--defsym=EFI_MACHINE=$(EFI_MACHINE) $(ARCH_LDFLAGS) \
		-T $(TOP)/ports/efi/efi.ld -o $(O)/kernel.efi.elf $(EFI_OBJECTS)
	@$(ARCH_OBJCOPY) -O binary -j .header -j .text -j .data -j .reloc $(O)/kernel.efi.elf $@

-include $(EFI_OBJECTS:.o=.d)
