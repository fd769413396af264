#include "preload/record/encode.h"
#include "preload/text.h"

/* Wire types of the protobuf encoding. */
enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2 };

/* Field numbers of footprint.Record. */
enum {
	FIELD_KIND = 1,
	FIELD_ACCESS = 2,
	FIELD_DIRECTORY = 3,
	FIELD_PATH = 4,
	FIELD_ERROR = 5,
	FIELD_NO_FOLLOW = 6,
	FIELD_ID = 7,
	FIELD_ENDPOINT = 8,
	FIELD_ADDRESS = 9,
	FIELD_LOADED_BY = 10,
	FIELD_REQUESTER = 11,
	FIELD_GAP = 12,
	FIELD_DETAIL = 13,
};

static void put_raw_varint(struct writer *w, uint64_t value)
{
	do {
		unsigned char byte = value & 0x7f;

		value >>= 7;
		if (w->at)
			w->at[w->size] = value ? byte | 0x80 : byte;
		w->size++;
	} while (value);
}

static void put_raw_bytes(struct writer *w, const void *bytes, size_t size)
{
	if (w->at)
		memcpy(w->at + w->size, bytes, size);
	w->size += size;
}

void write_varint(struct writer *w, unsigned field, uint64_t value)
{
	if (!value)
		return;
	put_raw_varint(w, field << 3 | WIRE_VARINT);
	put_raw_varint(w, value);
}

void write_fixed64(struct writer *w, unsigned field, uint64_t value)
{
	if (!value)
		return;
	put_raw_varint(w, field << 3 | WIRE_FIXED64);
	put_raw_bytes(w, &value, sizeof(value));
}

void write_bytes_head(struct writer *w, unsigned field, size_t size)
{
	put_raw_varint(w, field << 3 | WIRE_BYTES);
	put_raw_varint(w, size);
}

void write_bytes(struct writer *w, unsigned field, const void *bytes, size_t size)
{
	if (!size)
		return;
	write_bytes_head(w, field, size);
	put_raw_bytes(w, bytes, size);
}

void write_record(struct writer *w, const struct record *r)
{
	write_varint(w, FIELD_KIND, r->kind);
	write_varint(w, FIELD_ACCESS, r->access);
	write_fixed64(w, FIELD_DIRECTORY, r->directory);
	write_bytes(w, FIELD_PATH, r->path, r->path_size);
	write_varint(w, FIELD_ERROR, r->error);
	write_varint(w, FIELD_NO_FOLLOW, r->no_follow);
	if (r->kind == RECORD_PATH)
		return;
	write_fixed64(w, FIELD_ID, r->id);
	write_varint(w, FIELD_ENDPOINT, r->endpoint);
	write_bytes(w, FIELD_ADDRESS, r->address, r->address_size);
	write_varint(w, FIELD_LOADED_BY, r->loaded_by);
	write_bytes(w, FIELD_REQUESTER, r->requester, r->requester_size);
	write_bytes(w, FIELD_GAP, r->gap, r->gap_size);
	write_bytes(w, FIELD_DETAIL, r->detail, r->detail_size);
}

/* Of a number that is not left out: seven bits a byte. */
static size_t varint_size(uint64_t value)
{
	return (70 - (unsigned)__builtin_clzll(value | 1)) / 7;
}

/* Each with its field number, which is one byte. */
static size_t varint_field(uint64_t value)
{
	return value ? 1 + varint_size(value) : 0;
}

static size_t bytes_field(size_t size)
{
	return size ? 1 + varint_size(size) + size : 0;
}

size_t record_size(const struct record *r)
{
	size_t size = varint_field(r->kind) + varint_field(r->access) + bytes_field(r->path_size) +
		      varint_field(r->error) + varint_field(r->no_follow);

	size += r->directory ? 1 + sizeof(r->directory) : 0;
	if (r->kind == RECORD_PATH)
		return size;
	size += r->id ? 1 + sizeof(r->id) : 0;
	return size + varint_field(r->endpoint) + bytes_field(r->address_size) +
	       varint_field(r->loaded_by) + bytes_field(r->requester_size) +
	       bytes_field(r->gap_size) + bytes_field(r->detail_size);
}
