/* What processes record. */
#include <string.h>

#include "fuzz/aggregator/parts.h"

struct piece piece;

static void add_to_piece(const void *more, size_t size)
{
	if (size > PIECE_MAX - piece.size)
		return;
	memcpy(piece.bytes + piece.size, more, size);
	piece.size += size;
}

static void add_slot(const uint8_t *payload, size_t size, unsigned state)
{
	static const uint8_t padding[SLOT_ALIGN];
	uint32_t word = SLOT_WORD(state, size);

	add_to_piece(&word, sizeof(word));
	add_to_piece(payload, size);
	add_to_piece(padding, -(sizeof(word) + size) % SLOT_ALIGN);
}

/* A directory that may have been named, or be named later. */
static uint64_t some_directory(void)
{
	static const char *const paths[] = { "/etc", "/bin", "/", "/none" };
	unsigned choice = (unsigned)input_number(1) % 8;

	if (choice < 4)
		return fp_directory_id(0, paths[choice], strlen(paths[choice]));
	return choice == 4   ? FP_DIRECTORY_UNKNOWABLE
	       : choice == 5 ? (1ull << 32) + input_number(1) % 4
			     : 0;
}

void step_record(void)
{
	Footprint__Record record = FOOTPRINT__RECORD__INIT;
	uint8_t packed[FP_RECORD_SIZE_MAX];
	unsigned state = (unsigned)input_number(1) % 6;
	ProtobufCBinaryData text;

	record.kind = (Footprint__Record__Kind)(input_number(1) % 9);
	record.access = (uint32_t)input_number(2);
	record.error = (uint32_t)input_number(1);
	record.directory = some_directory();
	record.id = record.kind == FOOTPRINT__RECORD__KIND__DIRECTORY ? 1 + input_number(1) % 8 : 0;
	record.prefix = (uint32_t)input_number(1) % 16 < 8 ? 0 : (uint32_t)input_number(1) % 8;
	record.root = (uint32_t)input_number(1) % 16;
	record.endpoint = (Footprint__EndpointUse)(input_number(1) % 5);
	record.loaded_by = (Footprint__LoadedBy)(input_number(1) % 5);
	record.gap = (char *)(record.kind == FOOTPRINT__RECORD__KIND__GAP ? "unresolved" : "");
	text = input_bytes((size_t)input_number(1));
	if (record.kind == FOOTPRINT__RECORD__KIND__ENDPOINT)
		record.address = text;
	else
		record.path = text;
	add_slot(packed, footprint__record__pack(&record, packed), state);
}

void step_raw_slot(void)
{
	unsigned state = (unsigned)input_number(1) % 6;
	ProtobufCBinaryData payload = input_bytes((size_t)input_number(1));

	add_slot(payload.data, payload.len, state);
}

void step_raw_piece(void)
{
	ProtobufCBinaryData raw = input_bytes((size_t)input_number(1));

	add_to_piece(raw.data, raw.len);
}
