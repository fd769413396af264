#include "aggregator/spool/ledger_before.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregator/aggregator.h"
#include "aggregator/log.h"
#include "lib/base/cleanup.h"

/* What the marks of one application mean together. */
struct state {
	struct state_key {
		char name[sizeof(((struct row_mark *)NULL)->name)];
		char version[sizeof(((struct row_mark *)NULL)->version)];
	} key;
	uint32_t asked; /* `now` is known */
	uint32_t past;	/* from here on, nothing has reached the disk */
	struct file_identity now;
	struct row_mark last; /* the last mark that has */
};

struct reading {
	struct aggregator *daemon;
	const uint8_t *bytes;
	size_t size, offset;
	struct table states;
};

struct file_identity ledger_identify(struct aggregator *daemon, const char *file)
{
	struct stat status;

	if (fstatat(daemon->applications.directory, file, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return (struct file_identity){ 0 };
	return (struct file_identity){
		.device = status.st_dev,
		.inode = status.st_ino,
		.size = (uint64_t)status.st_size,
		.modified_s = status.st_mtim.tv_sec,
		.modified_ns = status.st_mtim.tv_nsec,
	};
}

/* --- rows ------------------------------------------------------------------------------------- */

/* Copies the row at `offset`, and returns its size; 0 at the end, and where a write was torn. */
static size_t row_at(const struct reading *reading, size_t offset, union row *ret)
{
	uint32_t kind;
	size_t size;

	if (reading->size - offset < sizeof(kind))
		return 0;
	memcpy(&kind, reading->bytes + offset, sizeof(kind));
	size = row_size(kind);
	if (!size || reading->size - offset < size)
		return 0;
	memcpy(ret, reading->bytes + offset, size);
	return size;
}

static int take_session(
	struct ledger *ledger, const struct row_session *row, struct known_session **ret)
{
	uint32_t place;

	if (table_add(&ledger->known, row->id, &place) < 0)
		return -ENOMEM;
	*ret = table_at(&ledger->known, place);
	(*ret)->processes = row->processes;
	(*ret)->imaged = row->imaged;
	(*ret)->first_range = ledger->n_ranges;
	(*ret)->n_ranges = 0;
	return 0;
}

static int take_range(
	struct ledger *ledger, struct known_session *session, const struct row_range *row)
{
	if (ledger->n_ranges == ledger->ranges_room) {
		uint32_t room = ledger->ranges_room ? 2 * ledger->ranges_room : 256;
		struct known_range *grown =
			reallocarray(ledger->ranges, room, sizeof(*ledger->ranges));

		if (!grown)
			return -ENOMEM;
		ledger->ranges = grown;
		ledger->ranges_room = room;
	}
	ledger->ranges[ledger->n_ranges++] =
		(struct known_range){ row->segment, row->begin, row->end };
	session->n_ranges++;
	return 0;
}

/* Takes the rows from `offset` up to the mark that ends them. */
static int take_rows(struct reading *reading, size_t offset, size_t end)
{
	struct ledger *ledger = &reading->daemon->ledger;
	struct known_session *session = NULL;
	union row row = { 0 };
	int r = 0;

	while (r == 0 && offset < end) {
		offset += row_at(reading, offset, &row);
		if (row.kind == ROW_SESSION)
			r = take_session(ledger, &row.session, &session);
		else if (session)
			r = take_range(ledger, session, &row.range);
	}
	return r;
}

/* --- marks ------------------------------------------------------------------------------------ */

static int find_state(struct reading *reading, const struct row_mark *mark, struct state **ret)
{
	struct state_key key;
	uint32_t place;

	memcpy(key.name, mark->name, sizeof(key.name));
	memcpy(key.version, mark->version, sizeof(key.version));
	if (table_add(&reading->states, &key, &place) < 0)
		return -ENOMEM;
	*ret = table_at(&reading->states, place);
	if (!(*ret)->asked) {
		char file[sizeof(((struct application *)NULL)->file)];

		application_file(key.name, key.version, file);
		(*ret)->now = ledger_identify(reading->daemon, file);
		(*ret)->asked = true;
	}
	return 0;
}

static bool same_file(const struct file_identity *one, const struct file_identity *other)
{
	return !memcmp(one, other, sizeof(*one));
}

/* Takes the rows that end with this mark, if they count. */
static int take_mark(struct reading *reading, size_t begin, const struct row_mark *mark)
{
	struct state *state;

	if (!mark->name[0])
		return take_rows(reading, begin, reading->offset);
	if (memchr(mark->name, 0, sizeof(mark->name)) == NULL ||
		memchr(mark->version, 0, sizeof(mark->version)) == NULL ||
		memchr(mark->host, 0, sizeof(mark->host)) == NULL)
		return -EBADMSG;
	if (find_state(reading, mark, &state) < 0)
		return -ENOMEM;
	state->past = state->past || same_file(&mark->replaces, &state->now);
	if (state->past)
		return 0;
	state->last = *mark;
	return take_rows(reading, begin, reading->offset);
}

/* Takes all rows; those without a mark after them were never completed. */
static int take_all(struct reading *reading)
{
	size_t begin = 0, size;
	union row row;
	int r = 0;

	while (r == 0 && (size = row_at(reading, reading->offset, &row))) {
		if (row.kind == ROW_MARK) {
			r = take_mark(reading, begin, &row.mark);
			begin = reading->offset + size;
		}
		reading->offset += size;
	}
	return r;
}

/* --- runs ------------------------------------------------------------------------------------- */

/* If it cannot be opened now, that happens when one of its processes comes back. */
static void open_run(struct aggregator *daemon, const struct row_mark *mark)
{
	struct application *application;

	if (!mark->open ||
		applications_get(daemon, geteuid(), mark->name, mark->version, &application) < 0)
		return;
	run_resume(application, mark->host, mark->started_ns, mark->lived_ns,
		mark->open == RUN_OPEN_UNKEPT);
	application_unref(application);
}

static void open_runs(struct reading *reading)
{
	for (uint32_t i = 0; i < reading->states.count; i++)
		open_run(reading->daemon, &((struct state *)table_at(&reading->states, i))->last);
}

int ledger_read_before(struct aggregator *daemon)
{
	struct reading reading = {
		.daemon = daemon,
		.states = TABLE_OF(struct state, key),
	};
	autofree uint8_t *bytes = NULL;
	struct stat status;
	ssize_t n;
	int r;

	if (fstat(daemon->ledger.fd, &status) < 0)
		return -errno;
	if (status.st_size == 0)
		return 0;
	daemon->ledger.inherited = true;
	if (status.st_size > LEDGER_SIZE_MAX)
		return -EFBIG;
	bytes = malloc((size_t)status.st_size);
	if (!bytes)
		return -ENOMEM;
	n = pread(daemon->ledger.fd, bytes, (size_t)status.st_size, 0);
	if (n < 0)
		return -errno;
	reading.bytes = bytes;
	reading.size = (size_t)n;
	r = take_all(&reading);
	if (!reading.offset)
		log_trouble("%s/%s: not written by this version: processes and records that it "
			    "counts are counted twice",
			reading.daemon->options.spool, LEDGER_NAME);
	open_runs(&reading);
	table_deinit(&reading.states);
	return r;
}

/* --- recalling -------------------------------------------------------------------------------- */

struct known_session *ledger_known(const struct session *session)
{
	struct ledger *ledger = &session->daemon->ledger;
	uint32_t place = table_find(&ledger->known, session->id);

	return place == TABLE_NONE ? NULL : table_at(&ledger->known, place);
}

void ledger_recall(struct session *session)
{
	struct known_session *known = ledger_known(session);

	if (!known)
		return;
	known->returned = true;
	session->processes = known->processes;
	session->imaged = known->imaged;
}

int ledger_recall_segment(const struct session *session, uint32_t number, struct segment *segment)
{
	const struct ledger *ledger = &session->daemon->ledger;
	const struct known_session *known = ledger_known(session);
	int r = 0;

	for (uint32_t i = 0; known && r == 0 && i < known->n_ranges; i++) {
		const struct known_range *range = &ledger->ranges[known->first_range + i];

		if (range->segment == number)
			r = extents_add(&segment->counted, range->begin, range->end);
	}
	return r == -ENOMEM ? r : 0;
}
