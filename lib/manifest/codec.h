/* Manifests as bytes and files: canonical protobuf in one zstd frame. */
#ifndef FOOTPRINT_MANIFEST_CODEC_H
#define FOOTPRINT_MANIFEST_CODEC_H

#include "lib/manifest/manifest.h"

#define MANIFEST_SCHEMA	       1
#define MANIFEST_FILE_SIZE_MAX (256u << 20)  /* compressed bytes */
#define MANIFEST_SIZE_MAX      (1024u << 20) /* decompressed bytes: no zstd bomb past this */

/* The canonical bytes, compressed; *ret_bytes is the caller's to free. */
int manifest_encode(struct manifest *m, uint8_t **ret_bytes, size_t *ret_size, struct error *err);

/* Reads bytes of any origin. -EBADMSG: not a manifest, torn, or inconsistent (err says where);
 * -EPROTONOSUPPORT: a newer schema; -EFBIG: past the limits. */
int manifest_decode(const uint8_t *bytes, size_t size, struct manifest **ret, struct error *err);

int manifest_read(const char *path, struct manifest **ret, struct error *err);

/* Replaces `name` in the directory `dirfd` by temporary file, fsync, rename, fsync of the directory:
 * after any crash there stands the old file or the new one. */
int manifest_write(struct manifest *m, int dirfd, const char *name, struct error *err);

#endif
