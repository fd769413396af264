/* Tables, interned strings, arenas, UTF-8 and the hash behind them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/hash.h"
#include "lib/base/strings.h"
#include "lib/base/table.h"
#include "lib/base/utf8.h"

struct entry {
	uint64_t key;
	uint32_t value;
};

static void tables_find_what_was_added(void **state)
{
	struct table t = TABLE_OF(struct entry, key);
	uint32_t place;

	(void)state;
	for (uint64_t key = 0; key < 10000; key++) {
		uint64_t wide = key * 0x100000001ull;

		assert_int_equal(table_find(&t, &wide), TABLE_NONE);
		assert_int_equal(table_add(&t, &wide, &place), 0);
		assert_int_equal(place, key);
		assert_int_equal(((struct entry *)table_at(&t, place))->value, 0);
		((struct entry *)table_at(&t, place))->value = (uint32_t)key + 7;
	}
	for (uint64_t key = 0; key < 10000; key++) {
		uint64_t wide = key * 0x100000001ull;

		assert_int_equal(table_add(&t, &wide, &place), 0);
		assert_int_equal(place, key);
		assert_int_equal(((struct entry *)table_at(&t, place))->value, key + 7);
	}
	assert_int_equal(t.count, 10000);
	table_deinit(&t);
	table_deinit(&t);
}

static void strings_are_kept_once(void **state)
{
	struct strings s = { 0 };
	uint32_t number, again;
	char text[32];

	(void)state;
	assert_int_equal(strings_find(&s, "x", 1), UINT32_MAX);
	for (int i = 0; i < 5000; i++) {
		int size = snprintf(text, sizeof(text), "string %d", i);

		assert_int_equal(strings_add(&s, text, (size_t)size, &number), 0);
		assert_int_equal(strings_add(&s, text, (size_t)size, &again), 0);
		assert_int_equal(number, again);
		assert_int_equal(strings_find(&s, text, (size_t)size), number);
		assert_string_equal(strings_at(&s, number).bytes, text);
	}
	assert_int_equal(s.count, 5000);
	assert_int_equal(strings_add(&s, "", 0, &number), 0);
	assert_int_equal(number, 0);
	strings_deinit(&s);
}

static void strings_compare_by_bytes(void **state)
{
	static const char *const sorted[] = { "", "a", "aa", "b", "\xff" };
	struct strings s = { 0 };
	uint32_t numbers[5];

	(void)state;
	for (size_t i = 5; i-- > 0;)
		assert_int_equal(strings_add(&s, sorted[i], strlen(sorted[i]), &numbers[i]), 0);
	for (size_t i = 0; i < 5; i++)
		for (size_t j = 0; j < 5; j++) {
			int order = strings_compare(&s, numbers[i], numbers[j]);

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
	strings_deinit(&s);
}

static void arenas_give_aligned_pieces_up_to_their_limit(void **state)
{
	struct arena a = { .limit = 100000 };
	size_t given = 0;
	uint8_t *piece;

	(void)state;
	for (size_t size = 0; (piece = arena_take(&a, size)); size = (size * 7 + 1) % 3000) {
		assert_int_equal((uintptr_t)piece % 16, 0);
		memset(piece, 0xa5, size);
		given += size;
	}
	assert_int_equal(a.failure, -EFBIG);
	assert_in_range(given, 50000, 100000);
	arena_clear(&a);
	assert_non_null(arena_take(&a, SIZE_MAX / 2) ? NULL : &a);
	assert_non_null(arena_take(&a, 10));
	arena_clear(&a);
}

/* RFC 3629, section 3: the borders of each length, surrogates, overlong forms, the end. */
static void utf8_is_what_the_rfc_says(void **state)
{
	static const char *const good[] = { "", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
		"\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf" };
	static const char *const bad[] = { "\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41",
		"\xe0\x9f\xbf", "\xed\xa0\x80", "\xe2\x82", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80", "\xff" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(utf8_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(utf8_valid(bad[i], strlen(bad[i])));
}

static void other_bytes_are_escaped(void **state)
{
	char buffer[64];
	size_t size = utf8_escape("a\xffz\xc3\xa4\xc3", 6, buffer);

	(void)state;
	assert_int_equal(size, strlen("a\\xffz\xc3\xa4\\xc3"));
	assert_memory_equal(buffer, "a\\xffz\xc3\xa4\\xc3", size);
}

/* CPython hashes bytes with the same function: PYTHONHASHSEED=0 python3 -c
 * 'print(hex(hash(bytes(range(8))) & (1 << 64) - 1))'. Its seed of 0 is a key of zeroes. */
static void siphash13_is_the_one_of_others(void **state)
{
	static const struct {
		size_t size;
		uint64_t hash;
	} vectors[] = {
		{ 1, 0x68a914128e01e473ull },
		{ 7, 0x2f098ab0c751325aull },
		{ 8, 0xead411e67ebe2eeaull },
		{ 15, 0xf30eb725bb91c9eaull },
		{ 16, 0x8972188433a5c5b7ull },
	};
	static const uint64_t key[2] = { 0, 0 };
	uint8_t bytes[16];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		assert_true(hash_siphash13(key, bytes, vectors[i].size) == vectors[i].hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_find_what_was_added),
		cmocka_unit_test(strings_are_kept_once),
		cmocka_unit_test(strings_compare_by_bytes),
		cmocka_unit_test(arenas_give_aligned_pieces_up_to_their_limit),
		cmocka_unit_test(utf8_is_what_the_rfc_says),
		cmocka_unit_test(other_bytes_are_escaped),
		cmocka_unit_test(siphash13_is_the_one_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
