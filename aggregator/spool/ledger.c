#include "aggregator/spool/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aggregator/aggregator.h"
#include "aggregator/clock.h"
#include "aggregator/log.h"
#include "aggregator/spool/ledger_before.h"
#include "aggregator/spool/own_file.h"
#include "aggregator/stop.h"
#include "lib/base/cleanup.h"

#define LEDGER_NEW_NAME	  "counted.new"
#define LEDGER_GROWTH_MAX (8u << 20)

/* --- rows ------------------------------------------------------------------------------------- */

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

/* What was counted of the session before us. NULL: nothing. */
static struct known_session *find_known(const struct session *session)
{
	struct ledger *ledger = &session->daemon->ledger;
	uint32_t place = table_find(&ledger->known, session->id);

	return place == TABLE_NONE ? NULL : table_at(&ledger->known, place);
}

/* Adds what was counted before us of segments that have not been seen again yet, because our rows
 * are all that a successor knows of the session. */
static int add_unspoken(struct ledger_rows *rows, const struct session *session)
{
	const struct ledger *ledger = &session->daemon->ledger;
	const struct known_session *known = find_known(session);
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

/* Adds sessions from before us that have not come back. */
static int add_absent(struct ledger_rows *rows, const struct ledger *ledger)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < ledger->known.count; i++) {
		const struct known_session *known = table_at(&ledger->known, i);
		struct row_session row = {
			.kind = ROW_SESSION,
			.imaged = known->imaged,
			.processes = known->processes,
		};

		if (known->returned)
			continue;
		memcpy(row.id, known->id, sizeof(row.id));
		r = add_row(rows, &row, sizeof(row));
		for (uint32_t j = 0; r == 0 && j < known->n_ranges; j++) {
			const struct known_range *range = &ledger->ranges[known->first_range + j];

			r = add_range(rows, range->segment, range->begin, range->end);
		}
	}
	return r;
}

static int add_mark(struct ledger_rows *rows, const struct application *application,
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

/* all: also sessions of which nothing is new. */
static int add_sessions(struct ledger_rows *rows, const struct application *application, bool all)
{
	struct session *session;
	int r = 0;

	LIST_FOREACH(session, &application->sessions, of_application)
		if (r == 0 && (all || session->uncounted))
			r = add_session(rows, session);
	return r;
}

/* --- the file --------------------------------------------------------------------------------- */

static void report(struct aggregator *daemon, int r)
{
	if (!daemon->ledger.reported)
		log_trouble("%s/%s: cannot be written: %s", daemon->options.spool, LEDGER_NAME,
			strerror(-r));
	daemon->ledger.reported = true;
}

/* Writes all of the rows, or none. */
static int write_rows(int fd, const struct ledger_rows *rows, uint64_t *size)
{
	ssize_t n = pwrite(fd, rows->bytes, rows->size, (off_t)*size);

	if (n == (ssize_t)rows->size) {
		*size += (uint64_t)n;
		return 0;
	}
	if (n >= 0)
		n = ftruncate(fd, (off_t)*size) < 0 ? -errno : -ENOSPC;
	else
		n = -errno;
	return (int)n;
}

/* Replaces the file by one with renewed_rows, which is used from now on. 0 or a negative errno. */
static int replace_file(struct aggregator *daemon)
{
	struct ledger *ledger = &daemon->ledger;

	if (renameat(daemon->spool.directory, LEDGER_NEW_NAME, daemon->spool.directory,
		    LEDGER_NAME) < 0)
		return -errno;
	cleanup_close(&ledger->fd);
	ledger->fd = ledger->renewed;
	ledger->renewed = -1;
	ledger->size = ledger->base = ledger->renewed_rows.size;
	return 0;
}

static void drop_renewed(struct aggregator *daemon)
{
	struct ledger *ledger = &daemon->ledger;

	cleanup_close(&ledger->renewed);
	ledger->renewed_rows.size = 0;
}

static int write_renewed(struct aggregator *daemon)
{
	struct ledger *ledger = &daemon->ledger;
	uint64_t size = 0;

	ledger->renewed = own_file_open(daemon->spool.directory, LEDGER_NEW_NAME, O_RDWR | O_TRUNC);
	return ledger->renewed < 0 ? ledger->renewed
				   : write_rows(ledger->renewed, &ledger->renewed_rows, &size);
}

/* --- beginning -------------------------------------------------------------------------------- */

/* Begins a file with what counts now. What never reached the disk is left out: it must not count
 * later, when the manifest is a different file. */
static int begin_file(struct aggregator *daemon)
{
	struct ledger *ledger = &daemon->ledger;
	const struct row_mark none = { .kind = ROW_MARK, .replaces = NO_FILE_AT_ALL };
	struct application *application;
	int r = add_absent(&ledger->renewed_rows, ledger);

	if (r == 0)
		r = add_row(&ledger->renewed_rows, &none, sizeof(none));
	LIST_FOREACH(application, &daemon->applications.list, link)
		if (r == 0)
			r = add_mark(&ledger->renewed_rows, application, &NO_FILE_AT_ALL);
	if (r == 0)
		r = write_renewed(daemon);
	return r == 0 ? replace_file(daemon) : r;
}

void ledger_init(struct aggregator *daemon)
{
	struct ledger *ledger = &daemon->ledger;
	int r;

	*ledger = (struct ledger){
		.fd = -1,
		.renewed = -1,
		.known = TABLE_OF(struct known_session, id),
		.keep_absent = true,
	};
	ledger->fd = own_file_open(daemon->spool.directory, LEDGER_NAME, O_RDWR);
	ledger->read_only = ledger->fd == -EROFS;
	r = ledger->fd < 0 ? ledger->fd : ledger_read_before(daemon);
	if (r < 0)
		report(daemon, r);
	r = begin_file(daemon);
	if (r < 0)
		report(daemon, r);
	/* The present file must not be continued: the next snapshot begins a new one. */
	if (r < 0)
		cleanup_close(&ledger->fd);
	if (r < 0)
		ledger->fd = -1;
	drop_renewed(daemon);
}

void ledger_recall(struct session *session)
{
	struct known_session *known = find_known(session);

	if (!known)
		return;
	known->returned = true;
	session->processes = known->processes;
	session->imaged = known->imaged;
}

int ledger_recall_segment(const struct session *session, uint32_t number, struct segment *segment)
{
	const struct ledger *ledger = &session->daemon->ledger;
	const struct known_session *known = find_known(session);
	int r = 0;

	for (uint32_t i = 0; known && r == 0 && i < known->n_ranges; i++) {
		const struct known_range *range = &ledger->ranges[known->first_range + i];

		if (range->segment == number)
			r = extents_add(&segment->counted, range->begin, range->end);
	}
	return r == -ENOMEM ? r : 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

static bool grown(const struct ledger *ledger)
{
	return ledger->size > 2 * ledger->base + LEDGER_GROWTH_MAX;
}

/* Of applications that are not written now, everything that was counted is on disk already. */
static int renew(struct aggregator *daemon)
{
	struct ledger *ledger = &daemon->ledger;
	struct ledger_rows *rows = &ledger->renewed_rows;
	const struct row_mark none = { .kind = ROW_MARK, .replaces = NO_FILE_AT_ALL };
	struct application *application;
	int r = ledger->keep_absent ? add_absent(rows, ledger) : 0;

	if (r == 0)
		r = add_row(rows, &none, sizeof(none));
	LIST_FOREACH(application, &daemon->applications.list, link) {
		if (r == 0)
			r = add_sessions(rows, application, true);
		if (r == 0)
			r = add_mark(rows, application, &NO_FILE_AT_ALL);
	}
	return r == 0 ? write_renewed(daemon) : r;
}

void ledger_begin(struct aggregator *daemon)
{
	daemon->ledger.rows.size = 0;
	daemon->ledger.failed = false;
	drop_renewed(daemon);
}

int ledger_add(struct aggregator *daemon, struct application *application)
{
	struct ledger *ledger = &daemon->ledger;
	struct file_identity replaces = ledger_identify(daemon, application->file);
	size_t before = ledger->rows.size;

	if (add_sessions(&ledger->rows, application, ledger->incomplete) == 0 &&
		add_mark(&ledger->rows, application, &replaces) == 0)
		return 0;
	ledger->rows.size = before;
	ledger->failed = true;
	return -ENOMEM;
}

void ledger_end(struct aggregator *daemon)
{
	struct ledger *ledger = &daemon->ledger;
	int r = ledger->fd < 0 ? 0 : write_rows(ledger->fd, &ledger->rows, &ledger->size);

	if (r < 0)
		report(daemon, r);
	ledger->incomplete = r < 0 || ledger->failed;
	if ((ledger->fd < 0 || grown(ledger)) && renew(daemon) < 0)
		drop_renewed(daemon); /* the present file is still correct */
}

void ledger_settle(struct aggregator *daemon, bool written)
{
	if (daemon->ledger.renewed >= 0 && written)
		replace_file(
			daemon); /* if that fails, the present file stays, which is also correct */
	drop_renewed(daemon);
}

void ledger_follow(struct aggregator *daemon)
{
	struct ledger *ledger = &daemon->ledger;
	int r;

	cleanup_close(&ledger->fd);
	ledger->reported = false;
	r = own_file_open(daemon->spool.directory, LEDGER_NAME, O_RDWR);
	if (r >= 0) {
		ledger->fd = r;
		r = ledger_read_before(daemon);
	}
	if (r < 0)
		report(daemon, r);
	/* All of it is to be written: at once, if the manifests have all that was counted. */
	cleanup_close(&ledger->fd);
	if (applications_dirty(daemon))
		return;
	ledger_begin(daemon);
	ledger_end(daemon);
	ledger_settle(daemon, true);
}

void ledger_tick(struct aggregator *daemon)
{
	if (uv_now(&daemon->loop) - daemon->started_ms > SESSION_AWAY_MS_MAX)
		daemon->ledger.keep_absent = false;
}

bool ledger_awaits_sessions(const struct aggregator *daemon)
{
	return daemon->ledger.inherited && daemon->ledger.keep_absent;
}

void ledger_deinit(struct aggregator *daemon)
{
	struct ledger *ledger = &daemon->ledger;

	if (ledger->fd >= 0 && stop_left_nothing(daemon))
		unlinkat(daemon->spool.directory, LEDGER_NAME, 0);
	drop_renewed(daemon);
	cleanup_close(&ledger->fd);
	table_deinit(&ledger->known);
	free(ledger->ranges);
	free(ledger->rows.bytes);
	free(ledger->renewed_rows.bytes);
}
