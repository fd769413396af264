#include "preload/record/encode.h"
#include "preload/text.h"

/* Wire types of the protobuf encoding. */
enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2 };

/* Bytes of a field without its content: a varint of 32 bits and one of 64. */
#define FIELD_SIZE_MAX 15

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
	FIELD_ROOT = 14,
	FIELD_PREFIX = 15,
};

static inline unsigned char *put_raw_varint(unsigned char *to, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*to++ = (unsigned char)value | 0x80;
	*to++ = (unsigned char)value;
	return to;
}

static unsigned char *put_head(unsigned char *to, unsigned field, unsigned type)
{
	return put_raw_varint(to, field << 3 | type);
}

static unsigned char *put_varint(unsigned char *to, unsigned field, uint64_t value)
{
	return value ? put_raw_varint(put_head(to, field, WIRE_VARINT), value) : to;
}

static unsigned char *put_fixed64(unsigned char *to, unsigned field, uint64_t value)
{
	if (!value)
		return to;
	to = put_head(to, field, WIRE_FIXED64);
	memcpy(to, &value, sizeof(value));
	return to + sizeof(value);
}

static unsigned char *put_bytes_head(unsigned char *to, unsigned field, size_t size)
{
	return put_raw_varint(put_head(to, field, WIRE_BYTES), size);
}

static unsigned char *put_bytes(unsigned char *to, unsigned field, const void *bytes, size_t size)
{
	if (!size)
		return to;
	to = put_bytes_head(to, field, size);
	memcpy(to, bytes, size);
	return to + size;
}

static unsigned char *put_more(unsigned char *to, const struct record_more *more)
{
	to = put_fixed64(to, FIELD_ID, more->id);
	to = put_varint(to, FIELD_ENDPOINT, more->endpoint);
	to = put_bytes(to, FIELD_ADDRESS, more->address, more->address_size);
	to = put_varint(to, FIELD_LOADED_BY, more->loaded_by);
	to = put_bytes(to, FIELD_REQUESTER, more->requester, more->requester_size);
	to = put_bytes(to, FIELD_GAP, more->gap, more->gap_size);
	to = put_bytes(to, FIELD_DETAIL, more->detail, more->detail_size);
	return put_varint(to, FIELD_ROOT, more->root);
}

size_t write_record(unsigned char *to, const struct record *r)
{
	unsigned char *end = put_varint(to, FIELD_KIND, r->kind);

	end = put_varint(end, FIELD_ACCESS, r->access);
	end = put_fixed64(end, FIELD_DIRECTORY, r->directory);
	end = put_bytes(end, FIELD_PATH, r->path, r->path_size);
	end = put_varint(end, FIELD_ERROR, r->error);
	end = put_varint(end, FIELD_NO_FOLLOW, r->no_follow);
	end = put_varint(end, FIELD_PREFIX, r->prefix);
	if (r->more)
		end = put_more(end, r->more);
	return (size_t)(end - to);
}

/* The bytes of a varint: each holds seven bits. Nearly all values are small. */
static inline size_t varint_size(uint64_t value)
{
	return value < 0x80 ? 1 : (70 - (unsigned)__builtin_clzll(value | 1)) / 7;
}

/* The sizes of fields, each with its number, which is one byte. */
static size_t varint_field(uint64_t value)
{
	return value ? 1 + varint_size(value) : 0;
}

static size_t bytes_field(size_t size)
{
	return size ? 1 + varint_size(size) + size : 0;
}

static size_t fixed64_field(uint64_t value)
{
	return value ? 1 + sizeof(value) : 0;
}

static size_t more_size(const struct record_more *more)
{
	return fixed64_field(more->id) + varint_field(more->endpoint) +
	       bytes_field(more->address_size) + varint_field(more->loaded_by) +
	       bytes_field(more->requester_size) + bytes_field(more->gap_size) +
	       bytes_field(more->detail_size) + varint_field(more->root);
}

size_t record_size(const struct record *r)
{
	return varint_field(r->kind) + varint_field(r->access) + fixed64_field(r->directory) +
	       bytes_field(r->path_size) + varint_field(r->error) + varint_field(r->no_follow) +
	       varint_field(r->prefix) + (r->more ? more_size(r->more) : 0);
}

static void write_raw(struct writer *w, const void *bytes, size_t size)
{
	if (w->at)
		memcpy(w->at + w->size, bytes, size);
	w->size += size;
}

void write_varint(struct writer *w, unsigned field, uint64_t value)
{
	unsigned char bytes[FIELD_SIZE_MAX];

	write_raw(w, bytes, (size_t)(put_varint(bytes, field, value) - bytes));
}

void write_fixed64(struct writer *w, unsigned field, uint64_t value)
{
	unsigned char bytes[FIELD_SIZE_MAX];

	write_raw(w, bytes, (size_t)(put_fixed64(bytes, field, value) - bytes));
}

void write_bytes_head(struct writer *w, unsigned field, size_t size)
{
	unsigned char bytes[FIELD_SIZE_MAX];

	write_raw(w, bytes, (size_t)(put_bytes_head(bytes, field, size) - bytes));
}

void write_bytes(struct writer *w, unsigned field, const void *bytes, size_t size)
{
	if (!size)
		return;
	write_bytes_head(w, field, size);
	write_raw(w, bytes, size);
}
