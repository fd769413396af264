# protoc-c writes what the daemon, the tools and the tests use; the preload library encodes by hand.
PROTO_FILES   := proto/record.proto proto/manifest.proto
PROTO_HEADERS := $(patsubst %.proto,$(BUILD)/%.pb-c.h,$(PROTO_FILES))
PROTO_OBJECTS := $(patsubst proto/%.proto,$(BUILD)/obj/proto/%.pb-c.o,$(PROTO_FILES))

$(BUILD)/proto/%.pb-c.c $(BUILD)/proto/%.pb-c.h: proto/%.proto
	@mkdir -p $(@D)
	@$(say) PROTOC $<
	$(Q)$(PROTOC_C) --c_out=$(BUILD) $<

.PRECIOUS: $(BUILD)/proto/%.pb-c.c $(BUILD)/proto/%.pb-c.h
