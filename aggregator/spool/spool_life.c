/*
 * The spool's directory: made, opened and locked at the start. Somebody may remove or rename it
 * while we run, or mount something there. Processes follow its name, so we do that, too, or what
 * they leave would never be read.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregator/aggregator.h"
#include "aggregator/clock.h"
#include "aggregator/log.h"
#include "aggregator/spool/own_file.h"
#include "aggregator/spool/spool_parts.h"
#include "lib/base/cleanup.h"

#define OWN_MODE 0700 /* until it is open to all */
#define REMOVED	 "the spool was removed, perhaps with records in it"

/* --- the directory ---------------------------------------------------------------------------- */

struct opened {
	int directory, lock;
	bool made;
	const char *trouble; /* what could not be done */
};

/* Everyone may leave records in the directory that we have just made, and only their owner and we
 * may take them away. Somebody may have put another directory in its place meanwhile. */
static int open_to_all(int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_uid != geteuid() || status.st_mode & ACCESSPERMS & ~OWN_MODE)
		return -EEXIST;
	return fchmod(fd, 01777) < 0 ? -errno : 0;
}

/* 0, or a negative errno with ret->trouble. */
static int open_directory(const char *path, struct opened *ret)
{
	autoclose int fd = -1;
	int r;

	*ret = (struct opened){ .directory = -1, .lock = -1, .trouble = "cannot be made" };
	/* Processes that had something to leave would have made it, if they could. */
	ret->made = mkdir(path, OWN_MODE) == 0;
	if (!ret->made && errno != EEXIST)
		return -errno;
	ret->trouble = "cannot be opened";
	fd = open(path, O_DIRECTORY | O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = ret->made ? open_to_all(fd) : 0;
	if (r < 0)
		return r;
	ret->trouble = "in use by another footprintd";
	r = own_file_lock(fd, SPOOL_LOCK_NAME, &ret->lock);
	if (r < 0)
		return r;
	ret->directory = steal_fd(&fd);
	return 0;
}

static void use(struct aggregator *daemon, const struct opened *opened)
{
	struct spool *spool = &daemon->spool;

	spool->directory = opened->directory;
	spool->lock = opened->lock;
	spool->made = opened->made;
	spool->left_behind = true;
	spool_number_on(spool);
	if (faccessat(spool->directory, JOURNAL_NAME, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		spool_take(daemon, JOURNAL_NAME);
}

int spool_init(struct aggregator *daemon)
{
	struct spool *spool = &daemon->spool;
	const char *path = daemon->options.spool;
	struct opened opened;
	int r = open_directory(path, &opened);

	TAILQ_INIT(&spool->taken);
	spool->directory = spool->lock = -1;
	if (r < 0) {
		log_trouble("%s: %s: %s", path, opened.trouble, strerror(-r));
		return r;
	}
	uv_timer_init(&daemon->loop, &spool->step);
	uv_timer_init(&daemon->loop, &spool->pause);
	spool->step.data = spool->pause.data = daemon;
	use(daemon, &opened);
	return 0;
}

/* --- following its name ----------------------------------------------------------------------- */

static bool is_where_it_was(const struct aggregator *daemon)
{
	struct stat ours, named;

	return fstat(daemon->spool.directory, &ours) == 0 &&
	       lstat(daemon->options.spool, &named) == 0 && ours.st_dev == named.st_dev &&
	       ours.st_ino == named.st_ino;
}

/* Processes may have left something that nobody can read any more, or found no place for it. */
static bool may_lack_records(const struct aggregator *daemon)
{
	struct stat ours, named;

	return fstat(daemon->spool.directory, &ours) < 0 || !ours.st_nlink ||
	       lstat(daemon->options.spool, &named) < 0;
}

/* What was taken from the old directory is read, and then removed there. Without a descriptor for
 * that it stays: it must not be taken for a file of this name in the new one. */
static void leave_old(struct aggregator *daemon)
{
	struct spool *spool = &daemon->spool;
	struct taken *taken;

	TAILQ_FOREACH(taken, &spool->taken, link) {
		if (taken->directory < 0)
			taken->directory = fcntl(spool->directory, F_DUPFD_CLOEXEC, 0);
		if (taken->directory < 0)
			taken->name[0] = '\0';
	}
	spool_pass_drop(spool);
	cleanup_close(&spool->lock);
	cleanup_close(&spool->directory);
}

/* Files of our own begin anew, or go on with those of a daemon that was there before us. */
static void go_on(struct aggregator *daemon, const struct opened *opened)
{
	bool removed = daemon->spool.removed;

	spool_scan(daemon); /* for the last time */
	leave_old(daemon);
	use(daemon, opened);
	if (removed) {
		daemon->unkept_ns = clock_now_ns();
		runs_lost_records(daemon, REMOVED, 1);
	}
	daemon->spool.removed = false;
	journal_deinit(daemon);
	atlas_follow(daemon);
	ledger_follow(daemon);
	reserve_deinit(daemon);
	reserve_init(daemon);
	log_trouble("%s: was removed or renamed, or something was mounted there: goes on with what "
		    "is there now",
		daemon->options.spool);
}

void spool_follow(struct aggregator *daemon)
{
	struct spool *spool = &daemon->spool;
	struct opened opened;
	int r;

	/* A successor looks there anyway. And no gap can be told while manifests are written. */
	if (daemon->stopping || daemon->roots.frozen)
		return;
	if (is_where_it_was(daemon)) {
		spool->away = false;
		return;
	}
	spool->removed |= may_lack_records(daemon);
	r = open_directory(daemon->options.spool, &opened);
	if (r == 0)
		go_on(daemon, &opened);
	else if (!spool->away)
		log_trouble("%s: was removed or renamed, and %s: %s", daemon->options.spool,
			opened.trouble, strerror(-r));
	spool->away = r < 0;
}

/* --- the end ---------------------------------------------------------------------------------- */

void spool_close(struct aggregator *daemon)
{
	struct spool *spool = &daemon->spool;

	if (!spool->step.data || uv_is_closing((uv_handle_t *)&spool->step))
		return;
	uv_close((uv_handle_t *)&spool->step, NULL);
	uv_close((uv_handle_t *)&spool->pause, NULL);
}

void spool_deinit(struct aggregator *daemon)
{
	struct taken *taken;

	while ((taken = TAILQ_FIRST(&daemon->spool.taken))) {
		TAILQ_REMOVE(&daemon->spool.taken, taken, link);
		spool_taken_free(taken);
	}
	spool_pass_drop(&daemon->spool);
	cleanup_close(&daemon->spool.lock);
	cleanup_close(&daemon->spool.directory);
}
