/* Manifests are sets: merging is commutative, associative and idempotent. */
#include "tests/unit/random_facts.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/manifest/codec.h"

#define FACTS  300
#define ROUNDS 200

struct bytes {
	uint8_t *data;
	size_t size;
};

static struct bytes encode(struct manifest *m)
{
	struct bytes bytes;

	assert_int_equal(manifest_encode(m, &bytes.data, &bytes.size, NULL), 0);
	return bytes;
}

/* Encodes and decodes a manifest, as happens between runs. */
static struct manifest *reread(struct manifest *m)
{
	struct bytes bytes = encode(m);
	struct manifest *decoded;
	struct error err = { 0 };

	if (manifest_decode(bytes.data, bytes.size, &decoded, &err) < 0)
		fail_msg("%s", err.text);
	free(bytes.data);
	manifest_free(m);
	return decoded;
}

static void assert_same_and_free(struct manifest *a, struct manifest *b)
{
	struct bytes x = encode(a), y = encode(b);

	assert_int_equal(x.size, y.size);
	assert_memory_equal(x.data, y.data, x.size);
	free(x.data);
	free(y.data);
	manifest_free(a);
	manifest_free(b);
}

static void order_of_facts_does_not_matter(void **state)
{
	struct fact facts[FACTS];

	(void)state;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct manifest *m;

		make_facts(facts, FACTS, round);
		m = manifest_of_facts(facts, FACTS);
		shuffle_facts(facts, FACTS, round);
		assert_same_and_free(m, manifest_of_facts(facts, FACTS));
	}
}

static void repeated_facts_change_nothing(void **state)
{
	struct fact facts[2 * FACTS];

	(void)state;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct manifest *once;

		make_facts(facts, FACTS, round);
		memcpy(facts + FACTS, facts, FACTS * sizeof(*facts));
		once = manifest_of_facts(facts, FACTS);
		shuffle_facts(facts, 2 * FACTS, round);
		assert_same_and_free(once, manifest_of_facts(facts, 2 * FACTS));
	}
}

static struct manifest *merge_and_free(
	struct manifest *into, struct manifest *from, bool through_bytes)
{
	assert_int_equal(manifest_merge(into, from), 0);
	manifest_free(from);
	return through_bytes ? reread(into) : into;
}

/* Merges thirds of the facts in both groupings and another order, as files and in memory. */
static void merged_parts_are_the_whole(void **state)
{
	struct fact facts[FACTS];
	const size_t third = FACTS / 3;

	(void)state;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		bool bytes = round % 2;
		struct manifest *whole, *left, *right;

		make_facts(facts, FACTS, round);
		whole = manifest_of_facts(facts, FACTS);
		left = manifest_of_facts(facts, third);
		left = merge_and_free(left, manifest_of_facts(facts + third, third), bytes);
		left = merge_and_free(left, manifest_of_facts(facts + 2 * third, third), bytes);
		right = manifest_of_facts(facts + 2 * third, third);
		right = merge_and_free(right, manifest_of_facts(facts + third, third), bytes);
		right = merge_and_free(manifest_of_facts(facts, third), right, bytes);
		if (bytes)
			whole = reread(whole);
		assert_int_equal(manifest_merge(whole, left), 0);
		assert_same_and_free(left, right);
		assert_same_and_free(whole, manifest_of_facts(facts, FACTS));
	}
}

/* What a view hides (the content of files that the application changes) must not decide about
 * anything that it shows. This is a counterexample to a single maximum over all of a file's
 * state. */
static void hidden_content_does_not_decide_about_modes(void **state)
{
	struct file_state first = {
		.type = 1, .size = 1, .mode = 0644, .has_sha256 = true, .sha256 = { 5 }
	};
	struct file_state second = { .type = 1, .mode = 0755 };
	struct file_state third = {
		.type = 1, .size = 1, .mode = 0600, .has_sha256 = true, .sha256 = { 6 }
	};
	struct manifest *m[6];

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		static const uint32_t access[] = { ACCESS_READ, ACCESS_WRITE, ACCESS_READ };
		const struct file_state *const looks[] = { &first, &second, &third };

		assert_int_equal(manifest_new("app", "1", &m[i]), 0);
		assert_int_equal(manifest_add_use(m[i], "/f", access[i % 3], "/p"), 0);
		assert_int_equal(manifest_set_state(m[i], "/f", looks[i % 3]), 0);
	}
	m[0] = merge_and_free(m[0], m[1], true);
	m[0] = merge_and_free(m[0], m[2], true);
	m[5] = merge_and_free(m[5], m[4], true);
	m[5] = merge_and_free(m[5], m[3], true);
	assert_same_and_free(m[0], m[5]);
}

static void add_look(struct manifest *m, const struct file_state *state)
{
	assert_int_equal(manifest_set_state(m, "/f", state), 0);
}

static void add_description(struct manifest *m, const struct library_info *info)
{
	assert_int_equal(manifest_set_library(m, "/l", info), 0);
}

/* Two facts of one thing, which differ in one field: whichever comes first, the same one stays. */
#define ASSERT_DECIDED(add, type, field, ...)                                                      \
	do {                                                                                       \
		const type usual = { __VA_ARGS__ };                                                \
		type other = usual;                                                                \
		struct manifest *m[2];                                                             \
                                                                                                   \
		other.field;                                                                       \
		for (int i_ = 0; i_ < 2; i_++) {                                                   \
			assert_int_equal(manifest_new("app", "1", &m[i_]), 0);                     \
			assert_int_equal(manifest_add_use(m[i_], "/f", ACCESS_READ, "/p"), 0);     \
			add(m[i_], i_ ? &usual : &other);                                          \
			add(m[i_], i_ ? &other : &usual);                                          \
		}                                                                                  \
		assert_same_and_free(m[0], m[1]);                                                  \
	} while (0)
#define DECIDED_LOOK(field)                                                                        \
	ASSERT_DECIDED(add_look, struct file_state, field, .type = 1, .mode = 0644, .size = 5,     \
		.has_sha256 = true, .sha256 = { 7 }, .manager = "m", .package = "p",               \
		.package_version = "v", .architecture = "a")
#define DECIDED_DESCRIPTION(field)                                                                 \
	ASSERT_DECIDED(add_description, struct library_info, field, .soname = "s",                 \
		.build_id = "00", .needed = needed, .n_needed = 2)

static void each_field_is_decided_in_any_order(void **state)
{
	static const char *const needed[] = { "libc.so.6", "libm.so.6" };
	static const char *const others[] = { "libc.so.6", "libz.so.1" };

	(void)state;
	DECIDED_LOOK(type = 4);
	DECIDED_LOOK(mode = 0600);
	DECIDED_LOOK(uid = 1);
	DECIDED_LOOK(gid = 1);
	DECIDED_LOOK(target = "t");
	DECIDED_LOOK(size = 6);
	DECIDED_LOOK(has_sha256 = false);
	DECIDED_LOOK(sha256[31] = 1);
	DECIDED_LOOK(manager = NULL);
	DECIDED_LOOK(manager = "n");
	DECIDED_LOOK(package = "q");
	DECIDED_LOOK(package_version = "w");
	DECIDED_LOOK(architecture = "b");
	DECIDED_DESCRIPTION(soname = "t");
	DECIDED_DESCRIPTION(build_id = "01");
	DECIDED_DESCRIPTION(n_needed = 1);
	DECIDED_DESCRIPTION(needed = others);
}

static void merging_keeps_the_first_ones_name(void **state)
{
	struct manifest *a, *b;

	(void)state;
	assert_int_equal(manifest_new("shop", "1", &a), 0);
	assert_int_equal(manifest_new("till", "2", &b), 0);
	assert_int_equal(manifest_merge(a, b), 0);
	assert_string_equal(manifest_application(a), "shop");
	assert_string_equal(manifest_version(a), "1");
	manifest_free(a);
	manifest_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_of_facts_does_not_matter),
		cmocka_unit_test(repeated_facts_change_nothing),
		cmocka_unit_test(merged_parts_are_the_whole),
		cmocka_unit_test(hidden_content_does_not_decide_about_modes),
		cmocka_unit_test(each_field_is_decided_in_any_order),
		cmocka_unit_test(merging_keeps_the_first_ones_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
