#include "aggregator/spool/ledger_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/aggregator.h"
#include "aggregator/clock.h"
#include "aggregator/spool/ledger_before.h"

static int add_row(struct ledger_rows *rows, const void *row, size_t size)
{
	if (rows->room - rows->size < size) {
		size_t room = 2 * rows->room + size + 4096;
		uint8_t *grown = realloc(rows->bytes, room);

		if (!grown)
			return -ENOMEM;
		rows->bytes = grown;
		rows->room = room;
	}
	memcpy(rows->bytes + rows->size, row, size);
	rows->size += size;
	return 0;
}

static int add_range(struct ledger_rows *rows, uint32_t segment, uint64_t begin, uint64_t end)
{
	struct row_range row = {
		.kind = ROW_RANGE, .segment = segment, .begin = begin, .end = end
	};

	return add_row(rows, &row, sizeof(row));
}

static int add_segment(struct ledger_rows *rows, uint32_t number, const struct segment *segment)
{
	struct extents counted = { 0 };
	int r = segment_counted(segment, &counted);

	for (unsigned i = 0; r == 0 && i < counted.n; i++)
		r = add_range(rows, number, counted.list[i].begin, counted.list[i].end);
	extents_deinit(&counted);
	/* If there are too many gaps between ranges, our successor counts again what is not written
	 * here. */
	return r == -ENOSPC ? 0 : r;
}

/* Adds what was counted before us of segments that have not been seen again yet, because our rows
 * are all that a successor knows of the session. */
static int add_unspoken(struct ledger_rows *rows, const struct session *session)
{
	const struct ledger *ledger = &session->daemon->ledger;
	const struct known_session *known = ledger_known(session);
	int r = 0;

	for (uint32_t i = 0; known && r == 0 && i < known->n_ranges; i++) {
		const struct known_range *range = &ledger->ranges[known->first_range + i];

		if (range->segment >= session->n_segments || !session->segments[range->segment])
			r = add_range(rows, range->segment, range->begin, range->end);
	}
	return r;
}

static int add_session(struct ledger_rows *rows, struct session *session)
{
	struct row_session row = {
		.kind = ROW_SESSION,
		.imaged = session->imaged,
		.processes = session->processes,
	};
	int r;

	memcpy(row.id, session->id, sizeof(row.id));
	r = add_row(rows, &row, sizeof(row));
	for (uint32_t i = 0; r == 0 && i < session->n_segments; i++)
		if (session->segments[i])
			r = add_segment(rows, i, session->segments[i]);
	if (r == 0)
		r = add_unspoken(rows, session);
	if (r == 0)
		session->uncounted = false;
	return r;
}

int ledger_rows_add_sessions(
	struct ledger_rows *rows, const struct application *application, bool all)
{
	struct session *session;
	int r = 0;

	LIST_FOREACH(session, &application->sessions, of_application)
		if (r == 0 && (all || session->uncounted))
			r = add_session(rows, session);
	return r;
}

static int add_known(
	struct ledger_rows *rows, const struct ledger *ledger, const struct known_session *known)
{
	struct row_session row = {
		.kind = ROW_SESSION,
		.imaged = known->imaged,
		.processes = known->processes,
	};
	int r;

	memcpy(row.id, known->id, sizeof(row.id));
	r = add_row(rows, &row, sizeof(row));
	for (uint32_t i = 0; r == 0 && i < known->n_ranges; i++) {
		const struct known_range *range = &ledger->ranges[known->first_range + i];

		r = add_range(rows, range->segment, range->begin, range->end);
	}
	return r;
}

int ledger_rows_add_absent(struct ledger_rows *rows, const struct ledger *ledger)
{
	const struct row_mark none = { .kind = ROW_MARK, .replaces = NO_FILE_AT_ALL };
	int r = 0;

	for (uint32_t i = 0; r == 0 && ledger->keep_absent && i < ledger->known.count; i++) {
		const struct known_session *known = table_at(&ledger->known, i);

		if (!known->returned)
			r = add_known(rows, ledger, known);
	}
	return r == 0 ? add_row(rows, &none, sizeof(none)) : r;
}

int ledger_rows_add_mark(struct ledger_rows *rows, const struct application *application,
	const struct file_identity *replaces)
{
	const struct run *run = &application->run;
	struct row_mark row = {
		.kind = ROW_MARK,
		.open = !run->open    ? RUN_NOT_OPEN
			: run->unkept ? RUN_OPEN_UNKEPT
				      : RUN_OPEN,
		.started_ns = run->started_ns,
		.lived_ns = run->live ? clock_now_ns() : run->ended_ns,
		.replaces = *replaces,
	};

	memcpy(row.name, application->name, sizeof(row.name));
	memcpy(row.version, application->version, sizeof(row.version));
	memcpy(row.host, run->host, sizeof(row.host));
	return add_row(rows, &row, sizeof(row));
}
