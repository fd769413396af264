/*
 * Functions that start programs inside libc: posix_spawn and the like, system, popen. They are
 * passed on: libc starts the child as fast as vfork does, and reports how the exec in it has gone.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <wordexp.h>

#include "preload/hooks/hooks.h"
#include "preload/hooks/hooks_exec.h"
#include "preload/image.h"
#include "preload/programs/program_search.h"
#include "preload/programs/supervised.h"
#include "preload/rawcall.h"
#include "preload/record/recorder.h"

/* In no header, or only in newer ones. The first argument of pidfd_spawn is the address for the
 * descriptor. */
extern int pidfd_spawn(int *pidfd, const char *path, const posix_spawn_file_actions_t *actions,
	const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]);
extern int pidfd_spawnp(int *pidfd, const char *file, const posix_spawn_file_actions_t *actions,
	const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]);
extern int __libc_system(const char *command);
extern FILE *_IO_popen(const char *command, const char *mode);

typedef int spawn_function(int *pid, const char *path, const posix_spawn_file_actions_t *actions,
	const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]);

struct spawn {
	spawn_function *real;
	int *pid;
	const char *path;
	const posix_spawn_file_actions_t *actions;
	const posix_spawnattr_t *attributes;
	char *const *argv;
};

static long call_spawn(void *context, char *const *envp)
{
	const struct spawn *spawn = context;

	return spawn->real(
		spawn->pid, spawn->path, spawn->actions, spawn->attributes, spawn->argv, envp);
}

/* Sites have seen the child's own exec, relative to the child's working directory. But they do not
 * know that the child does not use our memory any more. */
static void spawned(const char *path, int error)
{
	if (hook_seen_inside())
		record_vfork_end();
	else
		record_spawned(AT_FDCWD, path, error);
}

/* Unlike most functions these return the error. */
static int spawn_path(struct spawn *spawn, char *const *envp)
{
	enum library_wish wish;
	enum program_kind kind;
	int error;

	if (!spawn->real)
		return ENOSYS;
	wish = exec_announce(AT_FDCWD, spawn->path, 0, &kind);
	supervised_expect(spawn->path, kind);
	error = (int)environment_with(envp, wish, call_spawn, spawn);
	supervised_expect_no_more();
	spawned(spawn->path, error);
	return error;
}

/* Records the candidates that the child will try, up to the first that exists; those before it are
 * missing. The search is libc's, so this only predicts it. */
static bool foretell(struct program_search *search)
{
	while (program_search_next(search)) {
		long error = rawcall3(SYS_access, (long)search->path, X_OK, 0);

		if (error == 0)
			return true;
		spawned(search->path, (int)-error);
	}
	return false;
}

static int spawn_searched(struct spawn *spawn, char *const *envp)
{
	enum library_wish wish = LIBRARY_WANTED;
	struct program_search search;
	enum program_kind kind;
	bool found;
	int error;

	if (!spawn->real)
		return ENOSYS;
	found = image_segment() && !image.unwelcome && !program_search_begin(&search, spawn->path);
	if (found) {
		search.text = __builtin_alloca(search.room);
		found = foretell(&search);
	}
	if (found || image.unwelcome)
		wish = exec_announce(AT_FDCWD, found ? search.path : spawn->path, 0, &kind);
	error = (int)environment_with(envp, wish, call_spawn, spawn);
	if (found)
		spawned(search.path, error);
	return error;
}

#define SPAWN(name, way)                                                                           \
	FP_EXPORT int name(int *pid, const char *path, const posix_spawn_file_actions_t *actions,  \
		const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])       \
	{                                                                                          \
		REAL(name);                                                                        \
		struct spawn spawn = { real_##name, pid, path, actions, attributes, argv };        \
		return way(&spawn, envp);                                                          \
	}

SPAWN(posix_spawn, spawn_path)
SPAWN(posix_spawnp, spawn_searched)
SPAWN(pidfd_spawn, spawn_path)
SPAWN(pidfd_spawnp, spawn_searched)

/* The shell gets the process's own environment, so that has to be complete. */
static void before_shell(void)
{
	enum program_kind kind;

	if (image_segment())
		environment_restore(exec_announce(AT_FDCWD, SHELL, 0, &kind));
}

#define SYSTEM(name)                                                                               \
	FP_EXPORT int name(const char *command)                                                    \
	{                                                                                          \
		REAL(name);                                                                        \
		int status;                                                                        \
		before_shell();                                                                    \
		status = real_##name ? real_##name(command) : (int)hook_missing();                 \
		spawned(SHELL, hook_error(status == -1));                                          \
		return status;                                                                     \
	}

SYSTEM(system)
SYSTEM(__libc_system)

/* wordexp runs commands, which the sites see. If a filter would kill the library in the shell, the
 * shell must not load it. */
FP_EXPORT int wordexp(const char *words, wordexp_t *result, int flags)
{
	REAL(wordexp);

	if (image_segment() && image.unwelcome)
		before_shell();
	return real_wordexp ? real_wordexp(words, result, flags) : (int)hook_missing();
}

#define POPEN(name)                                                                                \
	FP_EXPORT FILE *name(const char *command, const char *mode)                                \
	{                                                                                          \
		REAL(name);                                                                        \
		FILE *pipe;                                                                        \
		before_shell();                                                                    \
		pipe = real_##name ? real_##name(command, mode) : (hook_missing(), NULL);          \
		spawned(SHELL, hook_error(!pipe));                                                 \
		return pipe;                                                                       \
	}

POPEN(popen)
POPEN(_IO_popen)
