TOOLS_SOURCES := $(wildcard tools/*.c)
