# Compilers, flags and switches.
#   DEVELOPER=1          warnings are errors
#   SANITIZE=a,b         build the daemon, the tools and the unit tests with these sanitizers
#   V=1                  show whole command lines

CC         ?= gcc
PROTOC_C   ?= protoc-c
PKG_CONFIG ?= pkg-config

Q = $(if $(V),,@)
say = $(if $(V),:,printf '  %-7s %s\n')

WARNINGS := -Wall -Wextra -Wformat=2 -Wmissing-prototypes -Wstrict-prototypes -Wshadow \
	-Wpointer-arith -Wundef -Wvla -Wwrite-strings \
	-Werror=implicit-function-declaration -Werror=incompatible-pointer-types \
	-Werror=int-conversion -Werror=return-type -Werror=format
WARNINGS += $(if $(DEVELOPER),-Werror)

OPTIMISE ?= -O2 -g
SANITIZE_FLAGS := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=undefined)

CPPFLAGS_ALL = -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -I. -I$(BUILD) \
	-DFOOTPRINT_VERSION_STRING='"$(VERSION)"' $(CPPFLAGS)
CFLAGS_ALL   = -std=gnu11 $(OPTIMISE) $(WARNINGS) $(SANITIZE_FLAGS) \
	$(if $(SANITIZE),,-D_FORTIFY_SOURCE=2) -fstack-protector-strong $(CFLAGS)
LDFLAGS_ALL  = $(SANITIZE_FLAGS) -pthread -Wl,-z,relro,-z,now $(LDFLAGS)

# Evaluated on use, so that `make help` and `make deps` run before the packages are there.
libs   = $(shell $(PKG_CONFIG) --libs $(1))
cflags = $(shell $(PKG_CONFIG) --cflags $(1))

# What lib/ needs: every program that links libfootprint-common.a links these.
LIB_PACKAGES := libprotobuf-c libzstd libcrypto sqlite3
