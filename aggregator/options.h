/* The command line and the environment of footprintd. */
#ifndef FOOTPRINT_AGGREGATOR_OPTIONS_H
#define FOOTPRINT_AGGREGATOR_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct options {
	char *socket; /* --socket, FOOTPRINT_SOCKET, or where socket activation has bound it */
	const char *manifests;
	char *spool;	  /* --spool, FOOTPRINT_SPOOL, or "spool" beside the socket */
	double interval;  /* seconds between snapshots */
	unsigned threads; /* that resolve and hash */
	bool nice;
	bool one_run; /* this daemon's end is the end of the run */
	bool log;
	int ready_fd; /* a byte is written to it when the daemon listens; -1: none */
	const char **allow_apps;
	size_t n_allow_apps; /* 0: all */
	uid_t *allow_uids;
	size_t n_allow_uids; /* 0: all */
};

enum options_result {
	OPTIONS_RUN,
	OPTIONS_DONE,  /* --help or --version, which was printed */
	OPTIONS_WRONG, /* wrong; reported on stderr */
};

enum options_result options_parse(struct options *options, int argc, char **argv);
void options_deinit(struct options *options);

#endif
