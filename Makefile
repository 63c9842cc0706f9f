# The few commands a person needs. Meson and ninja do the work.
BUILD ?= build
MESON = meson

.PHONY: all build run test vm-test bench check docs install clean
all: build

build: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@tools/install-deps
	@$(MESON) setup $(BUILD) --prefix=/usr

# The main job: the platform on this machine, a test program denied, shown and explained; then live events.
run:
	@tools/install-deps
	@tools/run $(ARGS)

# Everything that decides whether a change lands. Ends with "N passed, N failed".
test:
	@tools/install-deps vm
	@tools/test $(ARGS)

# Only the suite in virtual machines; ARGS="--kernel 6.12 --case root/engine-killed" repeats one case.
vm-test: build
	@tools/install-deps vm
	@tools/vm-test $(ARGS)

bench: build
	@tools/install-deps bench
	@bench/run $(ARGS)

# What keeps the tree in order: both compilers, formats, layers, static analysis, sanitizers, fuzz corpora.
check:
	@tools/install-deps check
	@tools/check $(ARGS)

docs: build
	@ninja -C $(BUILD) docs

install: build
	@$(MESON) install -C $(BUILD) --no-rebuild

clean:
	@rm -rf $(BUILD) build-*
