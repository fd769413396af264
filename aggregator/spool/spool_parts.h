/* What the files of the spool share among themselves; spool.h is for everybody else. */
#ifndef FOOTPRINT_AGGREGATOR_SPOOL_SPOOL_PARTS_H
#define FOOTPRINT_AGGREGATOR_SPOOL_SPOOL_PARTS_H

#include "aggregator/spool/spool.h"

#define SPOOL_CANNOT_READ "spool files that could not be read" /* a gap */

#define SPOOL_TAKEN "taken." /* and a number: the name of a file that is taken */

/* Goes on looking for files, and takes what there is a place for. */
void spool_scan(struct aggregator *daemon);
/* Ends the pass that is going on, as if it had found nothing. */
void spool_pass_drop(struct spool *spool);
/* From now on, numbers of taken files follow those that are there. */
void spool_number_on(struct spool *spool);

/* Is it PREFIX and a number, with no more digits than a number may have? */
bool spool_numbered(const char *name, const char *prefix, uint64_t *ret);
/* Is there a place for another file? */
bool spool_has_place(struct spool *spool);
/* Takes the file, if it is one that a process has left and there is a place for it. */
void spool_take_new(struct aggregator *daemon, const char *name, struct spool_findings *found);
/* The same for one that an earlier aggregator has taken. */
void spool_adopt_leftover(
	struct aggregator *daemon, const char *name, struct spool_findings *found);
/* Notes whether there are files that we may not read. complete: all files were looked at. */
void spool_note_unread(struct aggregator *daemon, bool missed, bool complete);
/* Takes a file of this name. 0 or a negative errno. */
int spool_take(struct aggregator *daemon, const char *name);
/* Reads what is taken, a part at a time. */
void spool_read(struct aggregator *daemon);
/* NULL is fine. */
void spool_taken_free(struct taken *taken);

#endif
