#include "aggregator/sessions/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/aggregator.h"
#include "aggregator/log.h"
#include "aggregator/manifests/fact.h"
#include "aggregator/policy.h"
#include "aggregator/sessions/deferred.h"
#include "aggregator/sessions/ingest.h"
#include "aggregator/sessions/session_parts.h"
#include "lib/base/cleanup.h"
#include "lib/base/hash.h"

int sessions_init(struct aggregator *daemon)
{
	struct sessions *sessions = &daemon->sessions;

	TAILQ_INIT(&sessions->live);
	TAILQ_INIT(&sessions->ending);
	TAILQ_INIT(&sessions->finished);
	sessions->log_states = malloc(SEGMENT_CHUNK_SIZE);
	sessions->log_payloads = malloc(SEGMENT_CHUNK_SIZE);
	return sessions->log_states && sessions->log_payloads ? 0 : -ENOMEM;
}

static struct session_list *list_of(struct session *session)
{
	struct sessions *sessions = &session->daemon->sessions;

	switch (session->state) {
	case SESSION_LIVE:
		return &sessions->live;
	case SESSION_ENDING:
		return &sessions->ending;
	default:
		return &sessions->finished;
	}
}

static void leave_list(struct session *session)
{
	TAILQ_REMOVE(list_of(session), session, link);
	session->daemon->sessions.n_finished -= session->state == SESSION_FINISHED;
}

void session_move(struct session *session, enum session_state state)
{
	leave_list(session);
	session->state = state;
	session->daemon->sessions.n_finished += state == SESSION_FINISHED;
	if (state == SESSION_ENDING)
		session->ending_ms = uv_now(&session->daemon->loop);
	TAILQ_INSERT_TAIL(list_of(session), session, link);
}

/* --- by id ------------------------------------------------------------------------------------ */

static bool id_matches(const void *item, const void *key)
{
	return !memcmp(((const struct session *)item)->id, key, SESSION_ID_SIZE);
}

struct session *session_find(struct aggregator *daemon, const uint8_t id[static SESSION_ID_SIZE])
{
	return index_find(&daemon->sessions.by_id, hash_bytes(id, SESSION_ID_SIZE), id_matches, id);
}

static void session_free(struct session *session)
{
	for (uint32_t i = 0; i < session->n_segments; i++)
		segment_free(session->segments[i]);
	free(session->segments);
	deferred_forget(session);
	session_leave_entered(session);
	free(session->entered);
	plugins_deinit(&session->plugins);
	directories_deinit(&session->directories);
	path_unref(session->executable_path);
	path_unref(session->directory_path);
	look_unref(session->program);
	free(session->executable);
	application_unref(session->application);
	root_unref(session->root);
	free(session);
}

void session_remove(struct session *session)
{
	leave_list(session);
	LIST_REMOVE(session, of_application);
	index_remove(&session->daemon->sessions.by_id, hash_bytes(session->id, SESSION_ID_SIZE),
		session);
	session_free(session);
}

void session_unref(struct session *session)
{
	session->references--;
}

/* --- making ----------------------------------------------------------------------------------- */

static int copy_bytes(const ProtobufCBinaryData *data, char **ret)
{
	*ret = strndup((const char *)data->data, data->len);
	return *ret ? 0 : -ENOMEM;
}

/* Without FOOTPRINT_APP, the application is named after the first program of the container.
 * Programs that follow belong to it. */
static int find_unnamed(struct session *session, const Footprint__Hello *hello, uint32_t user)
{
	struct root *root = session->root;
	autofree char *executable = NULL;
	const char *slash;
	int r;

	if (root->unnamed) {
		session->application = root->unnamed;
		session->application->references++;
		return 0;
	}
	r = copy_bytes(&hello->executable, &executable);
	if (r < 0)
		return r;
	slash = strrchr(executable, '/');
	r = applications_get(session->daemon, user, slash ? slash + 1 : executable,
		hello->application_version, &session->application);
	if (r == 0)
		root->unnamed = session->application;
	return r;
}

static int find_application(struct session *session, const Footprint__Hello *hello, uint32_t user)
{
	if (!*hello->application)
		return find_unnamed(session, hello, user);
	return applications_get(session->daemon, user, hello->application,
		hello->application_version, &session->application);
}

static int find_root(
	struct session *session, const Footprint__Hello *hello, const struct hello_source *source)
{
	if (!source->root)
		return roots_get_by_identity(session->daemon, source->uid, hello, &session->root);
	session->root = source->root;
	session->root->references++;
	return source->entered ? session_begin_in(session, source->entered) : 0;
}

static Footprint__Watched watched_of(Footprint__Watch watch)
{
	switch (watch) {
	case FOOTPRINT__WATCH__WATCH_SUPERVISED:
		return FOOTPRINT__WATCHED__WATCHED_SUPERVISED;
	case FOOTPRINT__WATCH__WATCH_NONE:
		return FOOTPRINT__WATCHED__WATCHED_NONE;
	default:
		return FOOTPRINT__WATCHED__WATCHED_PRELOAD;
	}
}

static int session_fill(
	struct session *session, const Footprint__Hello *hello, const struct hello_source *source)
{
	int r;

	memcpy(session->id, hello->session.data, SESSION_ID_SIZE);
	session->started_ns = hello->started_ns;
	session->watched = watched_of(hello->watched);
	r = find_root(session, hello, source);
	return r < 0 ? r : find_application(session, hello, source->uid);
}

static int session_register(struct session *session, const Footprint__Hello *hello)
{
	struct sessions *sessions = &session->daemon->sessions;
	uint32_t hash = hash_bytes(session->id, SESSION_ID_SIZE);
	int r;

	r = index_add(&sessions->by_id, hash, session);
	if (r < 0)
		return r;
	run_join(session->application, hello->host, session->started_ns);
	run_could_not_keep(session->application, session->started_ns, session->daemon->unkept_ns);
	ledger_recall(session);
	/* The hello comes last, because from then on a fact in a queue refers to the session. */
	r = atlas_recall(session);
	if (r == 0)
		r = ingest_hello(session, hello);
	if (r < 0) {
		index_remove(&sessions->by_id, hash, session);
		run_session_ended(session->application, 0);
		return r;
	}
	session->state = SESSION_ENDING;
	TAILQ_INSERT_TAIL(&sessions->ending, session, link);
	LIST_INSERT_HEAD(&session->application->sessions, session, of_application);
	session->daemon->counters.sessions++;
	return 0;
}

static int session_new(struct aggregator *daemon, const Footprint__Hello *hello,
	const struct hello_source *source, struct session **ret)
{
	struct session *session = calloc(1, sizeof(*session));
	int r;

	if (!session)
		return -ENOMEM;
	session->daemon = daemon;
	deferred_init(session);
	r = session_fill(session, hello, source);
	if (r == 0)
		r = session_register(session, hello);
	if (r < 0) {
		session_free(session);
		return r;
	}
	*ret = session;
	return 0;
}

int session_get(struct aggregator *daemon, const Footprint__Hello *hello,
	const struct hello_source *source, struct session **ret)
{
	struct session *session = session_find(daemon, hello->session.data);

	if (!policy_allows_uid(&daemon->options, source->uid))
		return -EACCES;
	if (!session)
		return session_new(daemon, hello, source, ret);
	/* The user may be another one than before: a server may give up root. That is no danger,
	 * since the id is a secret: 128 random bits, in memory and files that nobody else may
	 * read. */
	if (session->dropped)
		return -ECANCELED;
	/* It had ended, and what it left in the spool comes now: it will end once more. */
	if (session->state == SESSION_FINISHED) {
		run_join(session->application, hello->host, session->started_ns);
		session_move(session, SESSION_ENDING);
	}
	*ret = session;
	return 0;
}

/* --- gaps ------------------------------------------------------------------------------------- */

int session_gaps(struct session *session, const char *kind, const char *path, const char *detail,
	uint64_t times)
{
	struct fact *fact = fact_new(session, FACT_GAP);

	if (!fact)
		return -ENOMEM;
	fact->times = times;
	fact->text = strdup(kind);
	fact->detail = strdup(detail);
	if (path)
		fact->path = root_path(
			session->root, &(struct path_name){ .raw = path, .follow = true });
	if (!fact->text || !fact->detail || (path && !fact->path)) {
		fact_free(fact);
		return -ENOMEM;
	}
	root_push(session->root, fact);
	return 0;
}

int session_gap(struct session *session, const char *kind, const char *path, const char *detail)
{
	return session_gaps(session, kind, path, detail, 1);
}

void session_drop(struct session *session, const struct error *err)
{
	if (session->dropped)
		return;
	session->dropped = true;
	session->daemon->counters.dropped++;
	log_note("session of %s: dropped: %s", session->application->name, err->text);
	if (session_gap(session, "dropped-session", NULL, err->text) < 0)
		session->daemon->counters.no_memory++;
}

/* --- the end of all --------------------------------------------------------------------------- */

void sessions_deinit(struct aggregator *daemon)
{
	struct sessions *sessions = &daemon->sessions;
	struct session_list *lists[] = { &sessions->live, &sessions->ending, &sessions->finished };
	struct session *session;

	for (size_t i = 0; i < 3; i++)
		while ((session = TAILQ_FIRST(lists[i])))
			session_remove(session);
	index_deinit(&sessions->by_id);
	free(sessions->log_states);
	free(sessions->log_payloads);
}
