#include "preload/record/prefixes.h"

#include "preload/image.h"
#include "preload/record/encode.h"
#include "preload/record/facts.h"
#include "preload/record/seen.h"
#include "preload/text.h"

#define NUMBERED   4u	 /* directories whose numbers are remembered */
#define CANDIDATES 8u	 /* directories whose facts are counted */
#define FACTS	   8u	 /* so many facts below a directory give it a number */
#define LOG_MIN	   1024u /* bytes of the first log */
#define LENGTH_MIN 12u	 /* bytes of a directory's path: a number saves little below that */
#define LENGTH_MAX 127u	 /* so that its length is one byte in a record */

/* How many of the facts below a directory had to be recorded whole. */
struct candidate {
	uint32_t hash;
	uint32_t facts;
};

/*
 * Nothing here is locked. Threads that change it at once may give a directory two numbers, or lose
 * count.
 */
static struct {
	const struct segment *segment; /* where the records stand that gave the numbers */
	/* The records that gave the last few numbers, in the log. So a directory's path and number
	 * are changed together, by one store. */
	const unsigned char *numbered[NUMBERED];
	unsigned oldest; /* of them: is replaced next */
	struct candidate candidates[CANDIDATES];
} prefixes DATA_SELDOM;

/*
 * A record that gives a number, as write_record() makes it:
 *
 *   08 05   kind: DIRECTORY
 *   22 LENGTH path
 *   39      id: the number, 8 bytes
 *
 * Where the log's memory was given back to the kernel, all of it reads as zeros.
 */
enum { AT_LENGTH = 3, AT_PATH = 4, BEFORE_NUMBER = 1 };

static uint64_t read_word(const void *from)
{
	uint64_t word;

	__builtin_memcpy(&word, from, sizeof(word));
	return word;
}

/* Are these the same `length` bytes, which are at least a word? The last word overlaps the one
 * before it. */
static bool are_same(const char *a, const unsigned char *b, size_t length)
{
	size_t last = length - sizeof(uint64_t);

	for (size_t at = 0; at < last; at += sizeof(uint64_t))
		if (read_word(a + at) != read_word(b + at))
			return false;
	return read_word(a + last) == read_word(b + last);
}

/* Does this path lie below a directory with this path? What follows must not begin with '/', or it
 * would be an absolute path itself. */
static bool is_below(const struct record *record, const unsigned char *directory, size_t length)
{
	const char *path = record->path;

	return length >= LENGTH_MIN && record->path_size > length + 1 && path[length] == '/' &&
	       path[length + 1] != '/' && are_same(path, directory, length);
}

/* Replaces the directory at the beginning of the path by its number. False: it has none. */
static bool replace(struct record *record)
{
	for (unsigned i = 0; i < NUMBERED; i++) {
		const unsigned char *bytes =
			__atomic_load_n(&prefixes.numbered[i], __ATOMIC_ACQUIRE);
		size_t length = bytes ? __atomic_load_n(&bytes[AT_LENGTH], __ATOMIC_RELAXED) : 0;

		if (!is_below(record, bytes + AT_PATH, length))
			continue;
		record->prefix = (uint16_t)read_word(bytes + AT_PATH + length + BEFORE_NUMBER);
		if (!record->prefix)
			continue; /* the log was given back meanwhile */
		record->prefix_size = (uint8_t)(length + 1);
		record->path = (const char *)record->path + record->prefix_size;
		record->path_size -= record->prefix_size;
		return true;
	}
	return false;
}

/* The length of the path of the directory that the file is in. 0: it is to get no number. */
static size_t directory_length(const struct record *record)
{
	const char *path = record->path;
	size_t length = record->path_size;

	while (length && path[length - 1] != '/')
		length--;
	/* With a '/' at its end the two parts of the path would not give the path again. */
	if (length < LENGTH_MIN + 1 || length > LENGTH_MAX + 1 || path[length - 2] == '/' ||
		length == record->path_size)
		return 0;
	return length - 1;
}

/* Counts a fact below this directory. True: there were enough to give it a number. */
static bool are_enough(const char *path, size_t length)
{
	uint64_t end = read_word(path + length - sizeof(end));
	uint32_t hash = (uint32_t)(seen_step(length, end) >> 32);
	struct candidate *candidate = &prefixes.candidates[hash % CANDIDATES];

	if (candidate->hash != hash)
		*candidate = (struct candidate){ .hash = hash };
	if (++candidate->facts < FACTS)
		return false;
	candidate->facts = 0;
	return true;
}

/* A number that no directory of this session has. 0: there is none left. Counted in the one segment
 * that all processes of the image have: behind a cell, each of them may have another `first`. */
static uint32_t new_number(struct segment *segment)
{
	struct segment *first = image_oldest(segment);

	if (__atomic_load_n(&first->prefixes, __ATOMIC_RELAXED) >= FP_PREFIXES_MAX)
		return 0;
	return __atomic_add_fetch(&first->prefixes, 1, __ATOMIC_RELAXED);
}

static void give_number(const struct record *record, size_t length, uint32_t number)
{
	const uint32_t *slot = fact_append(&(struct record){ .kind = RECORD_DIRECTORY,
		.path = record->path,
		.path_size = length,
		.more = &(struct record_more){ .id = number } });

	if (!slot)
		return;
	__atomic_store_n(&prefixes.numbered[prefixes.oldest % NUMBERED],
		(const unsigned char *)(slot + 1), __ATOMIC_RELEASE);
	prefixes.oldest++;
}

/* Numbers are given anew in each segment, because one may reach the aggregator long before another
 * that was written earlier: by value, while that one waits in the spool. Also, a process that
 * leaves its cell, which stays mapped, begins another session, in which no number has been given.
 */
static void keep_to_segment(const struct segment *segment)
{
	if (prefixes.segment == segment)
		return;
	for (unsigned i = 0; i < NUMBERED; i++)
		__atomic_store_n(&prefixes.numbered[i], NULL, __ATOMIC_RELEASE);
	prefixes.segment = segment;
}

/* Most programs record less than this: they are spared the page where the prefixes stand. */
static bool says_little(const struct segment *segment)
{
	return segment == segment_first(segment) &&
	       __atomic_load_n(&segment->head.tail, __ATOMIC_RELAXED) < LOG_MIN;
}

/* Appends once more what a record says that gave a number. */
static void repeat(struct segment *segment, const unsigned char *bytes)
{
	size_t length = __atomic_load_n(&bytes[AT_LENGTH], __ATOMIC_RELAXED);
	struct record_more more = { .id = read_word(bytes + AT_PATH + length + BEFORE_NUMBER) };

	if (more.id) /* the log was not given back */
		segment_append(segment,
			&(struct record){ .kind = RECORD_DIRECTORY,
				.path = bytes + AT_PATH,
				.path_size = length,
				.more = &more },
			SLOT_READY);
}

void prefix_repeat(void)
{
	struct segment *segment = image.segment;

	if (!segment || prefixes.segment != segment)
		return;
	for (unsigned i = 0; i < NUMBERED; i++) {
		const unsigned char *bytes =
			__atomic_load_n(&prefixes.numbered[i], __ATOMIC_ACQUIRE);

		if (bytes)
			repeat(segment, bytes);
	}
}

void prefix_undo(struct record *record)
{
	record->path = (const char *)record->path - record->prefix_size;
	record->path_size += record->prefix_size;
	record->prefix = record->prefix_size = 0;
}

void prefix_shorten(struct record *record)
{
	struct segment *segment = image_segment();
	uint32_t number;
	size_t length;

	if (!segment || says_little(segment) || record->directory ||
		*(const char *)record->path != '/')
		return;
	keep_to_segment(segment);
	if (replace(record))
		return;
	length = directory_length(record);
	if (!length || !are_enough(record->path, length))
		return;
	number = new_number(segment);
	if (!number)
		return;
	give_number(record, length, number);
	replace(record);
}
