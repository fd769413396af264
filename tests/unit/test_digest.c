/* digest_file() against sha256sum(1). */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/base/cleanup.h"
#include "lib/root/digest.h"

static void sha256sum_says(const char *path, char ret_hex[static 65])
{
	char command[128];
	FILE *output;

	snprintf(command, sizeof(command), "sha256sum '%s'", path);
	output = popen(command, "re");
	assert_non_null(output);
	assert_int_equal(fread(ret_hex, 1, 64, output), 64);
	ret_hex[64] = '\0';
	pclose(output);
}

static void hex_digest(int fd, char ret_hex[static 65])
{
	uint8_t digest[32];

	assert_int_equal(digest_file(fd, digest), 0);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
}

/* The digest is the one of sha256sum, and the descriptor's offset does not change. */
static void assert_digest_is_right(int fd, const char *path)
{
	char expected[65], found[65];

	lseek(fd, 7, SEEK_SET);
	sha256sum_says(path, expected);
	hex_digest(fd, found);
	assert_string_equal(found, expected);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 7);
}

static void every_size_agrees_with_sha256sum(void **state)
{
	static const size_t sizes[] = { 0, 1, 55, 56, 64, 4096, 65535, 65536, 65537, 300001 };
	char path[] = "/tmp/footprint-digest-XXXXXX";
	autoclose int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		autofree unsigned char *content = malloc(sizes[i] + 1);

		assert_non_null(content);
		for (size_t j = 0; j < sizes[i]; j++)
			content[j] = (unsigned char)(j * 2654435761u >> 13);
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, content, sizes[i], 0), sizes[i]);
		assert_digest_is_right(fd, path);
	}
	unlink(path);
}

static void what_cannot_be_read_is_an_error(void **state)
{
	autoclose int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint8_t digest[32];

	(void)state;
	assert_int_equal(digest_file(-1, digest), -EBADF);
	assert_int_equal(digest_file(directory, digest), -EISDIR);
}

static void an_absurd_sparse_file_is_refused(void **state)
{
	char path[] = "/tmp/footprint-digest-XXXXXX";
	autoclose int fd = mkstemp(path);
	uint8_t digest[32];

	(void)state;
	unlink(path);
	if (ftruncate(fd, DIGEST_SIZE_MAX + 1) < 0)
		skip();
	assert_int_equal(digest_file(fd, digest), -EFBIG);
}

/* Data, a hole, data, and a hole at the end. */
static void holes_are_zeros(void **state)
{
	char path[] = "/tmp/footprint-digest-XXXXXX";
	autoclose int fd = mkstemp(path);

	(void)state;
	assert_int_equal(pwrite(fd, "begin", 5, 0), 5);
	assert_int_equal(pwrite(fd, "middle", 6, 8 << 20), 6);
	assert_int_equal(ftruncate(fd, 16 << 20), 0);
	assert_digest_is_right(fd, path);
	unlink(path);
}

static void a_file_of_holes_is_refused(void **state)
{
	char path[] = "/tmp/footprint-digest-XXXXXX";
	autoclose int fd = mkstemp(path);
	uint8_t digest[32];

	(void)state;
	unlink(path);
	assert_int_equal(pwrite(fd, "end", 3, DIGEST_HOLES_MAX + (1 << 20)), 3);
	assert_int_equal(digest_file(fd, digest), -EFBIG);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(ftruncate(fd, DIGEST_HOLES_MAX + 1), 0);
	assert_int_equal(digest_file(fd, digest), -EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_agrees_with_sha256sum),
		cmocka_unit_test(what_cannot_be_read_is_an_error),
		cmocka_unit_test(an_absurd_sparse_file_is_refused),
		cmocka_unit_test(holes_are_zeros),
		cmocka_unit_test(a_file_of_holes_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
