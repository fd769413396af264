#define _GNU_SOURCE
#include "preload/image.h"

#include <elf.h>
#include <fcntl.h>
#include <stddef.h>

#include "preload/entry.h"
#include "preload/hello.h"
#include "preload/loaded.h"
#include "preload/rawcall.h"
#include "preload/session.h"
#include "preload/text.h"

struct image image DATA_OF_START = { .descriptor = -1 };

bool image_is_ours(void)
{
	/* Whether a process made without our knowledge exists cannot be known without asking. */
	return image.memory_only || rawcall3(SYS_getpid, 0, 0, 0) == image.pid;
}

void image_lose(uint64_t records)
{
	if (image.segment)
		__atomic_fetch_add(&image.segment->first->head.lost, records, __ATOMIC_RELAXED);
}

void image_log(const char *what, long error)
{
	char line[160], *p = line;
	char *end = line + sizeof(line) - 1;

	if (!image.logs || image.memory_only)
		return;
	p = text_append(p, end, "footprint: process ");
	p = text_append_number(p, end, (unsigned)image.pid);
	p = text_append(text_append(p, end, ": "), end, what);
	if (error) {
		p = text_append(p, end, ": errno ");
		p = text_append_number(p, end, (uint64_t)-error);
	}
	*p++ = '\n';
	rawcall3(SYS_write, 2, (long)line, p - line);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		rawcall3(SYS_close, fd, 0, 0);
}

/* False: we are not wanted here. */
static bool read_settings(const struct entry *entry, struct settings *settings)
{
	const char *log = text_environment(entry->envp, "FOOTPRINT_LOG");

	settings->socket = text_environment(entry->envp, "FOOTPRINT_SOCKET");
	if (!settings->socket || !*settings->socket || entry_auxiliary(entry, AT_SECURE))
		return false;
	settings->spool = text_environment(entry->envp, "FOOTPRINT_SPOOL");
	settings->application = text_environment(entry->envp, "FOOTPRINT_APP");
	settings->version = text_environment(entry->envp, "FOOTPRINT_VERSION");
	image.logs = log && *log;
	return true;
}

/* A whole first segment, private to the caller so far. NULL: no memory. */
static struct segment *make_first(
	const struct settings *settings, const struct entry *entry, int root, int *ret_memfd)
{
	struct segment *segment = segment_new(SEGMENT_FIRST_SIZE, ret_memfd);

	if (!segment)
		return NULL;
	segment->first = segment;
	segment->segments = 1;
	rawcall3(SYS_getrandom, (long)segment->session, SESSION_ID_SIZE, 0);
	hello_write_first(segment, settings, entry, root);
	return segment;
}

/* Puts `segment` in the place of `old`; false: another thread was first. */
static bool publish(struct segment *old, struct segment *segment)
{
	return __atomic_compare_exchange_n(
		&image.segment, &old, segment, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static void start_first(const struct settings *settings, const struct entry *entry, int root)
{
	int memfd = -1;
	struct segment *segment = make_first(settings, entry, root, &memfd);

	if (!segment) {
		image.off = true;
		image_log("no memory to record in", 0);
	} else if (publish(NULL, segment)) {
		image.starting = true;
		session_start(segment, memfd, root);
		loaded_record(entry);
		image.starting = false;
		session_tend_all(image.segment);
	} else {
		segment_discard(segment);
	}
	close_fd(memfd);
}

struct segment *image_start(void)
{
	struct entry entry = entry_find();
	struct settings settings;
	int root;

	if (!entry.envp)
		return NULL; /* too early: libc itself has not begun */
	if (!read_settings(&entry, &settings)) {
		image.off = true;
		return NULL;
	}
	image.pid = (int)rawcall3(SYS_getpid, 0, 0, 0);
	root = (int)rawcall4(SYS_openat, AT_FDCWD, (long)"/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	start_first(&settings, &entry, root);
	close_fd(root);
	return __atomic_load_n(&image.segment, __ATOMIC_ACQUIRE);
}

struct segment *image_extend(struct segment *full)
{
	struct segment *current = __atomic_load_n(&image.segment, __ATOMIC_ACQUIRE), *segment;
	uint32_t number;
	int memfd = -1;

	if (current != full)
		return current;
	if (image.memory_only)
		return NULL;
	/* A program may go on finding new paths for as long as it lives. */
	segment = full;
	do
		segment_release(segment);
	while ((segment = segment->previous));
	number = __atomic_fetch_add(&full->first->segments, 1, __ATOMIC_RELAXED);
	segment = number < FP_SEGMENTS_MAX ? segment_new(SEGMENT_NEXT_SIZE, &memfd) : NULL;
	if (!segment)
		return NULL;
	segment->first = full->first;
	segment->previous = full;
	segment->number = number;
	segment->head.users = __atomic_load_n(&full->head.users, __ATOMIC_RELAXED);
	segment->way = SEGMENT_BEING_ANNOUNCED;
	hello_write_next(segment);
	if (publish(full, segment))
		session_announce(segment, memfd);
	else
		segment_discard(segment);
	close_fd(memfd);
	return __atomic_load_n(&image.segment, __ATOMIC_ACQUIRE);
}
