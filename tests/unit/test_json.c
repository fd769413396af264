/* Another library (jansson) must be able to read our JSON, which loses no byte of a path. */
#include "tests/unit/random_facts.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/manifest/diff_json.h"
#include "lib/manifest/json.h"

static json_t *parse(const char *text)
{
	json_error_t error;
	json_t *parsed = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (!parsed)
		fail_msg("line %d: %s", error.line, error.text);
	return parsed;
}

static json_t *show(struct manifest *m)
{
	const Footprint__Manifest *view;
	autofree char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(manifest_view(m, &view), 0);
	manifest_write_json(view, out);
	assert_int_equal(fclose(out), 0);
	return parse(text);
}

/* Undoes the escape of footprint(1): \xHH is a byte, \\ a backslash. */
static size_t unescape(const char *text, char *ret)
{
	size_t used = 0;

	while (*text) {
		unsigned int byte;

		if (*text != '\\') {
			ret[used++] = *text++;
		} else if (text[1] == '\\') {
			ret[used++] = '\\';
			text += 2;
		} else {
			assert_int_equal(sscanf(text, "\\x%2x", &byte), 1);
			ret[used++] = (char)byte;
			text += 4;
		}
	}
	return used;
}

static void any_manifest_is_valid_json(void **state)
{
	struct fact facts[200];

	(void)state;
	for (uint32_t seed = 0; seed < 50; seed++) {
		struct manifest *m;
		json_t *parsed;

		make_facts(facts, 200, seed);
		m = manifest_of_facts(facts, 200);
		parsed = show(m);
		assert_int_equal(json_integer_value(json_object_get(parsed, "schema")), 1);
		json_decref(parsed);
		manifest_free(m);
	}
}

static void no_byte_of_a_path_is_lost(void **state)
{
	struct manifest *m;
	char paths[255][4];
	json_t *parsed, *files;

	(void)state;
	assert_int_equal(manifest_new("app", "1", &m), 0);
	for (int c = 1; c < 256; c++) {
		snprintf(paths[c - 1], 4, "/%cx", c);
		if (c != '/')
			assert_int_equal(manifest_add_use(m, paths[c - 1], ACCESS_READ, NULL), 0);
	}
	parsed = show(m);
	files = json_object_get(parsed, "files");
	assert_int_equal(json_array_size(files), 254);
	for (size_t i = 0; i < 254; i++) {
		const char *path =
			json_string_value(json_object_get(json_array_get(files, i), "path"));
		/* Sorted by bytes, so by c; '/' was left out. */
		size_t c = i + 1 < '/' ? i + 1 : i + 2;
		char bytes[16];

		assert_non_null(path);
		assert_int_equal(unescape(path, bytes), 3);
		assert_memory_equal(bytes, paths[c - 1], 3);
	}
	json_decref(parsed);
	manifest_free(m);
}

static void characters_stay_readable(void **state)
{
	struct manifest *m;
	json_t *parsed, *missing;

	(void)state;
	assert_int_equal(manifest_new("app", "1", &m), 0);
	assert_int_equal(manifest_add_missing(m,
				 "/stra\xc3\x9f"
				 "e \"quoted\"",
				 NULL),
		0);
	parsed = show(m);
	missing = json_array_get(json_object_get(parsed, "missing"), 0);
	assert_string_equal(json_string_value(json_object_get(missing, "path")), "/stra\xc3\x9f"
										 "e \"quoted\"");
	assert_int_equal(json_array_size(json_object_get(missing, "by")), 0);
	json_decref(parsed);
	manifest_free(m);
}

static void the_shape_is_the_promised_one(void **state)
{
	static const char *const keys[] = { "schema", "app", "version", "complete", "gaps", "runs",
		"files", "executables", "libraries", "endpoints", "missing" };
	struct manifest *m;
	json_t *parsed, *run;
	size_t n = 0;
	const char *key;
	json_t *value;

	(void)state;
	assert_int_equal(manifest_new("app", "1", &m), 0);
	assert_int_equal(manifest_add_run(m, "host", 1000000001, 0, 1, 2), 0);
	parsed = show(m);
	json_object_foreach(parsed, key, value) assert_string_equal(key, keys[n++]);
	assert_int_equal(n, sizeof(keys) / sizeof(keys[0]));
	assert_true(json_is_true(json_object_get(parsed, "complete")));
	run = json_array_get(json_object_get(parsed, "runs"), 0);
	assert_string_equal(json_string_value(json_object_get(run, "started")),
		"1970-01-01T00:00:01.000000001Z");
	assert_true(json_is_null(json_object_get(run, "ended")));
	json_decref(parsed);
	assert_int_equal(manifest_add_gap(m, "sites", NULL, "", 1), 0);
	parsed = show(m);
	assert_true(json_is_false(json_object_get(parsed, "complete")));
	json_decref(parsed);
	manifest_free(m);
}

static void any_diff_is_valid_json(void **state)
{
	struct fact facts[200];

	(void)state;
	for (uint32_t seed = 0; seed < 50; seed++) {
		struct manifest *a, *b;
		const Footprint__Manifest *before, *after;
		struct diff diff;
		autofree char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);
		json_t *parsed;

		make_facts(facts, 200, seed);
		a = manifest_of_facts(facts, 120);
		b = manifest_of_facts(facts + 80, 120);
		assert_int_equal(manifest_view(a, &before), 0);
		assert_int_equal(manifest_view(b, &after), 0);
		assert_int_equal(diff_make(before, after, &diff), 0);
		diff_write_json(&diff, out);
		fclose(out);
		parsed = parse(text);
		assert_true(json_is_false(json_object_get(parsed, "same")));
		json_decref(parsed);
		diff_deinit(&diff);
		manifest_free(a);
		manifest_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_manifest_is_valid_json),
		cmocka_unit_test(no_byte_of_a_path_is_lost),
		cmocka_unit_test(characters_stay_readable),
		cmocka_unit_test(the_shape_is_the_promised_one),
		cmocka_unit_test(any_diff_is_valid_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
