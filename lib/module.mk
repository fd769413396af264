# What daemon and tools share. Each folder is a module with one reason to exist; its header says which.
LIB_SOURCES := $(wildcard lib/*/*.c)
