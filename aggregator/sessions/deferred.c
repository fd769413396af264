#include "aggregator/sessions/deferred.h"

#include <errno.h>
#include <stdlib.h>

#include "aggregator/aggregator.h"
#include "aggregator/sessions/ingest.h"

struct deferred {
	TAILQ_ENTRY(deferred) link; /* all that wait in the session, the oldest first */
	/* The next one that waits for the same directory, or can be taken up. */
	struct deferred *next;
	Footprint__Record *record;
	size_t size; /* bytes of this and the record, about */
	uint64_t since_ms;
};

/* All records that wait for one directory, so that naming it need not search for them. */
struct awaited {
	uint64_t id;
	struct deferred *first;
};

void deferred_init(struct session *session)
{
	TAILQ_INIT(&session->deferred.list);
	session->deferred.awaited = (struct table)TABLE_OF(struct awaited, id);
}

static int await(struct session *session, struct deferred *deferred)
{
	const Footprint__Record *record = deferred->record;
	uint64_t id = record->prefix ? record->prefix : record->directory;
	struct awaited *awaited;
	uint32_t place;

	if (table_add(&session->deferred.awaited, &id, &place) < 0)
		return -ENOMEM;
	awaited = table_at(&session->deferred.awaited, place);
	deferred->next = awaited->first;
	awaited->first = deferred;
	return 0;
}

/* Forgets the directories that nothing waits for any more, or their number would only grow. 0 or
 * -ENOMEM; then nothing has changed. */
static int forget_named(struct session *session)
{
	struct table before = session->deferred.awaited;
	struct table kept = TABLE_OF(struct awaited, id);

	for (uint32_t i = 0; i < before.count; i++) {
		const struct awaited *awaited = table_at(&before, i);
		uint32_t place;

		if (!awaited->first)
			continue;
		if (table_add(&kept, &awaited->id, &place) < 0) {
			table_deinit(&kept);
			return -ENOMEM;
		}
		*(struct awaited *)table_at(&kept, place) = *awaited;
	}
	session->deferred.awaited = kept;
	table_deinit(&before);
	return 0;
}

/* Counts the bytes of one that is added (1) or removed (-1). */
static void count(struct session *session, const struct deferred *deferred, int sign)
{
	uint64_t change = sign > 0 ? deferred->size : -(uint64_t)deferred->size;

	session->deferred.n += (unsigned)sign;
	session->deferred.size += change;
	session->daemon->sessions.deferred_size += change;
}

static void detach(struct session *session, struct deferred *deferred)
{
	TAILQ_REMOVE(&session->deferred.list, deferred, link);
	count(session, deferred, -1);
}

static bool has_share(const struct session *session)
{
	uint64_t all = session->daemon->sessions.deferred_size;

	return session->deferred.n < DEFERRED_MAX && all < DEFERRED_SIZE_MAX &&
	       session->deferred.size < DEFERRED_SIZE_MAX - all;
}

static void deferred_free(struct deferred *deferred)
{
	footprint__record__free_unpacked(deferred->record, NULL);
	free(deferred);
}

int deferred_add(struct session *session, const uint8_t *payload, size_t size)
{
	struct deferred *deferred;
	int r;

	if (!has_share(session))
		return session_gap(session, "unresolved", NULL, "relative to unknown directories");
	if (session->deferred.awaited.count >= 2 * DEFERRED_MAX && forget_named(session) < 0)
		return -ENOMEM;
	deferred = calloc(1, sizeof(*deferred));
	if (!deferred)
		return -ENOMEM;
	r = record_unpack(payload, size, &deferred->record, NULL);
	if (r < 0) {
		free(deferred);
		return r;
	}
	r = await(session, deferred);
	if (r < 0) {
		deferred_free(deferred);
		return r;
	}
	deferred->since_ms = uv_now(&session->daemon->loop);
	deferred->size = sizeof(*deferred) + sizeof(*deferred->record) + size;
	TAILQ_INSERT_TAIL(&session->deferred.list, deferred, link);
	count(session, deferred, 1);
	return 0;
}

uint64_t deferred_since(const struct session *session)
{
	const struct deferred *oldest = TAILQ_FIRST(&session->deferred.list);

	return oldest ? oldest->since_ms : UINT64_MAX;
}

void deferred_call(struct session *session, uint64_t id)
{
	uint32_t place =
		session->deferred.n ? table_find(&session->deferred.awaited, &id) : TABLE_NONE;
	struct awaited *awaited;
	struct deferred *last;

	if (place == TABLE_NONE)
		return;
	awaited = table_at(&session->deferred.awaited, place);
	if (!awaited->first)
		return;
	for (last = awaited->first; last->next; last = last->next)
		;
	last->next = session->deferred.called;
	session->deferred.called = awaited->first;
	awaited->first = NULL;
}

/* Puts a record back. r: -ENOENT: its directory turned out to be none meanwhile, so it waits again;
 * -ENOMEM: it is to be tried again. */
static int put_back(struct session *session, struct deferred *deferred, int r)
{
	TAILQ_INSERT_HEAD(&session->deferred.list, deferred, link);
	count(session, deferred, 1);
	if (r == -ENOENT && await(session, deferred) == 0)
		return 0;
	deferred->next = session->deferred.called;
	session->deferred.called = deferred;
	return -ENOMEM;
}

int deferred_take_up(struct session *session)
{
	int r = 0;

	/* A record may name the directory that others wait for, which are then added to this
	 * list. */
	while (r == 0 && session->deferred.called) {
		struct deferred *deferred = session->deferred.called;

		session->deferred.called = deferred->next;
		detach(session, deferred);
		r = ingest_record(session, deferred->record);
		if (r == -ENAMETOOLONG)
			r = session_gap(session, "unresolved", NULL, "a path too long");
		if (r == -ENOMEM || r == -ENOENT)
			r = put_back(session, deferred, r);
		else
			deferred_free(deferred);
	}
	return r;
}

/* Forgets what the records wait for, but not the records. */
static void forget_awaited(struct session *session)
{
	table_deinit(&session->deferred.awaited);
	session->deferred.called = NULL;
}

int deferred_settle(struct session *session)
{
	forget_awaited(session);
	while (session->deferred.n) {
		struct deferred *deferred = TAILQ_FIRST(&session->deferred.list);

		if (session_gap(session, "unresolved", NULL, "relative to an unknown directory") <
			0)
			return -ENOMEM;
		detach(session, deferred);
		deferred_free(deferred);
	}
	return 0;
}

void deferred_forget(struct session *session)
{
	struct deferred *deferred;

	forget_awaited(session);
	while ((deferred = TAILQ_FIRST(&session->deferred.list))) {
		detach(session, deferred);
		deferred_free(deferred);
	}
}
