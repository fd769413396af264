# Footprint: non-recursive make. Each folder's module.mk names its sources; mk/ holds the rules.
#
#   make            build everything into $(BUILD), which is build/
#   make check      install what is missing, build, run every test (SUITES=unit: some of them)
#   make check-ci   the long forms that matter most too: half an hour to forty minutes
#   make check-long all long forms: an hour
#   make demo       watch a real nginx, show its manifest and a diff
#   make bench      what watching costs, beside other ways of tracing
#   make fuzz       every fuzzer, searching
#   make lint       clang-tidy, shellcheck and clang-format; make format: formats
#   make coverage   what the unit tests reach
#   make install    below PREFIX=/usr/local, with DESTDIR= before it
#   make uninstall  what install and the installed library have made there
#   make deps       the Debian packages that building and testing take
#   make clean      remove the build folders
#   make help       this list, and switches:

PROJECT := footprint
VERSION := 0.1.0
BUILD   ?= build
# One name for each object, however the folder was given: what it depends on is noted by name.
override BUILD := $(patsubst $(CURDIR)/%,%,$(BUILD))
PREFIX  ?= /usr/local

.DEFAULT_GOAL := all

include mk/compile.mk

include proto/module.mk
include lib/module.mk
include preload/module.mk
-include supervise/module.mk
include aggregator/module.mk
include tools/module.mk
include tests/module.mk
include fuzz/module.mk
-include bench/module.mk

include mk/rules.mk
include mk/install.mk
include mk/lint.mk
include mk/targets.mk
