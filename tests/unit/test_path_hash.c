/* The hash of a path: its own bytes, directory and length decide, not where it lies in memory. */
#include "preload/path_hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMIT	4096
#define LENGTHS 40
#define NAMES	200000

static uint64_t hash(uint64_t base, const char *path)
{
	size_t size = 0;
	uint64_t found = path_hash(base, path, LIMIT, &size);

	assert_int_equal(size, strlen(path));
	return found;
}

/* After and before bytes that are other ones each time. */
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

/* A page behind which nothing is mapped. */
static void test_reads_no_further_page(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *pages =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(pages != MAP_FAILED);
	assert_int_equal(mprotect(pages + page, page, PROT_NONE), 0);
	memset(pages, 'x', page - 1);
	for (size_t length = 0; length < LENGTHS; length++)
		hash(0, pages + page - 1 - length);
	assert_int_equal(munmap(pages, 2 * page), 0);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Numbered names, as temporary files, caches and benchmarks have them, differ in very few bits. */
static void test_similar_names_differ(void **state)
{
	static const char *const folders[] = { "/tmp/f", "/usr/share/zoneinfo/posix/America/x",
		"a" };
	const size_t count = NAMES * sizeof(folders) / sizeof(*folders);
	uint64_t *hashes = malloc(count * sizeof(*hashes));
	size_t n = 0;
	char path[100];

	(void)state;
	assert_non_null(hashes);
	for (size_t folder = 0; folder < sizeof(folders) / sizeof(*folders); folder++)
		for (int name = 0; name < NAMES; name++) {
			snprintf(path, sizeof(path), "%s%d", folders[folder], name);
			hashes[n++] = hash(0, path);
		}
	qsort(hashes, n, sizeof(*hashes), compare);
	for (size_t i = 1; i < n; i++)
		assert_true(hashes[i - 1] != hashes[i]);
	free(hashes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alignment_does_not_count),
		cmocka_unit_test(test_each_byte_counts),
		cmocka_unit_test(test_directory_and_length_count),
		cmocka_unit_test(test_no_longer_than_limit),
		cmocka_unit_test(test_reads_no_further_page),
		cmocka_unit_test(test_similar_names_differ),
	};

	return cmocka_run_group_tests_name("path_hash", tests, NULL, NULL);
}
