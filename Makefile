# Footprint: non-recursive make. Each folder's module.mk names its sources; mk/ holds the rules.
#
#   make            build everything into $(BUILD)
#   make check      install what is missing, build, run every test (make check-long: the long forms too)
#   make demo       watch a real nginx, show its manifest and a diff
#   make help       all targets and switches

PROJECT := footprint
VERSION := 0.1.0
BUILD   ?= build
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
