# Pattern rules. The preload library has flags of its own and stands in preload/module.mk.

$(BUILD)/obj/%.o: %.c $(PROTO_HEADERS)
	@mkdir -p $(@D)
	@$(say) CC $<
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

$(BUILD)/obj/proto/%.o: $(BUILD)/proto/%.c
	@mkdir -p $(@D)
	@$(say) CC $<
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

$(BUILD)/libfootprint-common.a: $(call objects,$(LIB_SOURCES)) $(PROTO_OBJECTS)
	@$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/footprintd: $(call objects,$(AGGREGATOR_SOURCES)) $(BUILD)/libfootprint-common.a
	@$(say) LD $@
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(call libs,$(LIB_PACKAGES) libuv)

$(BUILD)/footprint: $(call objects,$(TOOLS_SOURCES)) $(BUILD)/libfootprint-common.a
	@$(say) LD $@
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(call libs,$(LIB_PACKAGES))

# tests/unit/test_x.c becomes $(BUILD)/tests/test_x, linked with lib/, with what
# UNIT_EXTRA_test_x names (daemon or tool sources) and with cmocka.
.SECONDEXPANSION:
$(BUILD)/tests/test_%: $(BUILD)/obj/tests/unit/test_%.o $$(call objects,$$(UNIT_EXTRA_test_$$*)) \
		$(BUILD)/libfootprint-common.a
	@mkdir -p $(@D)
	@$(say) LD $@
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(call libs,$(LIB_PACKAGES) libuv cmocka jansson)

# fuzz/fuzz_x.c holds LLVMFuzzerTestOneInput; fuzz/replay.c runs it over files and folders.
$(BUILD)/fuzz/fuzz_%: $(BUILD)/obj/fuzz/fuzz_%.o $(BUILD)/obj/fuzz/replay.o \
		$$(call objects,$$(FUZZ_EXTRA_fuzz_$$*)) $(BUILD)/libfootprint-common.a
	@mkdir -p $(@D)
	@$(say) LD $@
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(call libs,$(LIB_PACKAGES) libuv)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
