AGGREGATOR_SOURCES := $(wildcard aggregator/*.c aggregator/*/*.c)

# A whole aggregator, without its process.
FUZZ_EXTRA_fuzz_aggregator := $(wildcard fuzz/aggregator/*.c) \
	$(filter-out aggregator/main.c,$(AGGREGATOR_SOURCES))
