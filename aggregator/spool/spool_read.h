/*
 * Reading the spool: the entries of files that are taken, some at a time, so that sockets have
 * their turn. A file is read once nobody writes to it any more.
 */
#ifndef FOOTPRINT_AGGREGATOR_SPOOL_SPOOL_READ_H
#define FOOTPRINT_AGGREGATOR_SPOOL_SPOOL_READ_H

struct aggregator;

/* Reads some, and goes on by timer for as long as there is more. */
void spool_read(struct aggregator *daemon);

#endif
