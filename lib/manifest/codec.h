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

/* To be increased whenever a field is added or changes its meaning. Readers refuse a schema that
 * they do not know, and in one that they know, fields that they do not know: a fact that they drop
 * would be lost in silence. */
#define MANIFEST_SCHEMA 1

#define MANIFEST_FILE_SIZE_MAX (64u << 20)  /* compressed bytes */
#define MANIFEST_SIZE_MAX      (256u << 20) /* decompressed bytes: a limit for zstd bombs */
/* Bytes once unpacked, when 2 bytes may become a struct of 150. */
#define MANIFEST_MEMORY_MAX (1024ul << 20)

/* Makes the canonical bytes, compressed. The caller frees *ret_bytes. -ENOMEM, or -EFBIG: readers
 * would refuse it, because it exceeds a limit. */
int manifest_encode(struct manifest *m, uint8_t **ret_bytes, size_t *ret_size, struct error *err);

/* Reads bytes that may come from anywhere. -EBADMSG: they are no manifest, torn, or inconsistent
 * (err says where); -EPROTONOSUPPORT: a newer schema; -EFBIG: they exceed a limit. */
int manifest_decode(const uint8_t *bytes, size_t size, struct manifest **ret, struct error *err);

/* manifest_decode() of a regular file or a pipe; err begins with the path. */
int manifest_read(const char *path, struct manifest **ret, struct error *err);
/* The same for a descriptor (of a socket, too), which stays open. err does not name it. */
int manifest_read_descriptor(int fd, struct manifest **ret, struct error *err);
/* The same for a regular file in a directory. Never waits. err does not name the file. */
int manifest_read_at(int dirfd, const char *name, struct manifest **ret, struct error *err);

/*
 * Replaces `name` in the directory `dirfd` (or AT_FDCWD, and `name` any path) with a temporary
 * file, fsync, rename, and fsync of the directory (if it may be read). So after a crash, `name` is
 * the old file or the new one, and whole. The temporary file stands beside it: `.NAME.tmp`, or a
 * shorter name if that is too long. It is locked: -EBUSY means that another process is writing
 * there. The new file has the permissions of the old one; if that belongs to somebody else, at most
 * reading for all. err begins with `name`.
 */
int manifest_write(struct manifest *m, int dirfd, const char *name, struct error *err);

/*
 * The same for many manifests in the directory `dirfd`, as a disk can make many files last in the
 * time that it takes for one: manifest_draft_new() fills the temporary file, and
 * manifest_draft_finish(), on any thread, replaces `name`, which has to stay until then. That lasts
 * once the caller has synced the directory. Each draft holds a descriptor; finishing frees it,
 * whatever comes of that. err does not name the file.
 */
struct manifest_draft;
int manifest_draft_new(struct manifest *m, int dirfd, const char *name, struct manifest_draft **ret,
	struct error *err);
int manifest_draft_finish(struct manifest_draft *draft, struct error *err);

/* Can manifest_write() write there, as far as that can be known beforehand? Makes a file beside it,
 * and removes that again. 0, or a negative errno with err. */
int manifest_check_place(int dirfd, const char *name, struct error *err);

#endif
