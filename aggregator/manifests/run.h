/*
 * A run: all sessions of an application between the first start and the last exit.
 *
 * Here is counted what a manifest says per run: processes, records, images of each program, how
 * often each gap was reported. A run is named by host and start; the start is that of the earliest
 * session known when it is first written.
 */
#ifndef FOOTPRINT_AGGREGATOR_MANIFESTS_RUN_H
#define FOOTPRINT_AGGREGATOR_MANIFESTS_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregator/manifests/heard.h"
#include "lib/base/table.h"
#include "lib/manifest/manifest.h"
#include "proto/session_memory.h"

/* Distinct gaps of one run; further ones are counted as one of kind "lost-records". */
#define RUN_GAPS_MAX 4096u
/* A run ends when no process of it has lived for so long: between an exec and the new image's
 * hello nobody is connected. */
#define RUN_QUIET_MS 2000
/* After our start, those of a run that was going on before us have so long to come back: they do so
 * with the next thing that they record. Who comes later opens the run again. */
#define RUN_RETURN_MS 30000

/* Roots in which processes of one run lived that are told apart (see heard.h). */
#define RUN_ROOTS_MAX 4096u

struct run {
	bool open;
	bool named;		/* host and started_ns have been written and stay */
	bool continued;		/* an aggregator before us began it */
	bool unkept;		/* processes of it share no spool with us (spool_shared.h) */
	bool told;		/* that it was unattended */
	bool told_unread;	/* that some of it may stand in files that nobody has read */
	const char *unattended; /* nobody listened for a time, and why nothing could be kept */
	char host[FP_NAME_SIZE_MAX + 1];
	uint64_t started_ns, ended_ns;
	uint64_t processes, records;
	unsigned live; /* sessions connected */
	uint64_t quiet_since_ms;
	char *first; /* canonical executable of the earliest session; NULL: not known, or marked
			before us */
	uint64_t first_started_ns;
	struct table images; /* how many of each executable (by hash of its path) */
	struct table gaps;   /* how often each */
	struct table roots;  /* struct root_name: where its images were */
};

struct application;

void run_init(struct run *run);
void run_deinit(struct run *run);

/* A session that started then belongs to the run, which is opened if it is not. */
void run_join(struct application *application, const char *host, uint64_t started_ns);
/* An aggregator before us saw processes of this run until lived_ns: it goes on, or ends then.
 * unkept: some of them shared no spool with it. */
void run_resume(struct application *application, const char *host, uint64_t started_ns,
	uint64_t lived_ns, bool unkept);
/* One of its programs may live although no session says so: the open run goes on, until
 * run_session_ended() is called for this too. */
void run_hold(struct application *application);
/* A process of it that started then cannot keep anything while nobody listens. If that was so
 * before we began to listen, it or others of its run may have lost records. */
void run_cannot_keep(struct application *application, uint64_t started_ns);
/* The same of one that can by now: those that started before since_ns could not. */
void run_could_not_keep(struct application *application, uint64_t started_ns, uint64_t since_ns);
/* All of it has been read and applied. ended_ns: until when it lived, as far as is known; 0: not at
 * all. The latest of them is the run's end. */
void run_session_ended(struct application *application, uint64_t ended_ns);
/* Its executable is known now; counts: it has not been counted yet. 0 with the number of images of
 * it so far, or -ENOMEM. */
int run_image(struct application *application, const char *path, uint64_t started_ns, bool counts,
	uint64_t *ret_images);
/* An image of it was in this root. 0 or -ENOMEM. */
int run_note_root(struct application *application, struct root_name name);
/* A gap once more. 0 or -ENOMEM. */
int run_gap(struct application *application, const char *kind, const char *path, const char *detail,
	uint64_t count);

/* Puts run and gap counts into the manifest, before it is written. 0 or -ENOMEM. */
int run_store(struct application *application);
/* No process of the application lives, and nothing of it waits: the run is over. 0 or -ENOMEM. */
int run_close(struct application *application);

#endif
