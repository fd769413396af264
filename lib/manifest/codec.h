/*
 * Manifests as bytes and files: canonical protobuf (proto/manifest.proto) in one zstd frame.
 *
 * Start here: manifest_read() and manifest_write() for files, manifest_encode() and
 * manifest_decode() for bytes. A decoded manifest is known to be canonical, and encodes to the same
 * bytes again with the same zstd library.
 */
#ifndef FOOTPRINT_MANIFEST_CODEC_H
#define FOOTPRINT_MANIFEST_CODEC_H

#include "lib/manifest/manifest.h"

/* A field more, or a meaning changed: one more. Readers refuse a schema they do not know, and
 * fields they do not know in one they do, for a fact they dropped would be lost in silence. */
#define MANIFEST_SCHEMA 1

#define MANIFEST_FILE_SIZE_MAX (64u << 20)    /* compressed bytes */
#define MANIFEST_SIZE_MAX      (256u << 20)   /* decompressed bytes: no zstd bomb past this */
#define MANIFEST_MEMORY_MAX    (1024ul << 20) /* unpacked: 2 bytes may become a struct of 150 */

/* The canonical bytes, compressed; *ret_bytes is the caller's to free. -ENOMEM, or -EFBIG past the
 * limits that readers have. */
int manifest_encode(struct manifest *m, uint8_t **ret_bytes, size_t *ret_size, struct error *err);

/* Reads bytes of any origin. -EBADMSG: not a manifest, torn, or inconsistent (err says where);
 * -EPROTONOSUPPORT: a newer schema; -EFBIG: past the limits. */
int manifest_decode(const uint8_t *bytes, size_t size, struct manifest **ret, struct error *err);

/* manifest_decode() of a regular file or a pipe; err begins with the path. */
int manifest_read(const char *path, struct manifest **ret, struct error *err);
/* The same of a regular file in a directory, without ever waiting; err does not name it. */
int manifest_read_at(int dirfd, const char *name, struct manifest **ret, struct error *err);

/*
 * Replaces `name` in the directory `dirfd` (or AT_FDCWD, and `name` any path) by temporary file,
 * fsync, rename, fsync of the directory (if it may be read): after any crash there stands the old
 * file or the new one. The temporary file beside it, `.NAME.tmp` or a shorter name where that is
 * too long, is locked: -EBUSY while another process writes there. The new file has the permissions
 * of the old one; of somebody else's, no more than reading for all. err begins with `name`.
 */
int manifest_write(struct manifest *m, int dirfd, const char *name, struct error *err);

/* Whether manifest_write() can replace or make it, as far as that can be told before: a file is
 * made beside it and removed again. 0, or negative errno with err. */
int manifest_check_place(int dirfd, const char *name, struct error *err);

#endif
