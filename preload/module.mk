# libfootprint.so lives in other people's processes: no DT_NEEDED, no versioned import, no TLS, no
# stack protector (its canary is libc's), no fortify (it renames functions), no 64-bit file offsets
# (they rename stat to stat64), no inline functions of libc's headers (older ones return a double). With unwind tables: threads are cancelled and exceptions fly through
# the hooks. Null checks stay: libc's prototypes promise what callers do not keep.
#
# initfirst: its constructor runs before all others (with glibc since 2.34, or where no libpthread is
# loaded), for they open files inside libc, and start threads, beside which no code is written.
#
# layout.ld: two segments and no relro, each mapping more is paid at every start of every program, and
# what a start runs stands together (layout_start.ld). The library's global offset table holds ten entries.
PRELOAD_SOURCES := $(wildcard preload/*.c preload/*/*.c)
PRELOAD_ASSEMBLY := $(wildcard preload/*.S preload/*/*.S)
PRELOAD_OBJECTS := $(patsubst preload/%.c,$(BUILD)/obj/preload/%.o,$(PRELOAD_SOURCES)) \
	$(patsubst preload/%.S,$(BUILD)/obj/preload/%.o,$(PRELOAD_ASSEMBLY))

PRELOAD_CFLAGS := -std=gnu11 $(OPTIMISE) $(WARNINGS) -fPIC -fvisibility=hidden -ffreestanding \
	-fno-stack-protector -U_FORTIFY_SOURCE -fcf-protection=none -fno-builtin \
	-D__NO_INLINE__=1 \
	-fasynchronous-unwind-tables -fno-delete-null-pointer-checks -fno-plt -mgeneral-regs-only \
	-ffunction-sections -I. -DFOOTPRINT_VERSION_STRING='"$(VERSION)"'

$(BUILD)/obj/preload/%.o: preload/%.c preload/module.mk
	@mkdir -p $(@D)
	@$(say) CC $<
	$(Q)$(CC) $(PRELOAD_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/obj/preload/%.o: preload/%.S preload/module.mk
	@mkdir -p $(@D)
	@$(say) AS $<
	$(Q)$(CC) $(PRELOAD_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/libfootprint.so: $(PRELOAD_OBJECTS) preload/exports.map preload/layout.ld preload/layout_start.ld
	@$(say) LD $@
	$(Q)$(CC) -shared -nostdlib -Wl,--version-script=preload/exports.map -Wl,-T,preload/layout.ld \
		-Wl,-z,norelro,-z,now,-z,initfirst,-z,max-page-size=4096 \
		-Wl,-z,noexecstack -Wl,--hash-style=gnu -Wl,-Bsymbolic -Wl,-soname,libfootprint.so \
		-Wl,--no-undefined -o $@ $(PRELOAD_OBJECTS)
