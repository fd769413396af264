/*
 * Functions that walk through directories inside libc. Sites see each step of these. Without sites,
 * this records what can be known from outside: where they began, and what they returned.
 */
#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <ftw.h>
#include <glob.h>
#include <linux/limits.h>
#include <stdlib.h>

#include "preload/hooks/hooks.h"
#include "preload/record/recorder.h"
#include "preload/text.h"

static void listed(int directory, const char *path, int error)
{
	if (!hook_seen_inside())
		record_open(directory, path, O_RDONLY | O_DIRECTORY, -1, error);
}

#define SCAN(name, directory, parameters, arguments)                                               \
	FP_EXPORT int name parameters                                                              \
	{                                                                                          \
		REAL(name);                                                                        \
		int count = real_##name ? real_##name arguments : (int)hook_missing();             \
		listed(directory, path, hook_error(count < 0));                                    \
		return count;                                                                      \
	}

SCAN(scandir, AT_FDCWD,
	(const char *path, struct dirent ***entries, int (*wanted)(const struct dirent *),
		int (*compare)(const struct dirent **, const struct dirent **)),
	(path, entries, wanted, compare))
SCAN(scandir64, AT_FDCWD,
	(const char *path, struct dirent64 ***entries, int (*wanted)(const struct dirent64 *),
		int (*compare)(const struct dirent64 **, const struct dirent64 **)),
	(path, entries, wanted, compare))
SCAN(scandirat, directory,
	(int directory, const char *path, struct dirent ***entries,
		int (*wanted)(const struct dirent *),
		int (*compare)(const struct dirent **, const struct dirent **)),
	(directory, path, entries, wanted, compare))
SCAN(scandirat64, directory,
	(int directory, const char *path, struct dirent64 ***entries,
		int (*wanted)(const struct dirent64 *),
		int (*compare)(const struct dirent64 **, const struct dirent64 **)),
	(directory, path, entries, wanted, compare))

static bool is_magic(char c)
{
	return c == '*' || c == '?' || c == '[' || c == '\\';
}

/* The directory part of the first `size` bytes of a path. */
static void list_parent(const char *path, size_t size, int error)
{
	char directory[PATH_MAX];

	while (size > 0 && path[size - 1] != '/')
		size--;
	if (size >= sizeof(directory))
		return;
	memcpy(directory, path, size);
	directory[size] = '\0';
	if (size == 0)
		listed(AT_FDCWD, ".", error);
	else
		listed(AT_FDCWD, directory, error);
}

/* The directory before the first pattern was read. If the last component is a pattern, so was the
 * parent of each match. Braces and tildes make several patterns of one; only sites see these. */
static void globbed(const char *pattern, int flags, int result, char *const *paths, size_t count)
{
	size_t size, first = 0, last;

	if (hook_seen_inside() || flags & (GLOB_ALTDIRFUNC | GLOB_BRACE | GLOB_TILDE) ||
		!hook_given(pattern))
		return;
	size = last = text_length(pattern);
	while (first < size && !is_magic(pattern[first]))
		first++;
	if (first == size) {
		record_path(
			ACCESS_CHECK | ACCESS_NO_FOLLOW, AT_FDCWD, pattern, result ? ENOENT : 0);
		return;
	}
	list_parent(pattern, first, 0);
	while (last > 0 && pattern[last - 1] != '/' && !is_magic(pattern[last - 1]))
		last--;
	if (result || last == 0 || pattern[last - 1] == '/')
		return;
	for (size_t i = 0; i < count; i++)
		list_parent(paths[i], text_length(paths[i]), 0);
}

#define GLOB(name, type)                                                                           \
	FP_EXPORT int name(                                                                        \
		const char *pattern, int flags, int (*on_error)(const char *, int), type *matches) \
	{                                                                                          \
		REAL(name);                                                                        \
		int result = real_##name ? real_##name(pattern, flags, on_error, matches)          \
					 : (int)hook_missing();                                    \
		size_t skipped = !result && flags & GLOB_DOOFFS ? matches->gl_offs : 0;            \
		globbed(pattern, flags, result, result ? NULL : matches->gl_pathv + skipped,       \
			result ? 0 : matches->gl_pathc);                                           \
		return result;                                                                     \
	}

GLOB(glob, glob_t)
GLOB(glob64, glob64_t)

static int walked(const char *path, unsigned no_follow, int result)
{
	if (!hook_seen_inside()) {
		record_path(ACCESS_CHECK | no_follow, AT_FDCWD, path, hook_error(result == -1));
		if (result != -1)
			listed(AT_FDCWD, path, 0);
	}
	return result;
}

#define WALK(name, parameters, arguments, no_follow)                                               \
	FP_EXPORT int name parameters                                                              \
	{                                                                                          \
		REAL(name);                                                                        \
		return walked(path, no_follow,                                                     \
			real_##name ? real_##name arguments : (int)hook_missing());                \
	}

#define PHYSICAL(flags) ((flags)&FTW_PHYS ? ACCESS_NO_FOLLOW : 0)

WALK(ftw, (const char *path, __ftw_func_t visit, int fds), (path, visit, fds), 0)
WALK(ftw64, (const char *path, __ftw64_func_t visit, int fds), (path, visit, fds), 0)
WALK(nftw, (const char *path, __nftw_func_t visit, int fds, int flags), (path, visit, fds, flags),
	PHYSICAL(flags))
WALK(nftw64, (const char *path, __nftw64_func_t visit, int fds, int flags),
	(path, visit, fds, flags), PHYSICAL(flags))

static void roots_checked(char *const *paths, int options)
{
	bool follows = options & (FTS_LOGICAL | FTS_COMFOLLOW);

	for (; !hook_seen_inside() && *paths; paths++)
		record_path(ACCESS_CHECK | (follows ? 0 : ACCESS_NO_FOLLOW), AT_FDCWD, *paths, 0);
}

#define FTS_OPEN(name, tree, entry)                                                                \
	FP_EXPORT tree *name(                                                                      \
		char *const *paths, int options, int (*compare)(const entry **, const entry **))   \
	{                                                                                          \
		REAL(name);                                                                        \
		tree *walk = real_##name ? real_##name(paths, options, compare)                    \
					 : (hook_missing(), NULL);                                 \
		if (walk)                                                                          \
			roots_checked(paths, options);                                             \
		return walk;                                                                       \
	}

FTS_OPEN(fts_open, FTS, FTSENT)
FTS_OPEN(fts64_open, FTS64, FTSENT64)

/* A directory is reported a second time when it has been read: FTS_DP. Paths are relative to where
 * the walk began, which the recorder takes for the working directory. */
#define FTS_READ(name, tree, node)                                                                 \
	FP_EXPORT node *name(tree *walk)                                                           \
	{                                                                                          \
		REAL(name);                                                                        \
		node *entry = real_##name ? real_##name(walk) : (hook_missing(), NULL);            \
		if (entry && entry->fts_info == FTS_DP)                                            \
			listed(AT_FDCWD, entry->fts_path, 0);                                      \
		return entry;                                                                      \
	}

FTS_READ(fts_read, FTS, FTSENT)
FTS_READ(fts64_read, FTS64, FTSENT64)

/* Each name on the way is looked at in turn. From outside, only the whole path is known. */
static char *resolved(const char *path, char *result)
{
	if (!hook_seen_inside())
		record_path(ACCESS_CHECK, AT_FDCWD, path, hook_error(!result));
	return result;
}

/* Declared only with _FORTIFY_SOURCE. */
extern char *__realpath_chk(const char *path, char *room, size_t size);

#define REALPATH(name, parameters, arguments)                                                      \
	FP_EXPORT char *name parameters                                                            \
	{                                                                                          \
		REAL(name);                                                                        \
		return resolved(                                                                   \
			path, real_##name ? real_##name arguments : (hook_missing(), NULL));       \
	}

REALPATH(realpath, (const char *path, char *room), (path, room))
REALPATH(__realpath_chk, (const char *path, char *room, size_t size), (path, room, size))
REALPATH(canonicalize_file_name, (const char *path), (path))
