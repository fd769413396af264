/*
 * Opening: the variadic open family, streams and directory streams, temporary files, and the names
 * that live in /dev/shm.
 */
#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/hooks/hooks.h"
#include "preload/image.h"
#include "preload/rawcall.h"
#include "preload/record/directories.h"
#include "preload/record/recorder.h"
#include "preload/text.h"

/* Exported by glibc for its own libraries, declared by no header. */
extern int __open(const char *path, int flags, ...);
extern int __open64(const char *path, int flags, ...);
extern int __open_nocancel(const char *path, int flags, ...);
extern int __open64_nocancel(const char *path, int flags, ...);
extern FILE *_IO_fopen(const char *path, const char *mode);
extern char *__mktemp(char *template);

/*
 * The variadic functions are defined under other names, with three or four fixed parameters. On
 * x86-64 both are called alike. A mode that was not passed is whatever is in its register, which
 * the real function does not look at, either. With a va_list, the hooks could not jump to the real
 * function.
 */
#define OPEN(name)                                                                                 \
	extern int hook_##name(const char *path, int flags, mode_t mode) __asm__(#name);           \
	FP_EXPORT int hook_##name(const char *path, int flags, mode_t mode)                        \
	{                                                                                          \
		REAL(name);                                                                        \
		COVERED(name, (path, flags, mode));                                                \
		int fd = real_##name ? real_##name(path, flags, mode) : (int)hook_missing();       \
		hook_called(SYS_open, fd, WORDS(path, flags));                                     \
		return fd;                                                                         \
	}

OPEN(open)
OPEN(open64)
OPEN(__open)
OPEN(__open64)
OPEN(__open_nocancel)
OPEN(__open64_nocancel)

#define OPEN_AT(name)                                                                              \
	extern int hook_##name(int directory, const char *path, int flags, mode_t mode) __asm__(   \
		#name);                                                                            \
	FP_EXPORT int hook_##name(int directory, const char *path, int flags, mode_t mode)         \
	{                                                                                          \
		REAL(name);                                                                        \
		COVERED(name, (directory, path, flags, mode));                                     \
		int fd = real_##name ? real_##name(directory, path, flags, mode)                   \
				     : (int)hook_missing();                                        \
		hook_called(SYS_openat, fd, WORDS(directory, path, flags));                        \
		return fd;                                                                         \
	}

OPEN_AT(openat)
OPEN_AT(openat64)

/* Records an open that libc has made internally. fd: -1 if it has failed, with errno. */
static void opened_inside(const char *path, int flags, int fd)
{
	record_open(AT_FDCWD, path, flags, fd, hook_error(fd < 0));
}

/* The flags that fopen's mode stands for. Letters after a comma name a character set. */
static int stream_flags(const char *mode)
{
	int access = *mode == 'r' ? O_RDONLY : O_WRONLY;
	int flags = *mode == 'w' ? O_CREAT | O_TRUNC : *mode == 'a' ? O_CREAT | O_APPEND : 0;

	for (mode++; *mode && *mode != ','; mode++) {
		if (*mode == '+')
			access = O_RDWR;
		else if (*mode == 'x')
			flags |= O_EXCL;
	}
	return access | flags;
}

static void stream_opened(const char *path, const char *mode, FILE *file)
{
	static void *slot;
	int (*real_fileno)(FILE *) = hook_real(&slot, "fileno_unlocked");

	if (!file && *__errno_location() == EINVAL)
		return; /* the mode is none */
	opened_inside(path, stream_flags(mode), file && real_fileno ? real_fileno(file) : -1);
}

#define FOPEN(name)                                                                                \
	FP_EXPORT FILE *name(const char *path, const char *mode)                                   \
	{                                                                                          \
		REAL(name);                                                                        \
		FILE *file = real_##name ? real_##name(path, mode) : (hook_missing(), NULL);       \
		stream_opened(path, mode, file);                                                   \
		return file;                                                                       \
	}

FOPEN(fopen)
FOPEN(fopen64)
FOPEN(_IO_fopen)

/* Without a path it changes the mode of what is open. */
#define FREOPEN(name)                                                                              \
	FP_EXPORT FILE *name(const char *path, const char *mode, FILE *stream)                     \
	{                                                                                          \
		REAL(name);                                                                        \
		FILE *file =                                                                       \
			real_##name ? real_##name(path, mode, stream) : (hook_missing(), NULL);    \
		if (path)                                                                          \
			stream_opened(path, mode, file);                                           \
		return file;                                                                       \
	}

FREOPEN(freopen)
FREOPEN(freopen64)

FP_EXPORT DIR *opendir(const char *path)
{
	REAL(opendir);
	static void *slot;
	int (*real_dirfd)(DIR *) = hook_real(&slot, "dirfd");
	DIR *directory = real_opendir ? real_opendir(path) : (hook_missing(), NULL);
	int fd = directory && real_dirfd ? real_dirfd(directory) : -1;

	record_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, fd, hook_error(!directory));
	return directory;
}

/* If it fails, musl restores the X's, and the name that it has tried is not known. */
static bool name_made(const char *template, int suffix)
{
	size_t size = text_length(template);

	return suffix < 0 || size < (size_t)suffix + 6 ||
	       memcmp(template + size - suffix - 6, "XXXXXX", 6) != 0;
}

static int made(const char *template, int suffix, int fd)
{
	if (fd >= 0 || (*__errno_location() != EINVAL && name_made(template, suffix)))
		opened_inside(template, O_RDWR | O_CREAT | O_EXCL, fd);
	return fd;
}

#define MKSTEMP(name, parameters, arguments, suffix)                                               \
	FP_EXPORT int name parameters                                                              \
	{                                                                                          \
		REAL(name);                                                                        \
		return made(template, suffix,                                                      \
			real_##name ? real_##name arguments : (int)hook_missing());                \
	}

MKSTEMP(mkstemp, (char *template), (template), 0)
MKSTEMP(mkstemp64, (char *template), (template), 0)
MKSTEMP(mkostemp, (char *template, int flags), (template, flags), 0)
MKSTEMP(mkostemp64, (char *template, int flags), (template, flags), 0)
MKSTEMP(mkstemps, (char *template, int suffix), (template, suffix), suffix)
MKSTEMP(mkstemps64, (char *template, int suffix), (template, suffix), suffix)
MKSTEMP(mkostemps, (char *template, int suffix, int flags), (template, suffix, flags), suffix)
MKSTEMP(mkostemps64, (char *template, int suffix, int flags), (template, suffix, flags), suffix)

FP_EXPORT char *mkdtemp(char *template)
{
	REAL(mkdtemp);
	char *result = real_mkdtemp ? real_mkdtemp(template) : (hook_missing(), NULL);

	if (result || name_made(template, 0))
		record_path(
			ACCESS_CREATE | ACCESS_NO_FOLLOW, AT_FDCWD, template, hook_error(!result));
	return result;
}

/* A name that did not exist when libc looked. */
static char *found_free(char *name)
{
	if (!hook_seen_inside() && name && *name)
		record_path(ACCESS_CHECK | ACCESS_NO_FOLLOW, AT_FDCWD, name, ENOENT);
	return name;
}

#define FREE_NAME(name, parameters, arguments)                                                     \
	FP_EXPORT char *name parameters                                                            \
	{                                                                                          \
		REAL(name);                                                                        \
		return found_free(real_##name ? real_##name arguments : (hook_missing(), NULL));   \
	}

FREE_NAME(mktemp, (char *template), (template))
FREE_NAME(__mktemp, (char *template), (template))
FREE_NAME(tmpnam, (char name[L_tmpnam]), (name))
FREE_NAME(tmpnam_r, (char name[L_tmpnam]), (name))
FREE_NAME(tempnam, (const char *directory, const char *prefix), (directory, prefix))

/* musl makes the file and removes its name again, by system calls that are no sites. The kernel
 * still knows the name. */
static void name_made_and_removed(int fd)
{
	static const char mark[] = " (deleted)";
	char path[PATH_MAX];
	long size = directory_path(fd, path, sizeof(path)) - (long)(sizeof(mark) - 1);

	if (size <= 0 || !text_equal(path + size, mark))
		return;
	path[size] = '\0';
	record_open(AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL, -1, 0);
	record_path(ACCESS_DELETE | ACCESS_NO_FOLLOW, AT_FDCWD, path, 0);
}

/* glibc makes a file without a name (O_TMPFILE). */
static void unnamed_made(FILE *file)
{
	REAL(fileno);

	if (hook_libc_is_glibc() && !hook_seen_inside())
		record_open(AT_FDCWD, P_tmpdir, O_RDWR | O_TMPFILE, -1, 0);
	else if (!hook_libc_is_glibc() && real_fileno)
		name_made_and_removed(real_fileno(file));
}

#define TMPFILE(name)                                                                              \
	FP_EXPORT FILE *name(void)                                                                 \
	{                                                                                          \
		REAL(name);                                                                        \
		FILE *file = real_##name ? real_##name() : (hook_missing(), NULL);                 \
		if (file)                                                                          \
			unnamed_made(file);                                                        \
		return file;                                                                       \
	}

TMPFILE(tmpfile)
TMPFILE(tmpfile64)

/* Shared memory and semaphores: files of /dev/shm. Leading slashes of their names are dropped. */
#define SHARED_FOLDER	 "/dev/shm/"
#define SEMAPHORE_PREFIX "sem." /* glibc's */

struct shared_name {
	char path[sizeof(SHARED_FOLDER SEMAPHORE_PREFIX) + NAME_MAX + 1];
};

/* False: the name is not valid, and libc has refused it without asking the kernel. */
static bool shared_name(struct shared_name *shared, const char *prefix, const char *name)
{
	char *end = shared->path + sizeof(shared->path);
	char *to = text_append(shared->path, end, SHARED_FOLDER);

	while (*name == '/')
		name++;
	to = text_append(to, end, prefix);
	text_append(to, end, name);
	return *name && text_length(name) <= NAME_MAX;
}

static bool semaphore_name(struct shared_name *shared, const char *name)
{
	return shared_name(shared, hook_libc_is_glibc() ? SEMAPHORE_PREFIX : "", name);
}

FP_EXPORT int shm_open(const char *name, int flags, mode_t mode)
{
	REAL(shm_open);
	int fd = real_shm_open ? real_shm_open(name, flags, mode) : (int)hook_missing();
	struct shared_name shared;

	if (shared_name(&shared, "", name))
		record_open(AT_FDCWD, shared.path, flags | O_NOFOLLOW, fd, hook_error(fd < 0));
	return fd;
}

FP_EXPORT int shm_unlink(const char *name)
{
	REAL(shm_unlink);
	int result = real_shm_unlink ? real_shm_unlink(name) : (int)hook_missing();
	struct shared_name shared;

	if (shared_name(&shared, "", name))
		hook_called(SYS_unlink, result, WORDS(shared.path));
	return result;
}

static bool is_there(const char *path)
{
	return !image.memory_only && rawcall3(SYS_access, (long)path, F_OK, 0) == 0;
}

/* A new semaphore is made under another name and then linked to its own. Before that, libc looks
 * whether it exists, unless that would be an error. */
static void semaphore_opened(const char *path, int flags, bool existed, int error)
{
	bool made = flags & O_CREAT && !existed && !error;
	bool looked = (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);

	if (looked)
		record_open(AT_FDCWD, path, O_RDWR | O_NOFOLLOW, -1, made ? ENOENT : error);
	if (made || !looked)
		record_path(ACCESS_CREATE | ACCESS_NO_FOLLOW, AT_FDCWD, path, error);
}

FP_EXPORT sem_t *sem_open(const char *name, int flags, ...)
{
	REAL(sem_open);
	struct shared_name shared;
	bool tells = semaphore_name(&shared, name);
	bool existed = tells && flags & O_CREAT && is_there(shared.path);
	unsigned value = 0;
	mode_t mode = 0;
	sem_t *semaphore;
	va_list list;

	va_start(list, flags);
	if (flags & O_CREAT) {
		mode = va_arg(list, mode_t);
		value = va_arg(list, unsigned);
	}
	va_end(list);
	semaphore = real_sem_open ? real_sem_open(name, flags, mode, value)
				  : (hook_missing(), SEM_FAILED);
	if (tells)
		semaphore_opened(shared.path, flags, existed, hook_error(semaphore == SEM_FAILED));
	return semaphore;
}

FP_EXPORT int sem_unlink(const char *name)
{
	REAL(sem_unlink);
	int result = real_sem_unlink ? real_sem_unlink(name) : (int)hook_missing();
	struct shared_name shared;

	if (semaphore_name(&shared, name))
		hook_called(SYS_unlink, result, WORDS(shared.path));
	return result;
}
