/* Spool entries (proto/session_memory.h). */
#include "lib/record/record.h"

#include <string.h>

/* The two magics only differ in their first byte. */
static const uint64_t entry_magic = SPOOL_ENTRY_MAGIC, making_magic = SPOOL_ENTRY_MAKING_MAGIC;
#define MAGIC_TAIL(magic) ((const uint8_t *)&(magic) + 1)
#define MAGIC_TAIL_SIZE	  (sizeof(uint64_t) - 1)

/* Bytes whose checksum was wrong, after which what follows is not looked at: thousands of entries
 * may each claim to reach to the end of the file. (An entry of ours that was truncated may as well,
 * but these are few.) */
#define IN_VAIN_MAX (8ull * FP_SEGMENT_SIZE_MAX)

/* Are the sizes within their limits? Whether so many bytes are there is another question. */
static bool entry_plausible(const struct spool_entry *entry)
{
	return (entry->magic == SPOOL_ENTRY_MAGIC || entry->magic == SPOOL_ENTRY_MAKING_MAGIC) &&
	       entry->hello_size <= FP_HELLO_SIZE_MAX && entry->log_size <= FP_SEGMENT_SIZE_MAX;
}

/* The next place after `from` where an entry may begin, or the end. */
static size_t next_magic(const struct spool_reader *reader, size_t from)
{
	const uint8_t *end = reader->bytes + reader->size, *at;

	if (from >= reader->size)
		return reader->size;
	at = reader->bytes + from + 1;
	while (at < end &&
		(at = memmem(at, (size_t)(end - at), MAGIC_TAIL(entry_magic), MAGIC_TAIL_SIZE))) {
		if (at[-1] == *(const uint8_t *)&entry_magic ||
			at[-1] == *(const uint8_t *)&making_magic)
			return (size_t)(at - 1 - reader->bytes);
		at++;
	}
	return reader->size;
}

enum entry_state { ENTRY_WHOLE, ENTRY_CUT, ENTRY_BAD };

/* Fills in as much of *ret as there is before the end of the file. */
static enum entry_state entry_at(struct spool_reader *reader, struct spool_view *ret)
{
	const uint8_t *at = reader->bytes + reader->offset;
	size_t left = reader->size - reader->offset;

	*ret = (struct spool_view){ 0 };
	if (left < sizeof(ret->entry))
		return ENTRY_CUT;
	memcpy(&ret->entry, at, sizeof(ret->entry));
	if (!entry_plausible(&ret->entry))
		return ENTRY_BAD;
	left -= sizeof(ret->entry);
	if (left < ret->entry.hello_size)
		return ENTRY_CUT;
	ret->hello = at + sizeof(ret->entry);
	if (left - ret->entry.hello_size < ret->entry.log_size)
		return ENTRY_CUT;
	ret->log = ret->hello + ret->entry.hello_size;
	if (fp_entry_checksum(&ret->entry, ret->hello, ret->log) == ret->entry.checksum)
		return ENTRY_WHOLE;
	reader->in_vain += ret->entry.hello_size + ret->entry.log_size;
	return ENTRY_BAD;
}

/* Are the `size` bytes at the reader's offset a truncated entry of records in the making? */
static bool cut_in_the_making(
	const struct spool_reader *reader, const struct spool_view *view, size_t size)
{
	size_t magic_size = size < sizeof(making_magic) ? size : sizeof(making_magic);

	if (memcmp(reader->bytes + reader->offset, &making_magic, magic_size) != 0)
		return false;
	return size < sizeof(view->entry) ||
	       (entry_plausible(&view->entry) &&
		       size - sizeof(view->entry) < view->entry.hello_size + view->entry.log_size);
}

enum spool_found spool_next(struct spool_reader *reader, struct spool_view *ret)
{
	while (reader->offset < reader->size) {
		enum entry_state state = entry_at(reader, ret);
		bool given_up = state == ENTRY_BAD && reader->in_vain > IN_VAIN_MAX;
		size_t next, size;

		if (state == ENTRY_WHOLE) {
			reader->offset = (size_t)(ret->log - reader->bytes) + ret->entry.log_size;
			return SPOOL_ENTRY;
		}
		if (state == ENTRY_CUT && reader->more)
			return SPOOL_END;
		/* Whole entries may follow: look for where the next one begins. */
		next = given_up ? reader->size : next_magic(reader, reader->offset + 1);
		size = next - reader->offset;
		if (cut_in_the_making(reader, ret, size)) {
			reader->offset = next;
			continue;
		}
		/* Is the hello complete, so that it is known whose entry it was? */
		if (given_up || (ret->hello && size < sizeof(ret->entry) + ret->entry.hello_size))
			ret->hello = NULL;
		ret->log = NULL;
		reader->offset = next;
		return SPOOL_DAMAGE;
	}
	return SPOOL_END;
}
