/* Manifest files are replaced as a whole or not at all, and keep their permissions. If that is
 * impossible, an error says so before anything is written. */
#include "tests/unit/random_facts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/manifest/codec.h"

static struct manifest *manifest;
static char folder[64], name[128], temporary[128];

static int begin(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/test_manifest_files.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(name, sizeof(name), "%s/x.footprint", folder);
	snprintf(temporary, sizeof(temporary), "%s/.x.footprint.tmp", folder);
	return manifest_new("app", "1", &manifest);
}

static int end(void **state)
{
	(void)state;
	manifest_free(manifest);
	return rmdir(folder);
}

static void written_files_are_read(void **state)
{
	struct manifest *again = NULL;
	struct stat status;
	struct error err;

	(void)state;
	/* A torn temporary file, as a crash leaves it. */
	close(open(temporary, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(manifest_write(manifest, AT_FDCWD, name, &err), 0);
	assert_int_equal(access(temporary, F_OK), -1);
	assert_int_equal(stat(name, &status), 0);
	assert_int_equal(manifest_read(name, &again, &err), 0);
	assert_string_equal(manifest_application(again), "app");
	unlink(name);
	manifest_free(again);
}

static void a_second_writer_is_told_so(void **state)
{
	struct error err;
	int other;

	(void)state;
	other = open(temporary, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(flock(other, LOCK_EX), 0);
	assert_int_equal(manifest_write(manifest, AT_FDCWD, name, &err), -EBUSY);
	close(other);
	assert_int_equal(manifest_write(manifest, AT_FDCWD, name, &err), 0);
	unlink(name);
}

static void a_failed_write_keeps_the_old_file(void **state)
{
	struct manifest *again = NULL;
	struct error err;

	(void)state;
	assert_int_equal(manifest_write(manifest, AT_FDCWD, name, &err), 0);
	/* A symlink with the temporary file's name is not followed. */
	assert_int_equal(symlink("/dev/full", temporary), 0);
	assert_int_equal(manifest_write(manifest, AT_FDCWD, name, &err), -ELOOP);
	assert_non_null(strstr(err.text, name));
	unlink(temporary);
	assert_int_equal(manifest_read(name, &again, &err), 0);
	manifest_free(again);
	unlink(name);
}

static mode_t mode_of(const char *path)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	return status.st_mode & 07777;
}

static void make_file(const char *path, mode_t mode)
{
	int fd;

	unlink(path);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void the_permissions_of_the_old_file_stay(void **state)
{
	static const mode_t modes[] = { 0600, 0640, 0604, 0444, 0664, 0666, 0755 };
	mode_t before;
	struct error err;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(modes) / sizeof(modes[0]); i++) {
		make_file(name, modes[i / 2]);
		if (i % 2) /* a file that a crash has left may be open to everybody */
			make_file(temporary, 0666);
		assert_int_equal(manifest_write(manifest, AT_FDCWD, name, &err), 0);
		assert_int_equal(mode_of(name), modes[i / 2]);
	}
	unlink(name);
	before = umask(027);
	assert_int_equal(manifest_write(manifest, AT_FDCWD, name, &err), 0);
	umask(before);
	assert_int_equal(mode_of(name), 0640);
	unlink(name);
}

static void a_stranger_opens_no_file_of_ours(void **state)
{
	struct stat status;
	struct error err;

	(void)state;
	if (geteuid() != 0)
		skip();
	make_file(name, 0666);
	assert_int_equal(chown(name, 65534, 65533), 0);
	assert_int_equal(manifest_write(manifest, AT_FDCWD, name, &err), 0);
	assert_int_equal(mode_of(name), 0644);
	assert_int_equal(stat(name, &status), 0);
	assert_int_equal(status.st_uid, 0);
	assert_int_equal(status.st_gid, 65533);
	unlink(name);
}

/* A name with `size` letters, in the folder. */
static const char *long_name(size_t size, char letter)
{
	static char path[512];
	size_t length = (size_t)snprintf(path, sizeof(path), "%s/", folder);

	memset(path + length, letter, size);
	path[length + size] = '\0';
	return path;
}

static void every_name_that_fits_a_file_is_written(void **state)
{
	static const size_t sizes[] = { 1, 250, 251, 255 };
	struct manifest *again = NULL;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const char *path = long_name(sizes[i], 'x');

		assert_int_equal(manifest_check_place(AT_FDCWD, path, &err), 0);
		assert_int_equal(manifest_write(manifest, AT_FDCWD, path, &err), 0);
		assert_int_equal(manifest_read(path, &again, &err), 0);
		manifest_free(again);
		unlink(path);
	}
	assert_int_equal(manifest_check_place(AT_FDCWD, long_name(256, 'x'), &err), -ENAMETOOLONG);
	assert_int_equal(
		manifest_write(manifest, AT_FDCWD, long_name(256, 'x'), &err), -ENAMETOOLONG);
}

/* How many files are in the folder, without "." and "..". */
static size_t count_files(void)
{
	DIR *files = opendir(folder);
	size_t n = 0;

	assert_non_null(files);
	while (readdir(files))
		n++;
	closedir(files);
	return n - 2;
}

static void asking_whether_a_place_can_be_written_leaves_nothing(void **state)
{
	struct error err;
	int other;

	(void)state;
	assert_int_equal(manifest_check_place(AT_FDCWD, name, &err), 0);
	assert_int_equal(count_files(), 0);
	make_file(temporary, 0600);
	assert_int_equal(manifest_check_place(AT_FDCWD, name, &err), 0);
	/* If another process is writing it, the file will be complete afterwards. */
	other = open(temporary, O_WRONLY);
	assert_int_equal(flock(other, LOCK_EX), 0);
	assert_int_equal(manifest_check_place(AT_FDCWD, name, &err), 0);
	close(other);
	assert_int_equal(count_files(), 1);
	unlink(temporary);
}

static void what_stands_in_the_way_is_named(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(mkdir(temporary, 0700), 0);
	assert_int_equal(manifest_check_place(AT_FDCWD, name, &err), -EISDIR);
	assert_non_null(strstr(err.text, ".x.footprint.tmp: "));
	assert_int_equal(manifest_write(manifest, AT_FDCWD, name, &err), -EISDIR);
	assert_non_null(strstr(err.text, ".x.footprint.tmp: "));
	rmdir(temporary);
}

static void a_directory_that_cannot_be_read_is_written_into(void **state)
{
	struct error err;
	uid_t self = geteuid();

	(void)state;
	assert_int_equal(chmod(folder, 0333), 0);
	if (self == 0)
		assert_int_equal(seteuid(65534), 0);
	assert_int_equal(open(folder, O_RDONLY), -1);
	assert_int_equal(manifest_check_place(AT_FDCWD, name, &err), 0);
	assert_int_equal(manifest_write(manifest, AT_FDCWD, name, &err), 0);
	assert_int_equal(seteuid(self), 0);
	assert_int_equal(chmod(folder, 0700), 0);
	unlink(name);
}

static void files_of_others_stay_in_a_sticky_directory(void **state)
{
	struct error err;
	char own[128];

	(void)state;
	if (geteuid() != 0)
		skip();
	snprintf(own, sizeof(own), "%s/own.footprint", folder);
	make_file(name, 0666);
	assert_int_equal(chmod(folder, 01777), 0);
	assert_int_equal(manifest_check_place(AT_FDCWD, name, &err), 0);
	assert_int_equal(seteuid(65534), 0);
	assert_int_equal(manifest_check_place(AT_FDCWD, name, &err), -EPERM);
	assert_int_equal(manifest_write(manifest, AT_FDCWD, name, &err), -EPERM);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(manifest_check_place(AT_FDCWD, own, &err), 0);
		assert_int_equal(manifest_write(manifest, AT_FDCWD, own, &err), 0);
	}
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(folder, 0700), 0);
	unlink(name);
	unlink(own);
}

/* The group that could read the file is none of the writer's groups. */
static void a_group_that_cannot_be_kept_leaves_no_other_in(void **state)
{
	struct error err;

	(void)state;
	if (geteuid() != 0)
		skip();
	make_file(name, 0640);
	assert_int_equal(chown(name, 65534, 12345), 0);
	assert_int_equal(chmod(folder, 0777), 0);
	assert_int_equal(seteuid(65534), 0);
	assert_int_equal(manifest_write(manifest, AT_FDCWD, name, &err), 0);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(mode_of(name), 0600);
	assert_int_equal(chmod(folder, 0700), 0);
	unlink(name);
}

static void what_is_no_file_is_named(void **state)
{
	struct manifest *none = NULL;
	struct error err;

	(void)state;
	assert_int_equal(manifest_read(folder, &none, &err), -EISDIR);
	assert_non_null(strstr(err.text, folder));
	assert_int_equal(manifest_read("/dev/zero", &none, &err), -EINVAL);
	assert_int_equal(manifest_read("/nonexistent", &none, &err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_files_are_read),
		cmocka_unit_test(a_second_writer_is_told_so),
		cmocka_unit_test(a_failed_write_keeps_the_old_file),
		cmocka_unit_test(the_permissions_of_the_old_file_stay),
		cmocka_unit_test(a_stranger_opens_no_file_of_ours),
		cmocka_unit_test(a_group_that_cannot_be_kept_leaves_no_other_in),
		cmocka_unit_test(every_name_that_fits_a_file_is_written),
		cmocka_unit_test(asking_whether_a_place_can_be_written_leaves_nothing),
		cmocka_unit_test(what_stands_in_the_way_is_named),
		cmocka_unit_test(a_directory_that_cannot_be_read_is_written_into),
		cmocka_unit_test(files_of_others_stay_in_a_sticky_directory),
		cmocka_unit_test(what_is_no_file_is_named),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
