#include "lib/root/content.h"

#include <errno.h>

#include "lib/base/cleanup.h"

int content_failure(int code)
{
	switch (code) {
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
		return -ENOMEM;
	case -EIO:
	case -ESTALE:
	case -ETIMEDOUT:
		return code;
	default:
		return -ENOENT;
	}
}

ssize_t content_read_at(int fd, void *buffer, size_t size, uint64_t offset)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pread(fd, (char *)buffer + done, size - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int content_open(struct resolver *r, const char *path, uint64_t *ret_size)
{
	struct resolution where;
	int fd = resolver_resolve(r, NULL, path, true, &where);

	if (fd < 0)
		return fd;
	fd = where.error ? where.error : resolver_open(r, where.path, &where.status);
	if (fd >= 0 && ret_size)
		*ret_size = (uint64_t)where.status.st_size;
	resolution_deinit(&where);
	return fd;
}

int content_read(struct resolver *r, const char *path, size_t max, char **ret, size_t *ret_size)
{
	autofree char *bytes = NULL;
	uint64_t size;
	autoclose int fd = content_open(r, path, &size);
	ssize_t n;

	if (fd < 0)
		return fd;
	if (size > max)
		return -EFBIG;
	bytes = malloc(size + 1);
	if (!bytes)
		return -ENOMEM;
	n = content_read_at(fd, bytes, size, 0);
	if (n < 0)
		return (int)n;
	bytes[n] = '\0';
	*ret = steal_pointer(bytes);
	*ret_size = (size_t)n;
	return 0;
}
