AGGREGATOR_SOURCES := $(wildcard aggregator/*.c)
