#include "lib/manifest/json_parts.h"

#include "lib/manifest/words.h"

static void put_program(struct json *j, const Footprint__Manifest *m, uint32_t index)
{
	const ProtobufCBinaryData *path = &m->executables[index]->path;

	json_put_bytes(j, path->data, path->len);
}

void json_put_path(struct json *j, const char *key, const ProtobufCBinaryData *path)
{
	json_key(j, key);
	json_put_bytes(j, path->data, path->len);
}

void json_put_if(struct json *j, const char *key, const char *text)
{
	if (!*text)
		return;
	json_key(j, key);
	json_put_text(j, text);
}

void json_put_programs(struct json *j, const Footprint__Manifest *m, const char *key, size_t n,
	const uint32_t *indexes)
{
	json_key(j, key);
	json_begin(j, '[');
	for (size_t i = 0; i < n; i++)
		put_program(j, m, indexes[i]);
	json_end(j, ']');
}

void json_put_access(struct json *j, uint32_t access)
{
	const char *word;

	json_key(j, "access");
	json_begin(j, '[');
	while ((word = access_next_word(&access)))
		json_put_text(j, word);
	json_end(j, ']');
}

void json_put_uses(struct json *j, const Footprint__Manifest *m, const Footprint__File *file)
{
	json_key(j, "uses");
	json_begin(j, '[');
	for (size_t i = 0; i < file->n_uses; i++) {
		json_begin(j, '{');
		json_put_path(j, "by", &m->executables[file->uses[i]->by]->path);
		json_put_access(j, file->uses[i]->access);
		json_end(j, '}');
	}
	json_end(j, ']');
}

void json_put_users(struct json *j, const Footprint__Manifest *m, const Footprint__File *file)
{
	json_put_access(j, file_access(file));
	json_key(j, "by");
	json_begin(j, '[');
	for (size_t i = 0; i < file->n_uses; i++)
		put_program(j, m, file->uses[i]->by);
	json_end(j, ']');
	json_put_uses(j, m, file);
}

void json_put_content(struct json *j, const Footprint__File *file)
{
	/* An empty file has a digest, too; without a digest, 0 means that the size is not known. */
	if (file->size || file->sha256.len) {
		json_key(j, "size");
		json_put_number(j, file->size);
	}
	if (file->sha256.len) {
		json_key(j, "sha256");
		json_put_hex(j, file->sha256.data, file->sha256.len);
	}
}

void json_put_attributes(struct json *j, const Footprint__File *file)
{
	char mode[16];

	if (!file->present)
		return;
	snprintf(mode, sizeof(mode), "%04o", file->mode);
	json_key(j, "mode");
	json_put_text(j, mode);
	json_key(j, "uid");
	json_put_number(j, file->uid);
	json_key(j, "gid");
	json_put_number(j, file->gid);
}

void json_put_package(struct json *j, const Footprint__Manifest *m, const Footprint__File *file)
{
	const Footprint__Package *package;

	if (!file->package)
		return;
	package = m->packages[file->package - 1];
	json_key(j, "package");
	json_put_text(j, package->name);
	json_key(j, "package_version");
	json_put_text(j, package->version);
}

/* --- whole entries --- */

void json_put_gap(struct json *j, const Footprint__Manifest *m, size_t i)
{
	const Footprint__Gap *gap = m->gaps[i];

	json_key(j, "kind");
	json_put_text(j, gap->kind);
	if (gap->path.len)
		json_put_path(j, "path", &gap->path);
	json_key(j, "count");
	json_put_number(j, gap->count);
	json_key(j, "detail");
	json_put_text(j, gap->detail);
}

void json_put_executable(struct json *j, const Footprint__Manifest *m, size_t i)
{
	const Footprint__Executable *executable = m->executables[i];

	json_put_path(j, "path", &executable->path);
	if (executable->interpreter.len)
		json_put_path(j, "interpreter", &executable->interpreter);
	json_key(j, "runs");
	json_put_number(j, executable->runs);
	json_key(j, "watched");
	json_put_text(j, watched_word(executable->watched));
	json_key(j, "first");
	json_put_bool(j, executable->first);
	json_put_programs(j, m, "executes", executable->n_executes, executable->executes);
}

static void put_library_info(struct json *j, const Footprint__Library *library)
{
	json_put_if(j, "soname", library->soname);
	json_key(j, "needed");
	json_begin(j, '[');
	for (size_t i = 0; i < library->n_needed; i++)
		json_put_text(j, library->needed[i]);
	json_end(j, ']');
	json_put_if(j, "build_id", library->build_id);
}

static void put_loading(
	struct json *j, const Footprint__Manifest *m, const Footprint__Library *library)
{
	json_key(j, "by");
	json_begin(j, '[');
	for (size_t i = 0; i < library->n_loaders; i++)
		if (loader_is_programs_first(library, i))
			put_program(j, m, library->loaders[i]->by);
	json_end(j, ']');
}

static void put_loaders(
	struct json *j, const Footprint__Manifest *m, const Footprint__Library *library)
{
	json_key(j, "loaders");
	json_begin(j, '[');
	for (size_t i = 0; i < library->n_loaders; i++) {
		const Footprint__Loader *loader = library->loaders[i];

		json_begin(j, '{');
		json_put_path(j, "by", &m->executables[loader->by]->path);
		json_key(j, "loaded");
		json_put_text(j, loaded_word(loader->loaded));
		if (loader->requester.len)
			json_put_path(j, "requester", &loader->requester);
		json_end(j, '}');
	}
	json_end(j, ']');
}

void json_put_library(struct json *j, const Footprint__Manifest *m, size_t i)
{
	const Footprint__Library *library = m->libraries[i];

	json_put_path(j, "path", &library->path);
	put_library_info(j, library);
	json_key(j, "loaded");
	json_put_text(j, loaded_word(library_loaded(library)));
	put_loading(j, m, library);
	put_loaders(j, m, library);
}

void json_put_endpoint(struct json *j, const Footprint__Manifest *m, size_t i)
{
	const Footprint__Endpoint *endpoint = m->endpoints[i];

	json_key(j, "operation");
	json_put_text(j, endpoint_word(endpoint->operation));
	json_key(j, "address");
	json_put_text(j, endpoint->address);
	json_put_programs(j, m, "by", endpoint->n_by, endpoint->by);
}

void json_put_missing(struct json *j, const Footprint__Manifest *m, size_t i)
{
	const Footprint__Missing *missing = m->missing[i];

	json_put_path(j, "path", &missing->path);
	json_put_programs(j, m, "by", missing->n_by, missing->by);
}
