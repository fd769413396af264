/* Tables of mounts: made-up ones, and the kernel's own, whose ids statx tells as well. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "lib/root/mounts.h"

static const char table[] = "20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
			    "21 20 0:5 / /proc rw - proc proc rw\n"
			    "22 20 8:2 /a\\040b/\\134x /mnt/with\\040space rw master:1 "
			    "propagate_from:2 - xfs /dev/sdb rw\n"
			    "no mount at all\n"
			    "23 20 0:30 / /mnt rw - tmpfs none rw\n"
			    "24 20 0:31 / /mnt rw - tmpfs none rw\n"
			    "25 20 8:1 relative relative rw - ext4 /dev/sda1 rw\n"
			    "26 20 8:1 /cut";

static struct mounts parsed(void)
{
	struct mounts mounts;

	assert_int_equal(mounts_parse(table, sizeof(table) - 1, &mounts), 0);
	return mounts;
}

static void test_lines_that_are_no_mounts_are_left_out(void **state)
{
	struct mounts mounts = parsed();

	(void)state;
	assert_int_equal(mounts.n, 5);
	assert_null(mounts_find(&mounts, 25));
	assert_null(mounts_find(&mounts, 26));
	mounts_deinit(&mounts);
}

static void test_fields_are_unescaped(void **state)
{
	struct mounts mounts = parsed();
	const struct mount *mount = mounts_find(&mounts, 22);

	(void)state;
	assert_non_null(mount);
	assert_string_equal(mount->top, "/a b/\\x");
	assert_string_equal(mount->point, "/mnt/with space");
	assert_string_equal(mount->type, "xfs");
	assert_int_equal(mounts_find(&mounts, 20)->device, (uint64_t)8 << 32 | 1);
	mounts_deinit(&mounts);
}

static void test_a_path_is_on_the_uppermost_mount_at_the_deepest_place(void **state)
{
	struct mounts mounts = parsed();

	(void)state;
	assert_int_equal(mounts_of(&mounts, "/")->id, 20);
	assert_int_equal(mounts_of(&mounts, "/mntx")->id, 20);
	assert_int_equal(mounts_of(&mounts, "/mnt")->id, 24);
	assert_int_equal(mounts_of(&mounts, "/mnt/with space/f")->id, 22);
	mounts_deinit(&mounts);
}

static void test_a_table_as_another_root_sees_it(void **state)
{
	struct mounts mounts = parsed(), seen;

	(void)state;
	assert_int_equal(mounts_from(&mounts, 22, &seen), 0);
	assert_int_equal(seen.n, 1);
	assert_string_equal(seen.list[0].point, "/");
	mounts_deinit(&seen);
	assert_int_equal(mounts_from(&mounts, 20, &seen), 0);
	assert_int_equal(seen.n, 5);
	assert_string_equal(mounts_of(&seen, "/mnt/with space")->top, "/a b/\\x");
	mounts_deinit(&seen);
	assert_int_equal(mounts_from(&mounts, 99, &seen), 0);
	assert_int_equal(seen.n, 0);
	mounts_deinit(&seen);
	mounts_deinit(&mounts);
}

static void test_below(void **state)
{
	(void)state;
	assert_string_equal(mounts_below("/a/b", "/a"), "/b");
	assert_string_equal(mounts_below("/a/b", "/"), "/a/b");
	assert_string_equal(mounts_below("/a", "/a"), "");
	assert_string_equal(mounts_below("/", "/"), "");
	assert_null(mounts_below("/ab", "/a"));
	assert_null(mounts_below("/a", "/a/b"));
}

static void test_the_kernels_own_table_has_the_ids_of_statx(void **state)
{
	static const char *const places[] = { "/", "/proc", "/dev", "/sys", "/tmp" };
	static char text[1 << 20];
	FILE *file = fopen("/proc/self/mountinfo", "r");
	struct mounts mounts;
	size_t size;

	(void)state;
	assert_non_null(file);
	size = fread(text, 1, sizeof(text), file);
	fclose(file);
	assert_int_equal(mounts_parse(text, size, &mounts), 0);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		struct statx status;

		if (statx(AT_FDCWD, places[i], AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &status) < 0 ||
			!(status.stx_mask & STATX_MNT_ID) || !S_ISDIR(status.stx_mode))
			continue;
		assert_int_equal(mounts_of(&mounts, places[i])->id, status.stx_mnt_id);
	}
	mounts_deinit(&mounts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_that_are_no_mounts_are_left_out),
		cmocka_unit_test(test_fields_are_unescaped),
		cmocka_unit_test(test_a_path_is_on_the_uppermost_mount_at_the_deepest_place),
		cmocka_unit_test(test_a_table_as_another_root_sees_it),
		cmocka_unit_test(test_below),
		cmocka_unit_test(test_the_kernels_own_table_has_the_ids_of_statx),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
