/*
 * Acknowledging: a process keeps what it said until a manifest on disk has it. A snapshot first
 * notes how far each log has been applied, and tells the memories once it is on disk.
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
