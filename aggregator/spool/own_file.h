/*
 * Files of our own in the spool directory, which is everyone's, and in that of manifests, which may
 * be: what stands under our name there may be anybody's, made beforehand to have us write to
 * another file, or tell what we keep.
 */
#ifndef FOOTPRINT_AGGREGATOR_SPOOL_OWN_FILE_H
#define FOOTPRINT_AGGREGATOR_SPOOL_OWN_FILE_H

/* Opens `name`, or makes it for us alone. flags: how, and what open(2) may do besides. The
 * descriptor, or negative errno; -EPERM: it is not a file of ours. */
int own_file_open(int directory, const char *name, int flags);

/* Gives a file another name, if nothing has that: else -EEXIST. 0 or negative errno. */
int own_file_rename(int directory, const char *from, const char *to);

/* One daemon a directory: holds its file `name`, which nobody else can open, until *ret is closed,
 * however we end. Where none can be had (a read-only file system) there is no lock, and *ret is -1.
 * 0, or -EADDRINUSE: another daemon holds it. */
int own_file_lock(int directory, const char *name, int *ret);

#endif
