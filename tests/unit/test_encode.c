/* protobuf-c must read the records that the preload library encodes by hand. Their sizes, for which
 * slots are claimed, are computed in advance and must be right. */
#include "preload/record/encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/record.pb-c.h"
#include "proto/session_memory.h"

#define ROUNDS 20000

/* xorshift64 (Marsaglia): the same numbers everywhere. */
static uint64_t roll(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Numbers of any width, often 0, and often where a varint gets another byte. */
static uint64_t number(uint64_t *state)
{
	unsigned width = (unsigned)(roll(state) % 65);
	uint64_t edge = width == 64 ? UINT64_MAX : ((uint64_t)1 << width) - 1;

	return roll(state) % 2 ? edge : roll(state) & edge;
}

static size_t length(uint64_t *state)
{
	static const size_t edges[] = { 0, 1, 127, 128, FP_PATH_SIZE_MAX - 1 };

	return roll(state) % 2 ? edges[roll(state) % 5] : roll(state) % FP_PATH_SIZE_MAX;
}

/* Makes a random record. *more: what it may point to. */
static struct record make(uint64_t *state, const char *bytes, struct record_more *more)
{
	struct record record = {
		.kind = RECORD_PATH + (unsigned)(roll(state) % RECORD_GAP),
		.access = (unsigned)number(state),
		.error = (unsigned)number(state),
		.no_follow = roll(state) % 2,
		.prefix = (uint16_t)number(state),
		.directory = number(state),
		.path = bytes,
		.path_size = length(state),
	};

	if (roll(state) % 2)
		return record;
	*more = (struct record_more){
		.endpoint = (unsigned)number(state),
		.loaded_by = (unsigned)number(state),
		.id = number(state),
		.root = length(state),
		.address = bytes,
		.requester = bytes,
		.gap = bytes,
		.detail = bytes,
		.address_size = length(state) % FP_ADDRESS_SIZE_MAX,
		.requester_size = length(state),
		.gap_size = length(state) % FP_NAME_SIZE_MAX,
		.detail_size = length(state) % FP_DETAIL_SIZE_MAX,
	};
	record.more = more;
	return record;
}

static void assert_bytes(const ProtobufCBinaryData *found, const void *bytes, size_t size)
{
	assert_int_equal(found->len, size);
	assert_true(!size || !memcmp(found->data, bytes, size));
}

static void assert_more(const Footprint__Record *found, const struct record_more *more)
{
	assert_true(found->id == more->id);
	assert_int_equal(found->root, more->root);
	assert_int_equal((uint32_t)found->endpoint, more->endpoint);
	assert_int_equal((uint32_t)found->loaded_by, more->loaded_by);
	assert_bytes(&found->address, more->address, more->address_size);
	assert_bytes(&found->requester, more->requester, more->requester_size);
	assert_int_equal(strlen(found->gap), more->gap_size);
	assert_int_equal(strlen(found->detail), more->detail_size);
}

static void assert_same(const Footprint__Record *found, const struct record *record)
{
	static const struct record_more none;

	assert_int_equal(found->kind, record->kind);
	assert_int_equal(found->access, record->access);
	assert_int_equal(found->error, record->error);
	assert_int_equal(found->no_follow, record->no_follow);
	assert_int_equal(found->prefix, record->prefix);
	assert_true(found->directory == record->directory);
	assert_bytes(&found->path, record->path, record->path_size);
	assert_more(found, record->more ? record->more : &none);
}

static void records_are_what_protobuf_reads(void **state)
{
	static char bytes[FP_PATH_SIZE_MAX];
	static unsigned char written[FP_RECORD_SIZE_MAX];
	uint64_t dice = 42;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	for (int round = 0; round < ROUNDS; round++) {
		struct record_more more;
		struct record record = make(&dice, bytes, &more);
		size_t size = record_size(&record);
		Footprint__Record *found;

		assert_in_range(size, 1, sizeof(written));
		assert_int_equal(write_record(written, &record), size);
		found = footprint__record__unpack(NULL, size, written);
		assert_non_null(found);
		assert_same(found, &record);
		footprint__record__free_unpacked(found, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_what_protobuf_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
