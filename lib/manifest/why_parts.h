/* What why.c and why_library.c share: the ways to programs, and chains that are being made. */
#ifndef FOOTPRINT_MANIFEST_WHY_PARTS_H
#define FOOTPRINT_MANIFEST_WHY_PARTS_H

#include "lib/manifest/why.h"

#define NOWHERE UINT32_MAX

/*
 * For each program, the shortest way to it from a program with which a run began: a breadth-first
 * search over who executed whom, and over scripts to their interpreters.
 */
struct ways {
	const Footprint__Manifest *m;
	struct arena *arena;
	uint32_t *parent;      /* NOWHERE: none: the run began here, or nobody knows better */
	uint32_t *distance;    /* NOWHERE: not reached */
	uint32_t *interpreter; /* index of a script's interpreter, or NOWHERE */
	uint32_t *queue;
	size_t head, tail;
};

/* Steps for the way to a program; `extra` more will follow. 0 or -ENOMEM. */
int why_add_way(const struct ways *w, uint32_t program, size_t extra, struct why_chain *chain);

/* Whether the way to the program is shorter than that to `best`, which may be NOWHERE. */
static inline bool why_is_nearer(const struct ways *w, uint32_t program, uint32_t best)
{
	return best == NOWHERE || w->distance[program] < w->distance[best];
}

/* The whole chain to a library; -ENOENT: nobody loads it. */
int why_explain_library(
	const struct ways *w, const Footprint__Library *library, struct why_chain *chain);

#endif
