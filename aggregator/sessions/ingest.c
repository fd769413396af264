#include "aggregator/sessions/ingest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/aggregator.h"
#include "aggregator/manifests/fact.h"
#include "aggregator/roots/lexical.h"
#include "aggregator/sessions/deferred.h"
#include "lib/base/cleanup.h"

#define ACCESS_KNOWN ((ACCESS_CHECK << 1) - 1)

static void record_free(Footprint__Record *record)
{
	if (record)
		footprint__record__free_unpacked(record, NULL);
}
DEFINE_CLEANUP(record_freep, Footprint__Record *, record_free)

static void fact_freep(struct fact **fact)
{
	fact_free(*fact);
}
#define auto_fact __attribute__((cleanup(fact_freep)))

/* --- paths ------------------------------------------------------------------------------------ */

static bool is_relative(const ProtobufCBinaryData *path)
{
	return path->data[0] != '/';
}

/* The path that a relative path is relative to. NULL: nobody has named it yet. */
static const struct path *base_of(const struct session *session, uint64_t directory)
{
	return directory ? directories_find(&session->directories, directory)
			 : session->directory_path;
}

/* Will this directory certainly never be named? Then there is nothing to wait for. */
static bool is_nowhere(const struct session *session, uint64_t directory)
{
	return directory == FP_DIRECTORY_UNKNOWABLE || (!directory && !session->directory_path);
}

static int relative_to_nowhere(struct session *session)
{
	return session_gap(session, "unresolved", NULL, "relative to an unknown directory");
}

/* A path that the session gave. */
struct named {
	uint64_t directory; /* what it is relative to, where it is relative */
	const void *bytes;
	size_t size;
	size_t root; /* the first bytes of it that name what became "/" for the process; 0: none */
	bool follow;
};

/* How many bytes of `raw` name that "/", when its last `rest` bytes are below it. */
static size_t root_size(const char *raw, size_t rest)
{
	size_t size = strlen(raw) - rest;

	while (size && raw[size - 1] == '/')
		size--;
	return size;
}

/* The root's entry for it. 0; -ENOENT: it is relative to a directory that is not known yet;
 * -ENAMETOOLONG; -ENOMEM. */
static int find_named(struct session *session, const struct named *named, struct path **ret)
{
	bool absolute = *(const char *)named->bytes == '/';
	const struct path *base = absolute ? NULL : base_of(session, named->directory);
	autofree char *raw = NULL;
	size_t top;

	if (!base && !absolute)
		return -ENOENT;
	raw = lexical_join(base ? base->raw : "/", named->bytes, named->size);
	if (!raw)
		return -errno;
	top = named->root ? root_size(raw, named->size - named->root) : base ? base->root_size : 0;
	*ret = root_path(session->root, &(struct path_name){ .raw = raw,
						.root_size = top,
						.entered = base ? base->entered : session->begun_in,
						.follow = named->follow });
	return *ret ? 0 : -ENOMEM;
}

static int find_path(struct session *session, uint64_t directory, const void *bytes, size_t size,
	bool follow, struct path **ret)
{
	struct named named = {
		.directory = directory, .bytes = bytes, .size = size, .follow = follow
	};

	return find_named(session, &named, ret);
}

/* For us, /proc/self is another process than for the one that gave this path. */
static bool names_own_image(const ProtobufCBinaryData *path)
{
	static const char *const names[] = { "/proc/self/exe", "/proc/thread-self/exe" };

	for (size_t i = 0; i < 2; i++)
		if (path->len == strlen(names[i]) && !memcmp(path->data, names[i], path->len))
			return true;
	return false;
}

static int find_record_path(
	struct session *session, const Footprint__Record *record, struct path **ret)
{
	if (record->kind == FOOTPRINT__RECORD__KIND__EXECUTE && names_own_image(&record->path)) {
		*ret = session->executable_path;
		(*ret)->references++;
		return 0;
	}
	return find_path(session, record->directory, record->path.data, record->path.len,
		!record->no_follow, ret);
}

/* Puts the directory that a prefix stands for before the path, which is absolute then. 0; -ENOENT:
 * its number has not been given yet; -ENAMETOOLONG; -ENOMEM. */
static int complete(const struct session *session, Footprint__Record *record)
{
	const struct path *directory;
	char *whole;

	if (!record->prefix)
		return 0;
	directory = directories_find(&session->directories, record->prefix);
	if (!directory)
		return -ENOENT;
	whole = lexical_join(directory->raw, (const char *)record->path.data, record->path.len);
	if (!whole)
		return -errno;
	free(record->path.data);
	record->path = (ProtobufCBinaryData){ .data = (uint8_t *)whole, .len = strlen(whole) };
	record->prefix = 0;
	return 0;
}

/* --- directories ------------------------------------------------------------------------------ */

/* Learns what an id means. Past the limit it stays unknown, and what is relative to it becomes a
 * gap. */
static int name_directory(struct session *session, uint64_t id, struct path *path)
{
	int r = directories_add(&session->directories, id, path);

	if (r == 0)
		deferred_call(session, id);
	return r == -ENOSPC ? 0 : r;
}

static int ingest_directory(struct session *session, const Footprint__Record *record)
{
	struct named named = {
		.directory = record->directory,
		.bytes = record->path.data,
		.size = record->path.len,
		.root = record->root,
		.follow = true,
	};
	struct path *path = NULL;
	int r;

	if (!named.size)
		return session_gap(session, "unknown-record", NULL, "directory without a path");
	if (named.root > named.size)
		return session_gap(session, "unknown-record", NULL, "a root longer than its path");
	r = find_named(session, &named, &path);
	if (r < 0)
		return r;
	r = name_directory(session, record->id, path);
	path_unref_unneeded(session->root, path); /* there may be no room for it */
	return r;
}

int ingest_entered(struct session *session, uint64_t id, struct entered *entered)
{
	struct path *path = root_path(session->root,
		&(struct path_name){ .raw = "/", .entered = entered, .follow = true });
	int r = path ? name_directory(session, id, path) : -ENOMEM;

	path_unref(path);
	if (r == 0 && session->deferred.called)
		r = deferred_take_up(session);
	return r;
}

/* --- records ---------------------------------------------------------------------------------- */

/* May the path be a directory that later records are relative to? */
static bool may_name_directory(const Footprint__Record *record)
{
	return record->error == 0 && !(record->access & (ACCESS_WRITE | ACCESS_DELETE));
}

/* Makes a fact of this kind, about the path of the record and its outcome. Returns what find_path()
 * does. */
static int fact_of_path(struct session *session, const Footprint__Record *record,
	enum fact_kind kind, struct fact **ret)
{
	auto_fact struct fact *fact = fact_new(session, kind);
	int r;

	if (!fact)
		return -ENOMEM;
	r = find_record_path(session, record, &fact->path);
	if (r < 0)
		return r;
	fact->error = record->error;
	*ret = steal_pointer(fact);
	return 0;
}

static int ingest_path(struct session *session, const Footprint__Record *record)
{
	auto_fact struct fact *fact = NULL;
	uint64_t parent = is_relative(&record->path) ? record->directory : 0;
	int r = fact_of_path(session, record, FACT_PATH, &fact);

	if (r < 0)
		return r;
	fact->access = record->access & ACCESS_KNOWN;
	if (fact->access != record->access || !fact->access) {
		r = session_gap(session, "unknown-record", NULL, "an access of an unknown kind");
		if (r < 0)
			return r;
	}
	if (may_name_directory(record)) {
		fact->directory =
			fp_directory_id(parent, (const char *)record->path.data, record->path.len);
		r = name_directory(session, fact->directory, fact->path);
		if (r < 0)
			return r;
	}
	root_push(session->root, steal_pointer(fact));
	return 0;
}

static int ingest_execute(struct session *session, const Footprint__Record *record)
{
	struct fact *fact = NULL;
	int r = fact_of_path(session, record, FACT_EXECUTE, &fact);

	if (r == 0)
		root_push(session->root, fact);
	return r;
}

static int ingest_load(struct session *session, const Footprint__Record *record)
{
	auto_fact struct fact *fact = NULL;
	int r = fact_of_path(session, record, FACT_LOAD, &fact);

	/* Without the requester, the load is still a fact. */
	if (r == 0 && record->requester.len &&
		!(is_relative(&record->requester) && is_nowhere(session, record->directory)))
		r = find_path(session, record->directory, record->requester.data,
			record->requester.len, true, &fact->other);
	if (r < 0)
		return r;
	fact->what = record->loaded_by;
	root_push(session->root, steal_pointer(fact));
	return 0;
}

static int ingest_endpoint(struct session *session, const Footprint__Record *record)
{
	auto_fact struct fact *fact = fact_new(session, FACT_ENDPOINT);
	char text[512];
	const char *path;
	size_t size;
	int r;

	if (!fact)
		return -ENOMEM;
	if (address_format(record->address.data, record->address.len, text) < 0)
		return 0; /* of a family whose addresses are not recorded */
	if (record->endpoint < FOOTPRINT__ENDPOINT_USE__ENDPOINT_CONNECT ||
		record->endpoint > FOOTPRINT__ENDPOINT_USE__ENDPOINT_SEND)
		return session_gap(
			session, "unknown-record", NULL, "an unknown use of an endpoint");
	fact->text = strdup(text);
	size = address_unix_path(record->address.data, record->address.len, &path);
	r = fact->text ? 0 : -ENOMEM;
	if (r == 0 && size && *path != '/' && is_nowhere(session, record->directory)) {
		r = relative_to_nowhere(session);
		size = 0;
	}
	/* bind creates the name, so it does not follow a symlink at the end. */
	if (r == 0 && size)
		r = find_path(session, record->directory, path, size,
			record->endpoint != FOOTPRINT__ENDPOINT_USE__ENDPOINT_BIND, &fact->path);
	if (r < 0)
		return r;
	fact->error = record->error;
	fact->what = record->endpoint;
	root_push(session->root, steal_pointer(fact));
	return 0;
}

/* The kind stands in the manifest as it is, so a peer may not choose just any text. */
static bool is_word(const char *text)
{
	return *text && !text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")];
}

static int ingest_gap(struct session *session, const Footprint__Record *record)
{
	auto_fact struct fact *fact = fact_new(session, FACT_GAP);
	int r = 0;

	if (!fact)
		return -ENOMEM;
	if (!is_word(record->gap))
		return session_gap(session, "unknown-record", NULL, "a gap of an unknown kind");
	if (record->path.len)
		r = find_record_path(session, record, &fact->path);
	if (r < 0)
		return r;
	fact->times = 1;
	fact->text = strdup(record->gap);
	fact->detail = strdup(record->detail);
	if (!fact->text || !fact->detail)
		return -ENOMEM;
	root_push(session->root, steal_pointer(fact));
	return 0;
}

int ingest_record(struct session *session, Footprint__Record *record)
{
	int r = complete(session, record);

	if (r < 0)
		return r;
	switch (record->kind) {
	case FOOTPRINT__RECORD__KIND__PATH:
		return ingest_path(session, record);
	case FOOTPRINT__RECORD__KIND__EXECUTE:
		return ingest_execute(session, record);
	case FOOTPRINT__RECORD__KIND__LOAD:
		return ingest_load(session, record);
	case FOOTPRINT__RECORD__KIND__ENDPOINT:
		return ingest_endpoint(session, record);
	case FOOTPRINT__RECORD__KIND__DIRECTORY:
		return ingest_directory(session, record);
	case FOOTPRINT__RECORD__KIND__GAP:
		return ingest_gap(session, record);
	case FOOTPRINT__RECORD__KIND__FILTER:
		run_cannot_keep(session->application, session->started_ns);
		return 0;
	default:
		session->daemon->counters.bad_records++;
		return session_gap(session, "unknown-record", NULL, "a record of an unknown kind");
	}
}

static int not_understood(struct session *session, const struct error *err)
{
	session->daemon->counters.bad_records++;
	return session_gap(session, "unknown-record", NULL, err->text);
}

int ingest_slot(
	struct session *session, const uint8_t *payload, size_t size, bool count, struct error *err)
{
	__attribute__((cleanup(record_freep))) Footprint__Record *record = NULL;
	int r = record_unpack(payload, size, &record, err);

	if (r == 0 && record->path.len && !record->prefix && is_relative(&record->path) &&
		is_nowhere(session, record->directory))
		return relative_to_nowhere(session);
	if (r == -EBADMSG)
		return not_understood(session, err);
	if (r < 0)
		return r;
	r = ingest_record(session, record);
	if (r == -ENOENT)
		r = deferred_add(session, payload, size);
	else if (r == -ENAMETOOLONG)
		r = session_gap(session, "unresolved", NULL, "a path too long");
	if (r == 0 && session->deferred.called)
		r = deferred_take_up(session);
	if (r < 0)
		return error_set(err, r, "record: out of memory");
	if (count && record->kind != FOOTPRINT__RECORD__KIND__DIRECTORY) {
		session->application->run.records++;
		session->daemon->counters.records++;
		session_counted(session);
	}
	return 0;
}

/* --- a session's beginning -------------------------------------------------------------------- */

static int push_image(struct session *session, const Footprint__Hello *hello)
{
	auto_fact struct fact *fact = fact_new(session, FACT_IMAGE);
	int r = 0;

	if (!fact)
		return -ENOMEM;
	if (hello->interpreter.len && hello->interpreter.data[0] == '/')
		r = find_path(session, 0, hello->interpreter.data, hello->interpreter.len, true,
			&fact->other);
	if (r < 0)
		return r;
	fact->what = hello->linker_executed;
	fact->path = session->executable_path;
	fact->path->references++;
	root_push(session->root, steal_pointer(fact));
	return 0;
}

/* Most images are invoked as what was executed, which the fact of the image has. A text that is too
 * long is no path, and neither is a mere name. */
static int push_invoked(struct session *session, const Footprint__Hello *hello)
{
	const ProtobufCBinaryData *text = &hello->invoked_as, *path = &hello->executable;
	auto_fact struct fact *fact = NULL;
	int r;

	if (!text->len || !memchr(text->data, '/', text->len) ||
		(text->len == path->len && !memcmp(text->data, path->data, path->len)))
		return 0;
	fact = fact_new(session, FACT_INVOKED);
	if (!fact)
		return -ENOMEM;
	r = find_path(session, 0, text->data, text->len, true, &fact->path);
	if (r < 0)
		return r == -ENAMETOOLONG || r == -ENOENT ? 0 : r;
	root_push(session->root, steal_pointer(fact));
	return 0;
}

/* 0 or -ENOMEM: without the script, its name may become a gap. */
static int push_script(struct session *session, const ProtobufCBinaryData *script)
{
	auto_fact struct fact *fact = NULL;
	int r;

	if (!script->len)
		return 0;
	fact = fact_new(session, FACT_SCRIPT);
	r = fact ? find_path(session, 0, script->data, script->len, true, &fact->path) : -ENOMEM;
	if (r == 0)
		root_push(session->root, steal_pointer(fact));
	return r == -ENOMEM ? r : 0;
}

int ingest_hello(struct session *session, const Footprint__Hello *hello)
{
	const ProtobufCBinaryData *directory = &hello->directory;
	int r = find_path(session, 0, hello->executable.data, hello->executable.len, true,
		&session->executable_path);

	if (r == 0 && directory->len)
		r = find_path(session, 0, directory->data, directory->len, true,
			&session->directory_path);
	if (r == 0 && directory->len)
		r = name_directory(session,
			fp_directory_id(0, (const char *)directory->data, directory->len),
			session->directory_path);
	if (r == 0)
		r = push_image(session, hello);
	if (r == 0)
		r = push_script(session, &hello->script);
	return r == 0 ? push_invoked(session, hello) : r;
}
