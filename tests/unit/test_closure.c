/*
 * elf_closure_find() against the dynamic linker itself: what `ld.so --list` maps is what we find,
 * on this machine and on chains of RPATH and RUNPATH that are built here.
 *
 * With an argument, a root folder of another distribution, it judges that one's programs by its own
 * linker under chroot (tests/elf/test_closure_rootfs.sh). With ROOT and "-", it is a judge's tool:
 * for each program named on stdin it prints the closure, as "NAME\tPATH" or "NAME\t", and a line
 * ".".
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/elf/elf.h"

#define JUDGED_FILES 150
#define TEXT_SIZE    (64u << 10)

static const char *root = "/";
static struct resolver *resolver;
static char top[] = "/tmp/footprint-closure-XXXXXX";

static int set_up(void **state)
{
	autoclose int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	return resolver_new(fd, &resolver) || !mkdtemp(top);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	resolver_free(resolver);
	return nftw(top, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts the lines of `text` and drops duplicates, so that two sets can be compared as texts. */
static void sort_lines(char *text, char *ret, size_t size)
{
	char *lines[4096];
	size_t n = 0, used = 0;

	for (char *line; (line = strsep(&text, "\n"));)
		if (*line && n < sizeof(lines) / sizeof(*lines))
			lines[n++] = line;
	qsort(lines, n, sizeof(*lines), compare_lines);
	ret[0] = '\0';
	for (size_t i = 0; i < n; i++)
		if (!i || strcmp(lines[i], lines[i - 1]))
			used += (size_t)snprintf(ret + used, size - used, "%s\n", lines[i]);
	assert_true(used < size);
}

/* The canonical paths of all objects except the program, one on each line; "NAME not found" for one
 * that does not exist. */
static void what_we_find(const char *program, char *ret)
{
	static char text[TEXT_SIZE];
	struct elf_closure closure;
	struct error err = { 0 };
	size_t used = 0;

	if (elf_closure_find(resolver, program, &closure, &err) < 0)
		fail_msg("%s: %s", program, err.text);
	text[0] = '\0';
	for (size_t i = 1; i < closure.n_objects; i++) {
		const struct elf_object *object = &closure.objects[i];

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s\n",
			object->path ? object->path : object->name,
			object->path ? "" : " not found");
		assert_true(object->requester < i);
	}
	elf_closure_deinit(&closure);
	sort_lines(text, ret, TEXT_SIZE);
}

/* A path in the root, as the list names it, made canonical there by realpath(1). */
static void append_canonical(FILE *out, const char *path)
{
	char whole[PATH_MAX + 64], command[PATH_MAX + 128], real[PATH_MAX];
	FILE *realpath_output;

	if (!strcmp(root, "/")) {
		assert_non_null(realpath(path, real));
		fprintf(out, "%s\n", real);
		return;
	}
	snprintf(whole, sizeof(whole), "chroot '%s' realpath", root);
	snprintf(command, sizeof(command), "%s '%s'", whole, path);
	realpath_output = popen(command, "re");
	assert_non_null(realpath_output);
	assert_non_null(fgets(real, sizeof(real), realpath_output));
	pclose(realpath_output);
	fputs(real, out);
}

/* One line of `ld.so --list`: "NAME => PATH (0x...)", "PATH (0x...)", "NAME => not found". */
static void append_listed(FILE *out, char *line)
{
	char *arrow = strstr(line, " => "), *end;

	line += strspn(line, "\t ");
	line[strcspn(line, "\n")] = '\0';
	if (!strncmp(line, "linux-vdso", 10))
		return;
	if (arrow && !strncmp(arrow, " => not found", 13)) {
		fprintf(out, "%.*s not found\n", (int)(arrow - line), line);
		return;
	}
	if (arrow)
		line = arrow + 4;
	end = strstr(line, " (0x");
	if (!end || line[0] != '/')
		return;
	*end = '\0';
	append_canonical(out, line);
}

/*
 * What the linker maps for the program, including the linker itself. False: it does not say, for
 * example for a static program or one of another architecture.
 */
static bool what_the_linker_maps(const char *linker, const char *program, char *ret)
{
	char command[2 * PATH_MAX], line[PATH_MAX + 256], *text = NULL;
	bool whole = strcmp(root, "/") == 0, musl = strstr(linker, "musl") != NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size), *list;
	int status;

	/*
	 * glibc's --list gives up at a missing library; its trace goes on, like ldd's.
	 */
	snprintf(command, sizeof(command), "%s%s%s env -u LD_PRELOAD %s %s %s '%s' 2>/dev/null",
		whole ? "" : "chroot '", whole ? "" : root, whole ? "" : "'",
		musl ? "" : "LD_TRACE_LOADED_OBJECTS=1", linker, musl ? "--list" : "", program);
	list = popen(command, "re");
	assert_non_null(list);
	while (fgets(line, sizeof(line), list))
		append_listed(out, line);
	status = pclose(list);
	append_canonical(out, linker);
	fclose(out);
	sort_lines(text, ret, TEXT_SIZE);
	free(text);
	return status == 0;
}

static void compare_with(const char *linker, const char *program)
{
	static char ours[TEXT_SIZE], theirs[TEXT_SIZE];

	assert_true(what_the_linker_maps(linker, program, theirs));
	what_we_find(program, ours);
	if (strcmp(ours, theirs))
		fail_msg("%s:\n%s\nthe linker says:\n%s", program, ours, theirs);
}

static bool is_dynamic(const char *path, bool *ret_program)
{
	struct elf_info info;
	autoclose int fd = resolver_open(resolver, path, NULL);
	bool dynamic;

	if (fd < 0 || elf_describe(fd, &info, NULL) < 0)
		return false;
	*ret_program = info.interpreter != NULL;
	dynamic = info.kind == PROGRAM_ELF && info.n_needed &&
		  (!info.interpreter || strstr(info.interpreter, "/ld-linux-x86-64"));
	elf_info_deinit(&info);
	return dynamic;
}

static void find_files(glob_t *ret)
{
	static const char *const patterns[] = { "/usr/bin/*", "/usr/sbin/*", "/usr/lib/*/*.so*",
		"/usr/lib/*/*/*.so", "/usr/lib/python3*/lib-dynload/*.so",
		"/usr/lib/python3/dist-packages/*/*.so", "/usr/libexec/*/*" };
	char pattern[PATH_MAX];

	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
		snprintf(pattern, sizeof(pattern), "%s%s", strcmp(root, "/") ? root : "",
			patterns[i]);
		glob(pattern, i ? GLOB_APPEND : 0, NULL, ret);
	}
}

static void drop_line(char *text, const char *part)
{
	char *found = strstr(text, part), *start = found, *end;

	if (!found)
		return;
	while (start > text && start[-1] != '\n')
		start--;
	end = strchr(found, '\n') + 1;
	memmove(start, end, strlen(end) + 1);
}

/* A library itself names no linker, so the linker is left out of both sets. */
static void programs_and_libraries_have_the_closure_their_linker_gives_them(void **state)
{
	static char ours[TEXT_SIZE], theirs[TEXT_SIZE];
	const char *linker = "/lib64/ld-linux-x86-64.so.2";
	glob_t found = { 0 };
	size_t step, judged = 0, skip_root = strcmp(root, "/") ? strlen(root) : 0;

	(void)state;
	find_files(&found);
	step = found.gl_pathc / (3 * JUDGED_FILES) + 1;
	for (size_t i = 0; i < found.gl_pathc && judged < JUDGED_FILES; i += step) {
		const char *path = found.gl_pathv[i] + skip_root;
		bool program;

		if (strchr(path, '\'') || !is_dynamic(path, &program) ||
			!what_the_linker_maps(linker, path, theirs))
			continue;
		what_we_find(path, ours);
		if (!program) {
			drop_line(ours, "/ld-linux-x86-64.so.2");
			drop_line(ours, "/ld-2.");
			drop_line(theirs, "/ld-linux-x86-64.so.2");
			drop_line(theirs, "/ld-2.");
		}
		if (strcmp(ours, theirs))
			fail_msg("%s:\n%s\nthe linker says:\n%s", path, ours, theirs);
		judged++;
	}
	globfree(&found);
	print_message("%zu files judged\n", judged);
	assert_true(judged > JUDGED_FILES / 5);
}

static void run(const char *command)
{
	char whole[2048];

	snprintf(whole, sizeof(whole), "cd %s && { %s; } 2>&1", top, command);
	if (system(whole))
		fail_msg("%s", whole);
}

static const char *built(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	return path;
}

static bool can_build(void)
{
	return !strcmp(root, "/") && system("command -v gcc >/dev/null") == 0;
}

/* Each of the three libraries is only found by the program's RPATH, which all inherit. */
static void rpath_is_inherited(void **state)
{
	(void)state;
	if (!can_build())
		skip();
	run("mkdir -p r/one r/two && echo 'int f;' >r/f.c &&"
	    "gcc -shared -o r/two/libfprdeep.so r/f.c -Wl,-soname,libfprdeep.so &&"
	    "gcc -shared -o r/one/libfprmid.so r/f.c -Wl,--no-as-needed -Lr/two -lfprdeep &&"
	    "echo 'int main(void) { return 0; }' >r/m.c &&"
	    "gcc -o r/program r/m.c -Wl,--no-as-needed -Lr/one -lfprmid -Wl,-rpath-link,r/two"
	    " -Wl,--disable-new-dtags,-rpath,'$ORIGIN/one:${ORIGIN}/nowhere:$ORIGIN/../r/two/'");
	compare_with("/lib64/ld-linux-x86-64.so.2", built("r/program"));
}

/* RUNPATH only serves the object that has it: the deep library is not found. */
static void runpath_is_not_inherited(void **state)
{
	(void)state;
	if (!can_build())
		skip();
	run("mkdir -p n/one n/two && echo 'int f;' >n/f.c &&"
	    "gcc -shared -o n/two/libfpndeep.so n/f.c &&"
	    "gcc -shared -o n/one/libfpnmid.so n/f.c -Wl,--no-as-needed -Ln/two -lfpndeep &&"
	    "echo 'int main(void) { return 0; }' >n/m.c &&"
	    "gcc -o n/program n/m.c -Wl,--no-as-needed -Ln/one -lfpnmid -Wl,-rpath-link,n/two"
	    " -Wl,--enable-new-dtags,-rpath,'$ORIGIN/one:$ORIGIN/two'");
	compare_with("/lib64/ld-linux-x86-64.so.2", built("n/program"));
}

/* The directory of the program has a colon in its name, which does not split $ORIGIN. */
static void the_origin_may_have_a_colon(void **state)
{
	(void)state;
	if (!can_build())
		skip();
	run("mkdir -p c/a:b/lib && echo 'int f;' >c/f.c &&"
	    "gcc -shared -o c/a:b/lib/libfpc.so c/f.c &&"
	    "echo 'int main(void) { return 0; }' >c/m.c &&"
	    "gcc -o c/a:b/program c/m.c -Wl,--no-as-needed -Lc/a:b/lib -lfpc"
	    " -Wl,-rpath,'$ORIGIN/nowhere:$ORIGIN/lib'");
	compare_with("/lib64/ld-linux-x86-64.so.2", built("c/a:b/program"));
}

/* If an object in between has a RUNPATH, the libraries below it do not see the program's RPATH. */
static void runpath_shuts_rpath_out(void **state)
{
	(void)state;
	if (!can_build())
		skip();
	run("mkdir -p s/one s/two s/three && echo 'int f;' >s/f.c &&"
	    "gcc -shared -o s/two/libfpsdeep.so s/f.c && gcc -shared -o s/three/libfpsdeep.so "
	    "s/f.c &&"
	    "gcc -shared -o s/one/libfpsmid.so s/f.c -Wl,--no-as-needed -Ls/two -lfpsdeep"
	    " -Wl,--enable-new-dtags,-rpath,'$ORIGIN/../three' &&"
	    "echo 'int main(void) { return 0; }' >s/m.c &&"
	    "gcc -o s/program s/m.c -Wl,--no-as-needed -Ls/one -lfpsmid -Wl,-rpath-link,s/two"
	    " -Wl,--disable-new-dtags,-rpath,'$ORIGIN/one:$ORIGIN/two'");
	compare_with("/lib64/ld-linux-x86-64.so.2", built("s/program"));
}

/* A file that is found by path, by two sonames and by a symlink remains one object. $LIB is
 * Debian's. */
static void one_file_is_one_object(void **state)
{
	(void)state;
	if (!can_build())
		skip();
	run("mkdir -p o/lib/x86_64-linux-gnu && echo 'int f;' >o/f.c && cd o/lib/x86_64-linux-gnu "
	    "&&"
	    "gcc -shared -o libfpo.so.1 ../../f.c -Wl,-soname,libfpo.so.1 && ln -s libfpo.so.1 "
	    "libfpo2.so &&"
	    "gcc -shared -o libfpother.so ../../f.c -Wl,--no-as-needed -L. -l:libfpo.so.1"
	    " -Wl,-rpath,'$ORIGIN' && cd ../.. && echo 'int main(void) { return 0; }' >m.c &&"
	    "gcc -o program m.c -Wl,--no-as-needed -Llib/x86_64-linux-gnu -l:libfpo.so.1 -lfpother"
	    " -Wl,-rpath,'$ORIGIN/$LIB'");
	compare_with("/lib64/ld-linux-x86-64.so.2", built("o/program"));
}

/* A 32-bit library and a text file with the right name are skipped. */
static void other_architectures_are_passed_over(void **state)
{
	(void)state;
	if (!can_build())
		skip();
	run("mkdir -p a/bad a/good && echo 'int f;' >a/f.c && gcc -shared -o a/good/libfpa.so "
	    "a/f.c &&"
	    "cp a/good/libfpa.so a/bad/ && printf '\\267' |"
	    " dd of=a/bad/libfpa.so bs=1 seek=18 conv=notrunc status=none && "
	    "echo 'int main(void) { return 0; }' >a/m.c &&"
	    "gcc -o a/program a/m.c -Wl,--no-as-needed -La/good -lfpa"
	    " -Wl,-rpath,'$ORIGIN/bad:$ORIGIN/good'");
	compare_with("/lib64/ld-linux-x86-64.so.2", built("a/program"));
}

/* Built for x86-64-v2 and v4: ld.so takes the one that this processor can run. */
static void newer_processors_have_subdirectories_of_their_own(void **state)
{
	(void)state;
	if (!can_build())
		skip();
	run("mkdir -p h/glibc-hwcaps/x86-64-v2 h/glibc-hwcaps/x86-64-v4 && echo 'int f;' >h/f.c &&"
	    "gcc -shared -o h/libfph.so h/f.c && cp h/libfph.so h/glibc-hwcaps/x86-64-v2/ &&"
	    "cp h/libfph.so h/glibc-hwcaps/x86-64-v4/ &&"
	    "echo 'int main(void) { return 0; }' >h/m.c &&"
	    "gcc -o h/program h/m.c -Wl,--no-as-needed -Lh -lfph -Wl,-rpath,'$ORIGIN'");
	compare_with("/lib64/ld-linux-x86-64.so.2", built("h/program"));
}

/* DT_NEEDED with a slash is a path, and not searched; -z nodefaultlib excludes directories. */
static void names_with_a_slash_are_paths(void **state)
{
	(void)state;
	if (!can_build())
		skip();
	run("mkdir -p p && echo 'int f;' >p/f.c && gcc -shared -o p/libfpp.so p/f.c &&"
	    "echo 'int main(void) { return 0; }' >p/m.c &&"
	    "gcc -o p/program p/m.c -Wl,--no-as-needed \"$PWD/p/libfpp.so\" &&"
	    "gcc -o p/nodefault p/m.c -Wl,--no-as-needed,-z,nodefaultlib -lm");
	compare_with("/lib64/ld-linux-x86-64.so.2", built("p/program"));
	compare_with("/lib64/ld-linux-x86-64.so.2", built("p/nodefault"));
}

/* musl: its libc is its linker, its RUNPATH is inherited, and it reads /etc/ld-musl-x86_64.path. */
static void musl_programs_have_the_closure_musl_gives_them(void **state)
{
	(void)state;
	if (!can_build() || system("command -v musl-gcc >/dev/null"))
		skip();
	run("mkdir -p m/one m/two && echo 'int f;' >m/f.c &&"
	    "musl-gcc -shared -fPIC -o m/two/libfpmdeep.so m/f.c &&"
	    "musl-gcc -shared -fPIC -o m/one/libfpmmid.so m/f.c -Wl,--no-as-needed -Lm/two "
	    "-lfpmdeep &&"
	    "echo 'int main(void) { return 0; }' >m/m.c &&"
	    "musl-gcc -o m/program m/m.c -Wl,--no-as-needed -Lm/one -lfpmmid -Wl,-rpath-link,m/two"
	    " -Wl,--enable-new-dtags,-rpath,'$ORIGIN/one:$ORIGIN/two'");
	compare_with("/lib/ld-musl-x86_64.so.1", built("m/program"));
}

static void a_program_that_is_not_there_is_an_error(void **state)
{
	struct elf_closure closure;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(elf_closure_find(resolver, "/no/such/program", &closure, &err), -ENOENT);
	assert_string_equal(err.text, "/no/such/program: No such file or directory");
}

static int print_closures(void)
{
	autoclose int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char program[PATH_MAX];

	if (resolver_new(fd, &resolver) < 0)
		return 1;
	while (fgets(program, sizeof(program), stdin)) {
		struct elf_closure closure;
		struct error err = { 0 };

		program[strcspn(program, "\n")] = '\0';
		if (elf_closure_find(resolver, program, &closure, &err) < 0) {
			fprintf(stderr, "%s: %s\n", program, err.text);
			return 1;
		}
		for (size_t i = 1; i < closure.n_objects; i++)
			printf("%s\t%s\n", closure.objects[i].name,
				closure.objects[i].path ? closure.objects[i].path : "");
		puts(".");
		elf_closure_deinit(&closure);
	}
	resolver_free(resolver);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_and_libraries_have_the_closure_their_linker_gives_them),
		cmocka_unit_test(rpath_is_inherited),
		cmocka_unit_test(runpath_is_not_inherited),
		cmocka_unit_test(the_origin_may_have_a_colon),
		cmocka_unit_test(runpath_shuts_rpath_out),
		cmocka_unit_test(one_file_is_one_object),
		cmocka_unit_test(other_architectures_are_passed_over),
		cmocka_unit_test(newer_processors_have_subdirectories_of_their_own),
		cmocka_unit_test(names_with_a_slash_are_paths),
		cmocka_unit_test(musl_programs_have_the_closure_musl_gives_them),
		cmocka_unit_test(a_program_that_is_not_there_is_an_error),
	};

	if (argc > 1)
		root = argv[1];
	if (argc > 2)
		return print_closures();
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
