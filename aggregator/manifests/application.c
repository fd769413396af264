#include "aggregator/manifests/application.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregator/aggregator.h"
#include "aggregator/log.h"
#include "aggregator/policy.h"
#include "aggregator/spool/own_file.h"
#include "lib/base/cleanup.h"
#include "lib/manifest/codec.h"

static void close_directory(struct applications *applications)
{
	cleanup_close(&applications->lock);
	cleanup_close(&applications->directory);
}

/* Reports each trouble once, however often the directory is tried. Returns r. */
static int trouble(struct aggregator *daemon, const char *what, int r)
{
	if (daemon->applications.reported != r)
		log_trouble("%s: %s: %s", daemon->options.manifests, what, strerror(-r));
	daemon->applications.reported = r;
	return r;
}

/* 0 or negative errno, reported. */
static int open_directory(struct aggregator *daemon)
{
	struct applications *applications = &daemon->applications;
	const char *path = daemon->options.manifests;
	int r = mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;

	if (r < 0)
		return trouble(daemon, "cannot be made", r);
	applications->directory = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	if (applications->directory < 0)
		return trouble(daemon, "cannot be opened", -errno);
	r = own_file_lock(applications->directory, MANIFESTS_LOCK_NAME, &applications->lock);
	if (r < 0) {
		trouble(daemon,
			"in use by another footprintd; give each a directory of its own "
			"('footprint merge' puts manifests together)",
			r);
		close_directory(applications);
		return r;
	}
	applications->reported = 0;
	return 0;
}

int applications_init(struct aggregator *daemon)
{
	LIST_INIT(&daemon->applications.list);
	daemon->applications.directory = daemon->applications.lock = -1;
	return open_directory(daemon);
}

void applications_follow(struct aggregator *daemon)
{
	struct application *application;
	struct stat status;

	if (fstat(daemon->applications.directory, &status) == 0 && status.st_nlink)
		return;
	close_directory(&daemon->applications);
	if (open_directory(daemon) < 0)
		return;
	log_trouble("%s: was removed; it is there again", daemon->options.manifests);
	LIST_FOREACH(application, &daemon->applications.list, link)
		application->dirty = true;
}

size_t applications_dirty(const struct aggregator *daemon)
{
	const struct application *application;
	size_t n = 0;

	LIST_FOREACH(application, &daemon->applications.list, link)
		n += application->dirty;
	return n;
}

bool applications_moved(const struct aggregator *daemon)
{
	struct stat ours, named;

	return fstat(daemon->applications.directory, &ours) == 0 && ours.st_nlink &&
	       (stat(daemon->options.manifests, &named) < 0 || ours.st_dev != named.st_dev ||
		       ours.st_ino != named.st_ino);
}

void applications_report_moved(struct aggregator *daemon, bool moved)
{
	if (moved && !daemon->applications.moved)
		log_trouble("%s: was renamed, or something was mounted there: manifests are "
			    "written to the directory that it was, until footprintd is restarted",
			daemon->options.manifests);
	daemon->applications.moved = moved;
}

/* --- reading what is on disk ------------------------------------------------------------------ */

/* A manifest that cannot be read is not overwritten: it is renamed, and the new one has a gap. */
static int put_aside(struct application *application, const struct error *err)
{
	int directory = application->daemon->applications.directory, number = 1, r;
	char aside[sizeof(application->file) + 32];

	snprintf(aside, sizeof(aside), "%s.unreadable", application->file);
	while ((r = own_file_rename(directory, application->file, aside)) == -EEXIST)
		snprintf(aside, sizeof(aside), "%s.unreadable-%d", application->file, ++number);
	if (r < 0) {
		log_trouble("%s: cannot be read: %s; nor be put aside: %s", application->file,
			err->text, strerror(-r));
		return r;
	}
	log_trouble("%s: cannot be read: %s; renamed to %s", application->file, err->text, aside);
	return manifest_add_gap(application->manifest, "lost-records", NULL,
		"an earlier manifest could not be read", 1);
}

static int continue_manifest(struct application *application)
{
	struct aggregator *daemon = application->daemon;
	auto_manifest struct manifest *before = NULL;
	struct error err;
	/* Reads from the directory to which manifests are written, whatever its name is by now. */
	int r = manifest_read_at(daemon->applications.directory, application->file, &before, &err);

	if (r == 0)
		return manifest_merge(application->manifest, before);
	if (r == -ENOENT)
		return 0;
	/* The manifest is not to blame: peers connect again, and the spool is read again. */
	if (r == -ENOMEM || r == -EMFILE || r == -ENFILE)
		return -ENOMEM;
	return put_aside(application, &err);
}

void application_file(const char *name, const char *version, char ret[static APPLICATION_FILE_SIZE])
{
	snprintf(ret, APPLICATION_FILE_SIZE, "%s@%s.footprint", name, version);
}

/* --- getting ---------------------------------------------------------------------------------- */

/* No root gives its name to applications without one any more. */
static void forget_unnamed(const struct application *application)
{
	struct root *root;

	LIST_FOREACH(root, &application->daemon->roots.list, link)
		if (root->unnamed == application)
			root->unnamed = NULL;
}

static void application_free(struct application *application)
{
	forget_unnamed(application);
	manifest_free(application->manifest);
	run_deinit(&application->run);
	applied_deinit(&application->applied);
	free(application);
}

static int application_new(struct aggregator *daemon, uint32_t user, const char *name,
	const char *version, struct application **ret)
{
	struct application *application = calloc(1, sizeof(*application));
	int r;

	if (!application)
		return -ENOMEM;
	application->daemon = daemon;
	application->user = user;
	run_init(&application->run);
	snprintf(application->name, sizeof(application->name), "%s", name);
	snprintf(application->version, sizeof(application->version), "%s", version);
	application_file(name, version, application->file);
	r = manifest_new(name, version, &application->manifest);
	if (r == 0)
		r = continue_manifest(application);
	if (r < 0) {
		application_free(application);
		return r;
	}
	*ret = application;
	return 0;
}

static struct application *find(struct aggregator *daemon, const char *name, const char *version)
{
	struct application *application;

	LIST_FOREACH(application, &daemon->applications.list, link)
		if (!strcmp(application->name, name) && !strcmp(application->version, version))
			return application;
	return NULL;
}

/* A user may have as many as are left for others. */
static bool has_share(const struct aggregator *daemon, uint32_t user)
{
	const struct application *application;
	unsigned own = 0;

	LIST_FOREACH(application, &daemon->applications.list, link)
		own += application->user == user;
	return own < APPLICATIONS_MAX - daemon->applications.count;
}

int applications_get(struct aggregator *daemon, uint32_t user, const char *name,
	const char *version, struct application **ret)
{
	char clean_name[MANIFEST_NAME_SIZE], clean_version[MANIFEST_NAME_SIZE];
	int r;

	manifest_name_sanitise(name, "unnamed", clean_name);
	manifest_name_sanitise(version, "unversioned", clean_version);
	if (!policy_allows_application(&daemon->options, clean_name))
		return -EACCES;
	*ret = find(daemon, clean_name, clean_version);
	if (!*ret) {
		if (!has_share(daemon, user)) {
			log_trouble("%s@%s: there are %u applications, too many of them of its "
				    "user (uid %u): what it records waits in the spool until "
				    "others have ended",
				clean_name, clean_version, daemon->applications.count, user);
			return -EUSERS;
		}
		r = application_new(daemon, user, clean_name, clean_version, ret);
		if (r < 0)
			return r;
		LIST_INSERT_HEAD(&daemon->applications.list, *ret, link);
		daemon->applications.count++;
	}
	(*ret)->references++;
	return 0;
}

void application_unref(struct application *application)
{
	if (application)
		application->references--;
}

int application_gap(struct aggregator *daemon, uint32_t user, const Footprint__Hello *hello,
	uint64_t ended_ns, const char *kind, const char *detail, uint64_t count)
{
	autofree char *path = strndup((const char *)hello->executable.data, hello->executable.len);
	struct application *application;
	int r = path ? applications_get(daemon, user,
			       *hello->application ? hello->application : "unnamed",
			       hello->application_version, &application)
		     : -ENOMEM;

	if (r < 0)
		return r;
	run_join(application, hello->host, hello->started_ns);
	r = run_gap(application, kind, path, detail, count);
	run_session_ended(application, ended_ns);
	application_unref(application);
	return r;
}

/* --- too much --------------------------------------------------------------------------------- */

#define TOO_MUCH "more than a manifest may hold"

static int fill_up(struct application *application)
{
	application->full = true;
	return run_gap(application, "lost-records", NULL, TOO_MUCH, 1);
}

int application_is_full(struct application *application)
{
	/* Each text is written at least once, so the manifest could not be written any more. */
	if (!application->full && manifest_text_size(application->manifest) > MANIFEST_SIZE_MAX &&
		fill_up(application) < 0)
		return -ENOMEM;
	return application->full;
}

int application_go_back(struct application *application)
{
	struct manifest *all = application->manifest, *before;
	int r = manifest_new(application->name, application->version, &before);

	if (r < 0)
		return r;
	application->manifest = before;
	r = continue_manifest(application);
	if (r == 0)
		r = fill_up(application);
	application->manifest = r < 0 ? all : before;
	manifest_free(r < 0 ? before : all);
	return r;
}

/* --- time ------------------------------------------------------------------------------------- */

static bool run_over(const struct application *application)
{
	const struct aggregator *daemon = application->daemon;
	const struct run *run = &application->run;
	uint64_t now = uv_now(&daemon->loop);
	bool may_return = run->continued && now - daemon->started_ms < RUN_RETURN_MS;

	return run->open && !run->live &&
	       (daemon->stopping || (!may_return && now - run->quiet_since_ms >= RUN_QUIET_MS));
}

bool applications_ending(const struct aggregator *daemon)
{
	const struct application *application;

	LIST_FOREACH(application, &daemon->applications.list, link)
		if (run_over(application))
			return true;
	return false;
}

static void close_run(struct application *application)
{
	if (run_close(application) < 0) {
		application->daemon->counters.no_memory++;
		return; /* the next tick tries again */
	}
	forget_unnamed(application);
}

void applications_tick(struct aggregator *daemon)
{
	struct application *application = LIST_FIRST(&daemon->applications.list);

	while (application && !daemon->roots.frozen) {
		struct application *next = LIST_NEXT(application, link);

		if (run_over(application))
			close_run(application);
		if (!application->references && !application->dirty && !application->run.open) {
			LIST_REMOVE(application, link);
			daemon->applications.count--;
			application_free(application);
		}
		application = next;
	}
}

void applications_deinit(struct aggregator *daemon)
{
	struct application *application;

	while ((application = LIST_FIRST(&daemon->applications.list))) {
		LIST_REMOVE(application, link);
		application_free(application);
	}
	close_directory(&daemon->applications);
}
