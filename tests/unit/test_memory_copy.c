/* A copy of a peer's memory reads like that memory, except for its hole, which reads as zeros. */
#include "aggregator/sessions/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIZE_MAX_TRIED 40u
#define SEED	       1u

/* Some words, followed by zeros, as in a cell that was hardly used. */
static void fill(uint8_t *bytes, size_t size)
{
	size_t used = size ? (size_t)rand() % (size + 1) : 0;

	memset(bytes, 0, size);
	for (size_t i = 0; i < used; i++)
		bytes[i] = (uint8_t)(rand() % 3);
}

/* Compares each possible read with the original bytes. */
static void check_reads(const struct memory *memory, const uint8_t *expected, size_t size)
{
	uint8_t read[SIZE_MAX_TRIED + 2];

	for (size_t offset = 0; offset <= size + 1; offset++)
		for (size_t length = 0; length <= size + 1; length++) {
			size_t left = offset < size ? size - offset : 0;
			size_t there = length < left ? length : left;

			memset(read, 0xee, sizeof(read));
			assert_int_equal(memory_read(memory, read, length, offset), there);
			assert_memory_equal(
				read, expected + (offset < size ? offset : size), there);
			assert_int_equal(read[there], 0xee);
		}
}

static void test_a_copy_reads_as_what_was_copied(void **state)
{
	(void)state;
	srand(SEED);
	for (size_t size = 0; size <= SIZE_MAX_TRIED; size++)
		for (size_t hole = 0; hole <= size; hole += 1 + (size_t)rand() % 4) {
			size_t hole_end = hole + (size_t)rand() % (size - hole + 1);
			uint8_t bytes[SIZE_MAX_TRIED], expected[SIZE_MAX_TRIED];
			struct memory memory;

			fill(bytes, size);
			memcpy(expected, bytes, size);
			memset(expected + hole, 0, hole_end - hole);
			assert_true(memory_copy(&memory, bytes, size, hole, hole_end));
			memset(bytes, 0xff, size); /* the peer continues to use its memory */
			check_reads(&memory, expected, size);
			memory_close(&memory);
			assert_false(memory_held(&memory));
		}
}

static void test_what_is_written_is_seen_by_nobody(void **state)
{
	uint8_t bytes[16] = "what was said", read[16];
	struct memory memory;

	(void)state;
	assert_true(memory_copy(&memory, bytes, sizeof(bytes), 0, 0));
	assert_int_equal(memory_write(&memory, "x", 1, 0), 0);
	assert_int_equal(memory_read(&memory, read, sizeof(read), 0), sizeof(read));
	assert_memory_equal(read, bytes, sizeof(bytes));
	memory_close(&memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_copy_reads_as_what_was_copied),
		cmocka_unit_test(test_what_is_written_is_seen_by_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
