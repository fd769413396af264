#include "aggregator/manifests/library.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/aggregator.h"
#include "aggregator/manifests/apply.h"
#include "aggregator/roots/lexical.h"

static int add_loader(struct session *session, const struct look *library, Footprint__Loaded loaded,
	const char *requester)
{
	int r = manifest_add_loader(session->application->manifest, library->path,
		session->executable, loaded, requester);

	return r == -ENOMEM ? r : 0;
}

static const char *requester_of(const struct look *program, const struct elf_object *object)
{
	return program->closure.objects[object->requester].path;
}

/* The requester of a library that was loaded at the start, but not from where the closure has it
 * (because of LD_LIBRARY_PATH, LD_PRELOAD, or another file with that name): the object that needs
 * this name, or nobody. */
static const char *requester_by_name(const struct look *program, const struct look *library)
{
	const char *base = strrchr(library->path, '/');

	for (size_t i = 1; i < program->closure.n_objects; i++) {
		const struct elf_object *object = &program->closure.objects[i];

		if (!object->name)
			continue;
		if ((library->elf.soname && !strcmp(object->name, library->elf.soname)) ||
			(base && !strcmp(object->name, base + 1)))
			return requester_of(program, object);
	}
	return NULL;
}

/* --- what comes with dlopen ------------------------------------------------------------------- */

static int keep(struct look ***list, unsigned *n, struct look *look)
{
	struct look **grown;

	for (unsigned i = 0; i < *n; i++)
		if ((*list)[i] == look)
			return 0;
	if (*n >= PLUGINS_MAX)
		return 0;
	grown = reallocarray(*list, *n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	*list = grown;
	(*list)[(*n)++] = look_ref(look);
	return 0;
}

/* Makes the dlopened object the requester of the follower, if it needs that. 1: it does; 0: it does
 * not. */
static int explain(struct session *session, const struct look *opened, const struct look *follower)
{
	const struct elf_object *object = look_closure_find(opened, follower->path);
	int r;

	if (!object)
		return 0;
	r = add_loader(
		session, follower, FOOTPRINT__LOADED__LOADED_DLOPEN, requester_of(opened, object));
	return r < 0 ? r : 1;
}

static int add_opened(struct session *session, struct fact *fact)
{
	struct plugins *plugins = &session->plugins;
	const struct look *requester = fact->other ? fact->other->look : NULL;

	if (add_loader(session, fact->path->look, FOOTPRINT__LOADED__LOADED_DLOPEN,
		    requester ? requester->path : NULL) < 0)
		return -ENOMEM;
	for (unsigned i = 0; i < plugins->n_followers; i++)
		if (explain(session, fact->path->look, plugins->followers[i]) < 0)
			return -ENOMEM;
	return keep(&plugins->opened, &plugins->n_opened, fact->path->look);
}

static int add_follower(struct session *session, struct fact *fact)
{
	struct plugins *plugins = &session->plugins;

	for (unsigned i = 0; i < plugins->n_opened; i++)
		if (explain(session, plugins->opened[i], fact->path->look) < 0)
			return -ENOMEM;
	return keep(&plugins->followers, &plugins->n_followers, fact->path->look);
}

/* Was it opened itself, or does something that was opened need it? The dynamic linker is seen to
 * map an object before it is known which one the dlopen call named. */
static bool is_explained(const struct plugins *plugins, const char *path)
{
	for (unsigned i = 0; i < plugins->n_opened; i++)
		if (!strcmp(plugins->opened[i]->path, path) ||
			look_closure_find(plugins->opened[i], path))
			return true;
	return false;
}

int library_settle(struct session *session)
{
	struct plugins *plugins = &session->plugins;

	for (unsigned i = 0; i < plugins->n_followers; i++) {
		const struct look *follower = plugins->followers[i];

		if (!is_explained(plugins, follower->path) &&
			add_loader(session, follower, FOOTPRINT__LOADED__LOADED_DLOPEN, NULL) < 0)
			return -ENOMEM;
	}
	plugins_deinit(plugins);
	return 0;
}

void plugins_deinit(struct plugins *plugins)
{
	for (unsigned i = 0; i < plugins->n_opened; i++)
		look_unref(plugins->opened[i]);
	for (unsigned i = 0; i < plugins->n_followers; i++)
		look_unref(plugins->followers[i]);
	free(plugins->opened);
	free(plugins->followers);
	*plugins = (struct plugins){ 0 };
}

/* --- loads ------------------------------------------------------------------------------------ */

int library_describe(
	struct manifest *m, const struct look *library, uint32_t access, const char *by)
{
	struct library_info info = {
		.soname = library->elf.soname,
		.build_id = library->elf.build_id,
		.needed = (const char *const *)library->elf.needed,
		.n_needed = library->elf.n_needed,
	};

	if (apply_use(m, library, access, by) < 0 ||
		manifest_set_library(m, library->path, &info) == -ENOMEM)
		return -ENOMEM;
	return 0;
}

static int add_reason(struct session *session, struct fact *fact)
{
	const struct look *library = fact->path->look;
	const struct elf_object *object = look_closure_find(session->program, library->path);

	if (object)
		return add_loader(session, library, FOOTPRINT__LOADED__LOADED_NEEDED,
			requester_of(session->program, object));
	if (fact->what == FOOTPRINT__LOADED_BY__LOADED_BY_DLOPEN)
		return add_opened(session, fact);
	if (fact->what == FOOTPRINT__LOADED_BY__LOADED_BY_NEEDED)
		return add_follower(session, fact);
	return add_loader(session, library, FOOTPRINT__LOADED__LOADED_NEEDED,
		requester_by_name(session->program, library));
}

/* Such a library in a program that is not Go's is not redirected (preload/sites/sites_go.h). */
static int note_raw_calls(struct session *session, const struct look *library)
{
	return library->elf.is_go ? run_gap(session->application, "raw-syscall", library->path,
					    "a Go library makes system calls past libc", 1)
				  : 0;
}

int library_apply(struct fact *fact)
{
	struct session *session = fact->session;
	struct manifest *m = session->application->manifest;
	const struct look *library = fact->path->look;

	if (outcome_of(fact->error) != OUTCOME_DONE)
		return apply_outcome(m, library, ACCESS_LOAD, fact->error, session->executable);
	if (lexical_left_out(library->path))
		return 0;
	if (library_describe(m, library, ACCESS_LOAD, session->executable) < 0 ||
		note_raw_calls(session, library) < 0)
		return -ENOMEM;
	return add_reason(session, fact);
}

/* --- what nobody saw -------------------------------------------------------------------------- */

bool library_predictable(const char *gap)
{
	return !strcmp(gap, "setuid-program") || !strcmp(gap, "foreign-program");
}

static int push_unobserved(
	const struct fact *gap, const struct look *program, const struct elf_object *object)
{
	struct fact *fact = fact_new(gap->session, FACT_UNOBSERVED);

	if (!fact)
		return -ENOMEM;
	fact->path = root_path(
		gap->session->root, &(struct path_name){ .raw = object->path, .follow = true });
	fact->text = strdup(program->path);
	fact->detail = strdup(requester_of(program, object));
	if (!fact->path || !fact->text || !fact->detail) {
		fact_free(fact);
		return -ENOMEM;
	}
	root_push(gap->session->root, fact);
	return 0;
}

int library_predict(struct fact *gap)
{
	const struct look *program = gap->path->look;
	int r = 0;

	for (size_t i = 1; r == 0 && i < program->closure.n_objects; i++)
		if (program->closure.objects[i].path)
			r = push_unobserved(gap, program, &program->closure.objects[i]);
	return r;
}

int library_apply_unobserved(struct fact *fact)
{
	struct manifest *m = fact->session->application->manifest;
	const struct look *library = fact->path->look;

	if (library->error || lexical_left_out(library->path))
		return 0;
	if (library_describe(m, library, ACCESS_UNOBSERVED, fact->text) < 0 ||
		manifest_add_loader(m, library->path, fact->text,
			FOOTPRINT__LOADED__LOADED_UNOBSERVED, fact->detail) == -ENOMEM)
		return -ENOMEM;
	return 0;
}
