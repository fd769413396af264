/*
 * The directories and symlinks that a resolver has met: a tree of names, so that a directory is
 * looked up once however many of its files are resolved.
 *
 * Each lookup is of one name in the O_PATH descriptor of one directory, and follows no symlink. So
 * it cannot leave the root, start an automount, or open what the name stands for. ".." is answered
 * from the tree, never by the kernel.
 */
#ifndef FOOTPRINT_ROOT_PLACES_H
#define FOOTPRINT_ROOT_PLACES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PLACES_MAX	   65536 /* remembered; past that all are forgotten at the next path */
#define PLACES_OPEN_MAX	   64	 /* directories held open by one resolver, a power of two */
#define PLACES_BUCKETS_MIN 256

struct place {
	struct place *parent; /* the root is its own */
	struct place *next;   /* in the hash bucket */
	uint32_t hash;
	int fd;	      /* O_PATH of a directory; -1: not open just now */
	char *target; /* what a symlink says; NULL: a directory */
	dev_t device;
	bool recent;	/* used since the clock's hand was here (second-chance eviction) */
	bool on_procfs; /* its symlinks depend on the process that reads them */
	uint16_t name_size;
	char name[]; /* NUL-terminated; "" for the root */
};

struct places {
	struct place *root;
	struct place **buckets;
	size_t n_buckets, n_places;
	struct place *open[PLACES_OPEN_MAX];
	unsigned hand;
};

/* rootfd belongs to it from now on, even if this fails. */
int places_init(struct places *places, int rootfd);
void places_deinit(struct places *places);
/* Forgets everything but the root: pointers to places become invalid. */
void places_forget(struct places *places);
/* Closes the directories that are held open; they are opened again when they are needed. */
void places_close_all(struct places *places);

/* The directory or symlink `name` in directory `at`. -ENOTDIR: it is neither; or what open says. */
int places_enter(struct places *places, struct place *at, const char *name, struct place **ret);
/* The descriptor of a directory, good until the next call with `places`; or negative errno. */
int places_fd(struct places *places, struct place *directory);

/* Bytes of a place's canonical path without the NUL; 0 for the root, as if it were "". */
size_t place_path_size(const struct place *place);
/* Writes that path before `end`, without a NUL; returns its first byte. */
char *place_path_before(const struct place *place, char *end);

/* What the symlink `name` in `directory` says; "" for the descriptor of the link itself. */
int read_link_at(int directory, const char *name, char **ret_target);

#endif
