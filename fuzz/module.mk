# fuzz/fuzz_x.c holds one LLVMFuzzerTestOneInput; FUZZ_EXTRA_fuzz_x names sources beyond lib/ that it
# needs; fuzz/corpus/x its inputs.
FUZZERS := $(patsubst fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard fuzz/fuzz_*.c))

include mk/fuzz.mk
