/* Facts may be added in any way; the view has them as proto/manifest.proto says. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <malloc.h>
#include <string.h>

#include "lib/manifest/manifest.h"

/* --- what every test begins with --- */

static int make_manifest(void **state)
{
	return manifest_new("app", "1", (struct manifest **)state);
}

static int free_manifest(void **state)
{
	manifest_free(*state);
	return 0;
}

static const Footprint__Manifest *view_of(void **state)
{
	const Footprint__Manifest *view;

	assert_int_equal(manifest_view(*state, &view), 0);
	return view;
}

static void assert_path(const ProtobufCBinaryData *path, const char *expected)
{
	assert_int_equal(path->len, strlen(expected));
	assert_memory_equal(path->data, expected, path->len);
}

/* --- tests --- */

static void names_become_fit_for_files(void **state)
{
	char name[129], other[129], longest[300];
	struct manifest *m;

	(void)state;
	manifest_name_sanitise("shop/../x y", "none", name);
	assert_string_equal(name, "shop_.._x_y");
	manifest_name_sanitise(".hidden", "none", name);
	assert_string_equal(name, "_hidden");
	manifest_name_sanitise("", "none", name);
	assert_string_equal(name, "none");
	manifest_name_sanitise(NULL, "none", name);
	assert_string_equal(name, "none");
	manifest_name_sanitise("1.4-rc+2_x", "none", name);
	assert_string_equal(name, "1.4-rc+2_x");
	memset(longest, 'x', sizeof(longest));
	longest[299] = '\0';
	manifest_name_sanitise(longest, "none", name);
	assert_int_equal(strlen(name), 110);
	longest[298] = 'y';
	manifest_name_sanitise(longest, "none", other);
	assert_string_not_equal(name, other);
	manifest_name_sanitise(other, "none", longest);
	assert_string_equal(longest, other);
	longest[110] = '\0';
	memset(longest, 'x', 110);
	manifest_name_sanitise(longest, "none", name);
	assert_string_equal(name, longest);
	assert_int_equal(manifest_new("a/b", "", &m), 0);
	assert_string_equal(manifest_application(m), "a_b");
	assert_string_equal(manifest_version(m), "unversioned");
	manifest_free(m);
}

static void only_canonical_paths_are_taken(void **state)
{
	static const char *const bad[] = { "", "x", "/x/", "//x", "/x//y", "/.", "/..", "/x/..",
		"/x/./y", "/x/../y" };
	static const char *const good[] = { "/", "/x", "/x/y", "/...", "/.x", "/x/..y", "/\xff" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(manifest_add_use(*state, bad[i], ACCESS_READ, "/p"), -EINVAL);
		assert_int_equal(manifest_add_use(*state, "/f", ACCESS_READ, bad[i]), -EINVAL);
		assert_int_equal(manifest_add_missing(*state, bad[i], NULL), -EINVAL);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(manifest_add_use(*state, good[i], ACCESS_READ, "/p"), 0);
}

static void uses_are_united_by_program(void **state)
{
	const Footprint__Manifest *view;

	assert_int_equal(manifest_add_use(*state, "/f", ACCESS_READ, "/b"), 0);
	assert_int_equal(manifest_add_use(*state, "/f", ACCESS_WRITE, "/a"), 0);
	assert_int_equal(manifest_add_use(*state, "/f", ACCESS_CHECK, "/b"), 0);
	view = view_of(state);
	assert_int_equal(view->n_executables, 2);
	assert_path(&view->executables[0]->path, "/a");
	assert_int_equal(view->n_files, 1);
	assert_int_equal(view->files[0]->n_uses, 2);
	assert_int_equal(view->files[0]->uses[0]->by, 0);
	assert_int_equal(view->files[0]->uses[0]->access, ACCESS_WRITE);
	assert_int_equal(view->files[0]->uses[1]->access, ACCESS_READ | ACCESS_CHECK);
}

static void lists_are_sorted_by_bytes(void **state)
{
	static const char *const sorted[] = { "/", "/a", "/a/b", "/a0", "/b", "/\xc3\xa4" };
	const size_t n = sizeof(sorted) / sizeof(sorted[0]);
	const Footprint__Manifest *view;

	for (size_t i = n; i-- > 0;)
		assert_int_equal(manifest_add_use(*state, sorted[i], ACCESS_READ, NULL), 0);
	view = view_of(state);
	for (size_t i = 0; i < n; i++)
		assert_path(&view->files[i]->path, sorted[i]);
}

static void changed_files_have_no_content(void **state)
{
	static const uint32_t changes[] = { ACCESS_WRITE, ACCESS_CREATE, ACCESS_DELETE,
		ACCESS_RENAME };
	static const struct file_state look = {
		.type = FOOTPRINT__FILE_TYPE__TYPE_FILE, .size = 5, .mode = 0640, .has_sha256 = true
	};
	const Footprint__Manifest *view;
	char path[16];

	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "/%zu", i);
		assert_int_equal(manifest_set_state(*state, path, &look), 0);
		assert_int_equal(manifest_add_use(*state, path, changes[i], "/p"), 0);
	}
	assert_int_equal(manifest_set_state(*state, "/read", &look), 0);
	assert_int_equal(manifest_add_use(*state, "/read", ACCESS_READ | ACCESS_METADATA, "/p"), 0);
	view = view_of(state);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(view->files[i]->size, 0);
		assert_int_equal(view->files[i]->sha256.len, 0);
		assert_int_equal(view->files[i]->mode, 0640);
	}
	assert_int_equal(view->files[4]->size, 5);
	assert_int_equal(view->files[4]->sha256.len, 32);
}

static void packages_no_file_names_are_left_out(void **state)
{
	struct file_state look = { .type = FOOTPRINT__FILE_TYPE__TYPE_FILE,
		.manager = "dpkg",
		.package = "libx",
		.package_version = "1",
		.architecture = "amd64" };
	const Footprint__Manifest *view;

	assert_int_equal(manifest_set_state(*state, "/f", &look), 0);
	look.package_version = "2";
	assert_int_equal(manifest_set_state(*state, "/f", &look), 0);
	look.package_version = "0";
	assert_int_equal(manifest_set_state(*state, "/f", &look), 0);
	view = view_of(state);
	assert_int_equal(view->n_packages, 1);
	assert_string_equal(view->packages[0]->version, "2");
	assert_int_equal(view->files[0]->package, 1);
}

/* Paths are numbered in the order of their first appearance. */
static void assert_next_unasked(
	void **state, struct unasked_file *file, const char *path, unsigned ask)
{
	assert_string_equal(manifest_next_unasked(*state, file), path);
	assert_int_equal(file->ask, ask);
}

static void packages_are_asked_for_later(void **state)
{
	static const struct file_state package = { .manager = "dpkg",
		.package = "libx",
		.package_version = "1",
		.architecture = "amd64" };
	struct file_state look = { .type = FOOTPRINT__FILE_TYPE__TYPE_FILE };
	struct unasked_file first = { 0 }, second = { 0 }, third = { 0 };
	const Footprint__Manifest *view;

	assert_false(manifest_has_unasked(*state));
	assert_int_equal(manifest_set_state(*state, "/known", &look), 0);
	for (look.ask = 1; look.ask <= 3; look.ask++)
		assert_int_equal(
			manifest_set_state(*state, &"/1\0/2\0/3"[(look.ask - 1) * 3], &look), 0);
	assert_next_unasked(state, &first, "/1", 1);
	second.place = first.place + 1;
	assert_next_unasked(state, &second, "/2", 2);
	third.place = second.place + 1;
	assert_next_unasked(state, &third, "/3", 3);
	view = view_of(state);
	assert_int_equal(view->n_packages, 0);

	/* Another look at the second path comes first, and knows more. */
	look.ask = 0;
	look.mode = 0755;
	assert_int_equal(manifest_set_state(*state, "/2", &look), 0);
	assert_int_equal(manifest_answer(*state, third, &package), 0);
	assert_int_equal(manifest_answer(*state, second, &package), 0);
	assert_true(manifest_has_unasked(*state));
	first.place = 0;
	assert_next_unasked(state, &first, "/1", 1);
	assert_int_equal(manifest_answer(*state, first, &(struct file_state){ 0 }), 0);
	assert_false(manifest_has_unasked(*state));
	assert_null(manifest_next_unasked(*state, &first));

	view = view_of(state);
	assert_int_equal(view->n_packages, 1);
	assert_int_equal(view->files[0]->package, 0);
	assert_int_equal(view->files[1]->package, 0);
	assert_int_equal(view->files[2]->package, 1);
}

static int add_runs(void *context, const char *path, uint64_t runs)
{
	uint64_t *sum = context;

	*sum += runs;
	return strcmp(path, "/last") ? 0 : -1;
}

static void single_facts_need_no_lists(void **state)
{
	struct manifest_run run;
	uint64_t sum = 0;

	assert_false(manifest_find_run(*state, "h", 15, &run));
	assert_int_equal(manifest_add_run(*state, "h", 10, 20, 4, 3), 0);
	assert_int_equal(manifest_add_run(*state, "h", 12, 18, 5, 6), 0);
	assert_int_equal(manifest_add_run(*state, "other", 13, 0, 7, 8), 0);
	assert_true(manifest_find_run(*state, "h", 15, &run));
	assert_int_equal(run.started_ns, 12);
	assert_int_equal(run.ended_ns, 18);
	assert_int_equal(run.processes, 5);
	assert_int_equal(run.records, 6);
	assert_true(manifest_find_run(*state, "h", 19, &run));
	assert_int_equal(run.started_ns, 10);
	assert_false(manifest_find_run(*state, "h", 21, &run));
	assert_true(manifest_find_run(*state, "other", 1, &run));
	assert_int_equal(manifest_each_program(*state, add_runs, &sum), 0);
	assert_int_equal(manifest_add_executable(*state, "/p", NULL, 0, 5, false), 0);
	assert_int_equal(manifest_add_executable(*state, "/last", NULL, 0, 2, false), 0);
	assert_int_equal(manifest_each_program(*state, add_runs, &sum), -1);
	assert_int_equal(sum, 7);
}

static void the_largest_counts_stand(void **state)
{
	const Footprint__Manifest *view;

	assert_int_equal(manifest_add_gap(*state, "sites", "/p", "why", 2), 0);
	assert_int_equal(manifest_add_gap(*state, "sites", "/p", "why", 7), 0);
	assert_int_equal(manifest_add_gap(*state, "sites", "/p", "why", 3), 0);
	assert_int_equal(manifest_add_run(*state, "h", 10, 0, 1, 9), 0);
	assert_int_equal(manifest_add_run(*state, "h", 10, 20, 4, 3), 0);
	assert_int_equal(manifest_add_executable(*state, "/p", NULL, 0, 5, false), 0);
	assert_int_equal(manifest_add_executable(*state, "/p", "/ld.so", 1, 4, true), 0);
	view = view_of(state);
	assert_int_equal(view->n_gaps, 1);
	assert_int_equal(view->gaps[0]->count, 7);
	assert_int_equal(view->n_runs, 1);
	assert_int_equal(view->runs[0]->ended_ns, 20);
	assert_int_equal(view->runs[0]->processes, 4);
	assert_int_equal(view->runs[0]->records, 9);
	assert_int_equal(view->executables[0]->runs, 5);
	assert_int_equal(view->executables[0]->watched, 1);
	assert_true(view->executables[0]->first);
}

static void text_that_is_not_utf8_is_escaped(void **state)
{
	static const struct library_info info = { .soname = "lib\xff.so" };

	assert_int_equal(manifest_set_library(*state, "/l", &info), 0);
	assert_string_equal(view_of(state)->libraries[0]->soname, "lib\\xff.so");
}

static void needed_names_keep_their_order(void **state)
{
	static const char *const needed[] = { "libz.so.1", "", "libc.so.6" };
	const struct library_info info = { .needed = needed, .n_needed = 3 };
	const Footprint__Manifest *view;

	assert_int_equal(manifest_set_library(*state, "/l", &info), 0);
	view = view_of(state);
	assert_int_equal(view->libraries[0]->n_needed, 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(view->libraries[0]->needed[i], needed[i]);
}

static void a_view_follows_later_facts(void **state)
{
	assert_int_equal(manifest_add_use(*state, "/a", ACCESS_READ, "/p"), 0);
	assert_int_equal(view_of(state)->n_files, 1);
	assert_int_equal(manifest_add_use(*state, "/b", ACCESS_READ, "/p"), 0);
	assert_int_equal(view_of(state)->n_files, 2);
}

#if !__GLIBC_PREREQ(2, 33)
#define mallinfo2 mallinfo
#endif

/* At most 200 bytes a path beyond the path itself, according to malloc's statistics. */
static void a_path_costs_less_than_two_hundred_bytes(void **state)
{
	const size_t n = 100000;
	struct mallinfo2 before = mallinfo2(), after;
	size_t bytes = 0, used;
	char path[64];

	for (size_t i = 0; i < n; i++) {
		struct file_state look = {
			.type = FOOTPRINT__FILE_TYPE__TYPE_FILE, .size = i, .has_sha256 = true
		};

		bytes += (size_t)snprintf(
			path, sizeof(path), "/usr/share/app/%zu/%zu.dat", i / 100, i);
		assert_int_equal(manifest_add_use(*state, path, ACCESS_READ, "/p"), 0);
		assert_int_equal(manifest_set_state(*state, path, &look), 0);
	}
	after = mallinfo2();
	used = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
	/* A sanitizer's malloc has no such statistics. */
	if (used)
		assert_in_range((used - bytes) / n, 50, 199);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_manifest, free_manifest)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_become_fit_for_files),
		TEST(only_canonical_paths_are_taken),
		TEST(uses_are_united_by_program),
		TEST(lists_are_sorted_by_bytes),
		TEST(changed_files_have_no_content),
		TEST(packages_no_file_names_are_left_out),
		TEST(packages_are_asked_for_later),
		TEST(single_facts_need_no_lists),
		TEST(the_largest_counts_stand),
		TEST(text_that_is_not_utf8_is_escaped),
		TEST(needed_names_keep_their_order),
		TEST(a_view_follows_later_facts),
		TEST(a_path_costs_less_than_two_hundred_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
