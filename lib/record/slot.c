/* Slots of a session's log (proto/session_memory.h). */
#include "lib/record/record.h"

#include <errno.h>
#include <string.h>

#define SLOT_WORD_SIZE sizeof(uint32_t)

static size_t slot_span(size_t payload)
{
	return (SLOT_WORD_SIZE + payload + SLOT_ALIGN - 1) & ~(size_t)(SLOT_ALIGN - 1);
}

static bool state_known(uint32_t state)
{
	return state >= SLOT_CLAIMED && state <= SLOT_VOID;
}

int slot_next(struct slot_reader *reader, struct slot *ret, struct error *err)
{
	uint32_t word;
	size_t size, span;

	if (reader->offset > reader->size || reader->size - reader->offset < SLOT_WORD_SIZE)
		return 0;
	memcpy(&word, reader->log + reader->offset, sizeof(word));
	if (SLOT_STATE(word) == SLOT_FREE)
		return 0;
	size = SLOT_SIZE(word);
	if (!state_known(SLOT_STATE(word)) || size > FP_RECORD_SIZE_MAX)
		return error_set(
			err, -EBADMSG, "slot at %zu: word %#x is not a slot", reader->offset, word);
	span = slot_span(size);
	if (reader->size - reader->offset < span)
		return 0;
	*ret = (struct slot){
		.state = (enum slot_state)SLOT_STATE(word),
		.payload = reader->log + reader->offset + SLOT_WORD_SIZE,
		.size = size,
	};
	reader->offset += span;
	return 1;
}
