/*
 * Writes protobuf: the few field types that record.proto uses, straight to where they will stay.
 * protobuf-c cannot be used here, because the library may not depend on any other.
 *
 * For records, of which there are many, the size is computed first (record_size) and then they are
 * written. Everything else runs the same code twice, first with a struct writer without memory,
 * which only counts.
 */
#ifndef FOOTPRINT_PRELOAD_RECORD_ENCODE_H
#define FOOTPRINT_PRELOAD_RECORD_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct writer {
	unsigned char *at; /* NULL: only counts */
	size_t size;	   /* bytes written so far */
};

/* Fields of value 0 or size 0 are left out, as proto3 does. */
void write_varint(struct writer *w, unsigned field, uint64_t value);
void write_fixed64(struct writer *w, unsigned field, uint64_t value);
void write_bytes(struct writer *w, unsigned field, const void *bytes, size_t size);

/* The head (number and size) of a bytes field whose content the caller adds. */
void write_bytes_head(struct writer *w, unsigned field, size_t size);

/* footprint.Record; see record.proto for the meaning of each. */
struct record {
	unsigned kind;
	unsigned access;
	unsigned error;
	bool no_follow;
	uint8_t prefix_size; /* bytes before `path` for which the number stands */
	uint16_t prefix;     /* the number of a directory (prefixes.h) */
	uint64_t directory;
	const void *path;
	size_t path_size;
	const struct record_more *more; /* NULL, as nearly always: all of it 0 */
};

/* The fields that most records do not have. */
struct record_more {
	unsigned endpoint;
	unsigned loaded_by;
	uint64_t id;
	size_t root;
	const void *address, *requester, *gap, *detail;
	size_t address_size, requester_size, gap_size, detail_size;
};

enum record_kind {
	RECORD_PATH = 1,
	RECORD_EXECUTE = 2,
	RECORD_LOAD = 3,
	RECORD_ENDPOINT = 4,
	RECORD_DIRECTORY = 5,
	RECORD_GAP = 6,
	RECORD_FILTER = 7,
};

/* Writes a record at `to`, which has room for record_size() bytes. Returns how many bytes it wrote:
 * fewer than record_size() only if another thread changes one of the texts meanwhile. */
size_t write_record(unsigned char *to, const struct record *record);
size_t record_size(const struct record *record);

#endif
