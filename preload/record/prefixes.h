/*
 * Directories whose names are recorded once, for many facts. A new fact costs mostly the memory
 * that is written for the first time, in the log and later in the spool, and most of a record is
 * the name of the file's directory. So where several new facts are about files below one
 * directory, that gets a number, and later records hold the number and the rest of the path
 * (Record.prefix).
 */
#ifndef FOOTPRINT_PRELOAD_RECORD_PREFIXES_H
#define FOOTPRINT_PRELOAD_RECORD_PREFIXES_H

struct record;

/* Shortens the path of a record that is about to be appended, if it is absolute and a numbered
 * directory stands at its beginning. May append a record that gives a number. */
void prefix_shorten(struct record *record);

/* Takes that back: the record is appended to another segment. */
void prefix_undo(struct record *record);

/* The aggregator is gone. Its successor may not know any more what the numbers mean, so the records
 * that gave those which are in use are repeated. */
void prefix_repeat(void);

#endif
