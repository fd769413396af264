/*
 * Manifests: whatever the bytes, a manifest or an error that says something; and what is accepted
 * encodes to the same content, shows, differs from itself in nothing, and explains its paths.
 *
 * An input that begins as a zstd frame does is a file. Any other is what stands in the frame, for a
 * checksum would keep mutations from getting any further.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "lib/base/cleanup.h"
#include "lib/manifest/codec.h"
#include "lib/manifest/diff.h"
#include "lib/manifest/diff_json.h"
#include "lib/manifest/json.h"
#include "lib/manifest/why.h"

#define PATHS_EXPLAINED 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
	if (!truth)
		abort();
}

/* --- what is done with an accepted one --- */

static void check_encoding(struct manifest *m)
{
	autofree uint8_t *first = NULL, *second = NULL;
	size_t first_size = 0, second_size = 0;
	auto_manifest struct manifest *again = NULL;

	require(manifest_encode(m, &first, &first_size, NULL) == 0);
	require(manifest_decode(first, first_size, &again, NULL) == 0);
	require(manifest_encode(again, &second, &second_size, NULL) == 0);
	require(first_size == second_size && !memcmp(first, second, first_size));
	require(manifest_merge(again, m) == 0);
	free(second);
	second = NULL;
	require(manifest_encode(again, &second, &second_size, NULL) == 0);
	require(first_size == second_size && !memcmp(first, second, first_size));
}

static void explain(const Footprint__Manifest *view, const ProtobufCBinaryData *path)
{
	autofree char *text = strndup((const char *)path->data, path->len);
	struct why why;

	require(text != NULL);
	why_find(view, text, &why);
	why_deinit(&why);
}

static void use(struct manifest *m)
{
	const Footprint__Manifest *view = NULL;
	struct diff diff;
	autofclose FILE *nowhere = fopen("/dev/null", "we");

	require(nowhere && manifest_view(m, &view) == 0);
	manifest_write_json(view, nowhere);
	require(diff_make(view, view, &diff) == 0);
	require(diff_is_empty(&diff));
	diff_write_json(&diff, nowhere);
	diff_deinit(&diff);
	for (size_t i = 0; i < view->n_files && i < PATHS_EXPLAINED; i++)
		explain(view, &view->files[i]->path);
	for (size_t i = 0; i < view->n_libraries && i < PATHS_EXPLAINED; i++)
		explain(view, &view->libraries[i]->path);
}

/* --- the input --- */

static int decode_content(
	const uint8_t *data, size_t size, struct manifest **ret, struct error *err)
{
	size_t room = ZSTD_compressBound(size);
	autofree uint8_t *frame = malloc(room);
	ZSTD_CCtx *compressor = ZSTD_createCCtx();

	require(frame && compressor);
	ZSTD_CCtx_setParameter(compressor, ZSTD_c_compressionLevel, 1);
	ZSTD_CCtx_setParameter(compressor, ZSTD_c_checksumFlag, 1);
	room = ZSTD_compress2(compressor, frame, room, data, size);
	require(!ZSTD_isError(room));
	ZSTD_freeCCtx(compressor);
	return manifest_decode(frame, room, ret, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_manifest struct manifest *m = NULL;
	struct error err = { 0 };
	int r;

	if (size >= 4 && !memcmp(data, "\x28\xb5\x2f\xfd", 4))
		r = manifest_decode(data, size, &m, &err);
	else
		r = decode_content(data, size, &m, &err);
	if (r < 0) {
		require(!m && err.code == r && err.text[0]);
		return 0;
	}
	check_encoding(m);
	use(m);
	return 0;
}
