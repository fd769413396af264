/*
 * A manifest: what one application version uses, as a set of facts.
 *
 * Start here. Facts are added with manifest_add_*(), in any order and any number of times. The
 * result depends only on the set of facts (adding is commutative, associative and idempotent), and
 * so merging means adding all facts of the other manifest. manifest_encode() (codec.h) makes the
 * canonical bytes. Readers use the sorted lists of manifest_view().
 *
 * Every path is canonical (manifest_path_is_canonical) and may have any bytes but NUL. In other
 * texts, bytes that are not UTF-8 become \xHH. Strings are copied; each distinct one is kept once.
 * Functions return 0, -ENOMEM, -EINVAL for a path that is not canonical, or what their comment
 * says. After an error, a part of the fact may have been added; adding it again completes it.
 */
#ifndef FOOTPRINT_MANIFEST_MANIFEST_H
#define FOOTPRINT_MANIFEST_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "proto/manifest.pb-c.h"

/* Access bits: footprint.Access of record.proto, repeated in access.def with their JSON names. */
enum access {
#define ACCESS(name, bit, word) ACCESS_##name = (bit),
#include "lib/manifest/access.def"
#undef ACCESS
};

/* Accesses that make a file's content belong to the run, not to the version: its size and digest
 * are left out. */
#define ACCESS_CHANGES (ACCESS_WRITE | ACCESS_CREATE | ACCESS_DELETE | ACCESS_RENAME)

struct manifest;

/* application and version are made fit for a file name (manifest_name_sanitise; empty or NULL:
 * "unnamed", "unversioned"). */
int manifest_new(const char *application, const char *version, struct manifest **ret);
void manifest_free(struct manifest *m);
static inline void manifest_freep(struct manifest **m)
{
	manifest_free(*m);
}
#define auto_manifest __attribute__((cleanup(manifest_freep)))

const char *manifest_application(const struct manifest *m);
const char *manifest_version(const struct manifest *m);
/* Bytes of all texts in it, each counted once. Its canonical form has at least about as many. */
size_t manifest_text_size(const struct manifest *m);

/* --- facts ------------------------------------------------------------------------------------ */

/* `by` is the executable's canonical path here and below; it becomes an entry of executables. For a
 * use, an endpoint and a missing path it may be NULL: somebody's, nobody knows whose. */
int manifest_add_use(struct manifest *m, const char *path, uint32_t access, const char *by);

/* What a look at a file found. If there are several looks at one path, the greater content (sha256,
 * size) and the greater attributes (type, mode, uid, gid, target, package) count, so that merging
 * commutes. */
struct file_state {
	Footprint__FileType type;
	uint64_t size; /* bytes; regular files */
	uint32_t mode; /* 07777 */
	uint32_t uid, gid;
	bool has_sha256;
	uint8_t sha256[32];
	const char *target; /* symlinks, else NULL */
	/* package that owns it; manager NULL: none */
	const char *manager, *package, *package_version, *architecture;
	/* Not 0: the package is not known yet, and manifest_next_unasked() returns the file with
	 * this number, which the caller chooses, up to FILE_ASK_MAX. */
	unsigned ask;
};
int manifest_set_state(struct manifest *m, const char *path, const struct file_state *state);

/*
 * Whose package a file is may be found out later than the rest of its state. Until all files are
 * answered, the manifest does not hold everything.
 */
#define FILE_ASK_MAX 63u
struct unasked_file {
	uint32_t place; /* in the table of files, which only grows */
	unsigned ask;
};
bool manifest_has_unasked(const struct manifest *m);
/* The path of the next such file from ret->place on (0 at first; the caller increases it). NULL:
 * there is none. The text is the manifest's, and valid until something is added. */
const char *manifest_next_unasked(const struct manifest *m, struct unasked_file *ret);
/* Answers for one file. Of `package` only the four fields count that name the package; without
 * these, the file belongs to none. 0, also if another look has answered meanwhile, or -ENOMEM. */
int manifest_answer(struct manifest *m, struct unasked_file file, const struct file_state *package);

/* `images` process images of the program `path` ran, watched like this. first: no program that we
 * know of started them. interpreter: PT_INTERP, or a script's interpreter, or NULL. */
int manifest_add_executable(struct manifest *m, const char *path, const char *interpreter,
	Footprint__Watched watched, uint64_t images, bool first);
int manifest_add_executes(struct manifest *m, const char *by, const char *path);

struct library_info {
	const char *soname;   /* NULL: none */
	const char *build_id; /* hexadecimal, NULL: none */
	const char *const *needed;
	size_t n_needed;
};
int manifest_set_library(struct manifest *m, const char *path, const struct library_info *info);
/* requester: the object that needs it, or has dlopened it; NULL: not known. */
int manifest_add_loader(struct manifest *m, const char *path, const char *by,
	Footprint__Loaded loaded, const char *requester);

int manifest_add_endpoint(struct manifest *m, Footprint__EndpointOperation operation,
	const char *address, const char *by);
int manifest_add_missing(struct manifest *m, const char *path, const char *by);
/* count: of several for the same (kind, path, detail), the largest counts. path may be NULL. */
int manifest_add_gap(
	struct manifest *m, const char *kind, const char *path, const char *detail, uint64_t count);
/* A run is identified by (host, started_ns); of two such, the greater end and counts count. */
int manifest_add_run(struct manifest *m, const char *host, uint64_t started_ns, uint64_t ended_ns,
	uint64_t processes, uint64_t records);

/* Adds all facts of `from` to `into`, which keeps its application and version. After an error, a
 * part of the facts may have been added. */
int manifest_merge(struct manifest *into, const struct manifest *from);

/* --- reading ---------------------------------------------------------------------------------- */

/* Everything, sorted and canonical, as generated protobuf structs (manifest.proto says what the
 * indexes mean). Valid until the next manifest_add_* or manifest_free; the caller must not change
 * it. */
int manifest_view(struct manifest *m, const Footprint__Manifest **ret);

/*
 * Single facts, without the lists: unlike manifest_view, this may be asked while another thread
 * encodes the manifest.
 */
struct manifest_run {
	uint64_t started_ns, ended_ns;
	uint64_t processes, records;
};
/* The last run on this host that has no end, or was going on at `started_ns`. False: there is
 * none. */
bool manifest_find_run(
	const struct manifest *m, const char *host, uint64_t started_ns, struct manifest_run *ret);
/* Calls visit(context, path, runs) for each program, until it returns less than 0. Returns that, or
 * 0. */
int manifest_each_program(const struct manifest *m,
	int (*visit)(void *context, const char *path, uint64_t runs), void *context);

/* Absolute, and nothing in it that a lookup would undo: no empty component, no "." and no "..". */
bool manifest_path_is_canonical(const char *path);

/* Bytes, with the NUL: two names, "@", ".footprint" and ".tmp" fit NAME_MAX. */
#define MANIFEST_NAME_SIZE 111

/* Writes `name` to `buffer` as it may stand in a file name. Bytes other than [A-Za-z0-9._+-] become
 * '_', and so does a leading '.'. An empty name becomes `fallback`. Of more than 110 bytes the
 * first 101 stay, followed by "_" and eight digits of a hash of all. */
void manifest_name_sanitise(
	const char *name, const char *fallback, char buffer[static MANIFEST_NAME_SIZE]);

#endif
