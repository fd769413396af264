#define _GNU_SOURCE
#include "preload/sites/sites_cache.h"

#include <stddef.h>

#include "preload/descriptor.h"
#include "preload/rawcall.h"
#include "preload/sites/sites_file.h"
#include "preload/text.h"
#include "proto/session_memory.h"

#define KIND ".sites-"
/* "FPTSITE2"; to be changed whenever the search finds other sites. */
#define MAGIC 0x3245544953545046ull

/* The file, whole. */
struct sites_file {
	struct sites_head head;
	uint32_t offsets[SITES_MAX]; /* the rest is 0 */
	uint64_t checksum;	     /* of all before it, against accidents */
};

_Static_assert(sizeof(struct sites_file) == 64 + 4 * SITES_MAX, "the file has no padding");

static uint64_t checksum_of(const struct sites_file *file)
{
	return fp_checksum_add(FP_CHECKSUM_START, file, offsetof(struct sites_file, checksum));
}

static bool read_file(const struct sites_object *object, struct sites_file *ret)
{
	uint64_t size = sizeof(*ret);
	int fd CLEANUP_FD = sites_file_open(object, KIND, &size);

	return fd >= 0 && rawcall3(SYS_read, fd, (long)ret, sizeof(*ret)) == sizeof(*ret) &&
	       sites_head_fits(&ret->head, object, MAGIC) && ret->head.count &&
	       ret->head.count <= SITES_MAX && ret->checksum == checksum_of(ret);
}

unsigned sites_recall(
	const struct sites_object *object, sites_taker *takes, uint32_t ret_offsets[SITES_MAX])
{
	struct sites_file file;

	if (!read_file(object, &file))
		return 0;
	for (unsigned i = 0; i < file.head.count; i++)
		if (!takes(object, file.offsets[i]))
			return 0;
	memcpy(ret_offsets, file.offsets, file.head.count * sizeof(*ret_offsets));
	return file.head.count;
}

void sites_keep(const struct sites_object *object, const uint32_t *offsets, unsigned count)
{
	struct sites_unfinished unfinished;
	struct sites_file file;

	if (!count || !sites_file_begin(&unfinished, object, KIND, sizeof(file)))
		return;
	memset(&file, 0, sizeof(file));
	sites_head_fill(&file.head, object, MAGIC);
	file.head.count = count;
	memcpy(file.offsets, offsets, count * sizeof(*offsets));
	file.checksum = checksum_of(&file);
	sites_file_end(&unfinished, &file, sizeof(file));
}
