/*
 * No memory, as LD_PRELOAD, while the file NO_MEMORY exists: what it names is refused. "path": to
 * open anything that is called "costly"; "threads": to start one; "large": to allocate more than a
 * megabyte; "sync": the disk, which never answers.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/rawcall.h"

#define LARGE (1u << 20)

void *__libc_malloc(size_t size);

static bool refused(const char *what)
{
	const char *file = getenv("NO_MEMORY");
	char found[16] = "";
	long fd = file ? rawcall4(SYS_openat, AT_FDCWD, (long)file, O_RDONLY, 0) : -1;

	if (fd < 0)
		return false;
	rawcall3(SYS_read, fd, (long)found, sizeof(found) - 1);
	rawcall3(SYS_close, fd, 0, 0);
	return !strcmp(found, what);
}

int openat64(int directory, const char *name, int flags, ...)
{
	va_list arguments;
	long result;

	va_start(arguments, flags);
	result = !strcmp(name, "costly") && refused("path")
			 ? -ENOMEM
			 : rawcall4(SYS_openat, directory, (long)name, flags,
				   va_arg(arguments, int));
	va_end(arguments);
	if (result >= 0)
		return (int)result;
	errno = (int)-result;
	return -1;
}

/* One that does not answer. */
int fsync(int fd)
{
	while (refused("sync"))
		pause();
	return (int)rawcall3(SYS_fsync, fd, 0, 0);
}

int pthread_create(
	pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *data)
{
	static __typeof__(&pthread_create) real;

	if (!real)
		real = (__typeof__(&pthread_create))dlsym(RTLD_NEXT, "pthread_create");
	return refused("threads") ? EAGAIN : real(thread, attributes, start, data);
}

void *malloc(size_t size)
{
	if (size <= LARGE || !refused("large"))
		return __libc_malloc(size);
	errno = ENOMEM;
	return NULL;
}
