# Front door. Meson does the work; these targets are what people type.
#
#   make          build everything into build/
#   make run      build, then boot a shipped sample machine and show the result
#   make check    every test: unit, model, golden, sanitizers, freestanding builds, short fuzzing
#   make bench    figures (medians); never part of check
#   make tsan     tests that run threads, under the thread sanitizer
#   make fuzz     fuzz every reader, SECONDS=60 each
#   make qemu-x86_64 (qemu-i386, qemu-aarch64)   a kernel without an operating system, booted under QEMU: ARGS="test=matrix",
#                 QEMU=efi=kernel by EFI firmware
#   make qemu-compare our kernels beside Linux, on the machines that recorded boots were taken on
#   make qemu-storm   memory comes and goes for SECONDS=600 while other CPUs allocate
#   make qemu-bench   instructions per request and per boot stage, counted by QEMU
#   make size     bytes of machine code: the core alone, and all of the engine
#   make amalgamation   the engine as two files, build/amalgamation/quire.c and quire.h
#   make install  PREFIX=/usr/local DESTDIR=
#
# What a fresh Debian lacks is installed by scripts/setup.sh, or it prints the one command that would.

BUILD   := build
SECONDS ?= 60
SAMPLE  := samples/machines/x86_64-q35-2n-8G

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) $(if $(V),-v,--quiet)

$(BUILD)/build.ninja: scripts/setup.sh
	@scripts/setup.sh build
	@test -f $@ || meson setup $(BUILD) --prefix=$(or $(PREFIX),/usr/local) > $(BUILD).log 2>&1 || \
		{ cat $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log; touch $@

run: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet quire
	@$(BUILD)/quire boot $(SAMPLE)

check:
	@scripts/check.sh

bench: all
	@scripts/bench.sh

tsan:
	@scripts/setup.sh check && scripts/threads.sh

fuzz:
	@scripts/fuzz.sh $(SECONDS)

# QEMU="…" adds machine arguments, ARGS="…" is the kernel's command line.
qemu-%:
	@scripts/setup.sh qemu
	@$(MAKE) -s -C ports/metal -j$(shell nproc) ARCH=$*
	@scripts/qemu-run.sh -t $(SECONDS) $* "$(ARGS)" $(QEMU)

qemu-bench:
	@scripts/setup.sh qemu
	@scripts/qemu-bench.sh

qemu-storm:
	@scripts/setup.sh qemu
	@$(MAKE) -s -C ports/metal -j$(shell nproc) ARCH=x86_64
	@mkdir -p build-metal && sed 's/SECONDS/$(SECONDS)/' tests/metal/storm.scenario > build-metal/storm.scenario
	@scripts/qemu-scenario.py x86_64 build-metal/storm.scenario

qemu-check:
	@scripts/setup.sh qemu
	@scripts/qemu-check.sh

# QUIRE_CAPTURES=… says where recorded boots are.
qemu-compare: all
	@scripts/setup.sh qemu
	@scripts/qemu-compare.sh -a

size:
	@scripts/text-size.sh

amalgamation:
	@scripts/amalgamate.py $(BUILD)/amalgamation && echo $(BUILD)/amalgamation/quire.[ch]

# What is built already may have another prefix.
install: all
	@$(if $(PREFIX),meson configure $(BUILD) -Dprefix=$(abspath $(PREFIX)))
	@meson install -C $(BUILD) $(if $(V),,--quiet)

clean:
	@rm -rf build build-*

.PHONY: all amalgamation bench check clean fuzz install qemu-bench qemu-check qemu-storm qemu-compare run size tsan
