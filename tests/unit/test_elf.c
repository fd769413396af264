/*
 * elf_describe(): compares ELF files of this machine with readelf, and #! lines with the kernel,
 * which runs them. And damaged files.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/elf/elf.h"

#define JUDGED_FILES 150
#define SELF	     "/proc/self/exe"

static int describe(const char *path, struct elf_info *ret, struct error *err)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return elf_describe(fd, ret, err);
}

/* Appends "KEY=VALUE\n". */
static void note(FILE *out, const char *key, const char *value)
{
	if (value)
		fprintf(out, "%s=%s\n", key, value);
}

/* What we know of a file, in the form of what_readelf_says(). */
static char *what_we_say(const char *path)
{
	struct error err = { 0 };
	struct elf_info info;
	char *text = NULL;
	size_t size;
	FILE *out;

	if (describe(path, &info, &err) < 0)
		fail_msg("%s: %s", path, err.text);
	out = open_memstream(&text, &size);
	assert_non_null(out);
	note(out, "interpreter", info.interpreter);
	note(out, "soname", info.soname);
	note(out, "rpath", info.rpath);
	note(out, "runpath", info.runpath);
	note(out, "build-id", info.build_id);
	for (size_t i = 0; i < info.n_needed; i++)
		note(out, "needed", info.needed[i]);
	fclose(out);
	elf_info_deinit(&info);
	return text;
}

/* The text between `before` and `after` in `line`, as KEY=VALUE. */
static void note_between(
	FILE *out, const char *key, char *line, const char *before, const char *after)
{
	char *start = strstr(line, before), *end;

	if (!start)
		return;
	start += strlen(before);
	end = strstr(start, after);
	if (end)
		fprintf(out, "%s=%.*s\n", key, (int)(end - start), start);
}

/* readelf's lines in the order of our fields: once over its output for each. */
static char *what_readelf_says(const char *path)
{
	static const struct {
		const char *key, *before, *after;
	} fields[] = {
		{ "interpreter", "[Requesting program interpreter: ", "]" },
		{ "soname", "(SONAME)             Library soname: [", "]" },
		{ "rpath", "(RPATH)              Library rpath: [", "]" },
		{ "runpath", "(RUNPATH)            Library runpath: [", "]" },
		{ "build-id", "Build ID: ", "\n" },
		{ "needed", "(NEEDED)             Shared library: [", "]" },
	};
	char command[4400], line[4400], *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		FILE *readelf;

		snprintf(command, sizeof(command), "LC_ALL=C readelf -lWdn '%s' 2>/dev/null", path);
		readelf = popen(command, "re");
		assert_non_null(readelf);
		while (fgets(line, sizeof(line), readelf))
			note_between(out, fields[i].key, line, fields[i].before, fields[i].after);
		pclose(readelf);
	}
	fclose(out);
	return text;
}

static bool is_elf(const char *path)
{
	autoclose int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char magic[SELFMAG];

	return fd >= 0 && pread(fd, magic, SELFMAG, 0) == SELFMAG &&
	       !memcmp(magic, ELFMAG, SELFMAG);
}

static void files_are_described_as_readelf_does(void **state)
{
	glob_t found = { 0 };
	size_t step, judged = 0;

	(void)state;
	if (system("command -v readelf >/dev/null"))
		skip();
	glob("/usr/bin/*", 0, NULL, &found);
	glob("/usr/sbin/*", GLOB_APPEND, NULL, &found);
	glob("/usr/lib/*/*.so.*", GLOB_APPEND, NULL, &found);
	glob("/usr/lib/python3*/lib-dynload/*.so", GLOB_APPEND, NULL, &found);
	step = found.gl_pathc / (2 * JUDGED_FILES) + 1;
	for (size_t i = 0; i < found.gl_pathc && judged < JUDGED_FILES; i += step) {
		autofree char *ours = NULL, *theirs = NULL;

		if (!is_elf(found.gl_pathv[i]) || strchr(found.gl_pathv[i], '\''))
			continue;
		ours = what_we_say(found.gl_pathv[i]);
		theirs = what_readelf_says(found.gl_pathv[i]);
		if (strcmp(ours, theirs))
			fail_msg("%s:\n%s\nreadelf says:\n%s", found.gl_pathv[i], ours, theirs);
		judged++;
	}
	globfree(&found);
	print_message("%zu files judged\n", judged);
	assert_true(judged > JUDGED_FILES / 5);
}

static void write_file(const char *path, const void *content, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, size), size);
	assert_int_equal(fchmod(fd, 0755), 0);
	close(fd);
}

/*
 * Lets the kernel run the file: this program is the interpreter, and prints the argument that it
 * was given, if any. NULL: it would not run it.
 */
static char *kernel_runs(const char *path)
{
	char *output = NULL;
	size_t size = 0;
	FILE *captured = open_memstream(&output, &size);
	int pipes[2], status, c;
	FILE *from;
	pid_t child;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		dup2(pipes[1], STDOUT_FILENO);
		setenv("FOOTPRINT_TEST_ECHO", path, 1);
		execl(path, path, NULL);
		_exit(99);
	}
	close(pipes[1]);
	from = fdopen(pipes[0], "re");
	while ((c = getc(from)) != EOF)
		putc(c, captured);
	fclose(from);
	fclose(captured);
	waitpid(child, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return output;
	free(output);
	return NULL;
}

/* Runs as an interpreter: argv[1] is the argument if there is one, and the last one the script. */
static int echo_argument(int argc, char **argv)
{
	printf("%s", argc > 2 ? argv[1] : "(none)");
	return 0;
}

static char own_path[4096];

static char *expand(const char *line, size_t padding)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (; *line; line++) {
		if (*line == '@')
			fputs(own_path, out);
		else if (*line == '~')
			for (size_t i = 0; i < padding; i++)
				putc('x', out);
		else
			putc(*line, out);
	}
	fclose(out);
	return text;
}

static void compare_script(const char *path, const char *line, size_t padding)
{
	autofree char *content = expand(line, padding), *ran = NULL;
	struct elf_info info;

	write_file(path, content, strlen(content));
	ran = kernel_runs(path);
	assert_int_equal(describe(path, &info, NULL), 0);
	if (!ran) {
		if (info.kind != PROGRAM_OTHER)
			fail_msg("the kernel does not run: %s", content);
		return;
	}
	if (info.kind != PROGRAM_SCRIPT)
		fail_msg("the kernel runs: %s", content);
	assert_string_equal(info.interpreter, own_path);
	if (strcmp(info.argument ? info.argument : "(none)", ran))
		fail_msg("%s: argument %s, the kernel says %s", content, info.argument, ran);
	elf_info_deinit(&info);
}

static void scripts_are_read_as_the_kernel_reads_them(void **state)
{
	static const char *const lines[] = { "#!@\n", "#!@", "#! \t @\t\n", "#!@ one\n",
		"#!@ one two \t\n", "#!@\tone", "#! @ -a -b  \n rest", "#!\n", "#!   \n", "#!",
		"#! ", "# !@\n", "#!@ ~\n", "#!@ ~", "#!@ ~ y\n", "#! @   ~   \n" };
	char path[] = "/tmp/footprint-script-XXXXXX";

	(void)state;
	assert_int_equal(close(mkstemp(path)), 0);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		for (size_t padding = 0; padding < 260; padding += strchr(lines[i], '~') ? 3 : 260)
			compare_script(path, lines[i], padding);
	unlink(path);
}

static void what_is_neither_elf_nor_script_is_other(void **state)
{
	static const char *const contents[] = { "", "#", "\x7f",
		"\x7f"
		"ELF",
		"text\n", "#!" };
	char path[] = "/tmp/footprint-elf-XXXXXX";
	struct elf_info info;

	(void)state;
	close(mkstemp(path));
	for (size_t i = 0; i < sizeof(contents) / sizeof(*contents); i++) {
		write_file(path, contents[i], strlen(contents[i]));
		assert_int_equal(describe(path, &info, NULL), 0);
		assert_int_equal(info.kind, PROGRAM_OTHER);
		assert_null(info.interpreter);
	}
	unlink(path);
}

static size_t read_self(uint8_t **ret)
{
	autoclose int fd = open(SELF, O_RDONLY | O_CLOEXEC);
	off_t size = lseek(fd, 0, SEEK_END);

	*ret = malloc((size_t)size);
	assert_int_equal(pread(fd, *ret, (size_t)size, 0), size);
	return (size_t)size;
}

/* If it is truncated anywhere in its headers, the result is an error or a poorer description, and
 * not a crash. */
static void a_file_cut_short_is_an_error_that_says_where(void **state)
{
	autofree uint8_t *self = NULL;
	size_t size = read_self(&self), errors = 0;
	autoclose int fd = memfd_create("cut", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(write(fd, self, size), size);
	for (size_t cut = size; cut > EI_NIDENT; cut -= cut > 4096 ? cut / 16 : 7) {
		struct error err = { 0 };
		struct elf_info info;
		int code;

		assert_int_equal(ftruncate(fd, (off_t)cut), 0);
		code = elf_describe(fd, &info, &err);
		if (code == 0) {
			elf_info_deinit(&info);
			continue;
		}
		assert_int_equal(code, -EBADMSG);
		assert_int_equal(err.code, code);
		assert_non_null(strchr(err.text, ':'));
		errors++;
	}
	assert_true(errors > 10);
}

static void flipped_bits_are_survived(void **state)
{
	autofree uint8_t *self = NULL;
	size_t size = read_self(&self);
	autoclose int fd = memfd_create("flipped", MFD_CLOEXEC);
	unsigned seed = 20261122;

	(void)state;
	assert_int_equal(write(fd, self, size), size);
	for (int i = 0; i < 20000; i++) {
		size_t at = (size_t)rand_r(&seed) % 1024;
		uint8_t byte = (uint8_t)(self[at] ^ 1u << rand_r(&seed) % 8);
		struct elf_info info;

		assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
		if (elf_describe(fd, &info, NULL) == 0)
			elf_info_deinit(&info);
		if (i % 4 == 3) /* up to four at a time */
			assert_int_equal(pwrite(fd, self, 1024, 0), 1024);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_described_as_readelf_does),
		cmocka_unit_test(scripts_are_read_as_the_kernel_reads_them),
		cmocka_unit_test(what_is_neither_elf_nor_script_is_other),
		cmocka_unit_test(a_file_cut_short_is_an_error_that_says_where),
		cmocka_unit_test(flipped_bits_are_survived),
	};

	if (getenv("FOOTPRINT_TEST_ECHO"))
		return echo_argument(argc, argv);
	if (readlink(SELF, own_path, sizeof(own_path) - 1) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
