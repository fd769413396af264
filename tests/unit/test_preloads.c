/* The entries of LD_PRELOAD, split like by ld.so(8). */
#include "preload/preloads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define OURS "/opt/lib/libfootprint.so"

static void test_entries_stand_between_colons_and_spaces(void **state)
{
	const char *at = ": liba.so::/b/libb.so  libc.so: ";
	struct span entry;

	(void)state;
	assert_true(preloads_next(&at, &entry));
	assert_true(span_equal(entry, span_of("liba.so")));
	assert_true(preloads_next(&at, &entry));
	assert_true(span_equal(entry, span_of("/b/libb.so")));
	assert_true(preloads_next(&at, &entry));
	assert_true(span_equal(entry, span_of("libc.so")));
	assert_false(preloads_next(&at, &entry));
	assert_false(preloads_next(&at, &entry));
}

static void test_a_path_is_a_whole_entry(void **state)
{
	(void)state;
	assert_true(preloads_hold(OURS, OURS));
	assert_true(preloads_hold("libx.so:" OURS " liby.so", OURS));
	assert_false(preloads_hold("/before" OURS, OURS));
	assert_false(preloads_hold(OURS ".old", OURS));
	assert_false(preloads_hold("libfootprint.so", OURS));
	assert_false(preloads_hold("", OURS));
	assert_false(preloads_hold(NULL, OURS));
	assert_false(preloads_hold(OURS, NULL));
}

static void test_a_file_may_be_in_any_folder(void **state)
{
	(void)state;
	assert_true(preloads_hold_file("libfootprint.so", "libfootprint.so"));
	assert_true(preloads_hold_file("libx.so " OURS, "libfootprint.so"));
	assert_false(preloads_hold_file(OURS "/libx.so", "libfootprint.so"));
	assert_false(preloads_hold_file(OURS ".1:/a/mylibfootprint.so", "libfootprint.so"));
	assert_false(preloads_hold_file(NULL, "libfootprint.so"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries_stand_between_colons_and_spaces),
		cmocka_unit_test(test_a_path_is_a_whole_entry),
		cmocka_unit_test(test_a_file_may_be_in_any_folder),
	};

	return cmocka_run_group_tests_name("preloads", tests, NULL, NULL);
}
