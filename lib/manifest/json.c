#include "lib/manifest/json.h"

#include "lib/manifest/json_parts.h"
#include "lib/manifest/words.h"

static void put_time(struct json *j, const char *key, uint64_t nanoseconds)
{
	char text[TIME_TEXT_SIZE];

	json_key(j, key);
	if (nanoseconds) {
		time_text(nanoseconds, text);
		json_put_text(j, text);
	} else {
		json_put_null(j);
	}
}

static void put_run(struct json *j, const Footprint__Manifest *m, size_t i)
{
	const Footprint__Run *run = m->runs[i];

	json_key(j, "host");
	json_put_text(j, run->host);
	put_time(j, "started", run->started_ns);
	put_time(j, "ended", run->ended_ns);
	json_key(j, "processes");
	json_put_number(j, run->processes);
	json_key(j, "records");
	json_put_number(j, run->records);
}

static void put_file(struct json *j, const Footprint__Manifest *m, size_t i)
{
	const Footprint__File *file = m->files[i];

	json_put_path(j, "path", &file->path);
	json_key(j, "type");
	json_put_text(j, file_type_word(file->type));
	if (file->target.len)
		json_put_path(j, "target", &file->target);
	json_put_users(j, m, file);
	json_put_content(j, file);
	json_put_attributes(j, file);
	json_put_package(j, m, file);
}

/* Puts a list of objects, one on each line. */
static void put_list(struct json *j, const Footprint__Manifest *m, const char *key, size_t n,
	void (*put)(struct json *, const Footprint__Manifest *, size_t))
{
	json_newline(j);
	json_key(j, key);
	json_begin(j, '[');
	for (size_t i = 0; i < n; i++) {
		json_newline(j);
		json_begin(j, '{');
		put(j, m, i);
		json_end(j, '}');
	}
	json_end(j, ']');
}

void manifest_write_json(const Footprint__Manifest *m, FILE *out)
{
	struct json j = { .out = out };

	json_begin(&j, '{');
	json_key(&j, "schema");
	json_put_number(&j, m->schema);
	json_key(&j, "app");
	json_put_text(&j, m->application);
	json_key(&j, "version");
	json_put_text(&j, m->version);
	json_key(&j, "complete");
	json_put_bool(&j, view_is_complete(m));
	put_list(&j, m, "gaps", m->n_gaps, json_put_gap);
	put_list(&j, m, "runs", m->n_runs, put_run);
	put_list(&j, m, "files", m->n_files, put_file);
	put_list(&j, m, "executables", m->n_executables, json_put_executable);
	put_list(&j, m, "libraries", m->n_libraries, json_put_library);
	put_list(&j, m, "endpoints", m->n_endpoints, json_put_endpoint);
	put_list(&j, m, "missing", m->n_missing, json_put_missing);
	json_end(&j, '}');
	fputc('\n', out);
}
