/*
 * footprintd: makes one manifest for each version of an application, from what its processes
 * record.
 *
 * Start here: main.c runs what aggregator.c begins and ends. The way of a record through the
 * daemon, one module a step:
 *
 * peers/
 *   intake.c       accepts connections
 *   peer.c         receives packets with their descriptors        (receive.c, peer_hello.c)
 *   pool.c         finds sessions in memory lent to processes that start others  (pool_lend.c)
 *   vigil.c        whether a supervised program outlives its supervisor     (descriptor.c)
 * sessions/
 *   session.c      one process image: who it is, which application it belongs to
 *   segment.c      reads the slots of its memory    (spool/spool_read.c: of what it left behind)
 *   ingest.c       a slot becomes a fact; directory ids become paths             (directories.c)
 * roots/
 *   root.c         facts wait in order until their paths are known  (batch.c, look.c: by workers.c)
 *   owners.c       whose packages the files are, found out before a snapshot
 * manifests/
 *   fact.c         a fact becomes entries of the application's manifest   (library.c, program.c)
 *   application.c  one manifest and its runs                      (run.c, run_end.c, heard.c)
 *   snapshot.c     manifests to disk, by writing.c; then memories are acknowledged, spool files
 *                  removed
 *
 * In spool/, journal.c keeps what a killed process has left until it is in a manifest on disk. For
 * a successor, atlas.c keeps the directories that relative paths of living processes refer to, and
 * ledger.c what was counted (doc/architecture.md draws these places). policy.c says which
 * applications and users are allowed, and stop.c brings everything to its end.
 *
 * Only the loop's thread touches the state, except what batch.c and owners.c give to the workers,
 * and what snapshot.c gives to a thread of its own. doc/glossary.md explains the terms (session,
 * record, run, gap).
 */
#ifndef FOOTPRINT_AGGREGATOR_AGGREGATOR_H
#define FOOTPRINT_AGGREGATOR_AGGREGATOR_H

#include <uv.h>

#include "aggregator/counters.h"
#include "aggregator/manifests/application.h"
#include "aggregator/manifests/heard.h"
#include "aggregator/manifests/snapshot.h"
#include "aggregator/options.h"
#include "aggregator/peers/intake.h"
#include "aggregator/peers/listener.h"
#include "aggregator/peers/pool.h"
#include "aggregator/peers/vigil.h"
#include "aggregator/roots/root.h"
#include "aggregator/roots/workers.h"
#include "aggregator/sessions/session.h"
#include "aggregator/spool/atlas.h"
#include "aggregator/spool/journal.h"
#include "aggregator/spool/ledger.h"
#include "aggregator/spool/reserve.h"
#include "aggregator/spool/spool.h"
#include "aggregator/stop.h"

/* How often live sessions are looked at, and everything else that waits. */
#define TICK_MS 1000

struct aggregator {
	uv_loop_t loop;
	uv_timer_t tick;
	uv_signal_t on_terminate, on_interrupt, on_hangup, on_report;
	struct options options;
	struct counters counters;
	struct listener listener;
	struct intake intake;
	struct sessions sessions;
	struct vigils vigils;
	struct pools pools;
	struct applications applications;
	struct roots roots;
	struct workers workers;
	struct heard heard;
	struct spool spool;
	struct journal journal;
	struct atlas atlas;
	struct ledger ledger;
	struct reserve reserve;
	uint64_t started_ms;
	uint64_t unkept_ns;    /* processes that started before this kept nothing; 0: all did */
	uint64_t listening_ns; /* CLOCK_REALTIME: processes find us since then */
	struct snapshot snapshot;
	bool stopping;
	struct stop stop;
	int status; /* of the process */
};

/* Begins everything, as the options say; the loop is then to be run. 0 or a negative errno, which
 * was reported. */
int aggregator_begin(struct aggregator *daemon);
/* What is done every TICK_MS. */
void aggregator_tick(struct aggregator *daemon);
/* To be called when stop.c has brought the loop to its end. 0 or a negative errno. */
int aggregator_end(struct aggregator *daemon);
/* To be called when something was done that others may wait for: facts applied, a manifest
 * written. */
void aggregator_progress(struct aggregator *daemon);

#endif
