#define _GNU_SOURCE
#include "preload/record/facts.h"

#include <errno.h>
#include <fcntl.h>

#include "preload/image.h"
#include "preload/record/directories.h"
#include "preload/record/held.h"
#include "preload/record/path_hash.h"
#include "preload/record/seen.h"
#include "preload/session/session.h"
#include "preload/text.h"

bool fact_error_says_nothing(int error)
{
	switch (error) {
#define NOTHING(error) case error:
#include "proto/nothing.def"
#undef NOTHING
		return true;
	default:
		return false;
	}
}

const char *place_below_root(const char *path)
{
	for (;;) {
		if (*path == '/')
			path++;
		else if (path[0] == '.' && path[1] == '.' && (path[2] == '/' || !path[2]))
			path += 2;
		else
			return *path ? path : ".";
	}
}

/* Records describe paths as seen from the root that the hello named. So after a chroot, an absolute
 * path is relative to the directory that is now the root. */
static const char *find_directory(uint64_t from, const char *path, uint64_t *ret_directory)
{
	uint64_t root = image.root ? directory_root() : 0;
	/* A descriptor of it from before the chroot has the usual id. */
	bool from_root = root && root != FP_DIRECTORY_UNKNOWABLE && from == image.root_directory;

	*ret_directory = *path == '/' || from_root ? root : from;
	return root && *ret_directory == root ? place_below_root(path) : path;
}

bool place_find_from(struct place *ret, uint64_t from, const char *path)
{
	if (!path || !*path)
		return false;
	ret->path = path = find_directory(from, path, &ret->directory);
	ret->hash = path_hash(ret->directory, path, FP_PATH_SIZE_MAX, &ret->size);
	return ret->size < FP_PATH_SIZE_MAX;
}

/* A path through one of the process's own links is recorded as relative to where the link leads. A
 * path that ends at such a link is the caller's to resolve, if it follows it (held_path). */
static bool find_below_held(struct place *ret, const struct held *held, const char *path)
{
	uint64_t directory;

	if (held->kind == HELD_ROOT)
		return place_find_from(ret, 0, held->rest - 1);
	directory = directory_of(held->fd);
	/* There is no such descriptor. (Behind a filter that cannot be known.) */
	if (directory == FP_DIRECTORY_UNKNOWABLE && !image.memory_only)
		return place_find_from(ret, 0, path);
	return place_find_from(ret, directory, held->rest);
}

bool place_find(struct place *ret, int dirfd, const char *path)
{
	struct held held;

	if (path && held_find(path, &held) && *held.rest)
		return find_below_held(ret, &held, path);
	return path && place_find_from(ret, *path == '/' || !*path ? 0 : directory_of(dirfd), path);
}

/* Does the path name the directory that it is relative to: ".", "./" and the like? */
static bool stays(const char *path)
{
	while (path[0] == '/' || (path[0] == '.' && (path[1] == '/' || !path[1])))
		path++;
	return !*path;
}

uint64_t place_id(const struct place *place)
{
	/* What is below an unknown directory is unknown, too: no record would say what the id
	 * means. And a path that stays where it is gets no new id, or a loop of opening "." would
	 * never stop making them. */
	if (place->directory == FP_DIRECTORY_UNKNOWABLE || (place->directory && stays(place->path)))
		return place->directory;
	return fp_directory_id(place->directory, place->path, place->size);
}

bool fact_is_known(uint64_t hash, uint64_t attributes, uint64_t *ret_key)
{
	struct segment *segment = image_segment();

	*ret_key = seen_key(hash, attributes);
	return !segment || seen_before(segment->first, *ret_key);
}

/* Appends to *segment, or to a new one behind it. NULL: the record is lost, and counted as such. */
static uint32_t *append(
	const struct record *record, enum slot_state state, struct segment **segment)
{
	for (; *segment; *segment = image_extend(*segment)) {
		uint32_t *slot = segment_append(*segment, record, state);

		if (slot)
			return slot;
	}
	image_lose(1);
	return NULL;
}

const uint32_t *fact_append(const struct record *record)
{
	struct segment *segment = image_segment();
	uint32_t *slot = segment ? append(record, SLOT_READY, &segment) : NULL;

	if (slot)
		session_tend(segment, slot);
	return slot;
}

void fact_record(const struct record *record, uint64_t key)
{
	struct segment *segment = image_segment();

	/* Only after it: whoever finds the key in the table relies on the record's being kept, even
	 * if this process is killed. */
	if (segment && fact_append(record))
		seen_add(segment->first, key);
}

uint64_t fact_directory(const char *path)
{
	struct place place;
	uint64_t id, key;

	if (!place_find(&place, AT_FDCWD, path))
		return FP_DIRECTORY_UNKNOWABLE;
	id = place_id(&place);
	/* The root's own id needs no record: its meaning was recorded when it became the root. */
	if (id != FP_DIRECTORY_UNKNOWABLE && id != place.directory &&
		!fact_is_known(place.hash, FACT_ATTRIBUTES(RECORD_DIRECTORY, 0, 0), &key))
		fact_record(&(struct record){ .kind = RECORD_DIRECTORY,
				    .directory = place.directory,
				    .path = place.path,
				    .path_size = place.size,
				    .more = &(struct record_more){ .id = id } },
			key);
	return id;
}

uint64_t fact_root(const struct place *place)
{
	uint64_t directory = place_id(place), id, key;

	if (place->directory == image.root && stays(place->path))
		return image.root;
	if (directory == FP_DIRECTORY_UNKNOWABLE)
		return directory;
	id = fp_directory_id(directory, "/", 1);
	if (!fact_is_known(place->hash, FACT_ATTRIBUTES(RECORD_DIRECTORY, 1, 0), &key))
		fact_record(
			&(struct record){ .kind = RECORD_DIRECTORY,
				.directory = place->directory,
				.path = place->path,
				.path_size = place->size,
				.more = &(struct record_more){ .id = id, .root = place->size } },
			key);
	return id;
}

/*
 * Execs do not go into the seen table: an exec may fail and be taken back after another process of
 * the image has found it there and left its own out. So an exec is left out only if a record of the
 * same exec has stood for TICKS_SETTLED ticks, which means that it has succeeded. Until then each
 * one is recorded. Only the first is remembered, so its age grows, and a program that executes the
 * same program in a loop stops recording it.
 *
 * A tick is 2^32 cycles of the time stamp counter: one or two seconds.
 *
 * The layout of recent_exec.slot: the low 16 bits of the key << 48 | time in ticks << 24 | offset
 * in the log / SLOT_ALIGN.
 */
#define TICK(time)    ((time) >> 32 & 0xffffff)
#define TICKS_SETTLED 2

/* For how many ticks an exec with this key has stood in the log. -1: there is none. */
static int64_t exec_age(struct segment *segment, uint64_t key)
{
	struct recent_exec *recent = &segment_tail(segment)->recent_execs[key % RECENT_EXECS];
	uint64_t slot = __atomic_load_n(&recent->slot, __ATOMIC_ACQUIRE);
	uint64_t offset = (slot & 0xffffff) * SLOT_ALIGN;
	uint32_t *word = (uint32_t *)(void *)(segment_log(segment) + offset);

	if (__atomic_load_n(&recent->key, __ATOMIC_RELAXED) != key || slot >> 48 != (key & 0xffff))
		return -1;
	if (offset >= segment->head.log_size ||
		SLOT_STATE(__atomic_load_n(word, __ATOMIC_ACQUIRE)) != SLOT_EXEC)
		return -1;
	return (int64_t)((TICK(image_time()) - (slot >> 24)) & 0xffffff);
}

static void exec_remember(struct segment *segment, uint64_t key, const uint32_t *word)
{
	struct recent_exec *recent = &segment_tail(segment)->recent_execs[key % RECENT_EXECS];
	uint64_t offset = (uint64_t)((const unsigned char *)word - segment_log(segment));

	__atomic_store_n(&recent->key, key, __ATOMIC_RELAXED);
	__atomic_store_n(&recent->slot,
		(key & 0xffff) << 48 | TICK(image_time()) << 24 | offset / SLOT_ALIGN,
		__ATOMIC_RELEASE);
}

uint64_t fact_exec(const struct place *place)
{
	struct record record = { .kind = RECORD_EXECUTE,
		.directory = place->directory,
		.path = place->path,
		.path_size = place->size };
	struct segment *segment = image_segment();
	uint64_t key = seen_key(place->hash, FACT_ATTRIBUTES(RECORD_EXECUTE, 0, 0));
	int64_t age = -1;
	uint32_t *slot;

	if (segment && !segment->cell) /* a cell has no room for recent_execs */
		age = exec_age(segment, key);
	if (!segment || age >= TICKS_SETTLED)
		return 0;
	slot = append(&record, SLOT_EXEC, &segment);
	if (!slot)
		return 0;
	if (age < 0 && !segment->cell)
		exec_remember(segment, key, slot);
	session_tend(segment, slot);
	return (uint64_t)slot;
}

void fact_exec_undo(uint64_t ticket)
{
	uint32_t *slot = (uint32_t *)ticket;
	uint32_t word;

	if (!slot)
		return;
	word = __atomic_load_n(slot, __ATOMIC_RELAXED);
	if (SLOT_STATE(word) != SLOT_EXEC)
		return;
	__atomic_store_n(slot, SLOT_WORD(SLOT_VOID, SLOT_SIZE(word)), __ATOMIC_RELEASE);
	session_changed(slot);
}
