#include "aggregator/sessions/deferred.h"

#include <errno.h>
#include <stdlib.h>

#include "aggregator/aggregator.h"
#include "aggregator/sessions/ingest.h"

struct deferred {
	TAILQ_ENTRY(deferred) link;
	Footprint__Record *record;
	uint64_t since_ms;
};

static void detach(struct session *session, struct deferred *deferred)
{
	TAILQ_REMOVE(&session->deferred, deferred, link);
	session->n_deferred--;
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

	if (session->n_deferred >= DEFERRED_MAX)
		return session_gap(session, "unresolved", NULL, "relative to unknown directories");
	deferred = calloc(1, sizeof(*deferred));
	if (!deferred)
		return -ENOMEM;
	r = record_unpack(payload, size, &deferred->record, NULL);
	if (r < 0) {
		free(deferred);
		return r;
	}
	deferred->since_ms = uv_now(&session->daemon->loop);
	TAILQ_INSERT_TAIL(&session->deferred, deferred, link);
	session->n_deferred++;
	return 0;
}

uint64_t deferred_since(const struct session *session)
{
	const struct deferred *deferred;
	uint64_t since = UINT64_MAX;

	TAILQ_FOREACH(deferred, &session->deferred, link)
		if (deferred->since_ms < since)
			since = deferred->since_ms;
	return since;
}

/* A record may itself name the directory of another, so this goes round until nothing moves. */
int deferred_take_up(struct session *session)
{
	struct deferred *deferred = TAILQ_FIRST(&session->deferred);

	while (deferred) {
		int r;

		if (!directories_find(&session->directories, deferred->record->directory)) {
			deferred = TAILQ_NEXT(deferred, link);
			continue;
		}
		detach(session, deferred);
		r = ingest_record(session, deferred->record);
		if (r == -ENOMEM) {
			TAILQ_INSERT_HEAD(&session->deferred, deferred, link);
			session->n_deferred++;
			return r;
		}
		deferred_free(deferred);
		deferred = TAILQ_FIRST(&session->deferred);
	}
	session->n_looked = session->directories.n_added;
	return 0;
}

int deferred_settle(struct session *session)
{
	while (session->n_deferred) {
		struct deferred *deferred = TAILQ_FIRST(&session->deferred);

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

	while ((deferred = TAILQ_FIRST(&session->deferred))) {
		detach(session, deferred);
		deferred_free(deferred);
	}
}
