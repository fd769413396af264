#include "lib/root/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "proto/system_calls.h"

static int open_at_once(int rootfd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)flags,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, rootfd, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* Copies the next component of *path into `name`. 1: there is one, 0: none is left. */
static int next_component(const char **path, char name[static NAME_MAX + 1])
{
	const char *start = *path + strspn(*path, "/");
	size_t size = strcspn(start, "/");

	*path = start + size;
	if (!size)
		return 0;
	if (size > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, start, size);
	name[size] = '\0';
	return 1;
}

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/*
 * The same, one component at a time: for kernels before 5.6, for seccomp filters that do not know
 * openat2, and for paths longer than PATH_MAX. No component is "..", so nothing leads out of the
 * root.
 */
static int open_step_by_step(int rootfd, const char *path, int flags)
{
	char name[NAME_MAX + 1], following[NAME_MAX + 1];
	autoclose int directory = -1;
	int more = next_component(&path, name);

	while (more > 0) {
		int at = directory < 0 ? rootfd : directory, fd;

		more = next_component(&path, following);
		if (more < 0)
			return more;
		fd = openat(at, name, more ? O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC : flags);
		if (fd < 0)
			return -errno;
		if (!more)
			return fd;
		if (directory >= 0)
			close(directory);
		directory = fd;
		strcpy(name, following);
	}
	return more;
}

static bool is_canonical(const char *path)
{
	char name[NAME_MAX + 1];
	int more;

	if (path[0] != '/')
		return false;
	while ((more = next_component(&path, name)) > 0)
		if (is_dots(name))
			return false;
	return true;
}

int beneath_open(int rootfd, const char *canonical, int flags)
{
	const char *relative = canonical + strspn(canonical, "/");
	int fd;

	if (!is_canonical(canonical))
		return -EINVAL;
	flags |= O_NOFOLLOW | O_CLOEXEC;
	if (!*relative)
		relative = ".";
	fd = open_at_once(rootfd, relative, flags);
	if (fd != -ENOSYS && fd != -EPERM && fd != -ENAMETOOLONG)
		return fd;
	return open_step_by_step(rootfd, relative, flags);
}
