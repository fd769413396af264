/*
 * What a site looks like. Code is only changed where its bytes are exactly these.
 */
#ifndef FOOTPRINT_PRELOAD_SITES_SITES_PATTERN_H
#define FOOTPRINT_PRELOAD_SITES_SITES_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/sites/sites_call.h"
#include "preload/sites/sites_object.h"

#define SITE_JUMP_SIZE	  5 /* jmp or call with a 32-bit displacement */
#define SITE_SYSCALL_SIZE 2

/* Is there a `syscall` instruction at this offset that can be redirected? *ret_continue: the offset
 * where the code goes on, behind what the jump overwrites. */
bool site_at(const struct sites_object *object, uint32_t offset, enum site_kind *ret_kind,
	uint32_t *ret_continue);

/* Does code around the site jump to a place behind `offset` and before `end`, which would be
 * overwritten? Only patterns are looked at: bytes that are no jump may look like one. */
bool site_is_jumped_into(const struct sites_object *object, uint32_t offset, uint32_t end);

/* Is there a call of the function that makes cancellable system calls (glibc since 2.41, musl)?
 * *ret_function: the offset of that function. */
bool site_cancellable_call(
	const struct sites_object *object, uint32_t offset, uint32_t *ret_function);

/* Is this the `syscall` instruction of such a function? Then *ret_function is its start. */
bool site_in_cancellable(
	const struct sites_object *object, uint32_t offset, uint32_t *ret_function);

/* May `syscall` (0f 05) begin at one of the next eight bytes? True where there is none only very
 * rarely. */
static inline bool site_may_begin(const uint8_t *code)
{
	const uint64_t each = UINT64_MAX / 0xff; /* times a byte: that byte in all eight places */
	uint64_t first, second, different;

	__builtin_memcpy(&first, code, sizeof(first));
	__builtin_memcpy(&second, code + 1, sizeof(second));
	different = (first ^ each * 0x0f) | (second ^ each * 0x05);
	return (different - each) & ~different & each * 0x80;
}

/* A site that makes calls of any number, which is known only when a call is made. */
static inline bool site_is_general(enum site_kind kind)
{
	return kind == SITE_RETURN || kind == SITE_ADD_STACK;
}

static inline uint32_t site_word(const struct sites_object *object, uint32_t offset)
{
	const uint8_t *p = object->base + offset;

	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

#endif
