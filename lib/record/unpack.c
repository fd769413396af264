/*
 * Unpacks hellos and records from bytes that cannot be trusted.
 *
 * protobuf-c checks the encoding. Here, the meaning is checked: sizes against the limits of
 * proto/session_memory.h, no NUL in what becomes a C string, and that a record has the fields which
 * its kind requires.
 */
#include "lib/record/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* protobuf-c returns NULL both for damaged bytes and for lack of memory. This allocator tells the
 * two apart. */
struct watched_memory {
	ProtobufCAllocator allocator;
	bool failed;
};

static void *watched_alloc(void *data, size_t size)
{
	struct watched_memory *memory = data;
	void *block = malloc(size);

	if (!block)
		memory->failed = true;
	return block;
}

static void watched_free(void *data, void *block)
{
	(void)data;
	free(block);
}

static void watched_init(struct watched_memory *memory)
{
	memory->failed = false;
	memory->allocator = (ProtobufCAllocator){
		.alloc = watched_alloc, .free = watched_free, .allocator_data = memory
	};
}

static int check_bytes(
	const ProtobufCBinaryData *data, size_t size_max, const char *field, struct error *err)
{
	if (data->len > size_max)
		return error_set(
			err, -E2BIG, "%s: %zu bytes, the limit is %zu", field, data->len, size_max);
	if (data->len && memchr(data->data, 0, data->len))
		return error_set(err, -EBADMSG, "%s: holds a NUL", field);
	return 0;
}

/* Paths become C strings of at most PATH_MAX bytes with their NUL. */
static int check_path(const ProtobufCBinaryData *data, const char *field, struct error *err)
{
	return check_bytes(data, FP_PATH_SIZE_MAX - 1, field, err);
}

static int check_text(const char *text, size_t size_max, const char *field, struct error *err)
{
	size_t size = strlen(text);

	if (size > size_max)
		return error_set(
			err, -E2BIG, "%s: %zu bytes, the limit is %zu", field, size, size_max);
	return 0;
}

static int require(bool there, const char *field, struct error *err)
{
	return there ? 0 : error_set(err, -EBADMSG, "%s: not there", field);
}

/* --- records ---------------------------------------------------------------------------------- */

static int check_address(const ProtobufCBinaryData *address, struct error *err)
{
	if (address->len > FP_ADDRESS_SIZE_MAX)
		return error_set(err, -E2BIG, "address: %zu bytes, the limit is %u", address->len,
			FP_ADDRESS_SIZE_MAX);
	return require(address->len >= sizeof(uint16_t), "address", err);
}

static int check_path_record(const Footprint__Record *record, struct error *err)
{
	int r = require(record->path.len > 0, "path", err);

	if (r == 0 && !record->directory && !record->prefix && record->path.data[0] != '/')
		r = error_set(err, -EBADMSG, "path: relative to nothing");
	return r;
}

static int check_kind(const Footprint__Record *record, struct error *err)
{
	switch (record->kind) {
	case FOOTPRINT__RECORD__KIND__PATH:
	case FOOTPRINT__RECORD__KIND__EXECUTE:
		return check_path_record(record, err);
	case FOOTPRINT__RECORD__KIND__LOAD:
		return require(record->path.len > 0, "path", err);
	case FOOTPRINT__RECORD__KIND__ENDPOINT:
		return check_address(&record->address, err);
	case FOOTPRINT__RECORD__KIND__DIRECTORY:
		return require(record->id != 0, "id", err);
	case FOOTPRINT__RECORD__KIND__GAP:
		return require(record->gap[0] != '\0', "gap", err);
	default: /* a FILTER, or a kind that a later version has: the caller makes that a gap */
		return 0;
	}
}

static int check_record(const Footprint__Record *record, struct error *err)
{
	int r;

	if ((r = check_path(&record->path, "path", err)) < 0 ||
		(r = check_path(&record->requester, "requester", err)) < 0 ||
		(r = check_text(record->gap, FP_NAME_SIZE_MAX, "gap", err)) < 0 ||
		(r = check_text(record->detail, FP_DETAIL_SIZE_MAX, "detail", err)) < 0)
		return r;
	return check_kind(record, err);
}

int record_unpack(const uint8_t *bytes, size_t size, Footprint__Record **ret, struct error *err)
{
	struct watched_memory memory;
	Footprint__Record *record;
	int r;

	if (size > FP_RECORD_SIZE_MAX)
		return error_set(err, -E2BIG, "record: %zu bytes, the limit is %u", size,
			FP_RECORD_SIZE_MAX);
	watched_init(&memory);
	record = footprint__record__unpack(&memory.allocator, size, bytes);
	if (!record)
		return memory.failed ? error_set(err, -ENOMEM, "record: out of memory")
				     : error_set(err, -EBADMSG, "record: not protobuf");
	r = check_record(record, err);
	if (r < 0) {
		footprint__record__free_unpacked(record, NULL);
		return r;
	}
	*ret = record;
	return 0;
}

/* --- hellos ----------------------------------------------------------------------------------- */

static int check_hello_texts(const Footprint__Hello *hello, struct error *err)
{
	int r;

	if ((r = check_text(hello->application, FP_NAME_SIZE_MAX, "application", err)) < 0 ||
		(r = check_text(hello->application_version, FP_NAME_SIZE_MAX, "application_version",
			 err)) < 0 ||
		(r = check_text(hello->host, FP_NAME_SIZE_MAX, "host", err)) < 0)
		return r;
	return check_text(hello->library_version, FP_NAME_SIZE_MAX, "library_version", err);
}

static int check_hello_paths(const Footprint__Hello *hello, struct error *err)
{
	int r;

	if ((r = check_path(&hello->executable, "executable", err)) < 0 ||
		(r = check_path(&hello->invoked_as, "invoked_as", err)) < 0 ||
		(r = check_path(&hello->directory, "directory", err)) < 0 ||
		(r = check_path(&hello->interpreter, "interpreter", err)) < 0 ||
		(r = check_path(&hello->spool, "spool", err)) < 0)
		return r;
	if (hello->directory.len && hello->directory.data[0] != '/')
		return error_set(err, -EBADMSG, "directory: not absolute");
	if (!hello->executable.len || hello->executable.data[0] != '/')
		return error_set(err, -EBADMSG, "executable: not absolute");
	return 0;
}

static int check_hello(const Footprint__Hello *hello, struct error *err)
{
	int r;

	if (hello->session.len != SESSION_ID_SIZE)
		return error_set(err, -EBADMSG, "session: %zu bytes, not %d", hello->session.len,
			SESSION_ID_SIZE);
	if (hello->segment >= FP_SEGMENTS_MAX)
		return error_set(err, -E2BIG, "segment: %u, the limit is %u", hello->segment,
			FP_SEGMENTS_MAX);
	r = check_hello_texts(hello, err);
	return r < 0 ? r : check_hello_paths(hello, err);
}

int hello_unpack(const uint8_t *bytes, size_t size, Footprint__Hello **ret, struct error *err)
{
	struct watched_memory memory;
	Footprint__Hello *hello;
	int r;

	if (size > FP_HELLO_SIZE_MAX)
		return error_set(
			err, -E2BIG, "hello: %zu bytes, the limit is %u", size, FP_HELLO_SIZE_MAX);
	watched_init(&memory);
	hello = footprint__hello__unpack(&memory.allocator, size, bytes);
	if (!hello)
		return memory.failed ? error_set(err, -ENOMEM, "hello: out of memory")
				     : error_set(err, -EBADMSG, "hello: not protobuf");
	r = check_hello(hello, err);
	if (r < 0) {
		footprint__hello__free_unpacked(hello, NULL);
		return r;
	}
	*ret = hello;
	return 0;
}

/* --- packets ---------------------------------------------------------------------------------- */

static int check_packet(const Footprint__Packet *packet, struct error *err)
{
	switch (packet->said_case) {
	case FOOTPRINT__PACKET__SAID_HELLO:
		return check_hello(packet->hello, err);
	case FOOTPRINT__PACKET__SAID_BATCH:
		return require(packet->batch->session.len == SESSION_ID_SIZE, "session", err);
	case FOOTPRINT__PACKET__SAID_NOTICE:
		return require(packet->notice->session.len == SESSION_ID_SIZE, "session", err);
	case FOOTPRINT__PACKET__SAID_POOL:
		return require(packet->pool->session.len == SESSION_ID_SIZE, "session", err);
	case FOOTPRINT__PACKET__SAID_VIGIL:
		return require(packet->vigil->session.len == SESSION_ID_SIZE, "session", err);
	case FOOTPRINT__PACKET__SAID_ENTERED:
		return require(packet->entered->session.len == SESSION_ID_SIZE, "session", err) < 0
			       ? -EBADMSG
			       : require(packet->entered->id > UINT32_MAX &&
						 packet->entered->id != FP_DIRECTORY_UNKNOWABLE,
					 "id", err);
	default:
		return 0; /* a message of a later version */
	}
}

int packet_unpack(const uint8_t *bytes, size_t size, Footprint__Packet **ret, struct error *err)
{
	struct watched_memory memory;
	Footprint__Packet *packet;
	int r;

	if (size > FP_PACKET_SIZE_MAX)
		return error_set(err, -E2BIG, "packet: %zu bytes, the limit is %u", size,
			FP_PACKET_SIZE_MAX);
	watched_init(&memory);
	packet = footprint__packet__unpack(&memory.allocator, size, bytes);
	if (!packet)
		return memory.failed ? error_set(err, -ENOMEM, "packet: out of memory")
				     : error_set(err, -EBADMSG, "packet: not protobuf");
	r = check_packet(packet, err);
	if (r < 0) {
		footprint__packet__free_unpacked(packet, NULL);
		return r;
	}
	*ret = packet;
	return 0;
}
