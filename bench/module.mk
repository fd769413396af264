# The load generator, the measurer of starts and the empty library (the floor) of `make bench`.
$(BUILD)/bench/loader: bench/loader.c
	@mkdir -p $(@D)
	@$(say) CC $<
	$(Q)$(CC) -D_GNU_SOURCE -std=gnu11 $(OPTIMISE) $(WARNINGS) -o $@ $< -lpthread

$(BUILD)/bench/starts: bench/starts.c
	@mkdir -p $(@D)
	@$(say) CC $<
	$(Q)$(CC) -D_GNU_SOURCE -std=gnu11 $(OPTIMISE) $(WARNINGS) -o $@ $< -lm

$(BUILD)/bench/empty.so: bench/empty.c
	@mkdir -p $(@D)
	@$(say) CC $<
	$(Q)$(CC) -shared -fPIC -nostdlib -o $@ $<

.PHONY: bench bench-programs
bench-programs: $(BUILD)/bench/loader $(BUILD)/bench/starts $(BUILD)/bench/empty.so
bench:
	@mk/packages.sh build bench
	@$(MAKE) --no-print-directory BUILD=$(BUILD) all bench-programs
	@status=0; bench/run.py --build $(BUILD) $(BENCH) || status=1; \
		bench/supervised.py --build $(BUILD) || status=1; exit $$status

# How the aggregator's cost grows with sessions and paths: bench/GROWTH.md.
.PHONY: bench-growth
bench-growth:
	@mk/packages.sh build bench
	@$(MAKE) --no-print-directory BUILD=$(BUILD) all
	@bench/growth.py --build $(BUILD)
