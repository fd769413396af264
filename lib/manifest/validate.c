#include "lib/manifest/validate.h"

#include <errno.h>
#include <string.h>

#include "lib/base/utf8.h"
#include "lib/manifest/codec.h"

#define DIGEST_SIZE    32
#define FILE_MODE_BITS 07777u

/* What is being checked, for the error message. */
struct check {
	const Footprint__Manifest *m;
	struct error *err;
	const char *list;
	size_t at;
};

static int bad(const struct check *c, const char *why)
{
	return error_set(
		c->err, -EBADMSG, "not a valid manifest: %s[%zu]: %s", c->list, c->at, why);
}

/* --- parts --- */

static int check_known(const struct check *c, const ProtobufCMessage *message)
{
	if (message->n_unknown_fields)
		return error_set(c->err, -EPROTONOSUPPORT,
			"%s[%zu]: field %u is unknown to this version of footprint", c->list, c->at,
			message->unknown_fields[0].tag);
	return 0;
}

static int check_text(const struct check *c, const char *text)
{
	return utf8_valid(text, strlen(text)) ? 0 : bad(c, "text that is not UTF-8");
}

static int check_bytes(const struct check *c, const ProtobufCBinaryData *bytes)
{
	return bytes->len && memchr(bytes->data, 0, bytes->len) ? bad(c, "a NUL in a path") : 0;
}

/* protobuf-c puts no NUL behind bytes fields. */
static bool is_canonical(const ProtobufCBinaryData *path)
{
	const char *at = (const char *)path->data, *end;

	if (!path->len || *at != '/')
		return false;
	end = at + path->len;
	if (path->len == 1)
		return true;
	while (at < end) {
		const char *name = at + 1, *next = memchr(name, '/', (size_t)(end - name));
		size_t size = (size_t)((next ? next : end) - name);

		if (!size || (size <= 2 && !memcmp(name, "..", size)))
			return false;
		at = next ? next : end;
	}
	return true;
}

static int check_path(const struct check *c, const ProtobufCBinaryData *path)
{
	if (check_bytes(c, path) < 0)
		return -EBADMSG;
	return is_canonical(path) ? 0 : bad(c, "a path that is not canonical");
}

static int check_order(const struct check *c, int order)
{
	if (order < 0)
		return 0;
	return bad(c, order ? "out of order" : "stands there twice");
}

static int compare_bytes(const ProtobufCBinaryData *a, const ProtobufCBinaryData *b)
{
	size_t common = a->len < b->len ? a->len : b->len;
	int order = common ? memcmp(a->data, b->data, common) : 0;

	return order ? order : (a->len > b->len) - (a->len < b->len);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Checks indexes into executables: they are in range, ascend, and occur once. */
static int check_by(const struct check *c, size_t n, const uint32_t *by)
{
	for (size_t i = 0; i < n; i++) {
		if (by[i] >= c->m->n_executables)
			return bad(c, "names a program that is not in the manifest");
		if (i && by[i] <= by[i - 1])
			return bad(c, "its programs are out of order");
	}
	return 0;
}

/* --- entries: each is given the one before it, or NULL --- */

static int check_run(const struct check *c, const Footprint__Run *run, const Footprint__Run *before)
{
	int order = before ? strcmp(before->host, run->host) : -1;

	if (!order)
		order = compare_numbers(before->started_ns, run->started_ns);
	if (check_text(c, run->host) < 0)
		return -EBADMSG;
	return check_order(c, order);
}

static int check_gap(const struct check *c, const Footprint__Gap *gap, const Footprint__Gap *before)
{
	int order = before ? strcmp(before->kind, gap->kind) : -1;

	if (!order)
		order = compare_bytes(&before->path, &gap->path);
	if (!order)
		order = strcmp(before->detail, gap->detail);
	if (check_text(c, gap->kind) < 0 || check_text(c, gap->detail) < 0 ||
		check_bytes(c, &gap->path) < 0)
		return -EBADMSG;
	if (!*gap->kind)
		return bad(c, "has no kind");
	return check_order(c, order);
}

static int check_executable(const struct check *c, const Footprint__Executable *executable,
	const Footprint__Executable *before)
{
	if (check_path(c, &executable->path) < 0 || check_bytes(c, &executable->interpreter) < 0)
		return -EBADMSG;
	if (executable->watched > FOOTPRINT__WATCHED__WATCHED_SUPERVISED)
		return bad(c, "an unknown way of watching");
	if (check_by(c, executable->n_executes, executable->executes) < 0)
		return -EBADMSG;
	return check_order(c, before ? compare_bytes(&before->path, &executable->path) : -1);
}

static int check_package(
	const struct check *c, const Footprint__Package *package, const Footprint__Package *before)
{
	int order = before ? strcmp(before->manager, package->manager) : -1;

	if (!order)
		order = strcmp(before->name, package->name);
	if (!order)
		order = strcmp(before->version, package->version);
	if (!order)
		order = strcmp(before->architecture, package->architecture);
	if (check_text(c, package->manager) < 0 || check_text(c, package->name) < 0 ||
		check_text(c, package->version) < 0 || check_text(c, package->architecture) < 0)
		return -EBADMSG;
	return check_order(c, order);
}

static int check_uses(const struct check *c, const Footprint__File *file)
{
	uint32_t known = 0;

#define ACCESS(name, bit, word) known |= (bit);
#include "lib/manifest/access.def"
#undef ACCESS
	for (size_t i = 0; i < file->n_uses; i++) {
		const Footprint__Use *use = file->uses[i];

		if (check_known(c, &use->base) < 0)
			return -EPROTONOSUPPORT;
		if (use->by >= c->m->n_executables)
			return bad(c, "names a program that is not in the manifest");
		if (i && use->by <= file->uses[i - 1]->by)
			return bad(c, "its programs are out of order");
		if (!use->access || use->access & ~known)
			return bad(c, "an unknown access");
		if (use->access & ACCESS_LOAD && use->access & ACCESS_UNOBSERVED)
			return bad(c, "observed and not observed in one program");
	}
	return 0;
}

static int check_file(
	const struct check *c, const Footprint__File *file, const Footprint__File *before)
{
	int r;

	if (check_path(c, &file->path) < 0 || check_bytes(c, &file->target) < 0)
		return -EBADMSG;
	if (file->type > FOOTPRINT__FILE_TYPE__TYPE_DEVICE)
		return bad(c, "an unknown type");
	if (file->mode & ~FILE_MODE_BITS)
		return bad(c, "a mode beyond 07777");
	if (file->sha256.len && file->sha256.len != DIGEST_SIZE)
		return bad(c, "a digest of the wrong size");
	if (file->package > c->m->n_packages)
		return bad(c, "names a package that is not in the manifest");
	r = check_uses(c, file);
	if (r < 0)
		return r;
	return check_order(c, before ? compare_bytes(&before->path, &file->path) : -1);
}

static int check_loaders(const struct check *c, const Footprint__Library *library)
{
	for (size_t i = 0; i < library->n_loaders; i++) {
		const Footprint__Loader *loader = library->loaders[i];
		const Footprint__Loader *before = i ? library->loaders[i - 1] : NULL;
		int order = before ? compare_numbers(before->by, loader->by) : -1;

		if (!order)
			order = compare_numbers(before->loaded, loader->loaded);
		if (!order)
			order = compare_bytes(&before->requester, &loader->requester);
		if (check_known(c, &loader->base) < 0)
			return -EPROTONOSUPPORT;
		if (loader->by >= c->m->n_executables)
			return bad(c, "names a program that is not in the manifest");
		if (loader->loaded > FOOTPRINT__LOADED__LOADED_UNOBSERVED)
			return bad(c, "an unknown way of loading");
		if (loader->loaded == FOOTPRINT__LOADED__LOADED_UNOBSERVED && before &&
			before->by == loader->by && before->loaded != loader->loaded)
			return bad(c, "observed and not observed in one program");
		if (loader->requester.len && check_path(c, &loader->requester) < 0)
			return -EBADMSG;
		if (order >= 0)
			return bad(c, "its loaders are out of order");
	}
	return 0;
}

static int check_library(
	const struct check *c, const Footprint__Library *library, const Footprint__Library *before)
{
	int r;

	if (check_path(c, &library->path) < 0 || check_text(c, library->soname) < 0 ||
		check_text(c, library->build_id) < 0)
		return -EBADMSG;
	for (size_t i = 0; i < library->n_needed; i++)
		if (check_text(c, library->needed[i]) < 0)
			return -EBADMSG;
	r = check_loaders(c, library);
	if (r < 0)
		return r;
	return check_order(c, before ? compare_bytes(&before->path, &library->path) : -1);
}

static int check_endpoint(const struct check *c, const Footprint__Endpoint *endpoint,
	const Footprint__Endpoint *before)
{
	int order = before ? compare_numbers(before->operation, endpoint->operation) : -1;

	if (!order)
		order = strcmp(before->address, endpoint->address);
	if (endpoint->operation > FOOTPRINT__ENDPOINT_OPERATION__OPERATION_SEND)
		return bad(c, "an unknown operation");
	if (check_text(c, endpoint->address) < 0 || check_by(c, endpoint->n_by, endpoint->by) < 0)
		return -EBADMSG;
	return check_order(c, order);
}

static int check_missing(
	const struct check *c, const Footprint__Missing *missing, const Footprint__Missing *before)
{
	if (check_path(c, &missing->path) < 0 || check_by(c, missing->n_by, missing->by) < 0)
		return -EBADMSG;
	return check_order(c, before ? compare_bytes(&before->path, &missing->path) : -1);
}

/* --- the whole --- */

#define CHECK_LIST(check, field, check_entry)                                                      \
	do {                                                                                       \
		(check)->list = #field;                                                            \
		for (size_t i_ = 0; i_ < (check)->m->n_##field; i_++) {                            \
			int r_;                                                                    \
			(check)->at = i_;                                                          \
			r_ = check_known((check), &(check)->m->field[i_]->base);                   \
			if (!r_)                                                                   \
				r_ = check_entry((check), (check)->m->field[i_],                   \
					i_ ? (check)->m->field[i_ - 1] : NULL);                    \
			if (r_ < 0)                                                                \
				return r_;                                                         \
		}                                                                                  \
	} while (0)

static int check_lists(struct check *c)
{
	CHECK_LIST(c, runs, check_run);
	CHECK_LIST(c, gaps, check_gap);
	CHECK_LIST(c, executables, check_executable);
	CHECK_LIST(c, packages, check_package);
	CHECK_LIST(c, files, check_file);
	CHECK_LIST(c, libraries, check_library);
	CHECK_LIST(c, endpoints, check_endpoint);
	CHECK_LIST(c, missing, check_missing);
	return 0;
}

static int check_name(const char *name, struct error *err)
{
	char fit[MANIFEST_NAME_SIZE];

	manifest_name_sanitise(name, "", fit);
	if (!*name || strcmp(name, fit))
		return error_set(err, -EBADMSG,
			"not a valid manifest: a name of application or version that fits no file "
			"name");
	return 0;
}

int manifest_validate(const Footprint__Manifest *m, struct error *err)
{
	struct check check = { .m = m, .err = err };

	if (m->schema == 0)
		return error_set(err, -EBADMSG, "not a manifest: it has no schema");
	if (m->schema != MANIFEST_SCHEMA)
		return error_set(err, -EPROTONOSUPPORT,
			"schema %u: this version of footprint reads schema %d", m->schema,
			MANIFEST_SCHEMA);
	if (m->base.n_unknown_fields)
		return error_set(err, -EPROTONOSUPPORT,
			"field %u is unknown to this version of footprint",
			m->base.unknown_fields[0].tag);
	if (check_name(m->application, err) < 0 || check_name(m->version, err) < 0)
		return -EBADMSG;
	return check_lists(&check);
}
