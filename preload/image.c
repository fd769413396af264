#define _GNU_SOURCE
#include "preload/image.h"

#include <elf.h>
#include <fcntl.h>
#include <stddef.h>

#include "preload/descriptor.h"
#include "preload/entry.h"
#include "preload/linker/loaded.h"
#include "preload/rawcall.h"
#include "preload/record/seen.h"
#include "preload/session/connection.h"
#include "preload/session/hello.h"
#include "preload/session/layout.h"
#include "preload/session/pool.h"
#include "preload/session/pool_map.h"
#include "preload/session/session.h"
#include "preload/text.h"

/* Bytes of its log that a cell should have left when a process forks. */
#define ROOM_FOR_CHILDREN 512

struct image image DATA_OF_START = { .descriptor = -1 };

bool image_is_ours(void)
{
	/* A process made by a clone that no hook saw can only be recognised by asking for the
	 * pid. */
	return image.memory_only || rawcall3(SYS_getpid, 0, 0, 0) == image.pid;
}

/* Weak and without a version: glibc since 2.32. */
extern char __libc_single_threaded __attribute__((weak));

/*
 * Asking /proc would cost more than all the rest of a start, so libc is asked. glibc since 2.32 has
 * a public variable. Before that, glibc has the word `multiple_threads` behind the self pointer of
 * its thread control block, which is 0. musl has the next thread in the ring at the same place,
 * which is the thread itself if it is the only one.
 */
bool image_is_single_threaded(void)
{
	uintptr_t self, word;

	if (&__libc_single_threaded)
		return __libc_single_threaded;
	__asm__ volatile("mov %%fs:0, %0\n\tmov %%fs:0x18, %1" : "=r"(self), "=r"(word));
	return word == self || (uint32_t)word == 0;
}

void image_lose(uint64_t records)
{
	if (image.segment)
		__atomic_fetch_add(
			&segment_first(image.segment)->head.lost, records, __ATOMIC_RELAXED);
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

void image_log_refusal(long error)
{
	if (image.told_refusal)
		return;
	image.told_refusal = true;
	image_log("the spool takes nothing", error);
}

/* Reads FOOTPRINT_* from the environment. False: this process is not to be watched. */
static bool read_settings(const struct entry *entry, struct settings *settings)
{
	settings->socket = text_environment(entry->envp, "FOOTPRINT_SOCKET");
	if (!settings->socket || !*settings->socket || entry_auxiliary(entry, AT_SECURE))
		return false;
	settings->spool = text_environment(entry->envp, "FOOTPRINT_SPOOL");
	settings->application = text_environment(entry->envp, "FOOTPRINT_APP");
	settings->version = text_environment(entry->envp, "FOOTPRINT_VERSION");
	return true;
}

/* A complete first segment, which only the caller knows so far. NULL: no memory. */
static struct segment *make_first(
	const struct settings *settings, const struct entry *entry, int root, int *ret_memfd)
{
	struct segment *segment = segment_new(SEGMENT_FIRST_SIZE, NULL, ret_memfd);

	if (!segment)
		return NULL;
	segment->segments = 1;
	hello_name_session(segment);
	hello_write_first(segment, settings, entry, root);
	return segment;
}

/* Makes `segment` the current one in the place of `old`. False: another thread was first. */
static bool publish(struct segment *old, struct segment *segment)
{
	return __atomic_compare_exchange_n(
		&image.segment, &old, segment, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* Starts the image with a memory and a connection of its own. */
static void start_alone(const struct settings *settings, const struct entry *entry)
{
	int root CLEANUP_FD =
		(int)rawcall4(SYS_openat, AT_FDCWD, (long)"/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	int memfd CLEANUP_FD = -1;
	struct segment *segment = make_first(settings, entry, root, &memfd);

	if (!segment) {
		image.off = true;
		image_log("no memory to record in", 0);
	} else if (publish(NULL, segment)) {
		image.starting = true;
		image.known_programs = segment_tail(segment)->known_programs;
		session_start(segment, memfd, root);
		loaded_record(entry);
		image.starting = false;
		session_tend_all(image.segment);
	} else {
		segment_discard(segment);
	}
}

/* Starts the image in a cell of a pool. False: there is no pool for us. There are no threads yet
 * where one is found, since looking is the first thing that an image does. */
static bool start_in_pool(const struct settings *settings, const struct entry *entry)
{
	struct segment *segment = pool_enter(settings, entry);

	if (!segment)
		return false;
	publish(NULL, segment);
	image.starting = true;
	loaded_record(entry);
	image.starting = false;
	session_tend_all(image.segment);
	return true;
}

struct segment *image_start(void)
{
	struct entry entry = entry_find();
	struct settings settings;
	const char *log;

	if (!entry.envp)
		return NULL; /* too early: libc itself has not started */
	if (!read_settings(&entry, &settings)) {
		image.off = true;
		return NULL;
	}
	log = text_environment(entry.envp, "FOOTPRINT_LOG");
	image.logs = log && *log && !text_equal(log, "0");
	image.pid = (int)rawcall3(SYS_getpid, 0, 0, 0);
	image.identity = pool_identity(&settings);
	if (!hello_keep_settings(&settings)) {
		image.off = true;
		return NULL;
	}
	/* This process has left its cell, but goes on: it gets a session of its own. */
	if (image.left)
		image.said_goodbye = false;
	if (image.left || !start_in_pool(&settings, &entry))
		start_alone(&settings, &entry);
	return __atomic_load_n(&image.segment, __ATOMIC_ACQUIRE);
}

void image_leave_session(void)
{
	image.left = true;
	image.home = NULL;
	image.cell = 0;
	image.pool = NULL;
	image.descriptor = -1;
	image.guard = 0;
	image.inherited = NULL;
	/* The next hello names the root and the working directory of that time. Ids of descriptors'
	 * directories would mean nothing in its session. */
	image.left_root = false;
	image.root = 0;
	image.directory = 0;
	image.seen_overflow = NULL;
	image.far_directories = NULL; /* not unmapped, since a thread may be using it */
	for (unsigned fd = 0; fd < NEAR_FDS; fd++)
		if (image.near_directories[fd])
			image.near_directories[fd] = 0;
	__atomic_store_n(&image.segment, NULL, __ATOMIC_RELEASE);
}

void image_move_out(void)
{
	int fd = image.descriptor;

	if (connection_is_ours(fd))
		rawcall3(SYS_close, fd, 0, 0);
	image_leave_session();
}

void image_make_room(void)
{
	struct segment *segment = __atomic_load_n(&image.segment, __ATOMIC_ACQUIRE);

	if (segment && segment_is_cell(segment) &&
		segment_end(segment) + ROOM_FOR_CHILDREN > segment_layout(segment)->log_size)
		image_extend(segment);
}

/* Makes the segment after `full`. After a cell, which has no room for tables, it is one that has
 * them. */
static struct segment *segment_after(struct segment *full, int *ret_memfd)
{
	bool cell = segment_is_cell(full);
	struct segment *segment =
		segment_new(cell ? SEGMENT_FIRST_SIZE : SEGMENT_NEXT_SIZE, full, ret_memfd);

	if (!segment)
		return NULL;
	if (cell) {
		memcpy(segment->session, full->session, SESSION_ID_SIZE);
		seen_copy(segment, full);
	}
	return segment;
}

struct segment *image_extend(struct segment *full)
{
	struct segment *current = __atomic_load_n(&image.segment, __ATOMIC_ACQUIRE), *segment;
	uint32_t number;
	bool announced;
	int memfd CLEANUP_FD = -1;

	if (current != full)
		return current;
	if (image.memory_only)
		return NULL;
	/* Gives back what it can: a program may go on finding new paths for as long as it lives. */
	segment = full;
	do
		segment_release(segment);
	while ((segment = segment_previous(segment)));
	number = __atomic_fetch_add(&image_oldest(full)->segments, 1, __ATOMIC_RELAXED);
	segment = number < FP_SEGMENTS_MAX ? segment_after(full, &memfd) : NULL;
	if (!segment)
		return NULL;
	segment->number = number;
	/* Processes that this one has forked before have no part in it. */
	segment->head.users = image.said_goodbye ? 0 : 1;
	segment->head.processes = __atomic_load_n(&full->head.processes, __ATOMIC_RELAXED);
	hello_write_next(segment);
	/* Before any other thread records there: if the process is killed, its records are there
	 * alone. */
	announced = session_announce(segment, memfd);
	if (!publish(full, segment))
		segment_discard(segment);
	else if (!announced)
		session_tend_all(segment);
	return __atomic_load_n(&image.segment, __ATOMIC_ACQUIRE);
}
