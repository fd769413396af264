AGGREGATOR_SOURCES := $(wildcard aggregator/*.c aggregator/*/*.c)
