/*
 * Files of our own in the spool directory, where everybody may write, and in that of manifests,
 * where everybody might. A file with one of our names may be somebody else's there, made in advance
 * to have us write to another file, or to read what we keep.
 */
#ifndef FOOTPRINT_AGGREGATOR_SPOOL_OWN_FILE_H
#define FOOTPRINT_AGGREGATOR_SPOOL_OWN_FILE_H

/* Opens `name`, or makes it so that only we may use it. flags: open(2)'s. Returns the descriptor or
 * a negative errno; -EPERM: it is not our file. */
int own_file_open(int directory, const char *name, int flags);

/* Renames a file, unless the new name exists: -EEXIST. 0 or a negative errno. */
int own_file_rename(int directory, const char *from, const char *to);

/* Makes sure that there is one daemon for a directory: locks its file `name`, which nobody else can
 * open, until *ret is closed, however we end. If there can be no such file (a read-only file
 * system) there is no lock, and *ret is -1. 0, or -EADDRINUSE: another daemon holds it. */
int own_file_lock(int directory, const char *name, int *ret);

#endif
