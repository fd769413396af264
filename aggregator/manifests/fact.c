#include "aggregator/manifests/fact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/aggregator.h"
#include "aggregator/log.h"
#include "aggregator/manifests/apply.h"
#include "aggregator/manifests/library.h"
#include "aggregator/manifests/program.h"
#include "aggregator/roots/lexical.h"
#include "lib/base/cleanup.h"
#include "lib/base/hash.h"

struct fact *fact_new(struct session *session, enum fact_kind kind)
{
	struct fact *fact = calloc(1, sizeof(*fact));

	if (!fact)
		return NULL;
	fact->kind = kind;
	fact->session = session_ref(session);
	return fact;
}

void fact_free(struct fact *fact)
{
	if (!fact)
		return;
	path_unref(fact->path);
	path_unref(fact->other);
	session_unref(fact->session);
	free(fact->text);
	free(fact->detail);
	free(fact);
}

uint32_t fact_units(const struct fact *fact)
{
	uint32_t units = fact->path ? path_units(fact->path) : 1;

	return fact->other ? units + path_units(fact->other) - 1 : units;
}

/* --- how deep to look ------------------------------------------------------------------------- */

static enum look_depth depth_of_path(const struct fact *fact)
{
	switch (fact->kind) {
	case FACT_PATH:
		/* The program has not seen its content, so there is no reason to read 10 GB for a
		 * `find`. */
		return fact->access & ACCESS_READ ? LOOK_CONTENT : LOOK_PATH;
	case FACT_IMAGE:
		return LOOK_PROGRAM;
	case FACT_EXECUTE:
	case FACT_SCRIPT:
		return LOOK_OBJECT;
	case FACT_LOAD:
		/* The closure of a plugin says which libraries came with it. */
		return fact->what == FOOTPRINT__LOADED_BY__LOADED_BY_DLOPEN ? LOOK_PROGRAM
									    : LOOK_OBJECT;
	case FACT_GAP:
		return library_predictable(fact->text) ? LOOK_PROGRAM : LOOK_PATH;
	case FACT_UNOBSERVED:
		return LOOK_OBJECT;
	default:
		return LOOK_PATH;
	}
}

static enum look_depth depth_of_other(const struct fact *fact)
{
	return fact->kind == FACT_IMAGE ? LOOK_OBJECT : LOOK_PATH;
}

enum look_depth fact_depth(const struct fact *fact, const struct path *path)
{
	enum look_depth depth = LOOK_PATH;

	if (path == fact->path)
		depth = depth_of_path(fact);
	if (path == fact->other && depth_of_other(fact) > depth)
		depth = depth_of_other(fact);
	return depth;
}

/* --- applying --------------------------------------------------------------------------------- */

/* A program that was executed in that root has begun after what is mounted there, as a rule; one
 * that has entered it may have come before. */
static int apply_path(struct fact *fact)
{
	const struct session *session = fact->session;
	const struct look *look = fact->path->look;
	struct manifest *m = session->application->manifest;
	int r = apply_outcome(m, look, fact->access, fact->error, session->executable);

	if (r == 0 && look->hidden && !session->begun_in)
		r = apply_outcome(m, look->hidden, fact->access, fact->error, session->executable);
	return r;
}

/* The session took each path for a directory to which later paths may be relative; most are none.
 * One that was listed is one, whatever stands in its place by now. */
static void settle_directory(struct fact *fact)
{
	const struct look *look = fact->path ? fact->path->look : NULL;

	if (fact->directory && !(fact->access & ACCESS_LIST) && look && look->has_state &&
		look->state.type != FOOTPRINT__FILE_TYPE__TYPE_DIRECTORY)
		directories_remove(&fact->session->directories, fact->directory);
}

/* A result that comes later (EINPROGRESS) counts as success for the file of the socket. */
static int apply_socket_file(struct fact *fact)
{
	uint32_t access = fact->what == FOOTPRINT__ENDPOINT_USE__ENDPOINT_BIND
				  ? ACCESS_CREATE
				  : ACCESS_READ | ACCESS_WRITE;
	uint32_t error = fact->error == EINPROGRESS ? 0 : fact->error;

	if (!fact->path)
		return 0;
	return apply_outcome(fact->session->application->manifest, fact->path->look, access, error,
		fact->session->executable);
}

/* The address of an endpoint. That of a socket in the file system is where its path leads. NULL: no
 * memory. The caller frees it. */
static char *endpoint_text(const struct fact *fact)
{
	char *text;

	if (!fact->path)
		return strdup(fact->text);
	return asprintf(&text, "unix:%s", fact->path->look->path) < 0 ? NULL : text;
}

/* The application depends on an address even if nothing has answered there, but not if its name
 * does not exist. */
static int apply_endpoint(struct fact *fact)
{
	enum outcome outcome = outcome_of(fact->error);
	autofree char *text = endpoint_text(fact);
	int r = text ? 0 : -ENOMEM;

	if (fact->path && lexical_left_out(fact->path->look->path))
		return 0;
	if (r == 0 && (outcome == OUTCOME_DONE || outcome == OUTCOME_CHECKED))
		r = manifest_add_endpoint(fact->session->application->manifest,
			(Footprint__EndpointOperation)fact->what, text, fact->session->executable);
	return r == -ENOMEM ? r : apply_socket_file(fact);
}

/* The key of a fact: another process of the same program with the same fact adds nothing, which
 * this shows cheaply. 0: the fact has no key, because its kind does more (counts, or changes its
 * session), which has to be done each time. */
static uint64_t key_of(const struct fact *fact)
{
	const uint64_t parts[] = {
		fact->kind,
		fact->access,
		fact->error,
		fact->what,
		fact->path->look->serial,
		fact->session->program->serial,
	};
	static const uint64_t key[2] = { 0x9b1c2f6e0d3a5877ull, 0x51f42ce0a7b6d913ull };

	return hash_siphash13(key, parts, sizeof(parts)) | 1;
}

static bool repeats(const struct fact *fact)
{
	if (fact->kind == FACT_LOAD)
		return fact->what == FOOTPRINT__LOADED_BY__LOADED_BY_START;
	return fact->kind == FACT_PATH || fact->kind == FACT_EXECUTE || fact->kind == FACT_INVOKED;
}

/* Adds the libraries that a program which cannot be watched should need: once, even if it runs a
 * thousand times. */
static int predict_libraries(struct fact *fact)
{
	struct application *application = fact->session->application;
	uint64_t key = fact->session->program ? key_of(fact) : 0;
	int r;

	if (key && applied_has(&application->applied, key))
		return 0;
	r = library_predict(fact);
	if (r == 0 && key)
		applied_note(&application->applied, key);
	return r;
}

static int apply_gap(struct fact *fact)
{
	autofree char *program = fact->path ? apply_program_name(fact->path->look) : NULL;
	const char *path = fact->path ? program : fact->session->executable;
	int r;

	if (fact->path && !program)
		return -ENOMEM;
	r = run_gap(fact->session->application, fact->text, path, fact->detail, fact->times);
	return r == 0 && fact->path && library_predictable(fact->text) ? predict_libraries(fact)
								       : r;
}

static int apply_kind(struct fact *fact)
{
	switch (fact->kind) {
	case FACT_IMAGE:
		return program_apply_image(fact);
	case FACT_SCRIPT:
		return program_apply_script(fact);
	case FACT_INVOKED:
		return program_apply_invoked(fact);
	case FACT_PATH:
		return apply_path(fact);
	case FACT_EXECUTE:
		return program_apply(fact);
	case FACT_LOAD:
		return library_apply(fact);
	case FACT_ENDPOINT:
		return apply_endpoint(fact);
	case FACT_UNOBSERVED:
		return library_apply_unobserved(fact);
	default:
		return apply_gap(fact);
	}
}

/* Why we could not look where the process could, in the words of a gap. NULL: we could, or there is
 * nothing. */
static const char *why_not_seen(int error)
{
	switch (error) {
	case -EACCES:
	case -EPERM:
		return "directories that footprintd may not look into: paths there are as the "
		       "program gave them";
	case -EIO:
	case -ESTALE:
	case -ETIMEDOUT:
		return "a file system that cannot be read: paths there are as the program gave "
		       "them";
	default:
		return NULL;
	}
}

static const char *not_seen(const struct fact *fact)
{
	const struct path *paths[] = { fact->path, fact->other };
	const char *why = NULL;

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths) && !why && !fact->error; i++)
		if (paths[i] && paths[i]->look)
			why = paths[i]->look->unmounted
				      ? "on a mount that is gone: paths there are as the program "
					"gave them"
				      : why_not_seen(paths[i]->look->error);
	return why;
}

/* Could nobody look at one of its paths, for this fact or for another one? In the words of a gap;
 * NULL: that is not so. */
static const char *guess_of(const struct fact *fact)
{
	const char *guess = fact->guess;

	if (!guess && fact->path && fact->path->look)
		guess = fact->path->look->guess;
	if (!guess && fact->other && fact->other->look)
		guess = fact->other->look->guess;
	return guess;
}

/* In a root that nobody can look into, only the text of paths is known: that is a gap. So is a
 * library whose requester is not known, because what a program or plugin needs could not be found
 * out. */
static int note_unresolved(struct fact *fact)
{
	struct application *application = fact->session->application;
	const struct look *look = fact->path ? fact->path->look : NULL;
	const char *guess = guess_of(fact), *unseen = not_seen(fact);
	int r = 0;

	if (fact->kind == FACT_IMAGE && !fact->session->root->known)
		r = run_gap(application, "unresolved", fact->session->executable,
			"its root directory is not known: paths are as the program gave them", 1);
	if (r == 0 && guess)
		r = run_gap(application, "unresolved", fact->session->executable, guess, 1);
	if (r == 0 && unseen)
		r = run_gap(application, "unresolved", fact->session->executable, unseen, 1);
	if (r == 0 && (fact->kind == FACT_IMAGE || fact->kind == FACT_LOAD) && look &&
		look->trouble) {
		log_note("%s: its libraries: %s", look->path, look->trouble);
		r = run_gap(application, "unresolved", look->path, look->trouble, 1);
	}
	return r;
}

int fact_apply(struct fact *fact)
{
	struct application *application = fact->session->application;
	int r = application_is_full(application);
	uint64_t key;

	settle_directory(fact);
	if (r != 0)
		return r < 0 ? r : 0;
	application->dirty = true;
	key = repeats(fact) ? key_of(fact) : 0;
	if (key && applied_has(&application->applied, key))
		return 0;
	r = apply_kind(fact);
	if (r == 0 && fact->kind != FACT_INVOKED) /* a text of the program's: perhaps no path */
		r = note_unresolved(fact);
	if (r == 0 && key)
		applied_note(&application->applied, key);
	return r;
}
