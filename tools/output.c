#include "tools/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/standard.h"
#include "lib/manifest/codec.h"

#define LINKS_MAX 40 /* as many symlinks as the kernel follows */

static int fail(struct error *err, int code, const char *path)
{
	return error_set(err, code, "%s: %s", path, strerror(-code));
}

static bool is_standard(const char *path)
{
	return !strcmp(path, "-");
}

const char *output_name(const char *path)
{
	return is_standard(path) ? "standard output" : path;
}

/* Where the path's symlinks lead, whether that exists or not: it is written, and the symlinks stay.
 * The caller frees it. */
static int find_target(const char *path, char **ret)
{
	autofree char *at = strdup(path);

	for (int links = 0; at && links <= LINKS_MAX; links++) {
		char target[PATH_MAX], *next;
		ssize_t size = readlink(at, target, sizeof(target) - 1);
		const char *slash = strrchr(at, '/');
		int kept;

		if (size < 0) {
			*ret = steal_pointer(at);
			return 0;
		}
		target[size] = '\0';
		kept = slash && *target != '/' ? (int)(slash + 1 - at) : 0;
		if (asprintf(&next, "%.*s%s", kept, at, target) < 0)
			return -ENOMEM;
		free(at);
		at = next;
	}
	return at ? -ELOOP : -ENOMEM;
}

/* Pipes and devices are written to directly, because a rename would replace them with a file. */
static int find_kind(const char *path, bool *ret_special)
{
	struct stat status;

	*ret_special = is_standard(path);
	if (*ret_special)
		return 0;
	if (stat(path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(status.st_mode))
		return -EISDIR;
	*ret_special = !S_ISREG(status.st_mode);
	return 0;
}

static int check_standard(struct error *err)
{
	if (standard_is_held(STDOUT_FILENO))
		return fail(err, -EBADF, output_name("-"));
	if (isatty(STDOUT_FILENO))
		return error_set(err, -EINVAL, "%s: is a terminal, and a manifest is no text",
			output_name("-"));
	return 0;
}

/* Opens nothing, because closing it again would be the end of the pipe for its reader. */
static int check_special(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return -errno;
	if (S_ISSOCK(status.st_mode))
		return -ENXIO; /* the error of open(2) */
	return access(path, W_OK) < 0 ? -errno : 0;
}

int output_check(const char *path, struct error *err)
{
	autofree char *target = NULL;
	bool special;
	int r;

	if (is_standard(path))
		return check_standard(err);
	r = find_kind(path, &special);
	if (!r)
		r = special ? check_special(path) : find_target(path, &target);
	if (r < 0)
		return fail(err, r, path);
	return special ? 0 : manifest_check_place(AT_FDCWD, target, err);
}

bool output_may_wait(const char *path)
{
	bool special;

	return find_kind(path, &special) == 0 && special;
}

static int write_into(const char *path, const uint8_t *bytes, size_t size)
{
	autoclose int fd = is_standard(path) ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
					     : open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
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
	int r = is_standard(path) ? check_standard(err) : 0;

	if (r < 0)
		return r;
	r = manifest_encode(m, &bytes, &size, err);
	if (r < 0) {
		error_prefix(err, "%s", output_name(path));
		return r;
	}
	r = write_into(path, bytes, size);
	return r < 0 ? fail(err, r, output_name(path)) : 0;
}

int output_write(struct manifest *m, const char *path, struct error *err)
{
	autofree char *target = NULL;
	bool special;
	int r = find_kind(path, &special);

	if (!r && special)
		return write_special(m, path, err);
	if (!r)
		r = find_target(path, &target);
	return r < 0 ? fail(err, r, path) : manifest_write(m, AT_FDCWD, target, err);
}
