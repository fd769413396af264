/*
 * Package attribution: this machine's dpkg database against dpkg -S, an rpm database that rpm
 * itself makes against rpm -qf (tests/elf/test_package_rpm.sh), and small hand-made ones of every
 * kind.
 *
 * With arguments it is the judge's tool: ROOT, paths on stdin; prints "PATH MANAGER NAME VERSION
 * ARCH".
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/package/package.h"

#define JUDGED_FILES 500

static char top[64];
static struct resolver *of_database; /* for the database that was opened last */

static void open_database(const char *root, struct package_database **ret, struct error *err)
{
	autoclose int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	resolver_free(of_database);
	assert_int_equal(resolver_new(fd, &of_database), 0);
	*err = (struct error){ 0 };
	assert_int_equal(package_database_open(of_database, ret, err), 0);
}

static const struct package *find(struct package_database *db, const char *path)
{
	const struct package *package;

	assert_int_equal(package_database_find(db, of_database, path, &package), 0);
	return package;
}

static int make_top(void **state)
{
	(void)state;
	strcpy(top, "/tmp/footprint-package-XXXXXX");
	return mkdtemp(top) ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int remove_top(void **state)
{
	(void)state;
	return nftw(top, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void put_bytes(const char *path, const void *content, size_t size)
{
	char whole[256];
	autofclose FILE *file = NULL;

	snprintf(whole, sizeof(whole), "%s%s", top, path);
	for (char *slash = whole + strlen(top); (slash = strchr(slash + 1, '/')); *slash = '/') {
		*slash = '\0';
		mkdir(whole, 0755);
	}
	file = fopen(whole, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(content, 1, size, file), size);
}

static void put(const char *path, const char *content)
{
	put_bytes(path, content, strlen(content));
}

static void put_link(const char *target, const char *path)
{
	char whole[256];

	snprintf(whole, sizeof(whole), "%s%s", top, path);
	assert_int_equal(symlink(target, whole), 0);
}

static void assert_owner(struct package_database *db, const char *path, const char *name,
	const char *version, const char *architecture)
{
	const struct package *package = find(db, path);

	if (!name) {
		if (package)
			fail_msg("%s: belongs to %s", path, package->name);
		return;
	}
	if (!package)
		fail_msg("%s: belongs to nobody", path);
	assert_string_equal(package->name, name);
	assert_string_equal(package->version, version);
	assert_string_equal(package->architecture, architecture);
}

/* Every so many'th path of all lists, asked of dpkg: "NAME[:ARCH]: PATH" a line. */
static const char ask_dpkg[] =
	"cat /var/lib/dpkg/info/*.list | grep -v '[*?[\\\\]' | sort -u |"
	" awk '{ path[NR] = $0 } END { step = int(NR / 1500) + 1;"
	" for (i = step; i <= NR; i += step) print path[i] }' | xargs -d '\\n' dpkg -S 2>/dev/null";

/*
 * Splits dpkg's answer, where it is of use: one owner, no diversion, and a regular file under the
 * name that is listed (its directory may be a symlink). ret_real: its canonical path.
 */
static bool usable_answer(char *line, char **ret_owner, char ret_real[static PATH_MAX])
{
	char *path = strstr(line, ": /");
	struct stat status;

	line[strcspn(line, "\n")] = '\0';
	if (!path || !strncmp(line, "diversion by", 12))
		return false;
	*path = '\0';
	path += 2;
	if (strchr(line, ',') || !realpath(path, ret_real) || lstat(path, &status) < 0)
		return false;
	line[strcspn(line, ":")] = '\0';
	*ret_owner = line;
	return S_ISREG(status.st_mode);
}

static void five_hundred_files_belong_to_whom_dpkg_says(void **state)
{
	struct package_database *db;
	struct error err;
	char line[PATH_MAX + 256], real[PATH_MAX], *owner;
	FILE *answers;
	int judged = 0;

	(void)state;
	if (access("/var/lib/dpkg/status", R_OK) || system("command -v dpkg >/dev/null"))
		skip();
	open_database("/", &db, &err);
	assert_int_equal(err.code, 0);
	answers = popen(ask_dpkg, "re");
	assert_non_null(answers);
	while (judged < JUDGED_FILES && fgets(line, sizeof(line), answers)) {
		const struct package *package;

		if (!usable_answer(line, &owner, real))
			continue;
		package = find(db, real);
		if (!package || strcmp(package->name, owner))
			fail_msg("%s: dpkg says %s, we %s", real, owner,
				package ? package->name : "nobody");
		judged++;
	}
	pclose(answers);
	package_database_free(db);
	print_message("%d files judged\n", judged);
	assert_true(judged > JUDGED_FILES / 5);
}

static void paths_of_lists_are_owned_where_they_really_are(void **state)
{
	struct package_database *db;
	struct error err;

	(void)state;
	put("/usr/lib/x86_64-linux-gnu/libc.so.6", "");
	put_link("usr/lib", "/lib");
	put("/var/lib/dpkg/status",
		"Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: "
		"same\n"
		"Description: x\n Package: not-this\n .\n more\nVersion: 2.36-9\n\n\n"
		"Package: libc6\nStatus: install ok installed\nArchitecture: i386\nMulti-Arch: "
		"same\n"
		"Version: 2.36-9\n\n"
		"Package: gone\nStatus: deinstall ok not-installed\nArchitecture: amd64\nVersion: "
		"1\n\n"
		"Package: dash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 0.5\n\n"
		"Package: other\nStatus: install ok installed\nArchitecture: all\nVersion: "
		"1:7~rc1\n");
	put("/var/lib/dpkg/info/libc6:amd64.list",
		"/.\n/lib\n/lib/x86_64-linux-gnu\n/lib/x86_64-linux-gnu/libc.so.6\n/usr/share/doc/"
		"libc6\n");
	put("/var/lib/dpkg/info/libc6:i386.list",
		"/.\n/lib\n/lib/ld-linux.so.2\n/usr/share/doc/libc6\n");
	put("/var/lib/dpkg/info/gone.list", "/usr/bin/gone\n");
	put("/var/lib/dpkg/info/dash.list", "/bin\n/bin/sh\n/usr/share\n");
	put("/var/lib/dpkg/info/other.list", "/bin\n/bin/sh\n/usr/share\n/usr/share/last");
	put("/var/lib/dpkg/diversions", "/bin/sh\n/bin/sh.distrib\ndash\n");
	open_database(top, &db, &err);
	assert_int_equal(err.code, 0);
	assert_owner(db, "/usr/lib/x86_64-linux-gnu/libc.so.6", "libc6", "2.36-9", "amd64");
	assert_owner(db, "/usr/lib/ld-linux.so.2", "libc6", "2.36-9", "i386");
	assert_owner(db, "/usr/share/doc/libc6", "libc6", "2.36-9", "amd64");
	assert_owner(db, "/lib/x86_64-linux-gnu/libc.so.6", NULL, NULL, NULL);
	assert_owner(db, "/usr/bin/gone", NULL, NULL, NULL);
	assert_owner(db, "/bin/sh", "dash", "0.5", "amd64");
	assert_owner(db, "/bin/sh.distrib", "other", "1:7~rc1", "all");
	assert_owner(db, "/usr/share", NULL, NULL, NULL);
	assert_owner(db, "/usr/share/last", "other", "1:7~rc1", "all");
	assert_owner(db, "/", NULL, NULL, NULL);
	package_database_free(db);
}

/* Files may be asked for after the lists were read, when their container is gone. */
static void a_root_may_be_gone_when_somebody_asks(void **state)
{
	struct package_database *db;
	struct error err;
	char path[128];

	(void)state;
	put("/usr/lib/deep/er/file", "");
	put_link("usr/lib", "/lib");
	put("/var/lib/dpkg/status", "Package: deep\nStatus: install ok installed\nVersion: 1\n"
				    "Architecture: all\n");
	put("/var/lib/dpkg/info/deep.list", "/lib/deep/er/file\n/lib/near\n");
	open_database(top, &db, &err);
	assert_int_equal(err.code, 0);
	snprintf(path, sizeof(path), "%s/usr", top);
	assert_int_equal(nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
	snprintf(path, sizeof(path), "%s/lib", top);
	assert_int_equal(unlink(path), 0);
	assert_owner(db, "/usr/lib/deep/er/file", "deep", "1", "all");
	assert_owner(db, "/usr/lib/near", "deep", "1", "all");
	package_database_free(db);
}

static void append(char **at, const char *text)
{
	strcpy(*at, text);
	*at += strlen(text);
}

/* Longer than what is read at a time, with one line that is itself longer, and no newline at the
 * end. */
static void a_list_may_be_of_any_length(void **state)
{
	enum { LINES = 5000, LONG = 200000 };
	char *list = malloc(LONG + LINES * 64), *at = list, line[64];
	struct package_database *db;
	struct error err;

	(void)state;
	assert_non_null(list);
	for (int i = 0; i < LINES; i++) {
		snprintf(line, sizeof(line), "/opt/a/folder/with/a/name/%d\n", i);
		append(&at, line);
	}
	append(&at, "/");
	memset(at, 'x', LONG);
	at += LONG;
	append(&at, "\n/opt/behind\n\n/opt/last");
	put("/var/lib/dpkg/status", "Package: long\nStatus: install ok installed\nVersion: 1\n"
				    "Architecture: all\n");
	put("/var/lib/dpkg/info/long.list", list);
	free(list);
	open_database(top, &db, &err);
	assert_int_equal(err.code, 0);
	for (int i = 0; i < LINES; i++) {
		snprintf(line, sizeof(line), "/opt/a/folder/with/a/name/%d", i);
		assert_owner(db, line, "long", "1", "all");
	}
	assert_owner(db, "/opt/behind", "long", "1", "all");
	assert_owner(db, "/opt/last", "long", "1", "all");
	assert_owner(db, "/opt/a/folder/with/a/name", NULL, NULL, NULL);
	package_database_free(db);
}

static void distroless_images_have_a_file_for_each_package(void **state)
{
	struct package_database *db;
	struct error err;

	(void)state;
	put("/var/lib/dpkg/status.d/libssl3",
		"Package: libssl3\nVersion: 3.0.11\nArchitecture: amd64\n");
	put("/var/lib/dpkg/status.d/libssl3.md5sums",
		"0123456789abcdef0123456789abcdef  usr/lib/x86_64-linux-gnu/libssl.so.3\n"
		"0123456789abcdef0123456789abcdef  usr/share/a file\n");
	put("/var/lib/dpkg/status.d/base",
		"Package: base-files\nVersion: 12\nArchitecture: amd64\n");
	open_database(top, &db, &err);
	assert_int_equal(err.code, 0);
	assert_owner(db, "/usr/lib/x86_64-linux-gnu/libssl.so.3", "libssl3", "3.0.11", "amd64");
	assert_owner(db, "/usr/share/a file", "libssl3", "3.0.11", "amd64");
	package_database_free(db);
}

/* In the format of Alpine 3.19. */
static const char apk_text[] =
	"C:Q1qKcZ+j23xssDDDmvUmRDAYhvzcU=\nP:musl\nV:1.2.4_git20230717-r4\nA:x86_64\nS:407278\nI:"
	"667648\n"
	"T:the musl c library (libc) implementation\nU:https://musl.libc.org/\nL:MIT\no:musl\n"
	"p:so:libc.musl-x86_64.so.1=1\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\n"
	"Z:Q1n7wlLa+VKYvwVXRGmm5oPVwzvWk=\nR:libc.musl-x86_64.so.1\na:0:0:777\n\n"
	"C:Q1TrzfSGkPLEI5HoH16cGcbbl6cgk=\nP:busybox\nV:1.36.1-r15\nA:x86_64\nF:bin\nR:busybox\na:"
	"0:0:755\n"
	"F:etc\nR:securetty\nF:etc/network\nF:etc/network/if-up.d\nR:dad\nF:\nR:top\n\n";

static void apk_names_directories_then_files(void **state)
{
	struct package_database *db;
	struct error err;

	(void)state;
	put("/lib/apk/db/installed", apk_text);
	open_database(top, &db, &err);
	assert_int_equal(err.code, 0);
	assert_owner(db, "/lib/ld-musl-x86_64.so.1", "musl", "1.2.4_git20230717-r4", "x86_64");
	assert_owner(db, "/bin/busybox", "busybox", "1.36.1-r15", "x86_64");
	assert_owner(db, "/etc/network/if-up.d/dad", "busybox", "1.36.1-r15", "x86_64");
	assert_owner(db, "/etc/network/if-up.d", "busybox", "1.36.1-r15", "x86_64");
	assert_owner(db, "/top", "busybox", "1.36.1-r15", "x86_64");
	assert_owner(db, "/securetty", NULL, NULL, NULL);
	package_database_free(db);
}

static void no_database_is_an_empty_one(void **state)
{
	struct package_database *db;
	struct error err;

	(void)state;
	open_database(top, &db, &err);
	assert_int_equal(err.code, 0);
	assert_owner(db, "/bin/sh", NULL, NULL, NULL);
	package_database_free(db);
}

static void a_damaged_database_is_complained_of_and_survived(void **state)
{
	static const char junk[8192] = "SQLite format 3\0\x10\0\x01\x01\0\x40\x20\x20";
	struct package_database *db;
	struct error err;

	(void)state;
	put("/lib/apk/db/installed", apk_text);
	put_bytes("/var/lib/rpm/rpmdb.sqlite", junk, sizeof(junk));
	open_database(top, &db, &err);
	assert_int_equal(err.code, -EBADMSG);
	assert_non_null(strstr(err.text, "/var/lib/rpm/rpmdb.sqlite: "));
	assert_owner(db, "/bin/busybox", "busybox", "1.36.1-r15", "x86_64");
	package_database_free(db);
}

static void a_database_that_is_no_file_cannot_hang_us(void **state)
{
	struct package_database *db;
	struct error err;
	char path[128];

	(void)state;
	put("/var/lib/dpkg/info/x", "");
	snprintf(path, sizeof(path), "%s/var/lib/dpkg/status", top);
	assert_int_equal(mkfifo(path, 0644), 0);
	open_database(top, &db, &err);
	assert_int_equal(err.code, -EINVAL);
	package_database_free(db);
}

static uint64_t stamp_of_top(void)
{
	autoclose int fd = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct resolver *resolver;
	uint64_t stamp;

	assert_int_equal(resolver_new(fd, &resolver), 0);
	assert_int_equal(package_database_stamp(resolver, &stamp), 0);
	resolver_free(resolver);
	return stamp;
}

static void a_stamp_changes_with_the_database_alone(void **state)
{
	static const char *const files[] = { "/var/lib/dpkg/status", "/lib/apk/db/installed",
		"/var/lib/rpm/rpmdb.sqlite", "/usr/lib/sysimage/rpm/rpmdb.sqlite-wal" };
	uint64_t before = stamp_of_top();

	(void)state;
	put("/var/log/dpkg.log", "x");
	assert_int_equal(stamp_of_top(), before);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		put(files[i], "one");
		assert_int_not_equal(stamp_of_top(), before);
		before = stamp_of_top();
		assert_int_equal(stamp_of_top(), before);
		put(files[i], "three");
		assert_int_not_equal(stamp_of_top(), before);
		before = stamp_of_top();
	}
}

static void an_older_rpm_database_is_not_passed_over_in_silence(void **state)
{
	struct package_database *db;
	struct error err;

	(void)state;
	put("/var/lib/rpm/Packages", "Berkeley");
	open_database(top, &db, &err);
	assert_int_equal(err.code, -EOPNOTSUPP);
	package_database_free(db);
}

static int print_owners(const char *root)
{
	struct package_database *db;
	struct error err;
	char path[4096];

	open_database(root, &db, &err);
	if (err.code)
		fprintf(stderr, "%s\n", err.text);
	while (fgets(path, sizeof(path), stdin)) {
		const struct package *p;

		path[strcspn(path, "\n")] = '\0';
		p = find(db, path);
		printf("%s %s %s %s %s\n", path, p ? p->manager : "-", p ? p->name : "-",
			p ? p->version : "-", p ? p->architecture : "-");
	}
	package_database_free(db);
	return err.code ? 1 : 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(five_hundred_files_belong_to_whom_dpkg_says),
		cmocka_unit_test_setup_teardown(
			paths_of_lists_are_owned_where_they_really_are, make_top, remove_top),
		cmocka_unit_test_setup_teardown(
			a_root_may_be_gone_when_somebody_asks, make_top, remove_top),
		cmocka_unit_test_setup_teardown(a_list_may_be_of_any_length, make_top, remove_top),
		cmocka_unit_test_setup_teardown(
			distroless_images_have_a_file_for_each_package, make_top, remove_top),
		cmocka_unit_test_setup_teardown(
			apk_names_directories_then_files, make_top, remove_top),
		cmocka_unit_test_setup_teardown(no_database_is_an_empty_one, make_top, remove_top),
		cmocka_unit_test_setup_teardown(
			a_damaged_database_is_complained_of_and_survived, make_top, remove_top),
		cmocka_unit_test_setup_teardown(
			a_database_that_is_no_file_cannot_hang_us, make_top, remove_top),
		cmocka_unit_test_setup_teardown(
			a_stamp_changes_with_the_database_alone, make_top, remove_top),
		cmocka_unit_test_setup_teardown(
			an_older_rpm_database_is_not_passed_over_in_silence, make_top, remove_top),
	};

	if (argc > 1)
		return print_owners(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
