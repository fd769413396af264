#include "lib/manifest/diff_json.h"

#include "lib/manifest/json_parts.h"
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

/* --- one side of a change --- */

static void put_file_state(
	struct json *j, const Footprint__Manifest *m, const Footprint__File *file)
{
	json_key(j, "type");
	json_put_text(j, file_type_word(file->type));
	if (file->target.len)
		json_put_path(j, "target", &file->target);
	json_put_content(j, file);
	json_put_attributes(j, file);
	json_put_package(j, m, file);
}

static void put_package(struct json *j, const Footprint__Manifest *m, size_t index)
{
	const Footprint__Package *package = m->packages[index];

	json_put_if(j, "name", package->name);
	json_put_if(j, "version", package->version);
	json_put_if(j, "architecture", package->architecture);
	json_put_if(j, "manager", package->manager);
}

static void put_file(struct json *j, const Footprint__Manifest *m, size_t index)
{
	json_put_path(j, "path", &m->files[index]->path);
	json_put_users(j, m, m->files[index]);
}

/* The file of a program or library, without its "by": for a library, that would be who loads it. */
static void put_image(struct json *j, const Footprint__Manifest *m, const Footprint__File *file)
{
	json_put_access(j, file_access(file));
	json_put_uses(j, m, file);
}

static void put_side(struct json *j, const char *key, const Footprint__Manifest *m,
	enum change_group group, size_t index)
{
	static void (*const put[N_CHANGE_GROUPS])(
		struct json *, const Footprint__Manifest *, size_t) = {
		[GROUP_PROGRAMS] = json_put_executable,
		[GROUP_LIBRARIES] = json_put_library,
		[GROUP_PACKAGES] = put_package,
		[GROUP_FILES] = put_file,
		[GROUP_ENDPOINTS] = json_put_endpoint,
		[GROUP_MISSING] = json_put_missing,
		[GROUP_GAPS] = json_put_gap,
	};
	const Footprint__File *file = diff_file(m, group, index);

	json_key(j, key);
	json_begin(j, '{');
	put[group](j, m, index);
	if (file && group != GROUP_FILES)
		put_image(j, m, file);
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

static void put_manifest(struct json *j, const char *key, const Footprint__Manifest *m)
{
	json_key(j, key);
	json_begin(j, '{');
	json_key(j, "app");
	json_put_text(j, m->application);
	json_key(j, "version");
	json_put_text(j, m->version);
	json_key(j, "complete");
	json_put_bool(j, view_is_complete(m));
	json_end(j, '}');
}

void diff_write_json(const struct diff *diff, FILE *out)
{
	struct json j = { .out = out };

	json_begin(&j, '{');
	put_manifest(&j, "old", diff->before);
	put_manifest(&j, "new", diff->after);
	json_key(&j, "same");
	json_put_bool(&j, diff_is_empty(diff));
	for (int group = 0; group < N_CHANGE_GROUPS; group++)
		put_group(&j, diff, group);
	json_end(&j, '}');
	fputc('\n', out);
}
