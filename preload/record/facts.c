#define _GNU_SOURCE
#include "preload/record/facts.h"

#include <errno.h>
#include <fcntl.h>

#include "preload/image.h"
#include "preload/record/directories.h"
#include "preload/record/held.h"
#include "preload/record/path_hash.h"
#include "preload/record/prefixes.h"
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
		/* What a broker has looked for in vain, it has recorded itself. */
		return image.memory_only && image.root_in_proc;
	}
}

bool fact_is_known(uint64_t hash, uint64_t attributes, uint64_t *ret_key)
{
	struct segment *segment = image_segment();

	*ret_key = seen_key(hash, attributes);
	return !segment || seen_before(segment_layout_inline(segment)->first, *ret_key);
}

/* Appends to a new segment behind the one that is full. NULL: the record is lost, and counted as
 * such. */
static __attribute__((noinline)) uint32_t *append_behind(
	struct record record, enum slot_state state, struct segment **segment)
{
	uint32_t *slot;

	prefix_undo(&record);
	while ((*segment = image_extend(*segment)))
		if ((slot = segment_append(*segment, &record, state)))
			return slot;
	image_lose(1);
	return NULL;
}

/* Appends to *segment, or to a new one behind it. */
static uint32_t *append(
	const struct record *record, enum slot_state state, struct segment **segment)
{
	uint32_t *slot = segment_append(*segment, record, state);

	return slot ? slot : append_behind(*record, state, segment);
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
		seen_add(segment_first(segment), key);
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

	if (place->directory == image.root && place_stays(place->path))
		return image.root;
	if (directory == FP_DIRECTORY_UNKNOWABLE)
		return directory;
	id = place_root_id(directory);
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
	if (offset >= segment_layout(segment)->log_size ||
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

	if (segment && !segment_is_cell(segment)) /* a cell has no room for recent_execs */
		age = exec_age(segment, key);
	if (!segment || age >= TICKS_SETTLED)
		return 0;
	slot = append(&record, SLOT_EXEC, &segment);
	if (!slot)
		return 0;
	if (age < 0 && !segment_is_cell(segment))
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
