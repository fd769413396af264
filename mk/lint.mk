# make lint: clang-tidy, shellcheck and clang-format: silent, or it fails. make coverage: what the unit
# tests reach.

LINT_C  = $(LIB_SOURCES) $(AGGREGATOR_SOURCES) $(TOOLS_SOURCES)
# Of supervise/outcome.c the analyzer does not see that look() fills the status it is given.
LINT_PRELOAD = $(PRELOAD_SOURCES) $(filter-out supervise/outcome.c,$(SUPERVISE_SOURCES))
LINT_SH = $(shell git ls-files | grep -v ^fuzz/corpus/ | xargs awk \
	'FNR == 1 { if (/^[#]!\/bin\/(ba)?sh/ || FILENAME ~ /\.sh$$/) print FILENAME; nextfile }')
FORMATTED = $(shell git ls-files '*.c' '*.h' | grep -v ^bench/)

# The longest take half a minute: a few files at a time, on all processors. Without carets clang does
# not count the warnings of headers that are not ours.
TIDY = xargs -P $(JOBS) -n 4 sh -c 'exec clang-tidy --quiet "$$@" -- -fno-caret-diagnostics $(subst ','\'',$(1))' sh
PRELOAD_LINT_FLAGS = -std=gnu11 -ffreestanding -I. -DFOOTPRINT_VERSION_STRING='"$(VERSION)"'

.PHONY: lint lint-c lint-preload lint-shell lint-format lint-packages format
lint: lint-shell lint-format lint-c lint-preload

lint-packages:
	@mk/packages.sh build lint

lint-c: lint-packages $(PROTO_HEADERS)
	@printf '%s\n' $(LINT_C) | $(call TIDY,$(CPPFLAGS_ALL) -std=gnu11)

lint-preload: lint-packages
	@printf '%s\n' $(LINT_PRELOAD) | $(call TIDY,$(PRELOAD_LINT_FLAGS))

lint-shell: lint-packages
	@shellcheck $(LINT_SH)

lint-format: lint-packages
	@clang-format --dry-run -Werror $(FORMATTED)

format: lint-packages
	@clang-format -i $(FORMATTED)

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
