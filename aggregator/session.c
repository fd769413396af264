#include "aggregator/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/aggregator.h"
#include "aggregator/clock.h"
#include "aggregator/fact.h"
#include "aggregator/ingest.h"
#include "aggregator/log.h"
#include "aggregator/policy.h"
#include "lib/base/cleanup.h"
#include "lib/base/hash.h"

/* How long a finished session is remembered: its spool entry may come after its end, late where the
 * spool is read slowly, but not for as long as somebody keeps a file of it locked. */
#define SESSION_REMEMBERED_MS	  30000
#define SESSION_REMEMBERED_MS_MAX 300000

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

static void move(struct session *session, enum session_state state)
{
	TAILQ_REMOVE(list_of(session), session, link);
	session->state = state;
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
	ingest_forget(session);
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

static void session_remove(struct session *session)
{
	TAILQ_REMOVE(list_of(session), session, link);
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

/* Without FOOTPRINT_APP the first program of the container names the application, and those that
 * follow belong to it. */
static int find_unnamed(struct session *session, const Footprint__Hello *hello)
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
	r = applications_get(session->daemon, slash ? slash + 1 : executable,
		hello->application_version, &session->application);
	if (r == 0)
		root->unnamed = session->application;
	return r;
}

static int find_application(struct session *session, const Footprint__Hello *hello)
{
	if (!*hello->application)
		return find_unnamed(session, hello);
	return applications_get(session->daemon, hello->application, hello->application_version,
		&session->application);
}

static int find_root(
	struct session *session, const Footprint__Hello *hello, const struct hello_source *source)
{
	if (!source->root)
		return roots_get_by_identity(
			session->daemon, hello->root_device, hello->root_inode, &session->root);
	session->root = source->root;
	session->root->references++;
	return 0;
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
	session->uid = source->uid;
	session->started_ns = hello->started_ns;
	session->watched = watched_of(hello->watched);
	r = find_root(session, hello, source);
	return r < 0 ? r : find_application(session, hello);
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
	ledger_recall(session);
	r = ingest_hello(session, hello);
	if (r == 0)
		r = atlas_recall(session);
	if (r < 0) {
		index_remove(&sessions->by_id, hash, session);
		run_session_ended(session->application, 0);
		return r;
	}
	session->state = SESSION_ENDING;
	TAILQ_INSERT_TAIL(&sessions->ending, session, link);
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
	TAILQ_INIT(&session->deferred);
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
	if (session->uid != source->uid || session->dropped)
		return -EACCES;
	/* What it left behind comes after its end: it ends once more. */
	if (session->state == SESSION_FINISHED) {
		run_join(session->application, hello->host, session->started_ns);
		move(session, SESSION_ENDING);
	}
	*ret = session;
	return 0;
}

/* --- gaps ------------------------------------------------------------------------------------- */

static int gap(struct session *session, const char *kind, const char *path, const char *detail,
	uint64_t times)
{
	struct fact *fact = fact_new(session, FACT_GAP);

	if (!fact)
		return -ENOMEM;
	fact->times = times;
	fact->text = strdup(kind);
	fact->detail = strdup(detail);
	fact->path = path ? root_path(session->root, path, true) : NULL;
	if (!fact->text || !fact->detail || (path && !fact->path)) {
		fact_free(fact);
		return -ENOMEM;
	}
	root_push(session->root, fact);
	return 0;
}

int session_gap(struct session *session, const char *kind, const char *path, const char *detail)
{
	return gap(session, kind, path, detail, 1);
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

/* --- segments --------------------------------------------------------------------------------- */

static int make_room(struct session *session, uint32_t number)
{
	struct segment **grown;

	if (number < session->n_segments)
		return 0;
	if (number >= FP_SEGMENTS_MAX)
		return -EBADMSG;
	grown = reallocarray(session->segments, number + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	while (session->n_segments <= number)
		grown[session->n_segments++] = NULL;
	session->segments = grown;
	return 0;
}

int session_add_memory(
	struct session *session, uint32_t number, struct segment *segment, struct error *err)
{
	int r = make_room(session, number);
	struct segment *before;

	if (r < 0)
		return error_set(err, r, "segment %u: cannot be kept", number);
	before = session->segments[number];
	if (before && before->shared) {
		if (!segment_same(before, segment))
			return error_set(
				err, -EBADMSG, "segment %u: another one than before", number);
		segment_free(segment); /* said again after a reconnect */
		return 0;
	}
	/* Pieces of it that came by value are facts already. */
	if (before) {
		segment->extents = before->extents;
		segment->counted = before->counted;
		before->extents = before->counted = (struct extents){ 0 };
		segment_inherit_execs(segment, before);
		segment_free(before);
	} else if (ledger_recall_segment(session, number, segment) < 0) {
		return error_set(err, -ENOMEM, "segment %u: out of memory", number);
	}
	session->segments[number] = segment;
	return 0;
}

/* One whose log comes by value. */
static int add_segment(struct session *session, uint32_t number)
{
	struct segment *segment = segment_new();
	int r = segment ? ledger_recall_segment(session, number, segment) : -ENOMEM;

	if (r < 0)
		segment_free(segment);
	else
		session->segments[number] = segment;
	return r;
}

int session_add_log(struct session *session, uint32_t number, uint64_t offset, const uint8_t *log,
	size_t size, struct error *err)
{
	int r = make_room(session, number);

	if (r < 0)
		return error_set(err, r, "segment %u: cannot be kept", number);
	if (!session->segments[number] && add_segment(session, number) < 0)
		return error_set(err, -ENOMEM, "segment %u: out of memory", number);
	return segment_add_log(session, session->segments[number], offset, log, size, err);
}

void session_counted(struct session *session)
{
	session->uncounted = session->application->dirty = true;
}

/* Forks are counted in every segment, lost records in one. */
static void count(struct session *session)
{
	struct run *run = &session->application->run;
	uint64_t processes = 1, lost = 0;

	for (uint32_t i = 0; i < session->n_segments; i++) {
		const struct segment *segment = session->segments[i];

		if (!segment)
			continue;
		processes = segment->processes > processes ? segment->processes : processes;
		lost += segment->lost;
	}
	if (processes > session->processes) {
		run->processes += processes - session->processes;
		session->processes = processes;
		session_counted(session);
	}
	if (lost > session->lost &&
		gap(session, "lost-records", NULL, "records that could not be kept",
			lost - session->lost) == 0)
		session->lost = lost;
}

/* Nobody has written what comes from the future. */
static void lived_until(struct session *session, uint64_t time_ns)
{
	uint64_t now = clock_now_ns();

	if (time_ns > now)
		time_ns = now;
	if (time_ns > session->ended_ns)
		session->ended_ns = time_ns;
}

void session_add_counts(struct session *session, uint32_t number, const struct spool_entry *entry)
{
	struct segment *segment = number < session->n_segments ? session->segments[number] : NULL;

	if (segment && !segment->shared) {
		if (entry->processes > segment->processes)
			segment->processes = entry->processes;
		if (entry->lost > segment->lost)
			segment->lost = entry->lost;
	}
	lived_until(session, entry->written_ns);
	count(session);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* 0: all there is; 1: more to come, later. */
static int read_segment(struct session *session, struct segment *segment, bool final)
{
	struct error err = { 0 };
	int r = segment_read(session, segment, final, &err);

	if (r == 0)
		r = segment_settle_execs(session, segment, final);
	count(session);
	if (r == -ENOMEM) {
		session->daemon->counters.no_memory++;
		return 1;
	}
	if (r < 0)
		session_drop(session, &err);
	return r > 0;
}

/* Notes up to where the log has become facts, so that it can be acknowledged once these are applied
 * and written. What waits for a directory's name is in no queue: then not yet. */
static void set_mark(struct session *session)
{
	if (session->marked || session->n_deferred || session->state != SESSION_LIVE)
		return;
	for (uint32_t i = 0; i < session->n_segments; i++)
		if (session->segments[i])
			session->segments[i]->marked = segment_ingested(session->segments[i]);
	session->mark_serial = session->daemon->roots.last_serial;
	session->marked = true;
}

void session_read(struct session *session, bool final)
{
	session->unread = false;
	for (uint32_t i = 0; i < session->n_segments && !session->dropped; i++)
		if (session->segments[i] && read_segment(session, session->segments[i], final)) {
			session->unread = true;
			break;
		}
	set_mark(session);
	root_pump(session->root);
}

/* --- the end ---------------------------------------------------------------------------------- */

void session_attach(struct session *session)
{
	if (session->state != SESSION_LIVE)
		move(session, SESSION_LIVE);
	session->sockets++;
	session->met = true;
	session->references++;
}

void session_detach(struct session *session)
{
	session->references--;
	if (--session->sockets)
		return;
	move(session, SESSION_ENDING);
	lived_until(session, clock_now_ns());
	session->unread = true;
	journal_keep(session);
	session_read(session, true);
}

static void close_memories(struct session *session)
{
	for (uint32_t i = 0; i < session->n_segments; i++) {
		struct segment *segment = session->segments[i];

		if (segment)
			memory_close(&segment->memory);
	}
}

/* Brings a session that nobody speaks for to its end: all read, all applied, nothing waiting. */
static void finish(struct session *session)
{
	if (session->unread || !session->met) {
		session_read(session, true);
		if (session->unread)
			return;
	}
	if (session->n_deferred) {
		if (ingest_settle(session) < 0)
			return;
		root_pump(session->root);
	}
	if (session->references || session->daemon->roots.frozen || library_settle(session) < 0)
		return;
	close_memories(session);
	session->finished_ms = uv_now(&session->daemon->loop);
	run_session_ended(session->application, session->ended_ns);
	move(session, SESSION_FINISHED);
}

void sessions_settle(struct aggregator *daemon)
{
	struct session *session = TAILQ_FIRST(&daemon->sessions.ending);

	while (session) {
		struct session *next = TAILQ_NEXT(session, link);

		/* Sessions of spool files go on until their files have been read. */
		if (!session->held)
			finish(session);
		session = next;
	}
}

static bool may_be_forgotten(const struct session *session)
{
	const struct aggregator *daemon = session->daemon;
	uint64_t since = uv_now(&daemon->loop) - session->finished_ms;

	if (session->references || since < SESSION_REMEMBERED_MS)
		return false;
	return since > SESSION_REMEMBERED_MS_MAX ||
	       !spool_holds_since(daemon, session->finished_ms + 2 * TICK_MS);
}

static void forget_finished(struct aggregator *daemon)
{
	struct session *session;

	while ((session = TAILQ_FIRST(&daemon->sessions.finished)) && may_be_forgotten(session))
		session_remove(session);
}

void sessions_tick(struct aggregator *daemon)
{
	struct session *session;

	TAILQ_FOREACH(session, &daemon->sessions.live, link)
	{
		if (daemon->roots.n_queued >= FACTS_QUEUED_MAX)
			break;
		session_read(session, false);
	}
	sessions_settle(daemon);
	forget_finished(daemon);
}

bool sessions_busy(const struct aggregator *daemon)
{
	return !TAILQ_EMPTY(&daemon->sessions.ending);
}

/* --- acknowledging ---------------------------------------------------------------------------- */

void sessions_cover(struct aggregator *daemon)
{
	struct session *session;

	TAILQ_FOREACH(session, &daemon->sessions.live, link)
	{
		bool applied = session->marked && roots_applied(daemon, session->mark_serial);

		for (uint32_t i = 0; i < session->n_segments; i++) {
			struct segment *segment = session->segments[i];

			if (!segment)
				continue;
			if (applied)
				segment->applied = segment->marked;
			segment->covered = segment->applied;
		}
		if (applied)
			session->marked = false;
	}
}

static bool anything_to_acknowledge(const struct session *session)
{
	for (uint32_t i = 0; i < session->n_segments; i++) {
		const struct segment *segment = session->segments[i];

		if (segment && memory_held(&segment->memory) && segment->covered > segment->acknowledged)
			return true;
	}
	return false;
}

static void acknowledge(struct session *session)
{
	/* Not kept: then it is not acknowledged either, and sends all of it again. */
	if (!anything_to_acknowledge(session) || atlas_keep(session) < 0)
		return;
	for (uint32_t i = 0; i < session->n_segments; i++) {
		struct segment *segment = session->segments[i];

		if (segment)
			segment_acknowledge(segment);
	}
}

void sessions_acknowledge(struct aggregator *daemon, const struct application *application)
{
	struct session *session;

	TAILQ_FOREACH(session, &daemon->sessions.live, link)
	if (session->application == application)
		acknowledge(session);
}

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
