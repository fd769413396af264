# make fuzz: every fuzzer, searching. (`make check` only replays the corpora.)
#   FUZZ_SECONDS=60      how long each of them searches
#   FUZZ="manifest elf"  which of them
#
# They are built by clang into $(BUILD)-fuzz. What one finds new goes to $(BUILD)-fuzz/found/NAME;
# an input that breaks something stands there as crash-*, and is run again by the fuzzer itself.

FUZZ_SECONDS ?= 60
FUZZ ?= $(patsubst fuzz/fuzz_%.c,%,$(wildcard fuzz/fuzz_*.c))
FUZZ_FLAGS := -fsanitize=fuzzer-no-link

.SECONDEXPANSION:
$(BUILD)/search/fuzz_%: $(BUILD)/obj/fuzz/fuzz_%.o $$(call objects,$$(FUZZ_EXTRA_fuzz_$$*)) \
		$(BUILD)/libfootprint-common.a
	@mkdir -p $(@D)
	@$(say) LD $@
	$(Q)$(CC) $(LDFLAGS_ALL) -fsanitize=fuzzer -o $@ $^ $(call libs,$(LIB_PACKAGES) libuv)

.PRECIOUS: $(BUILD)/obj/fuzz/%.o

.PHONY: fuzz
fuzz:
	@mk/packages.sh build fuzz
	@$(MAKE) --no-print-directory BUILD=$(BUILD)-fuzz CC=clang SANITIZE=address,undefined \
		CFLAGS=$(FUZZ_FLAGS) $(FUZZ:%=$(BUILD)-fuzz/search/fuzz_%)
	@for name in $(FUZZ); do \
		found=$(BUILD)-fuzz/found/$$name; \
		mkdir -p $$found && echo "fuzz_$$name for $(FUZZ_SECONDS) s" && \
		$(BUILD)-fuzz/search/fuzz_$$name -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=4096 \
			-timeout=20 -print_final_stats=1 -verbosity=0 -artifact_prefix=$$found/ \
			$$found fuzz/corpus/$$name || exit 1; \
	done
