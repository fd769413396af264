/*
 * A run: all sessions of an application between the first start and the last exit.
 *
 * This counts what a manifest says of a run: processes, records, images of each program, how often
 * each gap was reported. A run is identified by its host and start; the start is that of the
 * earliest session that is known when the run is first written.
 */
#ifndef FOOTPRINT_AGGREGATOR_MANIFESTS_RUN_H
#define FOOTPRINT_AGGREGATOR_MANIFESTS_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregator/manifests/heard.h"
#include "aggregator/manifests/scripts.h"
#include "lib/base/table.h"
#include "lib/manifest/manifest.h"
#include "proto/session_memory.h"

/* Distinct gaps of one run; further ones are counted as one of kind "lost-records". */
#define RUN_GAPS_MAX 4096u
/* A run ends when it has had no process for so long: between an exec and the new image's hello,
 * none is connected. */
#define RUN_QUIET_MS 2000
/* After our start, processes of a run that was going on have so long to come back, which they do
 * with their next record. A later one opens the run again. */
#define RUN_RETURN_MS 30000

/* How many roots of one run's processes are remembered (see heard.h). */
#define RUN_ROOTS_MAX 4096u

struct run {
	bool open;
	bool named;	/* host and started_ns have been written and stay */
	bool continued; /* an aggregator before us began it */
	/* Some of its processes share no spool with us (spool_shared.h), or are behind a filter. */
	bool unkept;
	bool told;	  /* has a gap for `unattended` */
	bool told_unread; /* has a gap for spool files that nobody has read */
	/* Why nothing could be kept while nobody listened; NULL: it could. */
	const char *unattended;
	char host[FP_NAME_SIZE_MAX + 1];
	uint64_t started_ns, ended_ns;
	uint64_t processes, records;
	unsigned live; /* sessions connected */
	uint64_t quiet_since_ms;
	/* Canonical executable of the earliest session; NULL: not known, or marked before us. */
	char *first;
	uint64_t first_started_ns;
	struct table images; /* number of images of each executable, by the hash of its path */
	struct table gaps;   /* how often each */
	struct table roots;  /* struct root_name: where its images were */
	struct scripts scripts;
};

struct aggregator;
struct application;

void run_init(struct run *run);
void run_deinit(struct run *run);

/* A session that started at this time joins the run, which is opened if necessary. */
void run_join(struct application *application, const char *host, uint64_t started_ns);
/* An earlier aggregator saw processes of this run until lived_ns: the run goes on, or ends then.
 * unkept: some of them could have kept nothing since. */
void run_resume(struct application *application, const char *host, uint64_t started_ns,
	uint64_t lived_ns, bool unkept);
/* One of its programs may still live although it has no session: the open run goes on, until
 * run_session_ended() is called for this as well. */
void run_hold(struct application *application);
/* A process that started at this time cannot keep anything while nobody listens. If nobody listened
 * when it started, its run may have lost records. */
void run_cannot_keep(struct application *application, uint64_t started_ns);
/* The same for a process that could not keep anything if it started before since_ns, but now
 * can. */
void run_could_not_keep(struct application *application, uint64_t started_ns, uint64_t since_ns);
/* A session was read and applied. ended_ns: until when it lived, as far as is known; 0: not known.
 * The latest of these times is the end of the run. */
void run_session_ended(struct application *application, uint64_t ended_ns);
/* The executable of a session is known now. counts: it has not been counted yet. 0, with the number
 * of its images so far, or -ENOMEM. */
int run_image(struct application *application, const char *path, uint64_t started_ns, bool counts,
	uint64_t *ret_images);
/* An image of it was in this root. 0 or -ENOMEM. */
int run_note_root(struct application *application, struct root_name name);
/* Counts a gap. 0 or -ENOMEM. */
int run_gap(struct application *application, const char *kind, const char *path, const char *detail,
	uint64_t count);
/* Counts a gap "lost-records" in each run that is going on: it is not known whose records they
 * were. 0, or -ENOMEM: some are not told. */
int runs_lost_records(struct aggregator *daemon, const char *detail, uint64_t count);

/* Puts run and gap counts into the manifest, before it is written. 0 or -ENOMEM. */
int run_store(struct application *application);
/* Closes the run: no process of the application lives, and nothing of it waits. 0 or -ENOMEM. */
int run_close(struct application *application);

#endif
