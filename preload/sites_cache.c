#define _GNU_SOURCE
#include "preload/sites_cache.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "preload/rawcall.h"
#include "preload/symbols.h"
#include "preload/text.h"
#include "proto/session_memory.h"

#define SUFFIX	     ".sites-"
#define MODE	     0644
#define PATH_SIZE    1024
#define HEX	     16
#define VERSION_SIZE 24

#define MAGIC 0x3145544953545046ull /* "FPTSITE1"; a better search needs another */

/* The file, whole. */
struct sites_file {
	uint64_t magic;
	char version[VERSION_SIZE]; /* of the library that searched */
	uint8_t build_id[BUILD_ID_SIZE];
	uint32_t count;
	uint32_t offsets[SITES_MAX]; /* the rest is 0 */
	uint64_t checksum;	     /* of all before, as of a spool entry: against accidents */
};

_Static_assert(sizeof(struct sites_file) == 64 + 4 * SITES_MAX, "the file has no padding");
_Static_assert(sizeof(FOOTPRINT_VERSION_STRING) <= VERSION_SIZE, "a version has its place");

static void close_file(int *fd)
{
	if (*fd >= 0)
		rawcall3(SYS_close, *fd, 0, 0);
}
#define CLEANUP_FILE __attribute__((cleanup(close_file)))

/* The file's path, which is the library's with a suffix. False: there is none. */
static bool file_path(char path[static PATH_SIZE], const struct sites_object *object)
{
	static const char digits[HEX + 1] = "0123456789abcdef";
	const struct link_map *own = symbol_own_map();
	char *end = path + PATH_SIZE - 2 * BUILD_ID_SIZE - 1;
	char *at;

	/* Of a name without a slash nothing says where it was found. */
	if (!object->build_id || !own || !own->l_name || own->l_name[0] != '/')
		return false;
	at = text_append(text_append(path, end, own->l_name), end, SUFFIX);
	if (at + 1 >= end)
		return false;
	for (unsigned i = 0; i < BUILD_ID_SIZE; i++) {
		*at++ = digits[object->build_id[i] / HEX];
		*at++ = digits[object->build_id[i] % HEX];
	}
	*at = '\0';
	return true;
}

static uint64_t checksum_of(const struct sites_file *file)
{
	return fp_checksum_add(FP_CHECKSUM_START, file, offsetof(struct sites_file, checksum));
}

/* Written by ourselves or by root, who may do to us what they like, and by nobody else. */
static bool is_trusted(const struct stat *status)
{
	return S_ISREG(status->st_mode) && status->st_size == sizeof(struct sites_file) &&
	       !(status->st_mode & (S_IWGRP | S_IWOTH)) &&
	       (status->st_uid == 0 || status->st_uid == (uid_t)rawcall3(SYS_geteuid, 0, 0, 0));
}

/* O_NONBLOCK: it may be a FIFO. */
static bool read_file(const char *path, struct sites_file *ret)
{
	int fd CLEANUP_FILE = (int)rawcall4(SYS_openat, AT_FDCWD, (long)path,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
	struct stat status;

	return fd >= 0 && rawcall3(SYS_fstat, fd, (long)&status, 0) == 0 && is_trusted(&status) &&
	       rawcall3(SYS_read, fd, (long)ret, sizeof(*ret)) == sizeof(*ret);
}

static void fill_head(struct sites_file *file, const struct sites_object *object)
{
	file->magic = MAGIC;
	memcpy(file->version, FOOTPRINT_VERSION_STRING, sizeof(FOOTPRINT_VERSION_STRING));
	memcpy(file->build_id, object->build_id, BUILD_ID_SIZE);
}

static bool is_about(const struct sites_file *file, const struct sites_object *object)
{
	struct sites_file head = { 0 };

	fill_head(&head, object);
	return !memcmp(file, &head, offsetof(struct sites_file, count)) && file->count &&
	       file->count <= SITES_MAX && file->checksum == checksum_of(file);
}

unsigned sites_recall(const struct sites_object *object, uint32_t ret_offsets[SITES_MAX])
{
	struct sites_file file;
	char path[PATH_SIZE];

	if (!file_path(path, object) || !read_file(path, &file) || !is_about(&file, object))
		return 0;
	for (unsigned i = 0; i < file.count; i++)
		if (!sites_search_takes(object, file.offsets[i]))
			return 0;
	memcpy(ret_offsets, file.offsets, file.count * sizeof(*ret_offsets));
	return file.count;
}

/* A write past RLIMIT_FSIZE raises SIGXFSZ. */
static bool may_write(void)
{
	struct rlimit limit;

	return rawcall4(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, (long)&limit) == 0 &&
	       limit.rlim_cur >= sizeof(struct sites_file);
}

/* False: not made, or not whole. */
static bool write_file(const char *path, const struct sites_file *file)
{
	int fd CLEANUP_FILE = (int)rawcall4(SYS_openat, AT_FDCWD, (long)path,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE);

	if (fd < 0)
		return false;
	if (rawcall3(SYS_write, fd, (long)file, sizeof(*file)) == sizeof(*file))
		return true;
	rawcall3(SYS_unlink, (long)path, 0, 0);
	return false;
}

void sites_keep(const struct sites_object *object, const uint32_t *offsets, unsigned count)
{
	char path[PATH_SIZE], unfinished[PATH_SIZE + TEXT_NUMBER_SIZE];
	char *end = unfinished + sizeof(unfinished);
	struct sites_file file = { .count = count };

	if (!count || !file_path(path, object) || !may_write())
		return;
	fill_head(&file, object);
	memcpy(file.offsets, offsets, count * sizeof(*offsets));
	file.checksum = checksum_of(&file);
	text_append_number(text_append(text_append(unfinished, end, path), end, "."), end,
		(uint64_t)rawcall3(SYS_getpid, 0, 0, 0));
	/* Whole or not at all, for those who read it now. */
	if (write_file(unfinished, &file) &&
		rawcall3(SYS_rename, (long)unfinished, (long)path, 0) < 0)
		rawcall3(SYS_unlink, (long)unfinished, 0, 0);
}
