#include "aggregator/spool/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aggregator/aggregator.h"
#include "aggregator/log.h"
#include "aggregator/spool/ledger_before.h"
#include "aggregator/spool/ledger_rows.h"
#include "aggregator/spool/own_file.h"
#include "lib/base/cleanup.h"

#define LEDGER_NEW_NAME	  "counted.new"
#define LEDGER_GROWTH_MAX (8u << 20)

/* --- the file --------------------------------------------------------------------------------- */

static void report(struct aggregator *daemon, int r)
{
	if (!daemon->ledger.reported)
		log_trouble("%s/%s: cannot be written: %s: processes and records may be counted "
			    "twice if footprintd is restarted now",
			daemon->options.spool, LEDGER_NAME, strerror(-r));
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

/* Makes a file with what counts now, to replace the present one. In the beginning, that is what has
 * reached the disk: the rest must not count later, when the manifest is a different file. With a
 * snapshot it is what that counts, and all that was counted of other applications, which is on disk
 * already. */
static int renew(struct aggregator *daemon)
{
	struct ledger_rows *rows = &daemon->ledger.renewed_rows;
	struct application *application;
	int r = ledger_rows_add_absent(rows, &daemon->ledger);

	LIST_FOREACH(application, &daemon->applications.list, link) {
		if (r == 0)
			r = ledger_rows_add_sessions(rows, application, true);
		if (r == 0)
			r = ledger_rows_add_mark(rows, application, &NO_FILE_AT_ALL);
	}
	return r == 0 ? write_renewed(daemon) : r;
}

/* --- beginning -------------------------------------------------------------------------------- */

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
	r = renew(daemon);
	if (r == 0)
		r = replace_file(daemon);
	if (r < 0) {
		report(daemon, r);
		/* The present file must not be continued: the next snapshot begins a new one. */
		cleanup_close(&ledger->fd);
	}
	drop_renewed(daemon);
}

/* --- writing ---------------------------------------------------------------------------------- */

static bool grown(const struct ledger *ledger)
{
	return ledger->size > 2 * ledger->base + LEDGER_GROWTH_MAX;
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

	if (ledger_rows_add_sessions(&ledger->rows, application, ledger->incomplete) == 0 &&
		ledger_rows_add_mark(&ledger->rows, application, &replaces) == 0)
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
		replace_file(daemon); /* or the present file stays, which is also correct */
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
