/* The roots that a session has entered. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/aggregator.h"
#include "aggregator/peers/receive.h"
#include "aggregator/sessions/ingest.h"
#include "aggregator/sessions/session.h"
#include "aggregator/sessions/session_parts.h"

static bool has(const struct session *session, const struct entered *entered)
{
	for (unsigned i = 0; i < session->n_entered; i++)
		if (session->entered[i] == entered)
			return true;
	return false;
}

/* Takes over the caller's use. 0, -ENOSPC, -ENOMEM. */
static int keep(struct session *session, struct entered *entered)
{
	struct entered **more;

	if (session->n_entered >= ENTERED_SESSION_MAX)
		return -ENOSPC;
	more = reallocarray(session->entered, session->n_entered + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	session->entered = more;
	session->entered[session->n_entered++] = entered;
	return 0;
}

/* The root that has this id. 0; -ENOENT: nobody has named it. */
static int find_from(const struct session *session, uint64_t id, struct entered **ret)
{
	const struct path *path = id ? directories_find(&session->directories, id) : NULL;

	*ret = id ? path ? path->entered : NULL : session->begun_in;
	return id && !path ? -ENOENT : 0;
}

int session_begin_in(struct session *session, struct entered *entered)
{
	int r;

	entered_use(entered);
	r = keep(session, entered);
	if (r < 0) {
		entered_leave(entered);
		return r;
	}
	session->begun_in = entered;
	return 0;
}

/* Has it this root, as far as we know? It says so itself when it enters another one. */
static bool lives_in(
	const struct session *session, const struct root *root, const struct entered *entered)
{
	return session->root == root && session->begun_in == entered && !session->n_crossings;
}

/* The others with that root do not know that they have another one. What they say of it is about
 * other files. (Ends and changes of roots come on different connections, whose order nobody knows.
 * But an end that was seen before the change was one.) 0 or -ENOMEM. */
static int note_others(const struct session *session, const struct entered *from, uint32_t at_tick)
{
	struct sessions *sessions = &session->daemon->sessions;
	struct session_list *lists[] = { &sessions->live, &sessions->ending };
	struct session *other;
	int r = 0;

	for (size_t i = 0; i < 2; i++)
		TAILQ_FOREACH(other, lists[i], link)
			if (r == 0 && other != session && lives_in(other, session->root, from) &&
				!session_ended_before(other, at_tick))
				r = session_gap(other, "unresolved", NULL,
					"another process has changed its root directory "
					"(pivot_root)");
	return r;
}

/* Gives the id its meaning, and makes the session a user of the root. Takes over the caller's use.
 * NULL: it is the container's root. */
static int name_root(struct session *session, uint64_t id, struct entered *entered)
{
	int r = ingest_entered(session, id, entered);

	if (!entered)
		return r;
	if (r == 0 && !has(session, entered) && (r = keep(session, entered)) == 0)
		return 0;
	entered_leave(entered);
	return r;
}

int session_enter(struct session *session, const Footprint__Entered *said,
	struct received *received, struct error *err)
{
	struct entered *from, *entered;
	int r = find_from(session, said->from, &from);

	/* What is said of it waits for its name, and is a gap in the end. */
	if (r < 0 || !session->root->known)
		return 0;
	r = entered_get(session->root, from, received, &entered);
	if (r == 0)
		r = name_root(session, said->id, entered);
	if (r == 0)
		session->n_crossings++;
	if (r == 0 && said->everyone)
		r = note_others(session, from, said->at_tick);
	if (r == 0 || r == -ENOSPC)
		return 0;
	return error_set(err, r, "entered: %s", strerror(-r));
}

void session_leave_entered(struct session *session)
{
	for (unsigned i = 0; i < session->n_entered; i++)
		entered_leave(session->entered[i]);
	session->n_entered = 0;
}
