/* The hash of a path depends on its bytes, directory and length, and not on where it is in
 * memory. */
#include "preload/record/path_hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMIT	4096
#define LENGTHS 40
#define WORD	8
#define ROUNDS	100

static uint64_t hash(uint64_t base, const char *path)
{
	size_t size = 0;
	uint64_t found = path_hash(base, path, LIMIT, &size);

	assert_int_equal(size, strlen(path));
	return found;
}

/* With other bytes before and behind it each time. */
static void test_alignment_does_not_count(void **state)
{
	static const unsigned char around[] = { 1, 0x7f, 0x80, 0x81, 0xff, 0 };
	char room[8 + LENGTHS + 16], path[LENGTHS + 1];

	(void)state;
	for (size_t length = 0; length <= LENGTHS; length++) {
		for (size_t i = 0; i < length; i++)
			path[i] = (char)(i * 37 % 255 + 1);
		path[length] = '\0';
		for (size_t kind = 0; kind < sizeof(around); kind++)
			for (size_t start = 0; start < 8; start++) {
				memset(room, around[kind], sizeof(room));
				memcpy(room + start, path, length + 1);
				assert_true(hash(3, room + start) == hash(3, path));
			}
	}
}

static void test_each_byte_counts(void **state)
{
	char path[LENGTHS + 1];

	(void)state;
	for (size_t length = 1; length <= LENGTHS; length++) {
		memset(path, 'a', length);
		path[length] = '\0';
		for (size_t i = 0; i < length; i++) {
			uint64_t before = hash(0, path);

			path[i] = 'b';
			assert_true(hash(0, path) != before);
			path[i] = 'a';
		}
	}
}

static void test_directory_and_length_count(void **state)
{
	char path[LENGTHS + 1];

	(void)state;
	assert_true(hash(1, "x") != hash(2, "x"));
	for (size_t length = 1; length <= LENGTHS; length++) {
		uint64_t whole;

		memset(path, 'a', length);
		path[length] = '\0';
		whole = hash(0, path);
		path[length - 1] = '\0';
		assert_true(hash(0, path) != whole);
	}
}

static void test_no_longer_than_limit(void **state)
{
	char path[LIMIT + 32];
	size_t size;

	(void)state;
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	for (size_t start = 0; start < 8; start++) {
		path_hash(0, path + start, LIMIT, &size);
		assert_true(size >= LIMIT);
		path[start + LIMIT - 1] = '\0';
		path_hash(0, path + start, LIMIT, &size);
		assert_int_equal(size, LIMIT - 1);
		path[start + LIMIT - 1] = 'a';
	}
}

/* A page after which nothing is mapped. */
static void test_reads_no_further_page(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size;
	char *pages =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(pages != MAP_FAILED);
	assert_int_equal(mprotect(pages + page, page, PROT_NONE), 0);
	memset(pages, 'x', page - 1);
	for (size_t length = 0; length < LENGTHS; length++)
		hash(0, pages + page - 1 - length);
	pages[page - 1] = 'x';
	for (size_t limit = WORD + 1; limit < LENGTHS; limit++) {
		path_hash(0, pages + page - limit, limit, &size);
		assert_true(size >= limit);
	}
	assert_int_equal(munmap(pages, 2 * page), 0);
}

/* Any two bits of two adjacent words: one must not undo what the other changes. */
static void test_no_two_bits_undo_each_other(void **state)
{
	char path[2 * WORD + 1] = { 0 };

	(void)state;
	srand(1);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t before;

		for (size_t i = 0; i < 2 * WORD; i++)
			path[i] = (char)('a' + rand() % 26);
		before = hash(0, path);
		for (size_t a = 0; a < 8 * WORD; a++)
			for (size_t b = 8 * WORD; b < 16 * WORD; b++) {
				path[a / 8] = (char)(path[a / 8] ^ 1 << a % 8);
				path[b / 8] = (char)(path[b / 8] ^ 1 << b % 8);
				assert_true(hash(0, path) != before);
				path[a / 8] = (char)(path[a / 8] ^ 1 << a % 8);
				path[b / 8] = (char)(path[b / 8] ^ 1 << b % 8);
			}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alignment_does_not_count),
		cmocka_unit_test(test_each_byte_counts),
		cmocka_unit_test(test_directory_and_length_count),
		cmocka_unit_test(test_no_longer_than_limit),
		cmocka_unit_test(test_reads_no_further_page),
		cmocka_unit_test(test_no_two_bits_undo_each_other),
	};

	return cmocka_run_group_tests_name("path_hash", tests, NULL, NULL);
}
