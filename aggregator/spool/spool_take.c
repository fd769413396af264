/*
 * Taking spool files: a file is renamed to taken.N, so that processes begin another one. Those that
 * an earlier aggregator has taken and not finished come first.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregator/aggregator.h"
#include "aggregator/log.h"
#include "aggregator/policy.h"
#include "aggregator/spool/own_file.h"
#include "aggregator/spool/spool_parts.h"
#include "lib/base/cleanup.h"

#define DIGITS_MAX 20 /* of a file's number */
/* Of SPOOL_TAKEN_MAX: who holds the locks of many files keeps others' from being read by no more.
 */
#define TAKEN_OF_USER_MAX 64u
#define TAKEN_APART_MAX	  128u /* files of processes that have changed their root */
#define APART		  "apart."
#define LEFTOVERS_MAX	  65536 /* files of earlier aggregators that are put in order */
#define MAY_NOT_READ	  "spool files that footprintd may not read" /* a gap */

/* --- one file --------------------------------------------------------------------------------- */

/* Is it PREFIX and a number, with no more digits than a number may have? */
static bool numbered(const char *name, const char *prefix, uint64_t *ret)
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

/* What one look at the directory has found. */
struct scan {
	bool missed;  /* there are files that we may not read */
	bool crowded; /* there are files of users who have enough of them taken already */
	bool failed;  /* files could not be taken now, but may have been renamed already */
};

/* A daemon that is not root may not read what other users have left. Such a file stays for a daemon
 * that may, and all current runs are told that it may hold records of theirs (run.c). */
static bool may_read(struct aggregator *daemon, const char *name, struct scan *scan)
{
	struct spool *spool = &daemon->spool;
	struct stat status;

	if (faccessat(spool->directory, name, R_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW) == 0 ||
		errno != EACCES)
		return true;
	/* Records of users whom the operator does not allow are no loss. */
	if (fstatat(spool->directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
		policy_allows_uid(&daemon->options, status.st_uid))
		scan->missed = true;
	return false;
}

static bool may_take(const struct aggregator *daemon, const char *name, struct scan *scan)
{
	const struct taken *taken;
	struct stat status;
	unsigned n = 0;

	if (fstatat(daemon->spool.directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	/* Of no use, and in nobody's way; nor is it removed as other things are (discard()). */
	if (S_ISDIR(status.st_mode))
		return false;
	TAILQ_FOREACH(taken, &daemon->spool.taken, link)
		n += taken->uid == status.st_uid && !taken->apart;
	if (n >= TAKEN_OF_USER_MAX)
		scan->crowded = true;
	return n < TAKEN_OF_USER_MAX;
}

/* complete: all files were looked at. */
static void note_unread(struct aggregator *daemon, bool missed, bool complete)
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
	int r;

	do
		snprintf(taken, 32, "taken.%llu", (unsigned long long)++spool->last_number);
	while ((r = own_file_rename(spool->directory, name, taken)) == -EEXIST);
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

static void close_stream(DIR *stream)
{
	if (stream)
		closedir(stream);
}
DEFINE_CLEANUP(close_streamp, DIR *, close_stream)
#define auto_stream __attribute__((cleanup(close_streamp)))

/* NULL: out of descriptors or memory, so the next tick tries again. */
static DIR *open_stream(const struct spool *spool)
{
	int fd = openat(spool->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !stream)
		close(fd);
	return stream;
}

/* --- what earlier aggregators took and did not finish ----------------------------------------- */

struct leftover {
	uint64_t number;
	char name[sizeof(((struct taken *)NULL)->name)];
};

static int compare_leftovers(const void *a, const void *b)
{
	const struct leftover *one = a, *other = b;

	return one->number < other->number ? -1 : one->number > other->number;
}

static int add_leftover(struct leftover **list, size_t n, const char *name, uint64_t number)
{
	/* When n is a power of two, the list is full. */
	if (!(n & (n - 1))) {
		struct leftover *grown = realloc(*list, (n ? 2 * n : 1) * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		*list = grown;
	}
	(*list)[n].number = number;
	memcpy((*list)[n].name, name, strlen(name) + 1); /* a number is short: numbered() */
	return 0;
}

/* Their names in the order of their numbers, which is that in which they were taken. From now on
 * numbers follow theirs. The caller frees *ret. Their number, at most LEFTOVERS_MAX, or -ENOMEM. */
static long list_leftovers(struct spool *spool, struct leftover **ret)
{
	auto_stream DIR *stream = open_stream(spool);
	struct dirent *entry;
	uint64_t number;
	size_t n = 0;

	*ret = NULL;
	while (stream && n < LEFTOVERS_MAX && (entry = readdir(stream))) {
		if (!numbered(entry->d_name, "taken.", &number))
			continue;
		if (add_leftover(ret, n, entry->d_name, number) < 0)
			return -ENOMEM;
		n++;
		if (number > spool->last_number && number < UINT64_MAX / 2)
			spool->last_number = number;
	}
	if (n)
		qsort(*ret, n, sizeof(**ret), compare_leftovers);
	return stream ? (long)n : -ENOMEM;
}

/* Adopts them, the oldest first: records may need what the same process said in an older one. */
static void take_leftovers(struct aggregator *daemon, struct scan *scan)
{
	autofree struct leftover *list = NULL;
	struct spool *spool = &daemon->spool;
	long n = list_leftovers(spool, &list);

	scan->failed |= n < 0;
	scan->crowded |= n == LEFTOVERS_MAX;
	for (long i = 0; i < n && spool->n_taken < SPOOL_TAKEN_MAX; i++) {
		const char *name = list[i].name;

		if (!is_taken(spool, name) && may_read(daemon, name, scan) &&
			may_take(daemon, name, scan))
			scan->failed |= adopt_file(daemon, name) < 0;
	}
}

void spool_number_on(struct spool *spool)
{
	autofree struct leftover *list = NULL;

	list_leftovers(spool, &list);
}

/* --- what processes have left ----------------------------------------------------------------- */

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

static bool may_take_apart(const struct spool *spool, const char *name, struct scan *scan)
{
	const struct taken *taken;
	unsigned n = 0;

	TAILQ_FOREACH(taken, &spool->taken, link)
		n += taken->apart;
	if (n >= TAKEN_APART_MAX)
		scan->crowded = true;
	return n < TAKEN_APART_MAX && !is_taken(spool, name) && !is_empty(spool, name);
}

static void take_new(struct aggregator *daemon, struct scan *scan)
{
	struct spool *spool = &daemon->spool;
	auto_stream DIR *stream = open_stream(spool);
	struct dirent *entry;
	uint64_t number;

	while (stream && spool->n_taken < SPOOL_TAKEN_MAX && (entry = readdir(stream))) {
		const char *name = entry->d_name;

		if (numbered(name, "records.", &number) && may_read(daemon, name, scan) &&
			may_take(daemon, name, scan))
			scan->failed |= spool_take(daemon, name) < 0;
		/* Its process cannot make another one, so it is read under its name, as it grows.
		 */
		if (numbered(name, APART, &number) && may_take_apart(spool, name, scan) &&
			may_read(daemon, name, scan))
			scan->failed |= adopt_file(daemon, name) < 0;
	}
	scan->failed |= !stream;
}

void spool_scan(struct aggregator *daemon)
{
	struct spool *spool = &daemon->spool;
	struct scan found = { 0 };
	uint64_t begun_ms = uv_now(&daemon->loop);

	if (spool->left_behind)
		take_leftovers(daemon, &found);
	take_new(daemon, &found);
	note_unread(daemon, found.missed, spool->n_taken < SPOOL_TAKEN_MAX && !found.failed);
	/* If there were more files than we take, or no descriptor was left to open one that was
	 * renamed, the next scan takes others. */
	if (found.failed)
		spool->left_behind = true;
	else if (spool->n_taken < SPOOL_TAKEN_MAX && !found.crowded) {
		spool->left_behind = false;
		spool->scanned_ms = begun_ms;
	}
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
