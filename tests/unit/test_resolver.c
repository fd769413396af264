/*
 * The resolver against the kernel: a tree of symlinks, ".." and slashes is resolved by us and, in a
 * chroot-free way, by openat2(RESOLVE_IN_ROOT) itself; both must end at the same inode or errno.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/root/beneath.h"
#include "lib/root/resolver.h"
#include "proto/system_calls.h"

static char top[] = "/tmp/footprint-resolver-XXXXXX";
static int rootfd = -1;
static struct resolver *resolver;

/* By descriptors, because one of the trees is deeper than the longest path. */
static void remove_below(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			remove_below(fd, entry->d_name);
	unlinkat(at, name, directory ? AT_REMOVEDIR : 0);
	if (directory)
		closedir(directory);
}

static void make_file(const char *path)
{
	int fd = openat(rootfd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, path, strlen(path)), strlen(path));
	close(fd);
}

static void make_link(const char *target, const char *path)
{
	assert_int_equal(symlinkat(target, rootfd, path), 0);
}

static void make_directory(const char *path)
{
	assert_int_equal(mkdirat(rootfd, path, 0755), 0);
}

static void make_loops(void)
{
	char name[32], target[32];

	make_link("loop", "loop");
	make_link("etc/hosts", "chain0");
	for (int i = 1; i <= 45; i++) {
		snprintf(name, sizeof(name), "chain%d", i);
		snprintf(target, sizeof(target), "chain%d", i - 1);
		make_link(target, name);
	}
}

static int set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(top));
	rootfd = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	make_directory("usr");
	make_directory("usr/lib");
	make_directory("usr/lib/deep");
	make_directory("etc");
	make_directory("run");
	make_directory("empty");
	make_file("etc/hosts");
	make_file("usr/lib/libc.so.6");
	make_file("usr/lib/deep/x");
	make_file("etc/na\xffme \n");
	make_link("usr/lib", "lib");
	make_link("/usr/lib", "lib64");
	make_link("../run", "usr/run");
	make_link("libc.so.6", "usr/lib/libc.so");
	make_link("/lib/libc.so", "etc/libc");
	make_link("../../../../../../etc/hosts", "usr/escape");
	make_link("/etc/hosts", "etc/absolute");
	make_link("/etc/passwd", "etc/outside");
	make_link("hosts/", "etc/slashed");
	make_link("../lib/", "etc/directory");
	make_link("nowhere", "etc/dangling");
	make_link("/", "self");
	make_link("..", "usr/lib/up");
	make_link(".", "usr/here");
	make_link("/pipe", "etc/pipe");
	assert_int_equal(mkfifoat(rootfd, "pipe", 0644), 0);
	make_loops();
	assert_int_equal(resolver_new(rootfd, &resolver), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	resolver_free(resolver);
	close(rootfd);
	remove_below(AT_FDCWD, top);
	return access(top, F_OK) == 0;
}

/* Where the kernel gets by `path`: 0 and the status, or a negative errno. */
static int kernel_says(const char *path, bool follow, struct stat *ret)
{
	struct open_how how = {
		.flags = (unsigned)O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	autoclose int fd = -1;

	/* EAGAIN: something, anywhere, was renamed or mounted while the kernel followed a "..". */
	do
		fd = (int)syscall(SYS_openat2, rootfd, path, &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN);
	if (fd < 0)
		return -errno;
	return fstat(fd, ret) < 0 ? -errno : 0;
}

/* The canonical path must lead to `status` by names alone: O_NOFOLLOW at every component. */
static void assert_canonical(const char *path, const struct stat *status)
{
	autoclose int fd = beneath_open(rootfd, path, O_PATH);
	struct stat found;

	if (fd < 0)
		fail_msg("%s: not canonical: %s", path, strerror(-fd));
	assert_int_equal(fstat(fd, &found), 0);
	assert_int_equal(found.st_ino, status->st_ino);
	assert_int_equal(found.st_dev, status->st_dev);
}

static void compare_with_kernel(const char *path, bool follow)
{
	struct resolution res = { 0 };
	struct stat expected;
	int error = kernel_says(path, follow, &expected);

	assert_int_equal(resolver_resolve(resolver, NULL, path, follow, &res), 0);
	if (res.error != error)
		fail_msg("%s (follow %d): %d, the kernel says %d", path, follow, res.error, error);
	if (!error) {
		if (res.status.st_ino != expected.st_ino)
			fail_msg("%s (follow %d): leads to %s", path, follow, res.path);
		assert_int_equal(res.status.st_mode, expected.st_mode);
		assert_int_equal(S_ISLNK(expected.st_mode), res.target != NULL);
		assert_canonical(res.path, &expected);
	}
	assert_int_equal(res.path[0], '/');
	resolution_deinit(&res);
}

static const char *const odd_paths[] = {
	"/",
	"//",
	"/.",
	"/..",
	"/../..",
	"",
	".",
	"..",
	"etc",
	"/etc/",
	"/etc/.",
	"/etc/..",
	"/etc/../etc",
	"//etc///hosts",
	"/etc/hosts",
	"/etc/hosts/",
	"/etc/hosts/.",
	"/etc/hosts/..",
	"/etc/hosts/x",
	"/lib/libc.so.6",
	"/lib",
	"/lib/",
	"/lib/.",
	"/lib/..",
	"/lib64/libc.so",
	"/lib64/../etc/hosts",
	"/etc/libc",
	"/usr/escape",
	"/etc/absolute",
	"/etc/outside",
	"/etc/slashed",
	"/etc/directory",
	"/etc/directory/deep/x",
	"/etc/dangling",
	"/etc/dangling/",
	"/etc/dangling/x",
	"/self/self/self",
	"/self/etc/../self/lib/up/lib/deep",
	"/usr/lib/up/lib/up/..",
	"/usr/here/here/here/lib",
	"/loop",
	"/loop/",
	"/loop/x",
	"/chain39",
	"/chain40",
	"/chain38",
	"/chain41",
	"/chain44/",
	"/nowhere",
	"/nowhere/",
	"/nowhere/..",
	"/nowhere/../etc",
	"/etc/pipe",
	"/pipe",
	"/pipe/",
	"/etc/na\xffme \n",
	"/../../../../../../../../etc/passwd",
	"/usr/run/../lib/deep/../../run",
	"/empty/../empty/..",
	"/empty/x",
};

static void odd_paths_end_where_the_kernel_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(odd_paths) / sizeof(*odd_paths); i++) {
		compare_with_kernel(odd_paths[i], true);
		compare_with_kernel(odd_paths[i], false);
	}
}

/*
 * Paths made at random from the tree's names. The seed is fixed, so a failure is reproducible.
 */
static void random_paths_end_where_the_kernel_says(void **state)
{
	static const char *const words[] = { "usr", "lib", "lib64", "etc", "run", "up", "here",
		"self", "deep", "x", "hosts", "..", "..", ".", "libc", "libc.so", "directory",
		"escape", "dangling", "slashed", "loop", "chain5", "nowhere", "" };
	unsigned seed = 20261122;
	char path[256];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		int n = 1 + rand_r(&seed) % 7;
		size_t size = 0;

		path[0] = '\0';
		for (int j = 0; j < n; j++)
			size += (size_t)snprintf(path + size, sizeof(path) - size, "%s%s",
				j || rand_r(&seed) % 2 ? "/" : "",
				words[(unsigned)rand_r(&seed) % (sizeof(words) / sizeof(*words))]);
		compare_with_kernel(path, rand_r(&seed) % 2);
	}
}

static void assert_resolves(
	const char *base, const char *path, bool follow, const char *expected, int error)
{
	struct resolution res = { 0 };

	assert_int_equal(resolver_resolve(resolver, base, path, follow, &res), 0);
	assert_string_equal(res.path, expected);
	assert_int_equal(res.error, error);
	resolution_deinit(&res);
}

static void a_relative_path_starts_at_its_base(void **state)
{
	(void)state;
	assert_resolves("/etc", "hosts", true, "/etc/hosts", 0);
	assert_resolves("/etc/", "./../etc/hosts", true, "/etc/hosts", 0);
	assert_resolves("/lib", "../run", false, "/usr/run", 0);
	assert_resolves("/lib", "../run", true, "/run", 0);
	assert_resolves("/etc", "/lib/deep", true, "/usr/lib/deep", 0);
}

static void a_missing_path_is_canonical_as_far_as_it_exists(void **state)
{
	(void)state;
	assert_resolves(NULL, "/lib//./no/./such//file/", true, "/usr/lib/no/such/file", -ENOENT);
	assert_resolves(NULL, "/lib/no/../such", true, "/usr/lib/such", -ENOENT);
	assert_resolves(NULL, "/etc/hosts/x", true, "/etc/hosts/x", -ENOTDIR);
	assert_resolves(NULL, "/etc/dangling", true, "/etc/nowhere", -ENOENT);
	assert_resolves(NULL, "/etc/dangling", false, "/etc/dangling", 0);
	assert_resolves("/lib/gone", "../x", true, "/usr/lib/x", -ENOENT);
	assert_resolves("/lib", "", true, "/usr/lib", -ENOENT);
	assert_resolves("/etc/hosts", "x", true, "/etc/hosts/x", -ENOTDIR);
}

static void walked_links_are_told_in_order(void **state)
{
	static const struct walked_link expected[] = {
		{ (char *)"/etc/libc", (char *)"/lib/libc.so" },
		{ (char *)"/lib", (char *)"usr/lib" },
		{ (char *)"/usr/lib/libc.so", (char *)"libc.so.6" },
	};
	struct resolution res = { 0 };

	(void)state;
	assert_int_equal(
		resolver_resolve(resolver, "/self/lib64", "../../etc/libc", true, &res), 0);
	assert_string_equal(res.path, "/usr/lib/libc.so.6");
	assert_int_equal(res.n_links, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(res.links[i].path, expected[i].path);
		assert_string_equal(res.links[i].target, expected[i].target);
	}
	resolution_deinit(&res);
}

static void a_link_that_is_not_followed_is_not_walked(void **state)
{
	struct resolution res = { 0 };

	(void)state;
	assert_int_equal(resolver_resolve(resolver, NULL, "/lib/libc.so", false, &res), 0);
	assert_string_equal(res.path, "/usr/lib/libc.so");
	assert_string_equal(res.target, "libc.so.6");
	assert_int_equal(res.n_links, 1);
	assert_string_equal(res.links[0].path, "/lib");
	resolution_deinit(&res);
}

static void a_changed_link_is_seen_after_refresh(void **state)
{
	(void)state;
	make_link("usr", "moving");
	assert_resolves(NULL, "/moving/lib/deep/x", true, "/usr/lib/deep/x", 0);
	assert_int_equal(unlinkat(rootfd, "moving", 0), 0);
	make_link("etc", "moving");
	resolver_refresh(resolver);
	assert_resolves(NULL, "/moving/hosts", true, "/etc/hosts", 0);
	assert_int_equal(unlinkat(rootfd, "moving", 0), 0);
}

static void names_past_the_limits_are_errors(void **state)
{
	char name[NAME_MAX + 3] = "/";
	size_t size = RESOLVE_TEXT_MAX + 1;
	autofree char *path = malloc(size + 1);
	struct resolution res = { 0 };

	(void)state;
	memset(name + 1, 'n', NAME_MAX);
	compare_with_kernel(name, true);
	memset(name + 1, 'n', NAME_MAX + 1);
	compare_with_kernel(name, true);
	assert_non_null(path);
	memset(path, '/', size);
	path[size] = '\0';
	assert_int_equal(resolver_resolve(resolver, NULL, path, true, &res), -ENAMETOOLONG);
	assert_int_equal(resolver_resolve(resolver, path, "x", true, &res), -ENAMETOOLONG);
	assert_resolves(NULL, path + 1, true, "/", 0);
}

/* Deeper than PATH_MAX, where a process can get by chdir. */
static void a_tree_deeper_than_path_max_is_resolved(void **state)
{
	enum { LEVELS = 40, NAME = 200 };
	static char base[LEVELS * (NAME + 1) + 1], name[NAME + 1];
	int at = dup(rootfd);

	(void)state;
	memset(name, 'd', NAME);
	for (int i = 0; i < LEVELS; i++) {
		int next;

		assert_int_equal(mkdirat(at, name, 0755), 0);
		next = openat(at, name, O_PATH | O_CLOEXEC);
		close(at);
		at = next;
		strcat(strcat(base, "/"), name);
	}
	close(openat(at, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	close(at);
	for (int i = 0; i < 2; i++) {
		struct resolution res = { 0 };
		int fd;

		assert_int_equal(resolver_resolve(resolver, base, "file", true, &res), 0);
		assert_int_equal(res.error, 0);
		assert_true(S_ISREG(res.status.st_mode));
		fd = resolver_open(resolver, res.path, NULL);
		assert_true(fd >= 0);
		close(fd);
		resolution_deinit(&res);
	}
}

static void only_regular_files_are_opened(void **state)
{
	struct stat status;
	char text[32] = "";
	int fd = resolver_open(resolver, "/etc/hosts", &status);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text) - 1), status.st_size);
	assert_string_equal(text, "etc/hosts");
	close(fd);
	assert_int_equal(resolver_open(resolver, "/pipe", NULL), -EINVAL);
	assert_int_equal(resolver_open(resolver, "/etc", NULL), -EINVAL);
	assert_int_equal(resolver_open(resolver, "/", NULL), -EINVAL);
	assert_int_equal(resolver_open(resolver, "/etc/absolute", NULL), -EINVAL);
	assert_int_equal(resolver_open(resolver, "/lib/libc.so.6", NULL), -ELOOP);
	assert_int_equal(resolver_open(resolver, "/../../etc/hosts", NULL), -EINVAL);
	assert_int_equal(resolver_open(resolver, "/nowhere", NULL), -ENOENT);
}

static void links_of_procfs_are_not_walked(void **state)
{
	struct resolver *real;
	struct resolution res = { 0 };
	int slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(resolver_new(slash, &real), 0);
	close(slash);
	assert_int_equal(resolver_resolve(real, NULL, "/proc/self/root/etc/passwd", true, &res), 0);
	assert_string_equal(res.path, "/proc/self/root/etc/passwd");
	assert_int_equal(res.error, -ELOOP);
	resolution_deinit(&res);
	assert_int_equal(resolver_resolve(real, NULL, "/proc/1/cwd", true, &res), 0);
	assert_string_equal(res.path, "/proc/1/cwd");
	assert_int_equal(res.error, -ELOOP);
	resolution_deinit(&res);
	resolver_free(real);
}

/* With two descriptors left, the cache of open directories must shrink, and not fail. */
static void few_descriptors_are_enough(void **state)
{
	struct rlimit old, low;
	char path[64];
	int spare = open("/", O_PATH | O_CLOEXEC);

	(void)state;
	for (int i = 0; i < 200; i++) {
		snprintf(path, sizeof(path), "empty/%d", i);
		make_directory(path);
		snprintf(path, sizeof(path), "empty/%d/f", i);
		make_file(path);
	}
	resolver_refresh(resolver);
	getrlimit(RLIMIT_NOFILE, &old);
	low = (struct rlimit){ (rlim_t)spare + 4, old.rlim_max };
	close(spare);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 200; i++) {
			snprintf(path, sizeof(path), "/empty/%d/f", i);
			assert_resolves(NULL, path, true, path, 0);
		}
	}
	setrlimit(RLIMIT_NOFILE, &old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(odd_paths_end_where_the_kernel_says),
		cmocka_unit_test(random_paths_end_where_the_kernel_says),
		cmocka_unit_test(a_relative_path_starts_at_its_base),
		cmocka_unit_test(a_missing_path_is_canonical_as_far_as_it_exists),
		cmocka_unit_test(walked_links_are_told_in_order),
		cmocka_unit_test(a_link_that_is_not_followed_is_not_walked),
		cmocka_unit_test(a_changed_link_is_seen_after_refresh),
		cmocka_unit_test(names_past_the_limits_are_errors),
		cmocka_unit_test(a_tree_deeper_than_path_max_is_resolved),
		cmocka_unit_test(only_regular_files_are_opened),
		cmocka_unit_test(links_of_procfs_are_not_walked),
		cmocka_unit_test(few_descriptors_are_enough),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
