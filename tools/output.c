#include "tools/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/manifest/codec.h"

static int fail(struct error *err, int code, const char *path)
{
	return error_set(err, code, "%s: %s", *path ? path : "output", strerror(-code));
}

/* Pipes and devices are written into: a rename would put a file in their place. */
static int find_kind(const char *path, bool *ret_special)
{
	struct stat status;

	*ret_special = false;
	if (!*path)
		return -ENOENT;
	if (stat(path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(status.st_mode))
		return -EISDIR;
	*ret_special = !S_ISREG(status.st_mode);
	return 0;
}

/* A new file takes the old one's place, so it is the directory that must be writable. */
static int check_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	autofree char *directory = strndup(path, slash ? (size_t)(slash - path) + 1 : 0);

	if (!directory)
		return -ENOMEM;
	return access(slash ? directory : ".", W_OK | X_OK) < 0 ? -errno : 0;
}

int output_check(const char *path, struct error *err)
{
	bool special;
	int r = find_kind(path, &special);

	if (!r && special)
		r = access(path, W_OK) < 0 ? -errno : 0;
	else if (!r)
		r = check_directory(path);
	return r < 0 ? fail(err, r, path) : 0;
}

static int write_into(const char *path, const uint8_t *bytes, size_t size)
{
	autoclose int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	int r;

	if (!file)
		return -errno;
	steal_fd(&fd);
	r = fwrite(bytes, 1, size, file) == size ? 0 : -errno;
	if (fclose(file) && !r)
		r = -errno;
	return r;
}

static int write_special(struct manifest *m, const char *path, struct error *err)
{
	autofree uint8_t *bytes = NULL;
	size_t size = 0;
	int r = manifest_encode(m, &bytes, &size, err);

	if (r < 0) {
		error_prefix(err, "%s", path);
		return r;
	}
	r = write_into(path, bytes, size);
	return r < 0 ? fail(err, r, path) : 0;
}

int output_write(struct manifest *m, const char *path, struct error *err)
{
	autofree char *real = NULL;
	bool special;
	int r = find_kind(path, &special);

	if (r < 0)
		return fail(err, r, path);
	if (special)
		return write_special(m, path, err);
	real = realpath(path, NULL); /* NULL: nothing is there yet */
	return manifest_write(m, AT_FDCWD, real ? real : path, err);
}
