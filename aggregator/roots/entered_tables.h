/*
 * What is known of the mounts in an entered root: tables that came with it, and the kernel's of
 * now.
 */
#ifndef FOOTPRINT_AGGREGATOR_ROOTS_ENTERED_TABLES_H
#define FOOTPRINT_AGGREGATOR_ROOTS_ENTERED_TABLES_H

#include "aggregator/roots/entered.h"

#define ENTERED_TABLES 3

/* Reads those that have not been read. 0 or -ENOMEM. A table that cannot be read is empty. */
int entered_read_tables(struct entered *entered);
/* Reads the kernel's anew, if it is stale. 0 or -ENOMEM. */
int entered_read_now(struct entered *entered);

/* The latest first; NULL: there is no such table. */
void entered_tables(struct entered *entered, const struct mounts *ret[static ENTERED_TABLES]);

#endif
