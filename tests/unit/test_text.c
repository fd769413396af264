/* Lengths are found a word at a time. They are compared with strnlen, in memory that ends where the
 * text does. */
#include "preload/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define LENGTHS 70

/* A page after which nothing is mapped. */
static char *last_page(size_t *ret_size)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	char *pages =
		mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(pages != MAP_FAILED);
	assert_int_equal(mprotect(pages + size, size, PROT_NONE), 0);
	*ret_size = size;
	return pages;
}

/* At every alignment, after any byte, and before other bytes. */
static void test_every_alignment(void **state)
{
	static const unsigned char bytes[] = { 1, 0x7f, 0x80, 0x81, 0xff };
	char room[8 + LENGTHS + 16];

	(void)state;
	for (size_t kind = 0; kind < sizeof(bytes); kind++)
		for (size_t start = 0; start < 8; start++)
			for (size_t length = 0; length < LENGTHS; length++) {
				memset(room, bytes[kind], sizeof(room));
				memset(room, 0, start);
				room[start + length] = '\0';
				assert_int_equal(text_length(room + start), length);
				for (size_t limit = 0; limit < LENGTHS + 2; limit++)
					assert_int_equal(text_length_limited(room + start, limit),
						strnlen(room + start, limit));
			}
}

static void test_reads_no_further_page(void **state)
{
	size_t size;
	char *page = last_page(&size);

	(void)state;
	memset(page, 'x', size);
	for (size_t limit = 0; limit < LENGTHS; limit++)
		assert_int_equal(text_length_limited(page + size - limit, limit), limit);
	page[size - 1] = '\0';
	for (size_t length = 0; length < LENGTHS; length++)
		assert_int_equal(text_length(page + size - 1 - length), length);
	assert_int_equal(munmap(page, 2 * size), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_alignment),
		cmocka_unit_test(test_reads_no_further_page),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
