/* Spool entries: see proto/session_memory.h. */
#include "lib/record/record.h"

#include <string.h>

static const uint64_t entry_magic = SPOOL_ENTRY_MAGIC;

/* Sizes within their limits? Says nothing of whether the bytes are there. */
static bool entry_plausible(const struct spool_entry *entry)
{
	return entry->magic == SPOOL_ENTRY_MAGIC && entry->hello_size <= FP_HELLO_SIZE_MAX &&
	       entry->log_size <= FP_SEGMENT_SIZE_MAX;
}

/* The next place after `from` where an entry may begin, or the end. */
static size_t next_magic(const struct spool_reader *reader, size_t from)
{
	const uint8_t *found;

	if (from >= reader->size)
		return reader->size;
	found = memmem(
		reader->bytes + from, reader->size - from, &entry_magic, sizeof(entry_magic));
	return found ? (size_t)(found - reader->bytes) : reader->size;
}

enum entry_state { ENTRY_WHOLE, ENTRY_CUT, ENTRY_BAD };

static enum entry_state entry_at(const struct spool_reader *reader, struct spool_view *view)
{
	const uint8_t *at = reader->bytes + reader->offset;
	size_t left = reader->size - reader->offset;
	size_t body;

	if (left < sizeof(view->entry))
		return ENTRY_CUT;
	memcpy(&view->entry, at, sizeof(view->entry));
	if (!entry_plausible(&view->entry))
		return ENTRY_BAD;
	body = (size_t)view->entry.hello_size + view->entry.log_size;
	if (left - sizeof(view->entry) < body)
		return ENTRY_CUT;
	view->hello = at + sizeof(view->entry);
	view->log = view->hello + view->entry.hello_size;
	return fp_entry_checksum(&view->entry, view->hello, view->log) == view->entry.checksum
		       ? ENTRY_WHOLE
		       : ENTRY_BAD;
}

int spool_next(struct spool_reader *reader, struct spool_view *ret)
{
	bool skipping = false;

	while (reader->offset < reader->size) {
		struct spool_view view;
		enum entry_state state = entry_at(reader, &view);

		if (state == ENTRY_WHOLE) {
			reader->offset +=
				sizeof(view.entry) + view.entry.hello_size + view.entry.log_size;
			*ret = view;
			return 1;
		}
		if (state == ENTRY_CUT && reader->more)
			return 0;
		/* A torn entry may be followed by whole ones: look for the next beginning. */
		if (!skipping)
			reader->damaged++;
		skipping = true;
		reader->offset = next_magic(reader, reader->offset + 1);
	}
	return 0;
}
