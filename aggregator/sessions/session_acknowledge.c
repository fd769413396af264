/*
 * Acknowledging: a process keeps its records until a manifest on disk has them. When a snapshot
 * begins, this notes how far each log has been applied; once the snapshot is on disk, it writes
 * that into the memories.
 */
#include "aggregator/aggregator.h"

void sessions_cover(struct aggregator *daemon)
{
	struct session *session;

	TAILQ_FOREACH(session, &daemon->sessions.live, link) {
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

		if (segment && memory_held(&segment->memory) &&
			segment->covered > segment->acknowledged)
			return true;
	}
	return false;
}

static void acknowledge(struct session *session)
{
	/* If the atlas cannot be written nothing is acknowledged, and the process sends all of it
	 * again. */
	if (!anything_to_acknowledge(session) || atlas_keep(session) < 0)
		return;
	for (uint32_t i = 0; i < session->n_segments; i++) {
		struct segment *segment = session->segments[i];

		if (segment)
			segment_acknowledge(segment);
	}
}

void sessions_acknowledge(const struct application *application)
{
	struct session *session;

	LIST_FOREACH(session, &application->sessions, of_application)
		if (session->state == SESSION_LIVE)
			acknowledge(session);
}
