/* Reads whole manifest files. */
#include "lib/manifest/codec.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"

#define FIRST_READ_SIZE (64u << 10)

static int check_readable(int fd, struct error *err)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return error_set(err, -errno, "%s", strerror(errno));
	if (S_ISDIR(status.st_mode))
		return error_set(err, -EISDIR, "%s", strerror(EISDIR));
	if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode) && !S_ISSOCK(status.st_mode))
		return error_set(err, -EINVAL, "neither a regular file nor a pipe");
	if (status.st_size > (off_t)MANIFEST_FILE_SIZE_MAX)
		return error_set(err, -EFBIG, "larger than %u MiB", MANIFEST_FILE_SIZE_MAX >> 20);
	return 0;
}

/* Reads at most one byte more than the limit; manifest_decode() reports that it is too large. */
static int read_all(int fd, uint8_t **ret_bytes, size_t *ret_size, struct error *err)
{
	autofree uint8_t *bytes = NULL;
	size_t room = 0, used = 0;

	while (used <= MANIFEST_FILE_SIZE_MAX) {
		ssize_t n;

		if (used == room) {
			uint8_t *larger;

			room = room ? room * 2 : FIRST_READ_SIZE;
			larger = realloc(bytes, room);
			if (!larger)
				return error_set(err, -ENOMEM, "%s", strerror(ENOMEM));
			bytes = larger;
		}
		n = read(fd, bytes + used, room - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(err, -errno, "%s", strerror(errno));
		if (n == 0)
			break;
		used += (size_t)n;
	}
	*ret_bytes = steal_pointer(bytes);
	*ret_size = used;
	return 0;
}

int manifest_read_descriptor(int fd, struct manifest **ret, struct error *err)
{
	autofree uint8_t *bytes = NULL;
	size_t size = 0;
	int r = check_readable(fd, err);

	if (r < 0)
		return r;
	r = read_all(fd, &bytes, &size, err);
	if (r < 0)
		return r;
	return manifest_decode(bytes, size, ret, err);
}

/* fd: open; or negative, and errno says why. */
static int read_opened(int fd, struct manifest **ret, struct error *err)
{
	if (fd < 0)
		return error_set(err, -errno, "%s", strerror(errno));
	return manifest_read_descriptor(fd, ret, err);
}

int manifest_read(const char *path, struct manifest **ret, struct error *err)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r = read_opened(fd, ret, err);

	if (r < 0)
		error_prefix(err, "%s", path);
	return r;
}

int manifest_read_at(int dirfd, const char *name, struct manifest **ret, struct error *err)
{
	autoclose int fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct stat status;

	if (fd >= 0 && fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode))
		return error_set(err, -EINVAL, "not a regular file");
	return read_opened(fd, ret, err);
}
