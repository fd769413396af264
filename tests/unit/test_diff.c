/* One thing under two names is one change; what belongs to a run is none. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "lib/manifest/diff.h"
#include "lib/manifest/manifest.h"

#define NGINX "/usr/sbin/nginx"

struct two {
	struct manifest *before, *after;
	struct diff diff;
};

static void begin(struct two *t)
{
	*t = (struct two){ 0 };
	assert_int_equal(manifest_new("shop", "1.3", &t->before), 0);
	assert_int_equal(manifest_new("shop", "1.4", &t->after), 0);
}

static const struct diff *compare(struct two *t)
{
	const Footprint__Manifest *before, *after;

	diff_deinit(&t->diff);
	assert_int_equal(manifest_view(t->before, &before), 0);
	assert_int_equal(manifest_view(t->after, &after), 0);
	assert_int_equal(diff_make(before, after, &t->diff), 0);
	return &t->diff;
}

static void end(struct two *t)
{
	diff_deinit(&t->diff);
	manifest_free(t->before);
	manifest_free(t->after);
}

/* The only change of the group, which must be of this kind. */
static const struct change *only(
	const struct diff *diff, enum change_group group, enum change_kind kind)
{
	assert_int_equal(diff->groups[group].n, 1);
	assert_int_equal(diff->groups[group].changes[0].kind, kind);
	return &diff->groups[group].changes[0];
}

static struct file_state content(uint8_t digest, uint64_t size)
{
	return (struct file_state){
		.type = FOOTPRINT__FILE_TYPE__TYPE_FILE,
		.mode = 0644,
		.size = size,
		.has_sha256 = true,
		.sha256 = { digest },
	};
}

static void add_file(struct manifest *m, const char *path, struct file_state state)
{
	assert_int_equal(manifest_add_use(m, path, ACCESS_READ, NGINX), 0);
	assert_int_equal(manifest_set_state(m, path, &state), 0);
}

static void add_library(struct manifest *m, const char *path, const char *soname, uint8_t digest)
{
	const struct library_info info = { .soname = soname };

	add_file(m, path, content(digest, 1000));
	assert_int_equal(manifest_set_library(m, path, &info), 0);
	assert_int_equal(
		manifest_add_loader(m, path, NGINX, FOOTPRINT__LOADED__LOADED_NEEDED, NGINX), 0);
}

static void times_and_counts_are_no_difference(void **state)
{
	struct two t;

	(void)state;
	begin(&t);
	assert_int_equal(manifest_add_run(t.before, "a", 1, 2, 3, 4), 0);
	assert_int_equal(manifest_add_run(t.after, "b", 5, 6, 7, 8), 0);
	assert_int_equal(manifest_add_executable(t.before, NGINX, NULL, 1, 1, true), 0);
	assert_int_equal(manifest_add_executable(t.after, NGINX, NULL, 1, 9, true), 0);
	assert_int_equal(manifest_add_gap(t.before, "sites", NULL, "", 1), 0);
	assert_int_equal(manifest_add_gap(t.after, "sites", NULL, "", 2), 0);
	assert_true(diff_is_empty(compare(&t)));
	end(&t);
}

static void files_come_go_and_change(void **state)
{
	struct two t;
	struct change_counts counts;

	(void)state;
	begin(&t);
	add_file(t.before, "/gone", content(1, 10));
	add_file(t.before, "/same", content(2, 10));
	add_file(t.before, "/changed", content(3, 10));
	add_file(t.after, "/same", content(2, 10));
	add_file(t.after, "/changed", content(4, 10));
	add_file(t.after, "/new", content(5, 10));
	counts = diff_count(compare(&t), GROUP_FILES);
	assert_int_equal(counts.added, 1);
	assert_int_equal(counts.removed, 1);
	assert_int_equal(counts.changed, 1);
	assert_int_equal(counts.moved, 0);
	end(&t);
}

static void each_difference_is_named(void **state)
{
	struct file_state plain = content(1, 10), other;
	struct two t;

	(void)state;
	other = plain;
	other.mode = 0600;
	begin(&t);
	add_file(t.before, "/f", plain);
	add_file(t.after, "/f", other);
	assert_int_equal(only(compare(&t), GROUP_FILES, CHANGE_CHANGED)->what, DIFFERENCE_MODE);
	end(&t);

	other = plain;
	other.uid = 33;
	begin(&t);
	add_file(t.before, "/f", plain);
	add_file(t.after, "/f", other);
	assert_int_equal(only(compare(&t), GROUP_FILES, CHANGE_CHANGED)->what, DIFFERENCE_OWNER);
	end(&t);

	begin(&t);
	add_file(t.before, "/f", plain);
	add_file(t.after, "/f", plain);
	assert_int_equal(manifest_add_use(t.after, "/f", ACCESS_METADATA, NGINX), 0);
	assert_int_equal(only(compare(&t), GROUP_FILES, CHANGE_CHANGED)->what,
		DIFFERENCE_ACCESS | DIFFERENCE_USES);
	end(&t);

	begin(&t);
	for (int i = 0; i < 2; i++) {
		struct manifest *m = i ? t.after : t.before;

		add_file(m, "/f", plain);
		assert_int_equal(manifest_add_use(m, "/f", ACCESS_CHECK, i ? NGINX : "/bin/sh"), 0);
		assert_int_equal(manifest_add_use(m, "/f", ACCESS_READ, "/bin/sh"), 0);
	}
	assert_int_equal(only(compare(&t), GROUP_FILES, CHANGE_CHANGED)->what, DIFFERENCE_USES);
	assert_int_equal(diff_count(&t.diff, GROUP_FILES).uses, 1);
	assert_int_equal(diff_count(&t.diff, GROUP_FILES).users, 0);
	end(&t);

	begin(&t);
	add_file(t.before, "/f", plain);
	add_file(t.after, "/f", plain);
	assert_int_equal(manifest_add_use(t.before, "/f", ACCESS_READ, "/bin/sh"), 0);
	assert_int_equal(manifest_add_executable(t.after, "/bin/sh", NULL, 0, 0, false), 0);
	assert_int_equal(only(compare(&t), GROUP_FILES, CHANGE_CHANGED)->what, DIFFERENCE_USERS);
	end(&t);
}

/* Both sides have one file, one program and one library, in all the same; then one thing differs.
 */
struct thing {
	struct file_state file;
	struct library_info library;
	const char *interpreter, *needed;
	Footprint__Watched watched;
	Footprint__Loaded loaded;
	bool first, absent, deleted, no_program_file;
};

static const struct thing usual = {
	.file = { .type = FOOTPRINT__FILE_TYPE__TYPE_FILE,
		.mode = 0644,
		.size = 10,
		.manager = "dpkg",
		.package = "nginx",
		.package_version = "1",
		.architecture = "amd64" },
	.library = { .soname = "libz.so.1", .build_id = "00ff" },
	.interpreter = "/lib/ld.so",
	.needed = "libc.so.6",
	.watched = FOOTPRINT__WATCHED__WATCHED_PRELOAD,
	.first = true,
};

static void add_thing(struct manifest *m, const struct thing *thing)
{
	struct library_info library = thing->library;
	struct file_state program = content(1, 100);

	library.needed = &thing->needed;
	library.n_needed = 1;
	assert_int_equal(manifest_add_use(m, "/f", ACCESS_READ, NGINX), 0);
	if (thing->deleted)
		assert_int_equal(manifest_add_use(m, "/f", ACCESS_DELETE, NGINX), 0);
	if (!thing->absent)
		assert_int_equal(manifest_set_state(m, "/f", &thing->file), 0);
	assert_int_equal(manifest_add_executable(
				 m, NGINX, thing->interpreter, thing->watched, 1, thing->first),
		0);
	if (!thing->no_program_file)
		assert_int_equal(manifest_set_state(m, NGINX, &program), 0);
	assert_int_equal(manifest_set_library(m, "/lib/libz.so.1", &library), 0);
	assert_int_equal(manifest_add_loader(m, "/lib/libz.so.1", NGINX, thing->loaded, NULL), 0);
}

/* wanted: of the group's only change, and 0: there is none in any group. */
#define ASSERT_DIFFERS(group, wanted, change)                                                      \
	do {                                                                                       \
		struct thing thing = usual;                                                        \
		change;                                                                            \
		assert_differs(&usual, &thing, group, wanted);                                     \
		assert_differs(&thing, &usual, group, wanted);                                     \
	} while (0)

static void assert_differs(const struct thing *before, const struct thing *after,
	enum change_group group, uint32_t wanted)
{
	struct two t;

	begin(&t);
	add_thing(t.before, before);
	add_thing(t.after, after);
	compare(&t);
	for (enum change_group other = 0; other < N_CHANGE_GROUPS; other++)
		if (other != group && other != GROUP_PACKAGES)
			assert_int_equal(t.diff.groups[other].n, 0);
	if (wanted)
		assert_int_equal(only(&t.diff, group, CHANGE_CHANGED)->what, wanted);
	else
		assert_int_equal(t.diff.groups[group].n, 0);
	end(&t);
}

static void one_thing_that_differs_is_the_only_one_named(void **state)
{
	(void)state;
	ASSERT_DIFFERS(GROUP_FILES, 0, (void)thing);
	ASSERT_DIFFERS(GROUP_FILES, DIFFERENCE_CONTENT, thing.file.size = 11);
	ASSERT_DIFFERS(GROUP_FILES, 0, thing.file.size = 0);
	ASSERT_DIFFERS(GROUP_FILES, 0, thing.file.has_sha256 = true);
	ASSERT_DIFFERS(
		GROUP_FILES, DIFFERENCE_TYPE, thing.file.type = FOOTPRINT__FILE_TYPE__TYPE_FIFO);
	ASSERT_DIFFERS(GROUP_FILES, DIFFERENCE_OWNER, thing.file.gid = 1);
	ASSERT_DIFFERS(GROUP_FILES, DIFFERENCE_TARGET, thing.file.target = "g");
	ASSERT_DIFFERS(GROUP_FILES, DIFFERENCE_PACKAGE, thing.file.package = "till");
	ASSERT_DIFFERS(GROUP_FILES, 0, thing.file.package_version = "2");
	ASSERT_DIFFERS(GROUP_FILES, DIFFERENCE_PRESENCE, thing.absent = true);
	ASSERT_DIFFERS(GROUP_PROGRAMS, DIFFERENCE_INTERPRETER, thing.interpreter = NULL);
	ASSERT_DIFFERS(GROUP_PROGRAMS, DIFFERENCE_WATCHED, thing.watched = 2);
	ASSERT_DIFFERS(GROUP_PROGRAMS, DIFFERENCE_FIRST, thing.first = false);
	ASSERT_DIFFERS(GROUP_PROGRAMS, DIFFERENCE_PRESENCE, thing.no_program_file = true);
	ASSERT_DIFFERS(GROUP_LIBRARIES, DIFFERENCE_SONAME, thing.library.soname = "libz.so");
	ASSERT_DIFFERS(GROUP_LIBRARIES, DIFFERENCE_BUILD_ID, thing.library.build_id = "ff00");
	ASSERT_DIFFERS(GROUP_LIBRARIES, DIFFERENCE_NEEDED, thing.needed = "libm.so.6");
	ASSERT_DIFFERS(GROUP_LIBRARIES, DIFFERENCE_LOADED,
		thing.loaded = FOOTPRINT__LOADED__LOADED_DLOPEN);
}

/* Whether it was still there when it was looked at is chance, if both sides delete it. */
static void a_file_that_is_deleted_may_be_gone(void **state)
{
	struct thing there = usual, gone = usual;

	(void)state;
	there.deleted = gone.deleted = gone.absent = true;
	assert_differs(&there, &gone, GROUP_FILES, 0);
	there.deleted = false;
	assert_differs(&there, &gone, GROUP_FILES,
		DIFFERENCE_PRESENCE | DIFFERENCE_ACCESS | DIFFERENCE_USES);
}

/* As many as before, but others. */
static void another_user_takes_the_place_of_one(void **state)
{
	struct two t;

	(void)state;
	begin(&t);
	for (int i = 0; i < 2; i++) {
		struct manifest *m = i ? t.after : t.before;

		assert_int_equal(manifest_add_executable(m, "/bin/a", NULL, 1, 1, false), 0);
		assert_int_equal(manifest_add_executable(m, "/bin/b", NULL, 1, 1, false), 0);
		assert_int_equal(
			manifest_add_use(m, "/f", ACCESS_READ, i ? "/bin/b" : "/bin/a"), 0);
	}
	assert_int_equal(only(compare(&t), GROUP_FILES, CHANGE_CHANGED)->what, DIFFERENCE_USERS);
	end(&t);
}

static void a_moved_file_is_found_by_its_digest(void **state)
{
	const struct change *change;
	struct two t;

	(void)state;
	begin(&t);
	add_file(t.before, "/old/logo.png", content(7, 100));
	add_file(t.after, "/new/logo.png", content(7, 100));
	change = only(compare(&t), GROUP_FILES, CHANGE_MOVED);
	assert_int_equal(change->what, DIFFERENCE_PATH);
	end(&t);
}

static void empty_and_ambiguous_files_did_not_move(void **state)
{
	struct two t;

	(void)state;
	begin(&t);
	add_file(t.before, "/a", content(1, 0));
	add_file(t.after, "/b", content(1, 0));
	add_file(t.before, "/x1", content(2, 5));
	add_file(t.before, "/x2", content(2, 5));
	add_file(t.after, "/y", content(2, 5));
	assert_int_equal(diff_count(compare(&t), GROUP_FILES).moved, 0);
	assert_int_equal(diff_count(&t.diff, GROUP_FILES).removed, 3);
	assert_int_equal(diff_count(&t.diff, GROUP_FILES).added, 2);
	end(&t);
}

/* What Python 3.11 reads has other content in 3.12, and directories have none that could be
 * recognised. */
static void files_of_another_version_are_one_change_by_the_paths_shape(void **state)
{
	const struct file_state directory = { .type = FOOTPRINT__FILE_TYPE__TYPE_DIRECTORY };
	const struct diff *diff;
	struct two t;

	(void)state;
	begin(&t);
	add_file(t.before, "/usr/lib/python3.11", directory);
	add_file(t.after, "/usr/lib/python3.12", directory);
	add_file(t.before, "/usr/lib/python3.11/os.py", content(1, 10));
	add_file(t.after, "/usr/lib/python3.12/os.py", content(2, 20));
	add_file(t.before, "/var/lib/session1", content(3, 10));
	add_file(t.before, "/var/lib/session2", content(4, 10));
	add_file(t.after, "/var/lib/session3", content(5, 10));
	add_file(t.before, "/var/lib/12", content(6, 10)); /* a number, and no version */
	add_file(t.after, "/var/lib/13", content(7, 10));
	diff = compare(&t);
	assert_int_equal(diff_count(diff, GROUP_FILES).moved, 1);
	assert_int_equal(diff_count(diff, GROUP_FILES).changed, 1);
	assert_int_equal(diff->groups[GROUP_FILES].changes[0].what, DIFFERENCE_PATH);
	assert_int_equal(
		diff->groups[GROUP_FILES].changes[1].what, DIFFERENCE_PATH | DIFFERENCE_CONTENT);
	/* Which of the two became the third, nobody knows. */
	assert_int_equal(diff_count(diff, GROUP_FILES).removed, 3);
	assert_int_equal(diff_count(diff, GROUP_FILES).added, 2);
	end(&t);
}

static void a_missing_path_of_another_version_is_one_change(void **state)
{
	struct two t;

	(void)state;
	begin(&t);
	assert_int_equal(manifest_add_missing(t.before, "/usr/lib/python311.zip", NGINX), 0);
	assert_int_equal(manifest_add_missing(t.after, "/usr/lib/python312.zip", NGINX), 0);
	assert_int_equal(only(compare(&t), GROUP_MISSING, CHANGE_MOVED)->what, DIFFERENCE_PATH);
	end(&t);
}

static void a_library_update_is_one_change_by_soname(void **state)
{
	const struct change *change;
	struct two t;

	(void)state;
	begin(&t);
	add_library(t.before, "/usr/lib/libz.so.1.2.13", "libz.so.1", 1);
	add_library(t.after, "/usr/lib/libz.so.1.3.1", "libz.so.1", 2);
	change = only(compare(&t), GROUP_LIBRARIES, CHANGE_CHANGED);
	assert_int_equal(change->what, DIFFERENCE_PATH | DIFFERENCE_CONTENT);
	/* Its file is not listed as well. */
	assert_int_equal(t.diff.groups[GROUP_FILES].n, 0);
	end(&t);
}

static void a_new_soname_is_one_change_by_the_paths_shape(void **state)
{
	const struct change *change;
	struct two t;

	(void)state;
	begin(&t);
	add_library(t.before, "/usr/lib/libssl.so.1.1", "libssl.so.1.1", 1);
	add_library(t.after, "/usr/lib/libssl.so.3", "libssl.so.3", 2);
	change = only(compare(&t), GROUP_LIBRARIES, CHANGE_CHANGED);
	assert_true(change->what & DIFFERENCE_SONAME);
	end(&t);
}

static void unrelated_libraries_are_no_pair(void **state)
{
	struct two t;

	(void)state;
	begin(&t);
	add_library(t.before, "/usr/lib/libssl.so.3", "libssl.so.3", 1);
	add_library(t.after, "/usr/lib/libgnutls.so.30", "libgnutls.so.30", 2);
	compare(&t);
	assert_int_equal(diff_count(&t.diff, GROUP_LIBRARIES).added, 1);
	assert_int_equal(diff_count(&t.diff, GROUP_LIBRARIES).removed, 1);
	end(&t);
}

static void a_package_update_is_one_change(void **state)
{
	struct file_state before = content(1, 10), after = content(2, 10);
	const struct change *change;
	struct two t;

	(void)state;
	before.manager = after.manager = "dpkg";
	before.package = after.package = "libssl3";
	before.architecture = after.architecture = "amd64";
	before.package_version = "3.0.11";
	after.package_version = "3.0.13";
	begin(&t);
	add_file(t.before, "/f", before);
	add_file(t.after, "/f", after);
	change = only(compare(&t), GROUP_PACKAGES, CHANGE_CHANGED);
	assert_int_equal(change->what, DIFFERENCE_VERSION);
	end(&t);
}

static struct file_state packaged(
	uint8_t digest, const char *name, const char *version, const char *architecture)
{
	struct file_state state = content(digest, 10);

	state.manager = "dpkg";
	state.package = name;
	state.package_version = version;
	state.architecture = architecture;
	return state;
}

/* Distributions have the version in the name where several may be installed. */
static void a_package_whose_name_has_another_version_is_one_change(void **state)
{
	struct two t;

	(void)state;
	begin(&t);
	add_file(t.before, "/f", packaged(1, "php8.2-fpm", "8.2.36", "amd64"));
	add_file(t.after, "/f", packaged(2, "php8.4-fpm", "8.4.28", "amd64"));
	assert_int_equal(only(compare(&t), GROUP_PACKAGES, CHANGE_CHANGED)->what,
		DIFFERENCE_NAME | DIFFERENCE_VERSION);
	/* The numbers in the names of architectures and other packages mean something else. */
	add_file(t.before, "/g", packaged(1, "libx", "1", "i386"));
	add_file(t.after, "/g", packaged(2, "libx", "1", "i686"));
	add_file(t.before, "/h", packaged(1, "node", "1", "all"));
	add_file(t.after, "/h", packaged(2, "nodejs", "1", "all"));
	compare(&t);
	assert_int_equal(diff_count(&t.diff, GROUP_PACKAGES).changed, 1);
	assert_int_equal(diff_count(&t.diff, GROUP_PACKAGES).removed, 2);
	assert_int_equal(diff_count(&t.diff, GROUP_PACKAGES).added, 2);
	end(&t);
}

/* Python 3.11 became 3.12: what it reads did not change because of that. */
static void a_renamed_program_is_the_same_user(void **state)
{
	struct two t;

	(void)state;
	begin(&t);
	for (int i = 0; i < 2; i++) {
		struct manifest *m = i ? t.after : t.before;
		const char *python = i ? "/usr/bin/python3.12" : "/usr/bin/python3.11";

		assert_int_equal(manifest_add_executable(m, python, NULL, 1, 1, true), 0);
		assert_int_equal(manifest_add_use(m, "/etc/hosts", ACCESS_READ, python), 0);
		assert_int_equal(manifest_add_loader(m, "/lib/libz.so.1", python, 0, NULL), 0);
	}
	compare(&t);
	assert_true(only(&t.diff, GROUP_PROGRAMS, CHANGE_CHANGED)->what & DIFFERENCE_PATH);
	/* Also where it has another number now. */
	assert_int_equal(manifest_add_executable(t.after, "/bin/sh", NULL, 1, 1, false), 0);
	compare(&t);
	assert_int_equal(t.diff.groups[GROUP_PROGRAMS].n, 2);
	assert_int_equal(t.diff.groups[GROUP_FILES].n, 0);
	assert_int_equal(t.diff.groups[GROUP_LIBRARIES].n, 0);
	end(&t);
}

static void add_images(struct manifest *m)
{
	assert_int_equal(manifest_add_executable(m, "/usr/bin/cp", NULL, 1, 1, false), 0);
	assert_int_equal(manifest_add_executable(m, NGINX, NULL, 1, 1, true), 0);
	assert_int_equal(manifest_set_state(m, NGINX, &(struct file_state){ 0 }), 0);
	assert_int_equal(manifest_add_use(m, NGINX, ACCESS_EXEC, NGINX), 0);
	add_library(m, "/usr/lib/libz.so.1", "libz.so.1", 1);
}

/* What is done with the file of a program or library apart from executing and loading it. */
static void images_are_compared_by_how_they_are_used(void **state)
{
	static const char *const paths[] = { NGINX, "/usr/lib/libz.so.1" };
	static const enum change_group groups[] = { GROUP_PROGRAMS, GROUP_LIBRARIES };
	struct two t;

	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct change *change;

		begin(&t);
		add_images(t.before);
		add_images(t.after);
		assert_int_equal(manifest_add_use(t.after, paths[i], ACCESS_EXEC | ACCESS_LOAD,
					 "/usr/bin/cp"),
			0);
		assert_true(diff_is_empty(compare(&t)));
		assert_int_equal(
			manifest_add_use(t.after, paths[i], ACCESS_METADATA, "/usr/bin/cp"), 0);
		change = only(compare(&t), groups[i], CHANGE_CHANGED);
		assert_int_equal(change->what, DIFFERENCE_ACCESS | DIFFERENCE_USERS);
		assert_int_equal(
			manifest_add_use(t.before, paths[i], ACCESS_CHECK, "/usr/bin/cp"), 0);
		change = only(compare(&t), groups[i], CHANGE_CHANGED);
		assert_int_equal(change->what, DIFFERENCE_ACCESS | DIFFERENCE_USES);
		end(&t);
	}
}

/* One version reads what the other one executes or loads: as a file, it was neither added nor
 * removed. */
static void a_file_that_became_a_program_is_one_change(void **state)
{
	struct two t;

	(void)state;
	for (int back = 0; back < 2; back++) {
		enum change_kind kind = back ? CHANGE_REMOVED : CHANGE_ADDED;

		begin(&t);
		add_file(back ? t.after : t.before, "/usr/bin/seq", content(1, 10));
		add_file(back ? t.after : t.before, "/usr/lib/libz.so.1", content(2, 10));
		assert_int_equal(manifest_add_executable(back ? t.before : t.after, "/usr/bin/seq",
					 NULL, 1, 1, false),
			0);
		add_library(back ? t.before : t.after, "/usr/lib/libz.so.1", "libz.so.1", 2);
		compare(&t);
		only(&t.diff, GROUP_PROGRAMS, kind);
		only(&t.diff, GROUP_LIBRARIES, kind);
		assert_int_equal(t.diff.groups[GROUP_FILES].n, 0);
		end(&t);
	}
}

static void content_of_written_files_is_not_compared(void **state)
{
	struct two t;

	(void)state;
	begin(&t);
	for (int i = 0; i < 2; i++) {
		struct manifest *m = i ? t.after : t.before;

		add_file(m, "/var/log/x", content((uint8_t)(i + 1), 10 + (uint64_t)i));
		assert_int_equal(manifest_add_use(m, "/var/log/x", ACCESS_WRITE, NGINX), 0);
	}
	assert_true(diff_is_empty(compare(&t)));
	end(&t);
}

static void endpoints_missing_and_gaps_are_compared(void **state)
{
	struct two t;

	(void)state;
	begin(&t);
	assert_int_equal(
		manifest_add_endpoint(t.after, FOOTPRINT__ENDPOINT_OPERATION__OPERATION_CONNECT,
			"127.0.0.1:5432", NGINX),
		0);
	assert_int_equal(manifest_add_executable(t.before, NGINX, NULL, 0, 0, false), 0);
	assert_int_equal(manifest_add_missing(t.before, "/etc/ld.so.preload", NGINX), 0);
	assert_int_equal(manifest_add_gap(t.after, "static-program", "/bin/x", "", 1), 0);
	compare(&t);
	only(&t.diff, GROUP_ENDPOINTS, CHANGE_ADDED);
	only(&t.diff, GROUP_MISSING, CHANGE_REMOVED);
	only(&t.diff, GROUP_GAPS, CHANGE_ADDED);
	assert_int_equal(t.diff.groups[GROUP_PROGRAMS].n, 0);
	end(&t);
}

static void other_users_of_endpoints_and_missing_paths_are_a_change(void **state)
{
	struct two t;

	(void)state;
	begin(&t);
	for (int i = 0; i < 2; i++) {
		struct manifest *m = i ? t.after : t.before;

		assert_int_equal(manifest_add_executable(m, "/bin/sh", NULL, 1, 1, true), 0);
		assert_int_equal(manifest_add_missing(m, "/etc/ld.so.preload", NGINX), 0);
		assert_int_equal(
			manifest_add_endpoint(m, FOOTPRINT__ENDPOINT_OPERATION__OPERATION_BIND,
				"0.0.0.0:80", NGINX),
			0);
	}
	assert_true(diff_is_empty(compare(&t)));
	assert_int_equal(manifest_add_missing(t.after, "/etc/ld.so.preload", "/bin/sh"), 0);
	assert_int_equal(
		manifest_add_endpoint(t.before, FOOTPRINT__ENDPOINT_OPERATION__OPERATION_BIND,
			"0.0.0.0:80", "/bin/sh"),
		0);
	compare(&t);
	assert_int_equal(only(&t.diff, GROUP_MISSING, CHANGE_CHANGED)->what, DIFFERENCE_USERS);
	assert_int_equal(only(&t.diff, GROUP_ENDPOINTS, CHANGE_CHANGED)->what, DIFFERENCE_USERS);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_and_counts_are_no_difference),
		cmocka_unit_test(files_come_go_and_change),
		cmocka_unit_test(each_difference_is_named),
		cmocka_unit_test(one_thing_that_differs_is_the_only_one_named),
		cmocka_unit_test(a_file_that_is_deleted_may_be_gone),
		cmocka_unit_test(another_user_takes_the_place_of_one),
		cmocka_unit_test(a_moved_file_is_found_by_its_digest),
		cmocka_unit_test(empty_and_ambiguous_files_did_not_move),
		cmocka_unit_test(files_of_another_version_are_one_change_by_the_paths_shape),
		cmocka_unit_test(a_missing_path_of_another_version_is_one_change),
		cmocka_unit_test(a_library_update_is_one_change_by_soname),
		cmocka_unit_test(a_new_soname_is_one_change_by_the_paths_shape),
		cmocka_unit_test(unrelated_libraries_are_no_pair),
		cmocka_unit_test(a_package_update_is_one_change),
		cmocka_unit_test(a_package_whose_name_has_another_version_is_one_change),
		cmocka_unit_test(a_renamed_program_is_the_same_user),
		cmocka_unit_test(images_are_compared_by_how_they_are_used),
		cmocka_unit_test(a_file_that_became_a_program_is_one_change),
		cmocka_unit_test(content_of_written_files_is_not_compared),
		cmocka_unit_test(endpoints_missing_and_gaps_are_compared),
		cmocka_unit_test(other_users_of_endpoints_and_missing_paths_are_a_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
