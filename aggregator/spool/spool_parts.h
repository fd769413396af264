/* What the files of the spool share among themselves; spool.h is for everybody else. */
#ifndef FOOTPRINT_AGGREGATOR_SPOOL_SPOOL_PARTS_H
#define FOOTPRINT_AGGREGATOR_SPOOL_SPOOL_PARTS_H

#include "aggregator/spool/spool.h"

#define SPOOL_CANNOT_READ "spool files that could not be read" /* a gap */

/* Takes the files that are there. */
void spool_scan(struct aggregator *daemon);
/* From now on, numbers of taken files follow those that are there. */
void spool_number_on(struct spool *spool);
/* Takes one of them. 0 or a negative errno. */
int spool_take(struct aggregator *daemon, const char *name);
/* Reads what is taken, a part at a time. */
void spool_read(struct aggregator *daemon);
/* NULL is fine. */
void spool_taken_free(struct taken *taken);

#endif
