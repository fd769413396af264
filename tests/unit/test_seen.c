/* Keys of the seen table. If two facts have the same key, the second one is lost. */
#include "preload/record/seen.h"

#include <linux/limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "preload/record/path_hash.h"

#define NAMES 100000

/* Attributes as facts.h packs them: opened, looked at, looked for in vain. */
static const uint64_t attributes[] = { 1 | 1 << 8, 1 | 2 << 8, 1 | 512 << 8,
	1 | 512 << 8 | (uint64_t)2 << 40 };
static const char *const folders[] = { "/tmp/f", "/usr/share/zoneinfo/posix/America/x", "files/",
	"a" };

#define N_ATTRIBUTES (sizeof(attributes) / sizeof(*attributes))
#define N_FOLDERS    (sizeof(folders) / sizeof(*folders))
#define N_KEYS	     (2 * NAMES * N_ATTRIBUTES * N_FOLDERS)

static size_t add_keys(uint64_t *keys, uint64_t base, const char *path)
{
	size_t size;
	uint64_t hash = path_hash(base, path, PATH_MAX, &size);

	for (size_t i = 0; i < N_ATTRIBUTES; i++)
		keys[i] = seen_key(hash, attributes[i]);
	return N_ATTRIBUTES;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Numbered names, as of temporary files, caches and benchmarks, only differ in very few bits. */
static void test_keys_of_similar_names_differ(void **state)
{
	uint64_t *keys = malloc(N_KEYS * sizeof(*keys));
	size_t count = 0;
	char path[100];

	(void)state;
	assert_non_null(keys);
	for (size_t folder = 0; folder < N_FOLDERS; folder++)
		for (int name = 0; name < NAMES; name++) {
			snprintf(path, sizeof(path), "%s%d", folders[folder], name);
			count += add_keys(keys + count, 0, path);
			snprintf(path, sizeof(path), "%s%d/%d", folders[folder], name / 100,
				name % 100);
			count += add_keys(keys + count, folder + 1, path);
		}
	assert_int_equal(count, N_KEYS);
	qsort(keys, count, sizeof(*keys), compare);
	for (size_t i = 1; i < count; i++)
		assert_true(keys[i - 1] != keys[i]);
	free(keys);
}

/* The base of a path and zero bytes at its end must affect the key, like its name. */
static void test_base_and_length_count(void **state)
{
	static const char zeros[16];

	(void)state;
	assert_true(seen_hash(1, "x", 1) != seen_hash(2, "x", 1));
	for (size_t size = 1; size < sizeof(zeros); size++)
		assert_true(seen_hash(0, zeros, size - 1) != seen_hash(0, zeros, size));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_of_similar_names_differ),
		cmocka_unit_test(test_base_and_length_count),
	};

	return cmocka_run_group_tests_name("seen", tests, NULL, NULL);
}
