/*
 * The exec family. All functions end in attempt(), which records the execution before the real call
 * (one that succeeds does not return), and takes it back when the call returns. PATH is searched
 * here and not in libc, so that each candidate is recorded in the form in which the kernel gets it.
 */
#define _GNU_SOURCE

#include "preload/hooks/hooks_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/hooks/hooks.h"
#include "preload/image.h"
#include "preload/programs/program.h"
#include "preload/programs/program_search.h"
#include "preload/programs/supervised.h"
#include "preload/record/recorder.h"
#include "preload/sites/sites.h"

static void record_unwatched(enum program_kind kind, const char *path)
{
	/* Otherwise a supervisor is started just before the system call: by its site, or by
	 * call_unseen(). */
	if (kind == PROGRAM_STATIC && !hook_seen_inside())
		record_gap("static-program", path, "has no dynamic linker");
	else if (kind == PROGRAM_SETUID)
		record_gap("setuid-program", path, "runs with other privileges than its caller");
	else if (kind == PROGRAM_FOREIGN)
		record_gap("foreign-program", path, "is of another architecture");
}

/* The program runs without the library, which is a gap. It is recorded here, because the aggregator
 * would not miss it if another start of the same program had been watched. Under a filter that
 * leaves us no calls, nobody can look whether the program is there at all: the gap names the one
 * that starts it. */
static enum library_wish leave_out(const char *path, const char *why)
{
	record_gap("no-hello", path, why);
	return LIBRARY_UNWANTED;
}

/* What a gap calls the program. NULL: no name is known. */
static const char *name_of(int dirfd, const char *path, char *room, size_t size)
{
	if (*path)
		return dirfd == AT_FDCWD ? path : NULL;
	program_name(dirfd, room, size);
	return *room ? room : NULL;
}

/* Not inlined: its space on the stack, which may be a signal handler's, is free again before the
 * exec. */
__attribute__((noinline)) enum library_wish exec_announce(
	int dirfd, const char *path, int flags, enum program_kind *ret_kind)
{
	char program[PROGRAM_PATH_SIZE];
	enum program_kind kind;

	*ret_kind = PROGRAM_UNKNOWN;
	if (image.unwelcome)
		return leave_out(NULL, "starts programs below a filter that kills for our calls");
	if (!image_segment())
		return LIBRARY_WANTED;
	*ret_kind = kind = program_look(dirfd, path, flags, program, sizeof(program));
	record_unwatched(kind, *program ? program : path);
	if (kind == PROGRAM_UNKNOWN)
		return LIBRARY_WANTED; /* most often it is not there */
	if (kind == PROGRAM_FOREIGN)
		return LIBRARY_UNWANTED;
	if (environment_reaches_library())
		return LIBRARY_WANTED;
	if (kind != PROGRAM_DYNAMIC)
		return LIBRARY_UNWANTED;
	return leave_out(name_of(dirfd, path, program, sizeof(program)),
		"started where the library is out of reach");
}

/* One attempt to execute a program: by which function, and with which arguments. */
struct attempt {
	environment_user *call;
	int dirfd;
	const char *path;
	int flags;
	char *const *argv;
	bool seen_inside; /* a site records it, and says goodbye */
};

static long call_execve(void *context, char *const *envp)
{
	const struct attempt *attempt = context;
	REAL(execve);

	return real_execve ? real_execve(attempt->path, attempt->argv, envp) : hook_missing();
}

static long call_execveat(void *context, char *const *envp)
{
	const struct attempt *attempt = context;
	REAL(execveat);

	if (real_execveat)
		return real_execveat(
			attempt->dirfd, attempt->path, attempt->argv, envp, attempt->flags);
	return hook_real_syscall()(
		SYS_execveat, attempt->dirfd, attempt->path, attempt->argv, envp, attempt->flags);
}

static long call_fexecve(void *context, char *const *envp)
{
	const struct attempt *attempt = context;
	REAL(fexecve);

	return real_fexecve ? real_fexecve(attempt->dirfd, attempt->argv, envp) : hook_missing();
}

/* For calls that no site sees (execveat, fexecve): does what the site would do. A supervisor would
 * hear of any call after supervised_exec(), so the environment has been made by now. */
static long call_unseen(void *context, char *const *envp)
{
	struct attempt *attempt = context;
	enum program_glance glance =
		supervised_glance(attempt->dirfd, attempt->path, attempt->flags);
	uint64_t ticket = record_exec_begin(attempt->dirfd, attempt->path, glance);
	long result;

	if (glance == GLANCE_MAY_BE && hook_seen_inside())
		supervised_exec(attempt->dirfd, attempt->path, attempt->flags);
	if (ticket != EXEC_WILL_FAIL)
		record_goodbye();
	result = attempt->call(attempt, envp);
	if (ticket != EXEC_WILL_FAIL)
		record_goodbye_undo();
	record_exec_failed(ticket, attempt->dirfd, attempt->path, hook_error(true));
	return result;
}

/* Returns, with -1, only if the exec fails. */
static int attempt(struct attempt *attempt, char *const *envp)
{
	enum program_kind kind;
	enum library_wish wish =
		exec_announce(attempt->dirfd, attempt->path, attempt->flags, &kind);
	long result;

	if (!attempt->seen_inside)
		return (int)environment_with(envp, wish, call_unseen, attempt);
	supervised_expect(attempt->path, kind);
	result = environment_with(envp, wish, attempt->call, attempt);
	supervised_expect_no_more();
	return (int)result;
}

static int run(const char *path, char *const *argv, char *const *envp)
{
	REAL(execve);
	struct attempt one = { call_execve, AT_FDCWD, path, 0, argv,
		real_execve && sites_begin((const void *)(uintptr_t)real_execve) };

	return attempt(&one, envp);
}

/* If the kernel does not take a file for a program, glibc has the shell run it. */
static int run_script(const char *path, char *const *argv, char *const *envp)
{
	size_t count = 0;
	char **script;

	while (argv[count])
		count++;
	script = __builtin_alloca((count + 3) * sizeof(*script));
	script[0] = (char *)(uintptr_t)SHELL;
	script[1] = (char *)(uintptr_t)path;
	script[2] = NULL;
	for (size_t i = 1; i <= count; i++)
		script[i + 1] = argv[i];
	return run(SHELL, script, envp);
}

/* Does the search go on after this error? */
static bool search_goes_on(int error)
{
	switch (error) {
	case EACCES:
	case ENOENT:
	case ENOTDIR:
		return true;
	case ESTALE:
	case ENODEV:
	case ETIMEDOUT:
		return hook_libc_is_glibc();
	default:
		return false;
	}
}

static int fail(int error)
{
	*__errno_location() = error;
	return -1;
}

static int run_searched(const char *file, char *const *argv, char *const *envp)
{
	struct program_search search;
	int error = program_search_begin(&search, file);
	bool denied = false;

	if (error)
		return fail(error);
	error = *__errno_location(); /* if all candidates are too long, none is tried */
	search.text = __builtin_alloca(search.room);
	while (program_search_next(&search)) {
		run(search.path, argv, envp);
		if (*__errno_location() == ENOEXEC && hook_libc_is_glibc())
			run_script(search.path, argv, envp);
		error = *__errno_location();
		if (!search_goes_on(error))
			return -1;
		denied |= error == EACCES;
	}
	return fail(denied ? EACCES : error);
}

FP_EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
	return run(path, argv, envp);
}

FP_EXPORT int execv(const char *path, char *const argv[])
{
	return run(path, argv, environ);
}

FP_EXPORT int execvp(const char *file, char *const argv[])
{
	return run_searched(file, argv, environ);
}

FP_EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
	return run_searched(file, argv, envp);
}

FP_EXPORT int execveat(
	int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
{
	struct attempt one = { call_execveat, dirfd, path, flags, argv, false };

	return attempt(&one, envp);
}

FP_EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
	struct attempt one = { call_fexecve, fd, "", AT_EMPTY_PATH, argv, false };
	REAL(fexecve);

	/* glibc refuses this; musl takes an empty environment, which becomes ours. */
	if (!envp && hook_libc_is_glibc())
		return real_fexecve ? real_fexecve(fd, argv, envp) : (int)hook_missing();
	return attempt(&one, envp);
}

static size_t count_arguments(const char *first, va_list *list)
{
	size_t count = 0;

	for (; first; first = va_arg(*list, const char *))
		count++;
	return count;
}

/* Copies arguments up to the NULL that ends them, and also that. */
static void take_arguments(char **argv, const char *first, va_list *list)
{
	for (; first; first = va_arg(*list, const char *))
		*argv++ = (char *)(uintptr_t)first;
	*argv = NULL;
}

/* The arguments of an execl as an array on the stack; `list` is left behind them. */
#define LISTED_ARGUMENTS(argv, argument, list)                                                     \
	va_start(list, argument);                                                                  \
	argv = __builtin_alloca((count_arguments(argument, &list) + 1) * sizeof(*argv));           \
	va_end(list);                                                                              \
	va_start(list, argument);                                                                  \
	take_arguments(argv, argument, &list)

FP_EXPORT int execl(const char *path, const char *argument, ...)
{
	va_list list;
	char **argv;

	LISTED_ARGUMENTS(argv, argument, list);
	va_end(list);
	return run(path, argv, environ);
}

FP_EXPORT int execlp(const char *file, const char *argument, ...)
{
	va_list list;
	char **argv;

	LISTED_ARGUMENTS(argv, argument, list);
	va_end(list);
	return run_searched(file, argv, environ);
}

FP_EXPORT int execle(const char *path, const char *argument, ...)
{
	char *const *envp;
	va_list list;
	char **argv;

	LISTED_ARGUMENTS(argv, argument, list);
	envp = va_arg(list, char *const *);
	va_end(list);
	return run(path, argv, envp);
}
