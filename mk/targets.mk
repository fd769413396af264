# What a person types. Set-up (Debian packages) is mk/packages.sh's; the tests are tests/run's.

# What check and demo build with; `make` itself listens to -j.
JOBS ?= $(shell nproc)

.PHONY: all check check-long check-ci demo deps clean help
all: $(BUILD)/footprint $(BUILD)/footprintd $(BUILD)/libfootprint.so

deps:
	@mk/packages.sh build test

check:
	@mk/packages.sh build test
	@$(MAKE) -j$(JOBS) --no-print-directory BUILD=$(BUILD) all unit-tests
	@$(MAKE) -j$(JOBS) --no-print-directory BUILD=$(BUILD)-sanitized SANITIZE=address,undefined unit-tests fuzzers
	@BUILD=$(BUILD) tests/run $(SUITES)

check-long:
	@FOOTPRINT_TEST_LONG=1 $(MAKE) --no-print-directory check

check-ci:
	@FOOTPRINT_TEST_LONG=ci $(MAKE) --no-print-directory check

.PHONY: unit-tests fuzzers
unit-tests: $(UNIT_TESTS)
fuzzers: $(FUZZERS)

demo:
	@mk/packages.sh build demo
	@$(MAKE) -j$(JOBS) --no-print-directory BUILD=$(BUILD) all
	@BUILD=$(BUILD) tests/demo.sh

clean:
	rm -rf $(BUILD) $(BUILD)-sanitized $(BUILD)-fuzz $(BUILD)-coverage

help:
	@sed -n 's/^#   //p' Makefile mk/*.mk
