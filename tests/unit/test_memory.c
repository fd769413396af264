/* Each allocation in turn fails. The result is an error, and never a crash, a leak, or a manifest
 * that says something else. */
#include "tests/unit/random_facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/manifest/codec.h"
#include "lib/manifest/diff.h"
#include "lib/manifest/why.h"

#define FACTS 80

#if defined(__SANITIZE_ADDRESS__)
#define CAN_REFUSE 0
#else
#define CAN_REFUSE 1

static long refuse_at; /* the number of the allocation that fails; 0: none */
static long refused;
static long living; /* allocations that are not freed yet */

/* glibc's own functions, under the names that it exports for such replacements. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *piece);

static bool refuse(void)
{
	if (!refuse_at || --refuse_at)
		return false;
	refused++;
	errno = ENOMEM;
	return true;
}

static void *count(void *piece)
{
	living += piece != NULL;
	return piece;
}

void *malloc(size_t size)
{
	return refuse() ? NULL : count(__libc_malloc(size));
}

void *calloc(size_t n, size_t size)
{
	return refuse() ? NULL : count(__libc_calloc(n, size));
}

void *realloc(void *old, size_t size)
{
	if (refuse())
		return NULL;
	return old ? __libc_realloc(old, size) : count(__libc_malloc(size));
}

void free(void *piece)
{
	living -= piece != NULL;
	__libc_free(piece);
}

void *reallocarray(void *old, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return realloc(old, bytes);
}

/* From facts to bytes, as in the aggregator. */
static int encode_facts(const struct fact *facts, uint8_t **ret, size_t *ret_size)
{
	auto_manifest struct manifest *m = NULL;
	int r = manifest_new("app", "1", &m);

	for (size_t i = 0; i < FACTS && !r; i++)
		r = add_fact(m, &facts[i]);
	return r ? r : manifest_encode(m, ret, ret_size, NULL);
}

/* From bytes to everything that the tools do with them. */
static int use_bytes(const uint8_t *bytes, size_t size, uint8_t **ret, size_t *ret_size)
{
	auto_manifest struct manifest *m = NULL, *other = NULL;
	const Footprint__Manifest *view, *other_view;
	struct diff diff;
	struct why why;
	int r;

	r = manifest_decode(bytes, size, &m, NULL);
	if (!r)
		r = manifest_new("app", "2", &other);
	if (!r)
		r = manifest_merge(other, m);
	if (!r)
		r = manifest_view(m, &view);
	if (!r)
		r = manifest_view(other, &other_view);
	if (r)
		return r;
	r = diff_make(view, other_view, &diff);
	if (r)
		return r;
	diff_deinit(&diff);
	r = why_find(view, "/data/1/plain", &why);
	why_deinit(&why);
	if (r && r != -ENOENT)
		return r;
	return manifest_encode(m, ret, ret_size, NULL);
}

static void every_refusal_is_an_error(void **state)
{
	struct fact facts[FACTS];
	uint8_t *expected = NULL;
	size_t expected_size = 0;

	(void)state;
	make_facts(facts, FACTS, 1);
	assert_int_equal(encode_facts(facts, &expected, &expected_size), 0);
	for (long n = 1;; n++) {
		uint8_t *bytes = NULL, *again = NULL;
		size_t size = 0, again_size = 0;
		long before = living;
		bool was_refused;
		int r;

		refused = 0;
		refuse_at = n;
		r = encode_facts(facts, &bytes, &size);
		if (!r)
			r = use_bytes(bytes, size, &again, &again_size);
		was_refused = refused > 0;
		refuse_at = 0;
		if (r && r != -ENOMEM)
			fail_msg("allocation %ld: %d", n, r);
		assert_true(was_refused || r == 0);
		if (!r) {
			assert_int_equal(again_size, expected_size);
			assert_memory_equal(again, expected, expected_size);
		}
		free(bytes);
		free(again);
		assert_int_equal(living, before);
		if (!was_refused)
			break;
	}
	free(expected);
}

static void a_refused_fact_can_be_added_again(void **state)
{
	struct fact facts[FACTS];
	uint8_t *expected = NULL, *bytes = NULL;
	size_t expected_size = 0, size = 0;
	struct manifest *m = NULL;

	(void)state;
	make_facts(facts, FACTS, 2);
	assert_int_equal(encode_facts(facts, &expected, &expected_size), 0);
	assert_int_equal(manifest_new("app", "1", &m), 0);
	for (size_t i = 0; i < FACTS; i++)
		for (long n = 1;; n++) {
			int r;

			refuse_at = n;
			r = add_fact(m, &facts[i]);
			refuse_at = 0;
			if (!r)
				break;
			assert_int_equal(r, -ENOMEM);
		}
	assert_int_equal(manifest_encode(m, &bytes, &size, NULL), 0);
	assert_int_equal(size, expected_size);
	assert_memory_equal(bytes, expected, size);
	free(bytes);
	free(expected);
	manifest_free(m);
}
#endif

int main(void)
{
#if CAN_REFUSE
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_refusal_is_an_error),
		cmocka_unit_test(a_refused_fact_can_be_added_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
#else
	puts("a sanitizer's allocator cannot be refused");
	return 77;
#endif
}
