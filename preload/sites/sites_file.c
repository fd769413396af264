#define _GNU_SOURCE
#include "preload/sites/sites_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "preload/descriptor.h"
#include "preload/hooks/symbols.h"
#include "preload/rawcall.h"
#include "preload/session/file_limit.h"

#define MODE 0644
#define HEX  16

_Static_assert(sizeof(FOOTPRINT_VERSION_STRING) <= SITES_VERSION_SIZE,
	"the library's version has its place");

/* The path of the file: the library's path with a suffix. False: there is none. */
static bool file_path(
	char path[static SITES_PATH_SIZE], const struct sites_object *object, const char *kind)
{
	static const char digits[HEX + 1] = "0123456789abcdef";
	const struct link_map *own = symbol_own_map();
	char *end = path + SITES_PATH_SIZE - 2 * BUILD_ID_SIZE - 1;
	char *at;

	/* If the library was named without a slash, nothing says where it was found. */
	if (!object->build_id || !own || !own->l_name || own->l_name[0] != '/')
		return false;
	at = text_append(text_append(path, end, own->l_name), end, kind);
	if (at + 1 >= end)
		return false;
	for (unsigned i = 0; i < BUILD_ID_SIZE; i++) {
		*at++ = digits[object->build_id[i] / HEX];
		*at++ = digits[object->build_id[i] % HEX];
	}
	*at = '\0';
	return true;
}

/* Was the file written by root or by ourselves, and can nobody else write it? */
static bool is_trusted(const struct stat *status)
{
	return S_ISREG(status->st_mode) && !(status->st_mode & (S_IWGRP | S_IWOTH)) &&
	       (status->st_uid == 0 || status->st_uid == (uid_t)rawcall3(SYS_geteuid, 0, 0, 0));
}

/* O_NONBLOCK, because the file may be a FIFO. */
int sites_file_open(const struct sites_object *object, const char *kind, uint64_t *size)
{
	char path[SITES_PATH_SIZE];
	struct stat status;
	int fd;

	if (!file_path(path, object, kind))
		return -1;
	fd = (int)rawcall4(SYS_openat, AT_FDCWD, (long)path,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (rawcall3(SYS_fstat, fd, (long)&status, 0) == 0 && is_trusted(&status) &&
		(!*size || *size == (uint64_t)status.st_size)) {
		*size = (uint64_t)status.st_size;
		return fd;
	}
	fd_close(&fd);
	return -1;
}

void sites_head_fill(struct sites_head *head, const struct sites_object *object, uint64_t magic)
{
	memset(head, 0, sizeof(*head));
	head->magic = magic;
	memcpy(head->version, FOOTPRINT_VERSION_STRING, sizeof(FOOTPRINT_VERSION_STRING));
	memcpy(head->build_id, object->build_id, BUILD_ID_SIZE);
}

bool sites_head_fits(
	const struct sites_head *head, const struct sites_object *object, uint64_t magic)
{
	struct sites_head expected;

	sites_head_fill(&expected, object, magic);
	return !memcmp(head, &expected, offsetof(struct sites_head, count));
}

bool sites_file_begin(struct sites_unfinished *file, const struct sites_object *object,
	const char *kind, uint64_t size)
{
	char *end = file->unfinished + sizeof(file->unfinished);

	if (!file_path(file->path, object, kind) || !file_may_reach(size))
		return false;
	text_append_number(text_append(text_append(file->unfinished, end, file->path), end, "."),
		end, (uint64_t)rawcall3(SYS_getpid, 0, 0, 0));
	file->fd = (int)rawcall4(SYS_openat, AT_FDCWD, (long)file->unfinished,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE);
	return file->fd >= 0;
}

void sites_file_end(struct sites_unfinished *file, const void *content, size_t size)
{
	bool whole =
		content && rawcall3(SYS_write, file->fd, (long)content, (long)size) == (long)size;

	fd_close(&file->fd);
	if (!whole || rawcall3(SYS_rename, (long)file->unfinished, (long)file->path, 0) < 0)
		rawcall3(SYS_unlink, (long)file->unfinished, 0, 0);
}
