/* The records that the preload library writes by hand, as protobuf-c reads them; and their sizes,
 * which are worked out before, and which a slot is claimed for. */
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

/* Of any width, often 0, and often where a varint gets another byte. */
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

static struct record make(uint64_t *state, const char *bytes)
{
	struct record record = {
		.kind = RECORD_PATH + (unsigned)(roll(state) % RECORD_GAP),
		.access = (unsigned)number(state),
		.error = (unsigned)number(state),
		.no_follow = roll(state) % 2,
		.directory = number(state),
		.path = bytes,
		.path_size = length(state),
	};

	if (record.kind == RECORD_PATH)
		return record;
	record.endpoint = (unsigned)number(state);
	record.loaded_by = (unsigned)number(state);
	record.id = number(state);
	record.address = record.requester = record.gap = record.detail = bytes;
	record.address_size = length(state) % FP_ADDRESS_SIZE_MAX;
	record.requester_size = length(state);
	record.gap_size = length(state) % FP_NAME_SIZE_MAX;
	record.detail_size = length(state) % FP_DETAIL_SIZE_MAX;
	return record;
}

static void assert_bytes(const ProtobufCBinaryData *found, const void *bytes, size_t size)
{
	assert_int_equal(found->len, size);
	assert_true(!size || !memcmp(found->data, bytes, size));
}

static void assert_same(const Footprint__Record *found, const struct record *record)
{
	assert_int_equal(found->kind, record->kind);
	assert_int_equal(found->access, record->access);
	assert_int_equal(found->error, record->error);
	assert_int_equal(found->no_follow, record->no_follow);
	assert_true(found->directory == record->directory && found->id == record->id);
	assert_int_equal((uint32_t)found->endpoint, record->endpoint);
	assert_int_equal((uint32_t)found->loaded_by, record->loaded_by);
	assert_bytes(&found->path, record->path, record->path_size);
	assert_bytes(&found->address, record->address, record->address_size);
	assert_bytes(&found->requester, record->requester, record->requester_size);
	assert_int_equal(strlen(found->gap), record->gap_size);
	assert_int_equal(strlen(found->detail), record->detail_size);
}

static void records_are_what_protobuf_reads(void **state)
{
	static char bytes[FP_PATH_SIZE_MAX];
	static unsigned char written[FP_RECORD_SIZE_MAX];
	uint64_t dice = 42;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	for (int round = 0; round < ROUNDS; round++) {
		struct record record = make(&dice, bytes);
		struct writer counted = { NULL, 0 }, writer = { written, 0 };
		size_t size = record_size(&record);
		Footprint__Record *found;

		assert_in_range(size, 1, sizeof(written));
		write_record(&counted, &record);
		write_record(&writer, &record);
		assert_int_equal(counted.size, size);
		assert_int_equal(writer.size, size);
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
