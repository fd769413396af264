/*
 * Taking spool files, which spool_scan.c finds: a file is renamed to taken.N, so that processes
 * begin another one. Here is also decided for whose files there is room.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregator/aggregator.h"
#include "aggregator/log.h"
#include "aggregator/policy.h"
#include "aggregator/spool/own_file.h"
#include "aggregator/spool/spool_parts.h"
#include "lib/base/cleanup.h"

#define DIGITS_MAX 20 /* of a file's number */
/* Of SPOOL_TAKEN_MAX. */
#define TAKEN_OF_USER_MAX 64u
#define TAKEN_APART_MAX	  128u /* files of processes that have changed their root */
#define APART		  "apart."
#define MAY_NOT_READ	  "spool files that footprintd may not read" /* a gap */
/* Where so many names in a row exist, somebody has made them to have us search. */
#define NUMBERS_IN_TURN 16

/* --- one file --------------------------------------------------------------------------------- */

bool spool_numbered(const char *name, const char *prefix, uint64_t *ret)
{
	size_t size = strlen(prefix);
	char *end;

	if (strncmp(name, prefix, size) != 0 || !isdigit((unsigned char)name[size]) ||
		strlen(name + size) > DIGITS_MAX)
		return false;
	*ret = strtoull(name + size, &end, 10);
	return *end == '\0';
}

void spool_taken_free(struct taken *taken)
{
	if (!taken)
		return;
	cleanup_close(&taken->fd);
	cleanup_close(&taken->directory);
	free(taken);
}
DEFINE_CLEANUP(taken_freep, struct taken *, spool_taken_free)
#define auto_taken __attribute__((cleanup(taken_freep)))

static struct taken *taken_new(const char *name, enum taken_state state)
{
	struct taken *taken = calloc(1, sizeof(*taken));

	if (!taken)
		return NULL;
	snprintf(taken->name, sizeof(taken->name), "%s", name);
	taken->fd = taken->directory = -1;
	taken->state = state;
	taken->apart = !strncmp(name, APART, strlen(APART));
	return taken;
}

static void keep(struct aggregator *daemon, struct taken *taken)
{
	taken->since_ms = uv_now(&daemon->loop);
	TAILQ_INSERT_TAIL(&daemon->spool.taken, taken, link);
	daemon->spool.n_taken++;
}

/* Removes something that is not a file of records, and is in the way. */
static int discard(struct aggregator *daemon, const char *name)
{
	log_note("%s/%s: not a spool file", daemon->options.spool, name);
	daemon->counters.spool_damaged++;
	if (unlinkat(daemon->spool.directory, name, 0) < 0)
		return -errno;
	return 0;
}

/* A daemon that is not root may not read what other users have left. Such a file stays for a daemon
 * that may, and all current runs are told that it may hold records of theirs (run.c). */
static bool may_read(struct aggregator *daemon, const char *name, struct spool_findings *found)
{
	struct spool *spool = &daemon->spool;
	struct stat status;

	if (faccessat(spool->directory, name, R_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW) == 0 ||
		errno != EACCES)
		return true;
	/* Records of users whom the operator does not allow are no loss. */
	if (fstatat(spool->directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
		policy_allows_uid(&daemon->options, status.st_uid))
		found->missed = true;
	return false;
}

/* A user may have as many files taken as there are places left for others, so that whoever holds
 * the locks of many files keeps nobody else's from being read. */
static bool has_share(const struct spool *spool, uid_t uid, bool apart)
{
	unsigned own = 0, n_apart = 0, most, left;
	const struct taken *taken;

	TAILQ_FOREACH(taken, &spool->taken, link) {
		n_apart += taken->apart;
		own += taken->uid == uid && taken->apart == apart;
	}
	most = apart ? TAKEN_APART_MAX : TAKEN_OF_USER_MAX;
	left = apart ? TAKEN_APART_MAX - n_apart : SPOOL_TAKEN_MAX - spool->n_taken;
	return own < most && own < left;
}

static bool may_take(
	const struct spool *spool, const char *name, bool apart, struct spool_findings *found)
{
	struct stat status;

	if (fstatat(spool->directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	/* Of no use, and in nobody's way; nor is it removed as other things are (discard()). */
	if (S_ISDIR(status.st_mode))
		return false;
	if (has_share(spool, status.st_uid, apart))
		return true;
	found->crowded = true;
	return false;
}

void spool_note_unread(struct aggregator *daemon, bool missed, bool complete)
{
	struct spool *spool = &daemon->spool;
	const char *before = spool->unread;

	if (missed)
		spool->unread = MAY_NOT_READ;
	else if (complete)
		spool->unread = spool->broken ? SPOOL_CANNOT_READ : NULL;
	if (!missed || before == spool->unread)
		return;
	daemon->counters.spool_unread++;
	log_trouble(
		"%s: records of another user are left there: only root, and that user, may read "
		"them",
		daemon->options.spool);
}

/* Adopts a file that has its name taken.N already: it is ours to read as soon as nobody writes to
 * it. */
static int adopt_file(struct aggregator *daemon, const char *name)
{
	auto_taken struct taken *taken = taken_new(name, TAKEN_LOCKED);
	struct stat status;

	if (!taken)
		return -ENOMEM;
	taken->fd = openat(daemon->spool.directory, name,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (taken->fd < 0)
		return errno == ELOOP || errno == ENXIO ? discard(daemon, name) : -errno;
	if (fstat(taken->fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return discard(daemon, name);
	taken->uid = status.st_uid;
	keep(daemon, steal_pointer(taken));
	return 0;
}

static int rename_to_number(struct aggregator *daemon, const char *name, char taken[static 32])
{
	struct spool *spool = &daemon->spool;
	int r = -EEXIST;

	for (int i = 0; r == -EEXIST; i++) {
		uint32_t skipped = 0;

		if (i >= NUMBERS_IN_TURN && getrandom(&skipped, sizeof(skipped), GRND_NONBLOCK) < 0)
			return -errno;
		spool->last_number += 1 + (uint64_t)skipped;
		snprintf(taken, 32, SPOOL_TAKEN "%llu", (unsigned long long)spool->last_number);
		r = own_file_rename(spool->directory, name, taken);
	}
	return r;
}

int spool_take(struct aggregator *daemon, const char *name)
{
	char taken[32];
	int r = rename_to_number(daemon, name, taken);

	return r < 0 ? r : adopt_file(daemon, taken);
}

static bool is_taken(const struct spool *spool, const char *name)
{
	const struct taken *taken;

	TAILQ_FOREACH(taken, &spool->taken, link)
		if (taken->directory < 0 && !strcmp(taken->name, name))
			return true;
	return false;
}

/* --- places ----------------------------------------------------------------------------------- */

/* The oldest file that somebody keeps locked, of which all was read that is there. */
static struct taken *oldest_held(struct spool *spool)
{
	struct taken *taken;

	TAILQ_FOREACH(taken, &spool->taken, link)
		if (taken->state == TAKEN_LOCKED && taken->early && !taken->apart)
			return taken;
	return NULL;
}

/* Where all places are taken, a file that stays locked gives up its own. It will be found again,
 * and read once more. */
bool spool_has_place(struct spool *spool)
{
	struct taken *held;

	if (spool->n_taken < SPOOL_TAKEN_MAX)
		return true;
	held = oldest_held(spool);
	if (!held)
		return false;
	spool->left_behind = true;
	spool->pass.found.crowded = true;
	TAILQ_REMOVE(&spool->taken, held, link);
	spool->n_taken--;
	spool_taken_free(held);
	return true;
}

/* --- what is found ---------------------------------------------------------------------------- */

void spool_adopt_leftover(struct aggregator *daemon, const char *name, struct spool_findings *found)
{
	struct spool *spool = &daemon->spool;

	if (!is_taken(spool, name) && may_take(spool, name, false, found) &&
		may_read(daemon, name, found))
		found->failed |= adopt_file(daemon, name) < 0;
}

/* Is nothing in it? Then it is removed, unless the process that made it may still write there. */
static bool is_empty(const struct spool *spool, const char *name)
{
	autoclose int fd = openat(
		spool->directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct stat status;
	bool locked;

	if (fd < 0)
		return false;
	/* Before its size is looked at, which then is final. */
	locked = flock(fd, LOCK_EX | LOCK_NB) == 0;
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size)
		return false;
	if (locked)
		unlinkat(spool->directory, name, 0);
	return true;
}

void spool_take_new(struct aggregator *daemon, const char *name, struct spool_findings *found)
{
	struct spool *spool = &daemon->spool;
	uint64_t number;

	if (spool_numbered(name, "records.", &number) && may_take(spool, name, false, found) &&
		may_read(daemon, name, found))
		found->failed |= spool_take(daemon, name) < 0;
	/* Its process cannot make another one, so it is read under its name, as it grows. */
	if (spool_numbered(name, APART, &number) && !is_taken(spool, name) &&
		may_take(spool, name, true, found) && !is_empty(spool, name) &&
		may_read(daemon, name, found))
		found->failed |= adopt_file(daemon, name) < 0;
}

int spool_adopt_journal(struct aggregator *daemon, int fd)
{
	struct taken *taken;
	char number[32];
	int r;

	if (daemon->spool.n_taken >= SPOOL_TAKEN_MAX)
		return -ENOSPC;
	r = rename_to_number(daemon, JOURNAL_NAME, number);
	if (r < 0)
		return r;
	taken = taken_new(number, TAKEN_READ);
	if (!taken)
		return -ENOMEM; /* our successor reads it once more, which does no harm */
	taken->fd = fd;
	taken->journal = true;
	taken->read_ms = uv_now(&daemon->loop);
	keep(daemon, taken);
	return 0;
}

bool spool_has_journal(const struct aggregator *daemon)
{
	const struct taken *taken;

	TAILQ_FOREACH(taken, &daemon->spool.taken, link)
		if (taken->journal)
			return true;
	return false;
}
