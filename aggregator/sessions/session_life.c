/*
 * A session's life: it is live while a socket speaks for it, ending until all that it said has been
 * applied, and finished for as long as a spool file may still hold something of it. Then it is
 * forgotten.
 */
#include "aggregator/aggregator.h"
#include "aggregator/clock.h"
#include "aggregator/sessions/deferred.h"
#include "aggregator/sessions/session_parts.h"

/* How long a finished session is remembered. Its spool entry may come after its end: late if the
 * spool is read slowly, but we do not wait for ever for somebody who keeps a spool file locked. */
#define SESSION_REMEMBERED_MS	  30000
#define SESSION_REMEMBERED_MS_MAX 300000
/* Nor are more remembered than this: a spool file can name as many as it has room for. What comes
 * later of those that are forgotten before their time is counted once more. */
#define SESSIONS_REMEMBERED_MAX 65536u
/* For so long, a session that has ended waits for the spool to be read. */
#define NAMING_PATIENCE_MS 2500
/* So long, the end of the daemon waits for the spool to be read after a session's end. */
#define SPOOL_PATIENCE_MS 100

/* A time in the future cannot be right. */
void session_lived_until(struct session *session, uint64_t time_ns)
{
	uint64_t now = clock_now_ns();

	if (time_ns > now)
		time_ns = now;
	if (time_ns > session->ended_ns)
		session->ended_ns = time_ns;
}

/* --- sockets ---------------------------------------------------------------------------------- */

void session_attach(struct session *session)
{
	if (session->state != SESSION_LIVE)
		session_move(session, SESSION_LIVE);
	session->held = false; /* its spool files may come later */
	session->sockets++;
	session->met = true;
	session->references++;
}

/* Reads the final counters of its memories, where nobody writes any more. */
static void look_at_memories(struct session *session)
{
	for (uint32_t i = 0; i < session->n_segments; i++)
		if (session->segments[i])
			segment_look(session->segments[i]);
}

void session_detach(struct session *session)
{
	session->references--;
	if (--session->sockets)
		return;
	session_move(session, SESSION_ENDING);
	session_lived_until(session, clock_now_ns());
	session->ended_tick = fp_tick();
	look_at_memories(session);
	journal_keep(session);
	session_read_to_end(session);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void close_memories(struct session *session)
{
	for (uint32_t i = 0; i < session->n_segments; i++) {
		struct segment *segment = session->segments[i];

		if (segment)
			memory_close(&segment->memory);
	}
}

/* Is what its records are relative to perhaps in the spool, where its process has put it before it
 * ended? */
static bool may_be_named(const struct session *session)
{
	return uv_now(&session->daemon->loop) - session->ending_ms < NAMING_PATIENCE_MS &&
	       !spool_read_since(session->daemon, session->ending_ms);
}

/* Has somebody seen that none of its processes lives any more? Of a session that is only known by
 * its spool files, nobody has, nor of one whose processes do not share a connection. */
static bool end_was_seen(const struct session *session)
{
	return session->state != SESSION_LIVE && session->met && !session->scattered;
}

/* 0: it has not ended, as far as is known. */
static uint32_t ended_tick(const struct session *session)
{
	uint32_t tick = pool_ended_tick(session);

	return tick ? tick : end_was_seen(session) ? session->ended_tick : 0;
}

bool session_ended_before(const struct session *session, uint32_t tick)
{
	uint32_t ended = ended_tick(session);

	return tick && ended && fp_tick_is_before(ended, tick);
}

/* Finishes a session that no socket speaks for, if everything was read and applied, and nothing
 * waits. */
static void finish(struct session *session)
{
	if (session->unread) {
		session_read_to_end(session);
		if (session->unread)
			return;
	}
	if (session->deferred.n) {
		if (may_be_named(session) || deferred_settle(session) < 0)
			return;
		root_pump(session->root);
	}
	if (session_settle_torn(session) < 0)
		return;
	if (session->references || session->daemon->roots.frozen || library_settle(session) < 0)
		return;
	close_memories(session);
	session_leave_entered(session);
	pool_finished(session);
	session->finished_ms = uv_now(&session->daemon->loop);
	if (session->ending_ms > session->daemon->sessions.ended_ms)
		session->daemon->sessions.ended_ms = session->ending_ms;
	if (!end_was_seen(session))
		session->daemon->sessions.unseen_ms = session->finished_ms;
	run_session_ended(session->application, session->ended_ns);
	session_move(session, SESSION_FINISHED);
}

void sessions_settle(struct aggregator *daemon)
{
	struct session *session = TAILQ_FIRST(&daemon->sessions.ending);

	while (session) {
		struct session *next = TAILQ_NEXT(session, link);

		/* Sessions from spool files end when these files have been read. */
		if (!session->held)
			finish(session);
		session = next;
	}
}

/* --- time ------------------------------------------------------------------------------------- */

static bool may_be_forgotten(const struct session *session)
{
	const struct aggregator *daemon = session->daemon;
	uint64_t since = uv_now(&daemon->loop) - session->finished_ms;

	if (session->references || session->vigils)
		return false;
	return daemon->sessions.n_finished > SESSIONS_REMEMBERED_MAX ||
	       since > (end_was_seen(session) ? SESSION_REMEMBERED_MS_MAX : SESSION_AWAY_MS_MAX) ||
	       !spool_holds_since(daemon, session->finished_ms + 2 * TICK_MS);
}

static void forget_finished(struct aggregator *daemon)
{
	uint64_t now = uv_now(&daemon->loop);
	struct session *session = TAILQ_FIRST(&daemon->sessions.finished);

	while (session && (now - session->finished_ms >= SESSION_REMEMBERED_MS ||
				  daemon->sessions.n_finished > SESSIONS_REMEMBERED_MAX)) {
		struct session *next = TAILQ_NEXT(session, link);

		if (may_be_forgotten(session))
			session_remove(session);
		else if (!session->vigils)
			return; /* those behind it wait for the same */
		session = next;
	}
}

void sessions_tick(struct aggregator *daemon)
{
	struct session *session;

	pools_look(daemon);
	TAILQ_FOREACH(session, &daemon->sessions.live, link) {
		if (daemon->roots.n_queued >= FACTS_QUEUED_MAX)
			break;
		session_read(session);
	}
	sessions_settle(daemon);
	forget_finished(daemon);
}

uint64_t sessions_ending_since(const struct aggregator *daemon)
{
	const struct session *session;
	uint64_t oldest = UINT64_MAX;

	TAILQ_FOREACH(session, &daemon->sessions.ending, link)
		if (session->met && session->ending_ms < oldest)
			oldest = session->ending_ms;
	return oldest;
}

/* One that has ended may have left something in the spool just before. */
bool session_may_say_more(const struct session *session)
{
	return !end_was_seen(session) || !spool_read_since(session->daemon, session->ending_ms);
}

bool session_may_be_read(const struct session *session)
{
	return session_may_say_more(session) || (session->spooled && spool_stays(session->daemon));
}

static bool any_may_say_more(const struct session_list *list)
{
	const struct session *session;

	TAILQ_FOREACH(session, list, link)
		if (session_may_say_more(session))
			return true;
	return false;
}

bool sessions_may_return(const struct aggregator *daemon)
{
	const struct sessions *sessions = &daemon->sessions;

	return any_may_say_more(&sessions->live) || any_may_say_more(&sessions->ending) ||
	       any_may_say_more(&sessions->finished) || ledger_awaits_sessions(daemon) ||
	       (sessions->unseen_ms &&
		       uv_now(&daemon->loop) - sessions->unseen_ms < SESSION_AWAY_MS_MAX);
}

bool sessions_busy(const struct aggregator *daemon)
{
	uint64_t ended_ms = daemon->sessions.ended_ms;

	return !TAILQ_EMPTY(&daemon->sessions.ending) ||
	       (uv_now(&daemon->loop) - ended_ms < SPOOL_PATIENCE_MS &&
		       !spool_read_since(daemon, ended_ms));
}
