UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))

# Of the preload library, which stands on nothing.
UNIT_EXTRA_test_text := preload/text.c
UNIT_EXTRA_test_preloads := preload/preloads.c preload/text.c
UNIT_EXTRA_test_path_hash := preload/record/path_hash.c
UNIT_EXTRA_test_seen := preload/record/path_hash.c
UNIT_EXTRA_test_encode := preload/record/encode.c preload/text.c
UNIT_EXTRA_test_memory_copy := aggregator/sessions/memory.c
