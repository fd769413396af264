# footprint-supervise goes into other people's containers: static, and without a libc, so that it
# starts in no time. The recorder is the preload library's own: its objects are linked as they are.
SUPERVISE_SOURCES := $(wildcard supervise/*.c)
SUPERVISE_RECORDER := image preloads programs/filters programs/processes programs/program \
	programs/programs programs/supervised_begin programs/supervised_filter record/calls \
	record/calls_process record/calls_table record/encode record/facts record/held \
	record/path_hash record/places record/pointers record/prefixes record/recorder record/seen \
	session/connection session/entered session/hello session/memory session/reserve \
	session/session session/spool session/spool_file sites/sites_pattern text
SUPERVISE_ASSEMBLY := $(wildcard supervise/*.S)
SUPERVISE_OBJECTS := $(SUPERVISE_SOURCES:%.c=$(BUILD)/obj/%.o) \
	$(SUPERVISE_ASSEMBLY:%.S=$(BUILD)/obj/%.o) \
	$(SUPERVISE_RECORDER:%=$(BUILD)/obj/preload/%.o)

$(BUILD)/obj/supervise/%.o: supervise/%.c
	@mkdir -p $(@D)
	@$(say) CC $<
	$(Q)$(CC) $(PRELOAD_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/obj/supervise/%.o: supervise/%.S
	@mkdir -p $(@D)
	@$(say) AS $<
	$(Q)$(CC) $(PRELOAD_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/footprint-supervise: $(SUPERVISE_OBJECTS)
	@$(say) LD $@
	$(Q)$(CC) -static -nostdlib -no-pie -Wl,-z,noexecstack -Wl,--gc-sections -o $@ $^

all: $(BUILD)/footprint-supervise

# The fuzzer includes the supervisor's own sources; the recorder is linked.
FUZZ_EXTRA_fuzz_notification := supervise/absent.c $(SUPERVISE_RECORDER:%=preload/%.c)

UNIT_EXTRA_test_turns := supervise/turns.c
