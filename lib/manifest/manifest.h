/*
 * A manifest: what one application version uses, as a set of facts.
 *
 * Start here. Facts go in with manifest_add_*(), in any order and any number of times; the result
 * depends only on the set of them (adding is commutative, associative and idempotent), and so
 * merging is adding all facts of the other. manifest_encode() (codec.h) writes the canonical bytes.
 * Readers take the sorted lists of manifest_view().
 *
 * Every path is canonical (manifest_path_is_canonical), any bytes but NUL; of other texts, bytes
 * that are not UTF-8 become \xHH. Strings are copied and interned; each distinct path is kept once.
 * Functions return 0, -ENOMEM, -EINVAL for a path that is not canonical, or what their comment
 * says. After an error a part of the fact may stand; adding it again completes it.
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

/* Accesses after which a file's content belongs to the run rather than to the version: its size and
 * digest are left out. */
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
/* Bytes of the texts in it, each once: what its canonical form needs at least, or little less. */
size_t manifest_text_size(const struct manifest *m);

/* --- facts ------------------------------------------------------------------------------------ */

/* `by` is the executable's canonical path here and below; it becomes an entry of executables. For a
 * use, an endpoint and a missing path it may be NULL: somebody's, nobody knows whose. */
int manifest_add_use(struct manifest *m, const char *path, uint32_t access, const char *by);

/* What a look at the file told. Of two different looks at one path the greater content (sha256,
 * size) and the greater rest (type, mode, uid, gid, target, package) stand, so that merging
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
	/* Not 0: the package is not known yet, and manifest_next_unasked() asks for it by this
	 * number of the caller's, up to FILE_ASK_MAX. */
	unsigned ask;
};
int manifest_set_state(struct manifest *m, const char *path, const struct file_state *state);

/*
 * Whose package files are may be found out later than the rest of their state. While anything was
 * not asked, the manifest does not tell all.
 */
#define FILE_ASK_MAX 63u
struct unasked_file {
	uint32_t place; /* in the table of files, which only grows */
	unsigned ask;
};
bool manifest_has_unasked(const struct manifest *m);
/* The path of the next one from ret->place on (0 at first; the caller moves it on); NULL: none. It
 * is the manifest's, until something is added. */
const char *manifest_next_unasked(const struct manifest *m, struct unasked_file *ret);
/* Of `package` only the four fields that name it count; none: it is nobody's. 0, also where another
 * look has come meanwhile and its answer is another one, or -ENOMEM. */
int manifest_answer(struct manifest *m, struct unasked_file file, const struct file_state *package);

/* An image of `path` ran: `images` process images, watched so. `first`: nothing that we know of
 * started it. interpreter: PT_INTERP, a script's interpreter, or NULL. */
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
/* requester: the object that needs it or dlopened it; NULL: unknown. */
int manifest_add_loader(struct manifest *m, const char *path, const char *by,
	Footprint__Loaded loaded, const char *requester);

int manifest_add_endpoint(struct manifest *m, Footprint__EndpointOperation operation,
	const char *address, const char *by);
int manifest_add_missing(struct manifest *m, const char *path, const char *by);
/* count: the largest given for (kind, path, detail) stands. path may be NULL. */
int manifest_add_gap(
	struct manifest *m, const char *kind, const char *path, const char *detail, uint64_t count);
/* A run is named by (host, started_ns); of two with one name the greater end and counts stand. */
int manifest_add_run(struct manifest *m, const char *host, uint64_t started_ns, uint64_t ended_ns,
	uint64_t processes, uint64_t records);

/* Adds all facts of `from` to `into`. Their application and version may differ: `into`'s stand.
 * After an error a part of the facts may be there. */
int manifest_merge(struct manifest *into, const struct manifest *from);

/* --- reading ---------------------------------------------------------------------------------- */

/* Everything, sorted and canonical, as the generated protobuf structs (indexes as manifest.proto
 * says). Valid until the next manifest_add_* or manifest_free; the caller must not change it. */
int manifest_view(struct manifest *m, const Footprint__Manifest **ret);

/*
 * Single facts, without the lists: unlike manifest_view, this may be asked while another thread
 * encodes the manifest.
 */
struct manifest_run {
	uint64_t started_ns, ended_ns;
	uint64_t processes, records;
};
/* The last run of that host that has no end, or during which something started that started then.
 * False: there is none. */
bool manifest_find_run(
	const struct manifest *m, const char *host, uint64_t started_ns, struct manifest_run *ret);
/* Calls visit(context, path, runs) for each program until it answers less than 0, which is
 * returned; else 0. */
int manifest_each_program(const struct manifest *m,
	int (*visit)(void *context, const char *path, uint64_t runs), void *context);

/* Absolute, and nothing in it that a lookup would undo: no empty component, no "." and no "..". */
bool manifest_path_is_canonical(const char *path);

#define MANIFEST_NAME_SIZE                                                                         \
	111 /* with the NUL: two names, "@", ".footprint" and ".tmp" fit NAME_MAX */

/* Makes `name` fit for a file name, into `buffer`: bytes but [A-Za-z0-9._+-] become '_', a leading
 * '.' becomes '_', empty becomes `fallback`, and of more than 110 bytes 101 stay, "_" and eight
 * digits of a hash of all. */
void manifest_name_sanitise(
	const char *name, const char *fallback, char buffer[static MANIFEST_NAME_SIZE]);

#endif
