# make lint: clang-tidy, shellcheck and the format. make coverage: what the unit tests reach.

LINT_C  = $(LIB_SOURCES) $(AGGREGATOR_SOURCES) $(TOOLS_SOURCES)
LINT_SH = $(shell git ls-files '*.sh' | xargs -r grep -lE '^\#!/bin/(ba)?sh')

.PHONY: lint lint-preload lint-shell format
lint: $(PROTO_HEADERS) lint-preload lint-shell
	@mk/packages.sh build lint
	clang-tidy --quiet $(LINT_C) -- $(CPPFLAGS_ALL) -std=gnu11

lint-preload:
	@mk/packages.sh lint
	clang-tidy --quiet $(PRELOAD_SOURCES) -- -std=gnu11 -ffreestanding -I. \
		-DFOOTPRINT_VERSION_STRING='"$(VERSION)"'

lint-shell:
	@mk/packages.sh lint
	shellcheck $(LINT_SH) tests/run

format:
	@mk/packages.sh lint
	clang-format -i $(LINT_C) $(LIB_SOURCES:.c=.h) $(PRELOAD_SOURCES)

.PHONY: coverage
coverage:
	@mk/packages.sh build test
	@$(MAKE) --no-print-directory BUILD=$(BUILD)-coverage \
		OPTIMISE='-O0 -g --coverage' CPPFLAGS=-U_FORTIFY_SOURCE unit-tests
	@for test in $(BUILD)-coverage/tests/test_*; do [ -x $$test ] && $$test >/dev/null || exit 1; done
	@cd $(BUILD)-coverage && find obj/lib obj/aggregator -name '*.gcda' 2>/dev/null | \
		xargs -r gcov -r -s .. >coverage.txt 2>/dev/null; \
	awk '/^File/ { file = $$2 } /^Lines executed/ { sub("Lines executed:", ""); \
		if (file !~ /\.pb-c/) printf "%8s  %s\n", $$1, file }' coverage.txt | sort -n
