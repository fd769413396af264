#include "lib/manifest/diff_json.h"

#include <stdio.h>

#include "lib/base/json.h"
#include "lib/manifest/words.h"

static const char *const group_keys[N_CHANGE_GROUPS] = {
	[GROUP_PROGRAMS] = "programs",
	[GROUP_LIBRARIES] = "libraries",
	[GROUP_PACKAGES] = "packages",
	[GROUP_FILES] = "files",
	[GROUP_ENDPOINTS] = "endpoints",
	[GROUP_MISSING] = "missing",
	[GROUP_GAPS] = "gaps",
};

static const char *const kind_words[N_CHANGE_KINDS] = {
	[CHANGE_ADDED] = "added",
	[CHANGE_REMOVED] = "removed",
	[CHANGE_CHANGED] = "changed",
	[CHANGE_MOVED] = "moved",
};

static void put_path(struct json *j, const char *key, const ProtobufCBinaryData *path)
{
	json_key(j, key);
	json_put_bytes(j, path->data, path->len);
}

static void put_text(struct json *j, const char *key, const char *text)
{
	if (!*text)
		return;
	json_key(j, key);
	json_put_text(j, text);
}

static void put_programs(struct json *j, const Footprint__Manifest *m, const char *key, size_t n,
	const uint32_t *indexes)
{
	json_key(j, key);
	json_begin(j, '[');
	for (size_t i = 0; i < n; i++) {
		const ProtobufCBinaryData *path = &m->executables[indexes[i]]->path;

		json_put_bytes(j, path->data, path->len);
	}
	json_end(j, ']');
}

/* --- one side of a change --- */

static void put_file_state(
	struct json *j, const Footprint__Manifest *m, const Footprint__File *file)
{
	char mode[16];

	json_key(j, "type");
	json_put_text(j, file_type_word(file->type));
	if (file->target.len)
		put_path(j, "target", &file->target);
	if (file->size || file->sha256.len) {
		json_key(j, "size");
		json_put_number(j, file->size);
	}
	if (file->sha256.len) {
		json_key(j, "sha256");
		json_put_hex(j, file->sha256.data, file->sha256.len);
	}
	if (file->present) {
		snprintf(mode, sizeof(mode), "%04o", file->mode);
		put_text(j, "mode", mode);
		json_key(j, "uid");
		json_put_number(j, file->uid);
		json_key(j, "gid");
		json_put_number(j, file->gid);
	}
	if (file->package)
		put_text(j, "package", m->packages[file->package - 1]->name);
}

static void put_uses(struct json *j, const Footprint__Manifest *m, const Footprint__File *file)
{
	uint32_t access = file_access(file);
	const char *word;

	json_key(j, "access");
	json_begin(j, '[');
	while ((word = access_next_word(&access)))
		json_put_text(j, word);
	json_end(j, ']');
	json_key(j, "by");
	json_begin(j, '[');
	for (size_t i = 0; i < file->n_uses; i++) {
		const ProtobufCBinaryData *path = &m->executables[file->uses[i]->by]->path;

		json_put_bytes(j, path->data, path->len);
	}
	json_end(j, ']');
}

static void put_program(struct json *j, const Footprint__Manifest *m, size_t index)
{
	const Footprint__Executable *program = m->executables[index];

	put_path(j, "path", &program->path);
	if (program->interpreter.len)
		put_path(j, "interpreter", &program->interpreter);
	json_key(j, "watched");
	json_put_text(j, watched_word(program->watched));
	json_key(j, "first");
	json_put_bool(j, program->first);
	put_programs(j, m, "executes", program->n_executes, program->executes);
}

static void put_loaders(
	struct json *j, const Footprint__Manifest *m, const Footprint__Library *library)
{
	json_key(j, "by");
	json_begin(j, '[');
	for (size_t i = 0; i < library->n_loaders; i++) {
		const Footprint__Loader *loader = library->loaders[i];
		const ProtobufCBinaryData *path = &m->executables[loader->by]->path;

		if (!i || loader->by != library->loaders[i - 1]->by)
			json_put_bytes(j, path->data, path->len);
	}
	json_end(j, ']');
	json_key(j, "loaded");
	json_put_text(j, loaded_word(library_loaded(library)));
}

static void put_library(struct json *j, const Footprint__Manifest *m, size_t index)
{
	const Footprint__Library *library = m->libraries[index];

	put_path(j, "path", &library->path);
	put_text(j, "soname", library->soname);
	json_key(j, "needed");
	json_begin(j, '[');
	for (size_t i = 0; i < library->n_needed; i++)
		json_put_text(j, library->needed[i]);
	json_end(j, ']');
	put_text(j, "build_id", library->build_id);
	put_loaders(j, m, library);
}

static void put_package(struct json *j, const Footprint__Manifest *m, size_t index)
{
	const Footprint__Package *package = m->packages[index];

	put_text(j, "name", package->name);
	put_text(j, "version", package->version);
	put_text(j, "architecture", package->architecture);
	put_text(j, "manager", package->manager);
}

static void put_endpoint(struct json *j, const Footprint__Manifest *m, size_t index)
{
	const Footprint__Endpoint *endpoint = m->endpoints[index];

	put_text(j, "operation", endpoint_word(endpoint->operation));
	put_text(j, "address", endpoint->address);
	put_programs(j, m, "by", endpoint->n_by, endpoint->by);
}

static void put_missing(struct json *j, const Footprint__Manifest *m, size_t index)
{
	put_path(j, "path", &m->missing[index]->path);
	put_programs(j, m, "by", m->missing[index]->n_by, m->missing[index]->by);
}

static void put_gap(struct json *j, const Footprint__Manifest *m, size_t index)
{
	const Footprint__Gap *gap = m->gaps[index];

	put_text(j, "kind", gap->kind);
	if (gap->path.len)
		put_path(j, "path", &gap->path);
	put_text(j, "detail", gap->detail);
}

static void put_file(struct json *j, const Footprint__Manifest *m, size_t index)
{
	put_path(j, "path", &m->files[index]->path);
	put_uses(j, m, m->files[index]);
}

static void put_side(struct json *j, const char *key, const Footprint__Manifest *m,
	enum change_group group, size_t index)
{
	static void (*const put[N_CHANGE_GROUPS])(
		struct json *, const Footprint__Manifest *, size_t) = {
		[GROUP_PROGRAMS] = put_program,
		[GROUP_LIBRARIES] = put_library,
		[GROUP_PACKAGES] = put_package,
		[GROUP_FILES] = put_file,
		[GROUP_ENDPOINTS] = put_endpoint,
		[GROUP_MISSING] = put_missing,
		[GROUP_GAPS] = put_gap,
	};
	const Footprint__File *file = diff_file(m, group, index);

	json_key(j, key);
	json_begin(j, '{');
	put[group](j, m, index);
	if (file)
		put_file_state(j, m, file);
	json_end(j, '}');
}

/* --- changes --- */

static void put_what(struct json *j, uint32_t what)
{
	json_key(j, "what");
	json_begin(j, '[');
#define DIFFERENCE(name, bit, word)                                                                \
	if (what & (bit))                                                                          \
		json_put_text(j, word);
#include "lib/manifest/difference.def"
#undef DIFFERENCE
	json_end(j, ']');
}

static void put_change(struct json *j, const struct diff *diff, enum change_group group,
	const struct change *change)
{
	json_newline(j);
	json_begin(j, '{');
	json_key(j, "change");
	json_put_text(j, kind_words[change->kind]);
	if (change->what)
		put_what(j, change->what);
	if (change->kind != CHANGE_ADDED)
		put_side(j, "old", diff->before, group, change->before);
	if (change->kind != CHANGE_REMOVED)
		put_side(j, "new", diff->after, group, change->after);
	json_end(j, '}');
}

static void put_group(struct json *j, const struct diff *diff, enum change_group group)
{
	const struct change_list *list = &diff->groups[group];

	json_newline(j);
	json_key(j, group_keys[group]);
	json_begin(j, '[');
	for (size_t i = 0; i < list->n; i++)
		put_change(j, diff, group, &list->changes[i]);
	json_end(j, ']');
}

static void put_name(struct json *j, const char *key, const Footprint__Manifest *m)
{
	json_key(j, key);
	json_begin(j, '{');
	json_key(j, "app");
	json_put_text(j, m->application);
	json_key(j, "version");
	json_put_text(j, m->version);
	json_end(j, '}');
}

void diff_write_json(const struct diff *diff, FILE *out)
{
	struct json j = { .out = out };

	json_begin(&j, '{');
	put_name(&j, "old", diff->before);
	put_name(&j, "new", diff->after);
	json_key(&j, "same");
	json_put_bool(&j, diff_is_empty(diff));
	for (int group = 0; group < N_CHANGE_GROUPS; group++)
		put_group(&j, diff, group);
	json_end(&j, '}');
	fputc('\n', out);
}
