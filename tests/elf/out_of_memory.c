/*
 * Makes the n-th allocation fail, for every n, while paths are resolved, closures found, files
 * looked at, and package databases read. Each call must succeed or return -ENOMEM; nothing may leak
 * (LeakSanitizer) or crash. Linked with --wrap for each function that allocates. Arguments: ROOT
 * PROGRAM FAILURES_MAX.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aggregator/roots/look.h"
#include "lib/elf/elf.h"
#include "lib/package/package.h"
#include "lib/root/resolver.h"

static long left =
	-1; /* allocations that still succeed; all later ones fail; negative: none fails */

static bool fails(void)
{
	if (left > 0)
		left--;
	return left == 0;
}

#define WRAP(result, name, parameters, arguments)                                                  \
	result __real_##name parameters;                                                           \
	result __wrap_##name parameters;                                                           \
	result __wrap_##name parameters                                                            \
	{                                                                                          \
		if (!fails())                                                                      \
			return __real_##name arguments;                                            \
		errno = ENOMEM;                                                                    \
		return NULL;                                                                       \
	}

WRAP(void *, malloc, (size_t size), (size))
WRAP(void *, calloc, (size_t n, size_t size), (n, size))
WRAP(void *, realloc, (void *old, size_t size), (old, size))
WRAP(void *, reallocarray, (void *old, size_t n, size_t size), (old, n, size))
WRAP(char *, strdup, (const char *text), (text))
WRAP(char *, strndup, (const char *text, size_t size), (text, size))
WRAP(FILE *, open_memstream, (char **text, size_t *size), (text, size))

/* asprintf() leaves the pointer undefined on failure; here it becomes an invalid one. */
static int print(char **ret, const char *format, va_list arguments)
{
	if (!fails())
		return vasprintf(ret, format, arguments);
	*ret = (char *)1;
	return -1;
}

int __wrap_asprintf(char **ret, const char *format, ...);
int __wrap_asprintf(char **ret, const char *format, ...)
{
	va_list arguments;
	int size;

	va_start(arguments, format);
	size = print(ret, format, arguments);
	va_end(arguments);
	return size;
}

/* This is what asprintf becomes with _FORTIFY_SOURCE. */
int __wrap___asprintf_chk(char **ret, int flag, const char *format, ...);
int __wrap___asprintf_chk(char **ret, int flag, const char *format, ...)
{
	va_list arguments;
	int size;

	(void)flag;
	va_start(arguments, format);
	size = print(ret, format, arguments);
	va_end(arguments);
	return size;
}

static struct resolver *resolver;

static int resolve(const char *program)
{
	struct resolution where;
	int code = resolver_resolve(resolver, "/lib", program, true, &where);

	if (code == 0)
		resolution_deinit(&where);
	return code;
}

static int find_closure(const char *program)
{
	struct elf_closure closure;
	struct error err = { 0 };
	int code = elf_closure_find(resolver, program, &closure, &err);

	if (code == 0)
		elf_closure_deinit(&closure);
	else if (err.code != code || !err.text[0])
		abort(); /* an error without a message */
	return code;
}

static int read_packages(const char *program)
{
	struct package_database *db;
	const struct package *package;
	int code = package_database_open(resolver, &db, NULL);

	if (code < 0)
		return code;
	code = package_database_find(db, resolver, program, &package);
	package_database_free(db);
	return code;
}

/* Makes the deepest look at the program, with an empty cache of digests. root_size: how much of its
 * path is the root of the process. */
static int look_from(const char *program, size_t root_size)
{
	struct look_tools tools = { .resolver = resolver, .ask = true };
	struct look_request request = {
		.raw = program,
		.root_size = root_size,
		.follow = true,
		.depth = LOOK_PROGRAM,
		.digest = true,
	};
	struct look *look;
	int code = look_at(&tools, &request, &look);

	if (code == 0) {
		if (!look->state.has_sha256 || !look->interpreter ||
			!look->interpreter->state.has_sha256 || look->closure.n_objects < 2 ||
			look->trouble)
			code = -ENODATA;
		look_unref(look);
	}
	tools.resolver = NULL;
	look_tools_deinit(&tools);
	return code;
}

static int look(const char *program)
{
	return look_from(program, 0);
}

/* The process is behind a chroot to the first directory of the program's path. With a merged /usr,
 * the linker and libraries are there, too. */
static int look_in_chroot(const char *program)
{
	return look_from(program, strcspn(program + 1, "/") + 1);
}

/* Runs `work` until it finishes before the allocation that would fail. */
static bool survives(const char *name, int (*work)(const char *), const char *program, long max)
{
	for (long n = 1; n <= max; n++) {
		int code;
		bool met;

		resolver_refresh(resolver);
		left = n;
		code = work(program);
		met = left == 0;
		left = -1;
		if (code != 0 && (code != -ENOMEM || !met)) {
			printf("%s: failure %ld: %s\n", name, n, strerror(-code));
			return false;
		}
		if (!met) {
			printf("%s: %ld failures survived\n", name, n - 1);
			return n > 1;
		}
	}
	printf("%s: the first %ld failures survived\n", name, max);
	return true;
}

int main(int argc, char **argv)
{
	bool good;
	int root;

	if (argc != 4)
		return 2;
	root = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || resolver_new(root, &resolver) < 0)
		return 2;
	close(root);
	good = survives("resolve", resolve, argv[2], atol(argv[3]));
	good &= survives("closure", find_closure, argv[2], atol(argv[3]));
	good &= survives("look", look, argv[2], atol(argv[3]));
	good &= survives("look in a chroot", look_in_chroot, argv[2], atol(argv[3]));
	good &= survives("packages", read_packages, argv[2], atol(argv[3]));
	resolver_free(resolver);
	return good ? 0 : 1;
}
