#include "aggregator/roots/entered_tables.h"

#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "proto/session_memory.h"

/* The whole file; NULL: it cannot be read, or is too large. The caller frees. */
static char *read_all(int fd, size_t *ret_size)
{
	autofree char *text = malloc(FP_MOUNTS_SIZE_MAX);
	size_t size = 0;
	ssize_t n = -1;

	while (text && size < FP_MOUNTS_SIZE_MAX &&
		(n = pread(fd, text + size, FP_MOUNTS_SIZE_MAX - size, (off_t)size)) > 0)
		size += (size_t)n;
	if (n != 0)
		return NULL;
	*ret_size = size;
	return steal_pointer(text);
}

/* "before\0after\0" */
static int read_crossing(struct crossing *crossing)
{
	size_t size = 0, first;
	autofree char *text = NULL;
	int r;

	if (!crossing || crossing->read)
		return 0;
	text = read_all(crossing->fd, &size);
	crossing->read = true;
	first = text ? strnlen(text, size) : 0;
	if (!text || first == size)
		return 0;
	r = mounts_parse(text, first, &crossing->before);
	if (r == 0)
		r = mounts_parse(text + first + 1, strnlen(text + first + 1, size - first - 1),
			&crossing->after);
	if (r < 0 || crossing->after.n)
		return r;
	/* There was no /proc any more. */
	mounts_deinit(&crossing->after);
	return mounts_from(&crossing->before, crossing->mount, &crossing->after);
}

/* Is it a file of the kernel's that can be read without waiting? */
static bool is_mountinfo(int fd)
{
	static const char name[] = "/mountinfo";
	char path[32], found[128];
	struct statfs system;
	ssize_t size;

	if (fstatfs(fd, &system) < 0 || system.f_type != PROC_SUPER_MAGIC)
		return false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	size = readlink(path, found, sizeof(found));
	return size > (ssize_t)sizeof(name) &&
	       !memcmp(found + size - (sizeof(name) - 1), name, sizeof(name) - 1);
}

int entered_read_now(struct entered *entered)
{
	autofree char *text = NULL;
	size_t size = 0;

	if (!entered->stale || entered->space < 0)
		return 0;
	entered->stale = false;
	text = is_mountinfo(entered->space) ? read_all(entered->space, &size) : NULL;
	if (!text)
		return 0;
	mounts_deinit(&entered->now);
	return mounts_parse(text, size, &entered->now);
}

void entered_refresh(struct entered *entered)
{
	if (entered->tools.resolver)
		resolver_refresh(entered->tools.resolver);
	entered->stale = true;
}

int entered_read_tables(struct entered *entered)
{
	int r = read_crossing(entered->into);

	if (r == 0)
		r = read_crossing(entered->out);
	if (r == 0)
		r = read_crossing(entered->first);
	return r == 0 ? entered_read_now(entered) : r;
}

void entered_tables(struct entered *entered, const struct mounts *ret[static ENTERED_TABLES])
{
	struct crossing *out = entered->out;

	ret[0] = &entered->now;
	ret[1] = out && out->read ? &out->before : NULL;
	ret[2] = entered->into ? &entered->into->after : NULL;
}
