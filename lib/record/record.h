/*
 * Reading what processes say: slots of a session's log, Hellos and Records, spool entries.
 * All of it is hostile input: sizes are checked against proto/session_memory.h before use.
 */
#ifndef FOOTPRINT_RECORD_RECORD_H
#define FOOTPRINT_RECORD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "proto/record.pb-c.h"
#include "proto/session_memory.h"

/* Walks the slots of `log`. Zero-initialise all but log and size. */
struct slot_reader {
	const uint8_t *log;
	size_t size;
	size_t offset; /* of the next slot */
};
struct slot {
	enum slot_state state;
	const uint8_t *payload;
	size_t size;
};
/* 1: a slot; 0: the end (a free slot, or a slot that reaches past `size`); -EBADMSG: damaged. */
int slot_next(struct slot_reader *reader, struct slot *ret, struct error *err);

/* Unpack and validate: strings and paths within limits and without NUL, a session id of the right
 * size, a directory that begins with '/'. -EBADMSG: damaged, or a field missing; -E2BIG: past a
 * limit (both with err); -ENOMEM. A kind of a later version is no error: look at ret->kind. */
int record_unpack(const uint8_t *bytes, size_t size, Footprint__Record **ret, struct error *err);
int hello_unpack(const uint8_t *bytes, size_t size, Footprint__Hello **ret, struct error *err);
/* A packet from the socket; what it holds is validated likewise. said_case may be one of a later
 * version (FOOTPRINT__PACKET__SAID__NOT_SET). */
int packet_unpack(const uint8_t *bytes, size_t size, Footprint__Packet **ret, struct error *err);

/* A struct sockaddr as text: unix:/path, unix:@abstract (bytes below 0x21, '\\' and 0x7f as \xHH),
 * 10.0.0.5:5432, [::1]:80. -EAFNOSUPPORT: another family. buffer holds 512 bytes. */
int address_format(const uint8_t *address, size_t size, char buffer[static 512]);
/* The path of a unix socket that stands in the file system: its size, and *ret points into
 * `address`, without a NUL. 0: another family, an abstract or an unnamed socket. */
size_t address_unix_path(const uint8_t *address, size_t size, const char **ret);

/* Walks through the bytes of a spool file. Skips entries that a kill has truncated without a
 * loss. */
struct spool_reader {
	const uint8_t *bytes;
	size_t size;
	size_t offset;
	/* `bytes` is a window of a longer file: an entry that reaches past it is the end, with
	 * `offset` at its beginning, rather than damage. */
	bool more;
	uint64_t in_vain; /* bytes of entries whose checksum was wrong */
};
struct spool_view {
	struct spool_entry entry;
	const uint8_t *hello;
	const uint8_t *log;
};
enum spool_found {
	SPOOL_END,
	SPOOL_ENTRY,
	SPOOL_DAMAGE, /* bytes that are no whole entry. If *ret has a hello, that and the entry's
			 header are probably, but not certainly, as they were written */
};
enum spool_found spool_next(struct spool_reader *reader, struct spool_view *ret);

#endif
