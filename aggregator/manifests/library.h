/*
 * Libraries: needed or dlopened, and by whom.
 *
 * What the closure of the program's DT_NEEDED holds is needed, by the object that the closure
 * names. An object that a dlopen call named is dlopened, by the object that called. One that came
 * along with a dlopened object is dlopened too, asked for by the object that needs it - which only
 * the closures of the session's dlopened objects tell, in whatever order they become known.
 *
 * Of a program that nobody can watch (set-uid, of another architecture) the closure is all that can
 * be known: its libraries are in the manifest as not observed.
 */
#ifndef FOOTPRINT_AGGREGATOR_MANIFESTS_LIBRARY_H
#define FOOTPRINT_AGGREGATOR_MANIFESTS_LIBRARY_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregator/roots/look.h"

#define PLUGINS_MAX 4096u /* looks kept in one session, of each kind */

struct fact;
struct manifest;
struct session;

/* Zero-initialised: none. References to looks. */
struct plugins {
	struct look **opened;	 /* objects that dlopen calls named, with their closures */
	struct look **followers; /* objects that came with them, not explained yet */
	unsigned n_opened, n_followers;
};

/* What stands in the object, and that `by` loads it. 0 or -ENOMEM. */
int library_describe(
	struct manifest *m, const struct look *library, uint32_t access, const char *by);
/* 0 or -ENOMEM. */
int library_apply(struct fact *fact);
/* The session is over: followers that nothing explains are dlopened by somebody unknown. */
int library_settle(struct session *session);
/* Is a gap of this kind about a program whose libraries can be foretold? */
bool library_foretold(const char *gap);
/* Queues a FACT_UNOBSERVED for each library of the program that the gap names. 0 or -ENOMEM. */
int library_foretell(struct fact *gap);
/* 0 or -ENOMEM. */
int library_apply_unobserved(struct fact *fact);
void plugins_deinit(struct plugins *plugins);

#endif
