/* Bytes of any origin: canonical ones come back unchanged, and all others are refused with a
 * message. */
#include "tests/unit/random_facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "lib/base/cleanup.h"
#include "lib/manifest/codec.h"

struct bytes {
	uint8_t *data;
	size_t size;
};

static struct bytes encode_facts(size_t n, uint32_t seed)
{
	autofree struct fact *facts = calloc(n + 1, sizeof(*facts));
	struct manifest *m;
	struct bytes bytes;

	assert_non_null(facts);
	make_facts(facts, n, seed);
	m = manifest_of_facts(facts, n);
	assert_int_equal(manifest_encode(m, &bytes.data, &bytes.size, NULL), 0);
	manifest_free(m);
	return bytes;
}

/* Decodes; returns the error code. What is accepted must encode to the same bytes. */
static int decode(const uint8_t *data, size_t size)
{
	struct manifest *m = NULL;
	struct error err = { 0 };
	struct bytes again;
	int r = manifest_decode(data, size, &m, &err);

	if (r < 0) {
		assert_null(m);
		assert_int_equal(err.code, r);
		assert_true(strlen(err.text) > 0);
		return r;
	}
	assert_int_equal(manifest_encode(m, &again.data, &again.size, &err), 0);
	assert_int_equal(again.size, size);
	assert_memory_equal(again.data, data, size);
	free(again.data);
	manifest_free(m);
	return 0;
}

static struct bytes compress_so(const void *content, size_t size, int checksum)
{
	struct bytes frame = { malloc(ZSTD_compressBound(size)), ZSTD_compressBound(size) };
	ZSTD_CCtx *compressor = ZSTD_createCCtx();

	assert_non_null(frame.data);
	assert_non_null(compressor);
	ZSTD_CCtx_setParameter(compressor, ZSTD_c_compressionLevel, 1);
	ZSTD_CCtx_setParameter(compressor, ZSTD_c_checksumFlag, checksum);
	frame.size = ZSTD_compress2(compressor, frame.data, frame.size, content, size);
	assert_false(ZSTD_isError(frame.size));
	ZSTD_freeCCtx(compressor);
	return frame;
}

static struct bytes compress(const void *content, size_t size)
{
	return compress_so(content, size, 1);
}

/* Decodes a message in a frame of its own; the error must contain `wanted`. */
static int decode_message(const Footprint__Manifest *message, const char *wanted)
{
	size_t size = footprint__manifest__get_packed_size(message);
	autofree uint8_t *packed = malloc(size + 1);
	struct error err = { 0 };
	struct manifest *m = NULL;
	struct bytes frame;
	int r;

	assert_non_null(packed);
	footprint__manifest__pack(message, packed);
	frame = compress(packed, size);
	r = manifest_decode(frame.data, frame.size, &m, &err);
	if (!strstr(err.text, wanted))
		fail_msg("'%s' is not in '%s'", wanted, err.text);
	free(frame.data);
	manifest_free(m);
	return r;
}

static Footprint__Manifest empty_message(void)
{
	Footprint__Manifest message = FOOTPRINT__MANIFEST__INIT;

	message.schema = MANIFEST_SCHEMA;
	message.application = (char *)"app";
	message.version = (char *)"1";
	return message;
}

static ProtobufCBinaryData path(const char *text)
{
	return (ProtobufCBinaryData){ strlen(text), (uint8_t *)text };
}

static void canonical_bytes_come_back(void **state)
{
	(void)state;
	for (uint32_t seed = 0; seed < 100; seed++) {
		struct bytes bytes = encode_facts(seed * 5, seed);

		assert_int_equal(decode(bytes.data, bytes.size), 0);
		free(bytes.data);
	}
}

static void truncated_bytes_are_refused(void **state)
{
	struct bytes bytes = encode_facts(200, 1);

	(void)state;
	for (size_t size = 0; size < bytes.size; size++) {
		/* A copy of exactly that size, so that sanitizers detect a read beyond it. */
		autofree uint8_t *cut = malloc(size + !size);

		memcpy(cut, bytes.data, size);
		assert_int_equal(decode(cut, size), -EBADMSG);
	}
	free(bytes.data);
}

static void flipped_bits_are_found(void **state)
{
	struct bytes bytes = encode_facts(200, 2);

	(void)state;
	for (size_t bit = 0; bit < 8 * bytes.size; bit++) {
		struct manifest *m = NULL;
		struct error err = { 0 };
		int r;

		bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		r = manifest_decode(bytes.data, bytes.size, &m, &err);
		/* Some bits of a frame header do not affect the content. If it is accepted in spite
		 * of one, the manifest must be unchanged. */
		if (r == 0) {
			struct bytes again;

			assert_int_equal(manifest_encode(m, &again.data, &again.size, NULL), 0);
			bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(again.size, bytes.size);
			assert_memory_equal(again.data, bytes.data, bytes.size);
			bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			free(again.data);
		} else {
			assert_true(strlen(err.text) > 0);
		}
		manifest_free(m);
		bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	free(bytes.data);
}

static void bytes_after_the_frame_are_refused(void **state)
{
	struct bytes bytes = encode_facts(20, 3);
	uint8_t *longer = realloc(bytes.data, 2 * bytes.size);

	(void)state;
	assert_non_null(longer);
	memcpy(longer + bytes.size, longer, bytes.size);
	assert_int_equal(decode(longer, bytes.size + 1), -EBADMSG);
	assert_int_equal(decode(longer, 2 * bytes.size), -EBADMSG);
	free(longer);
}

static void foreign_bytes_are_refused(void **state)
{
	static const char text[] = "root:x:0:0:root:/root:/bin/bash\n";
	struct bytes frame = compress(text, sizeof(text));

	(void)state;
	assert_int_equal(decode((const uint8_t *)text, sizeof(text)), -EBADMSG);
	assert_int_equal(decode(frame.data, frame.size), -EBADMSG);
	free(frame.data);
	frame = compress("", 0);
	assert_int_equal(decode(frame.data, frame.size), -EBADMSG);
	free(frame.data);
}

static void a_newer_schema_is_named(void **state)
{
	Footprint__Manifest message = empty_message();

	(void)state;
	message.schema = MANIFEST_SCHEMA + 1;
	assert_int_equal(decode_message(&message, "schema 2"), -EPROTONOSUPPORT);
}

static void unknown_fields_are_refused(void **state)
{
	Footprint__Manifest message = empty_message();
	ProtobufCMessageUnknownField field = {
		.tag = 99,
		.wire_type = PROTOBUF_C_WIRE_TYPE_VARINT,
		.len = 1,
		.data = (uint8_t *)"\x01",
	};

	(void)state;
	message.base.n_unknown_fields = 1;
	message.base.unknown_fields = &field;
	assert_int_equal(decode_message(&message, "field 99"), -EPROTONOSUPPORT);
}

static void a_frame_without_a_checksum_is_refused(void **state)
{
	Footprint__Manifest message = empty_message();
	size_t size = footprint__manifest__get_packed_size(&message);
	autofree uint8_t *packed = malloc(size + 1);

	(void)state;
	assert_non_null(packed);
	footprint__manifest__pack(&message, packed);
	for (int checksum = 0; checksum < 2; checksum++) {
		struct bytes frame = compress_so(packed, size, checksum);
		struct error err = { 0 };
		struct manifest *m = NULL;

		assert_int_equal(
			manifest_decode(frame.data, frame.size, &m, &err), checksum ? 0 : -EBADMSG);
		if (!checksum)
			assert_non_null(strstr(err.text, "no checksum"));
		manifest_free(m);
		free(frame.data);
	}
}

/* 300 MiB of zeros are 30 KiB in zstd: refused before they are decompressed. */
static void a_zstd_bomb_is_refused(void **state)
{
	const size_t size = 300u << 20;
	void *zeroes = calloc(1, size);
	struct bytes frame = compress(zeroes, size);

	(void)state;
	free(zeroes);
	assert_true(frame.size < (1u << 20));
	assert_int_equal(decode(frame.data, frame.size), -EFBIG);
	free(frame.data);
}

/* Two bytes of content, an empty File, become a struct of 150 bytes, so the memory has a limit,
 * too. */
static void a_bomb_of_empty_messages_is_refused(void **state)
{
	const size_t n = 8u << 20;
	uint8_t *content = malloc(2 * n);
	struct bytes frame;
	int r;

	(void)state;
	assert_non_null(content);
	for (size_t i = 0; i < n; i++) {
		content[2 * i] = 8 << 3 | 2; /* field 8, files; length-delimited */
		content[2 * i + 1] = 0;
	}
	frame = compress(content, 2 * n);
	free(content);
	r = decode(frame.data, frame.size);
	assert_true(r == -EFBIG || r == -ENOMEM);
	free(frame.data);
}

/* Few bytes, because the entries are all alike, but too much memory for whoever unpacks them. */
static void what_nobody_could_read_is_not_written(void **state)
{
	struct file_state checked = { .type = FOOTPRINT__FILE_TYPE__TYPE_FILE, .size = 100 };
	struct manifest *m = NULL;
	struct error err = { 0 };
	uint8_t *bytes = NULL;
	size_t size;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip();
#endif
	if (!getenv("FOOTPRINT_TEST_LONG"))
		skip();
	assert_int_equal(manifest_new("app", "1", &m), 0);
	for (unsigned i = 0; i < 4200000; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/d/%u", i);
		assert_int_equal(manifest_add_use(m, path, ACCESS_CHECK, "/p"), 0);
		assert_int_equal(manifest_set_state(m, path, &checked), 0);
	}
	assert_int_equal(manifest_encode(m, &bytes, &size, &err), -EFBIG);
	assert_non_null(strstr(err.text, "unpacked"));
	manifest_free(m);
}

static void bad_entries_are_named(void **state)
{
	Footprint__Manifest message = empty_message();
	Footprint__File file = FOOTPRINT__FILE__INIT, second = FOOTPRINT__FILE__INIT;
	Footprint__File *files[] = { &file, &second };
	Footprint__Use use = FOOTPRINT__USE__INIT;
	Footprint__Use *uses[] = { &use };

	(void)state;
	message.files = files;
	message.n_files = 1;
	file.path = path("relative");
	assert_int_equal(
		decode_message(&message, "files[0]: a path that is not canonical"), -EBADMSG);
	file.path = path("/a/../b");
	assert_int_equal(decode_message(&message, "not canonical"), -EBADMSG);
	file.path = (ProtobufCBinaryData){ 4, (uint8_t *)"/a\0b" };
	assert_int_equal(decode_message(&message, "a NUL in a path"), -EBADMSG);
	file.path = path("/a");
	file.package = 1;
	assert_int_equal(decode_message(&message, "names a package"), -EBADMSG);
	file.package = 0;
	file.uses = uses;
	file.n_uses = 1;
	use.access = ACCESS_READ;
	assert_int_equal(decode_message(&message, "names a program"), -EBADMSG);
	file.n_uses = 0;
	file.sha256 = path("short");
	assert_int_equal(decode_message(&message, "digest"), -EBADMSG);
	file.sha256.len = 0;
	file.mode = 010000;
	assert_int_equal(decode_message(&message, "mode"), -EBADMSG);
	file.mode = 0;
	file.type = 77;
	assert_int_equal(decode_message(&message, "unknown type"), -EBADMSG);
	file.type = 0;
	message.n_files = 2;
	second.path = path("/a");
	assert_int_equal(decode_message(&message, "files[1]: stands there twice"), -EBADMSG);
	second.path = path("/Z");
	assert_int_equal(decode_message(&message, "files[1]: out of order"), -EBADMSG);
	second.path = path("/b");
	assert_int_equal(decode_message(&message, ""), 0);
}

/* Two entries of each list, all as they should be. */
struct whole {
	Footprint__Manifest message;
	Footprint__Run run[2], *runs[2];
	Footprint__Gap gap[2], *gaps[2];
	Footprint__Executable executable[2], *executables[2];
	Footprint__Package package[2], *packages[2];
	Footprint__File file[2], *files[2];
	Footprint__Library library[2], *libraries[2];
	Footprint__Endpoint endpoint[2], *endpoints[2];
	Footprint__Missing absent[2], *missing[2];
	Footprint__Use use[2], *uses[2];
	Footprint__Loader loader[2], *loaders[2];
	uint32_t both[2];
	char *needed[1];
};

#define MAKE_LIST(whole, kind, one, list)                                                          \
	for (int i_ = 0; i_ < 2; i_++) {                                                           \
		footprint__##kind##__init(&(whole)->one[i_]);                                      \
		(whole)->list[i_] = &(whole)->one[i_];                                             \
	}
#define MAKE_TOP(whole, kind, one, list)                                                           \
	MAKE_LIST(whole, kind, one, list)                                                          \
	(whole)->message.list = (whole)->list;                                                     \
	(whole)->message.n_##list = 2

static void make_whole(struct whole *whole)
{
	whole->message = empty_message();
	MAKE_TOP(whole, run, run, runs);
	MAKE_TOP(whole, gap, gap, gaps);
	MAKE_TOP(whole, executable, executable, executables);
	MAKE_TOP(whole, package, package, packages);
	MAKE_TOP(whole, file, file, files);
	MAKE_TOP(whole, library, library, libraries);
	MAKE_TOP(whole, endpoint, endpoint, endpoints);
	MAKE_TOP(whole, missing, absent, missing);
	MAKE_LIST(whole, use, use, uses);
	MAKE_LIST(whole, loader, loader, loaders);
	whole->run[1].started_ns = 1;
	whole->needed[0] = (char *)"libc.so.6";
	for (uint32_t i = 0; i < 2; i++) {
		whole->both[i] = whole->use[i].by = whole->loader[i].by = i;
		whole->use[i].access = ACCESS_READ;
		whole->gap[i].kind = (char *)(i ? "b" : "a");
		whole->package[i].architecture = (char *)(i ? "b" : "a");
		whole->endpoint[i].address = (char *)(i ? "b" : "a");
		whole->executable[i].path = whole->file[i].path = whole->library[i].path =
			whole->absent[i].path = path(i ? "/b" : "/a");
	}
	whole->executable[0].executes = whole->endpoint[0].by = whole->absent[0].by = whole->both;
	whole->executable[0].n_executes = whole->endpoint[0].n_by = whole->absent[0].n_by = 2;
	whole->file[0].uses = whole->uses;
	whole->library[0].loaders = whole->loaders;
	whole->file[0].n_uses = whole->library[0].n_loaders = 2;
	whole->library[0].needed = whole->needed;
	whole->library[0].n_needed = 1;
}

/* What is said of the whole with one change, which makes it bad. */
#define REFUSED(text, change)                                                                      \
	do {                                                                                       \
		struct whole w;                                                                    \
		make_whole(&w);                                                                    \
		change;                                                                            \
		assert_int_equal(decode_message(&w.message, text), -EBADMSG);                      \
	} while (0)

static void bad_entries_of_each_list_are_named(void **state)
{
	static char latin[] = "caf\xe9";
	static uint32_t past = 2, twice[] = { 1, 1 };
	const ProtobufCBinaryData nul = { 4, (uint8_t *)"/a\0b" };
	struct whole whole;

	(void)state;
	make_whole(&whole);
	whole.file[0].path = path("/");
	assert_int_equal(decode_message(&whole.message, ""), 0);
	REFUSED("runs[0]: text that is not UTF-8", w.run[0].host = latin);
	REFUSED("runs[1]: stands there twice", w.run[1].started_ns = 0);
	REFUSED("runs[1]: out of order", w.run[0].host = (char *)"z");
	REFUSED("gaps[0]: has no kind", w.gap[0].kind = (char *)"");
	REFUSED("gaps[1]: text that is not UTF-8", w.gap[1].kind = latin);
	REFUSED("gaps[0]: text that is not UTF-8", w.gap[0].detail = latin);
	REFUSED("gaps[0]: a NUL in a path", w.gap[0].path = nul);
	REFUSED("gaps[1]: stands there twice", w.gap[1].kind = w.gap[0].kind);
	REFUSED("executables[0]: a path that is not canonical", w.executable[0].path.len = 0);
	REFUSED("executables[0]: a NUL in a path", w.executable[0].interpreter = nul);
	REFUSED("executables[0]: an unknown way", w.executable[0].watched = 3);
	REFUSED("executables[1]: stands there twice", w.executable[1].path = path("/a"));
	REFUSED("executables[0]: names a program", w.both[1] = 2);
	REFUSED("executables[0]: its programs are out", w.executable[0].executes = twice);
	REFUSED("packages[0]: text that is not UTF-8", w.package[0].manager = latin);
	REFUSED("packages[0]: text that is not UTF-8", w.package[0].name = latin);
	REFUSED("packages[0]: text that is not UTF-8", w.package[0].version = latin);
	REFUSED("packages[1]: text that is not UTF-8", w.package[1].architecture = latin);
	REFUSED("packages[1]: stands there twice", w.package[1].architecture = (char *)"a");
	REFUSED("packages[1]: out of order", w.package[0].version = (char *)"2");
	REFUSED("packages[1]: out of order", w.package[0].name = (char *)"z");
	REFUSED("files[0]: a path that is not canonical", w.file[0].path = path("//"));
	REFUSED("files[0]: a path that is not canonical", w.file[0].path = path("/a/"));
	REFUSED("files[0]: a path that is not canonical", w.file[0].path = path("/a//b"));
	REFUSED("files[0]: a NUL in a path", w.file[0].target = nul);
	REFUSED("files[0]: an unknown type", w.file[0].type = 7);
	REFUSED("files[0]: its programs are out", w.use[1].by = 0);
	REFUSED("files[0]: an unknown access", w.use[1].access = 0);
	REFUSED("files[0]: an unknown access", w.use[1].access = ACCESS_READ | 1u << 20);
	REFUSED("files[0]: observed and not", w.use[1].access = ACCESS_LOAD | ACCESS_UNOBSERVED);
	REFUSED("libraries[0]: a path that is not", w.library[0].path = path("a"));
	REFUSED("libraries[0]: text that is not UTF-8", w.library[0].soname = latin);
	REFUSED("libraries[0]: text that is not UTF-8", w.library[0].build_id = latin);
	REFUSED("libraries[0]: text that is not UTF-8", w.needed[0] = latin);
	REFUSED("libraries[1]: stands there twice", w.library[1].path = path("/a"));
	REFUSED("libraries[0]: names a program", w.loader[1].by = past);
	REFUSED("libraries[0]: an unknown way of loading", w.loader[1].loaded = 3);
	REFUSED("libraries[0]: a path that is not", w.loader[1].requester = path("a/b"));
	REFUSED("libraries[0]: its loaders are out", w.loader[1].by = 0);
	REFUSED("libraries[0]: its loaders are out", w.loader[0].by = 1; w.loader[1].by = 0);
	REFUSED("libraries[0]: observed and not", w.loader[1] = w.loader[0];
		w.loader[1].loaded = FOOTPRINT__LOADED__LOADED_UNOBSERVED);
	REFUSED("endpoints[0]: text that is not UTF-8", w.endpoint[0].address = latin);
	REFUSED("endpoints[1]: an unknown operation", w.endpoint[1].operation = 4);
	REFUSED("endpoints[1]: stands there twice", w.endpoint[1].address = (char *)"a");
	REFUSED("endpoints[0]: names a program", w.endpoint[0].by = &past; w.endpoint[0].n_by = 1);
	REFUSED("missing[0]: a NUL in a path", w.absent[0].path = nul);
	REFUSED("missing[0]: its programs are out", w.absent[0].by = twice);
	REFUSED("missing[1]: stands there twice", w.absent[1].path = path("/a"));
}

/* They would be lost on the way through this version. */
static void unknown_fields_of_entries_are_refused(void **state)
{
	static struct whole whole;
	ProtobufCMessageUnknownField field = {
		.tag = 99,
		.wire_type = PROTOBUF_C_WIRE_TYPE_VARINT,
		.len = 1,
		.data = (uint8_t *)"\x01",
	};
	struct {
		ProtobufCMessage *base;
		const char *wanted;
	} bases[] = {
		{ &whole.run[1].base, "runs[1]: field 99" },
		{ &whole.gap[1].base, "gaps[1]: field 99" },
		{ &whole.executable[1].base, "executables[1]: field 99" },
		{ &whole.package[1].base, "packages[1]: field 99" },
		{ &whole.file[1].base, "files[1]: field 99" },
		{ &whole.library[1].base, "libraries[1]: field 99" },
		{ &whole.endpoint[1].base, "endpoints[1]: field 99" },
		{ &whole.absent[1].base, "missing[1]: field 99" },
		{ &whole.use[1].base, "files[0]: field 99" },
		{ &whole.loader[1].base, "libraries[0]: field 99" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bases) / sizeof(*bases); i++) {
		make_whole(&whole);
		bases[i].base->n_unknown_fields = 1;
		bases[i].base->unknown_fields = &field;
		assert_int_equal(decode_message(&whole.message, bases[i].wanted), -EPROTONOSUPPORT);
	}
}

static void names_that_fit_no_file_are_refused(void **state)
{
	Footprint__Manifest message = empty_message();

	(void)state;
	message.application = (char *)"../../etc/cron.d/x";
	assert_int_equal(decode_message(&message, "name"), -EBADMSG);
	message.application = (char *)"";
	assert_int_equal(decode_message(&message, "name"), -EBADMSG);
	message.application = (char *)"app";
	message.version = (char *)"1/2";
	assert_int_equal(decode_message(&message, "name"), -EBADMSG);
}

/* protobuf would take the last of two fields, and a NUL would hide the rest of a text. */
static void other_encodings_of_the_same_are_refused(void **state)
{
	static const uint8_t twice[] = { 0x08, 1, 0x08, 1, 0x12, 1, 'a', 0x1a, 1, '1' };
	static const uint8_t nul[] = { 0x08, 1, 0x12, 3, 'a', 0, 'b', 0x1a, 1, '1' };
	static const uint8_t plain[] = { 0x08, 1, 0x12, 1, 'a', 0x1a, 1, '1' };
	struct bytes frame = compress(twice, sizeof(twice));
	struct manifest *m = NULL;

	(void)state;
	assert_int_equal(decode(frame.data, frame.size), -EBADMSG);
	free(frame.data);
	frame = compress(nul, sizeof(nul));
	assert_int_equal(decode(frame.data, frame.size), -EBADMSG);
	free(frame.data);
	frame = compress(plain, sizeof(plain));
	assert_int_equal(manifest_decode(frame.data, frame.size, &m, NULL), 0);
	manifest_free(m);
	free(frame.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(canonical_bytes_come_back),
		cmocka_unit_test(truncated_bytes_are_refused),
		cmocka_unit_test(flipped_bits_are_found),
		cmocka_unit_test(bytes_after_the_frame_are_refused),
		cmocka_unit_test(foreign_bytes_are_refused),
		cmocka_unit_test(a_newer_schema_is_named),
		cmocka_unit_test(unknown_fields_are_refused),
		cmocka_unit_test(a_frame_without_a_checksum_is_refused),
		cmocka_unit_test(a_zstd_bomb_is_refused),
		cmocka_unit_test(a_bomb_of_empty_messages_is_refused),
		cmocka_unit_test(what_nobody_could_read_is_not_written),
		cmocka_unit_test(bad_entries_are_named),
		cmocka_unit_test(bad_entries_of_each_list_are_named),
		cmocka_unit_test(unknown_fields_of_entries_are_refused),
		cmocka_unit_test(names_that_fit_no_file_are_refused),
		cmocka_unit_test(other_encodings_of_the_same_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
