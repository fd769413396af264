/*
 * Libraries: whether they are needed or dlopened, and by whom.
 *
 * What is in the closure of the program's DT_NEEDED is needed, by the object that the closure
 * names. An object that a dlopen call named is dlopened, by the object that has called. An object
 * that came with a dlopened one is dlopened, too, by the object that needs it. Which one that is
 * follows from the closures of the session's dlopened objects, which become known in any order.
 *
 * For a program that nobody can watch (set-uid, of another architecture), only the closure is
 * known: its libraries are in the manifest as not observed.
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

/* Zero-initialised, there are none. Holds references to looks. */
struct plugins {
	struct look **opened;	 /* objects that dlopen calls named, with their closures */
	struct look **followers; /* objects that came with them, whose requester is not known yet */
	unsigned n_opened, n_followers;
};

/* Adds what is known of the library, and that `by` loads it. 0 or -ENOMEM. */
int library_describe(
	struct manifest *m, const struct look *library, uint32_t access, const char *by);
/* 0 or -ENOMEM. */
int library_apply(struct fact *fact);
/* The session is over: followers whose requester is not known are dlopened by an unknown one. */
int library_settle(struct session *session);
/* Is a gap of this kind about a program whose libraries can be predicted? */
bool library_predictable(const char *gap);
/* Queues a FACT_UNOBSERVED for each library of the program that the gap names. 0 or -ENOMEM. */
int library_predict(struct fact *gap);
/* 0 or -ENOMEM. */
int library_apply_unobserved(struct fact *fact);
void plugins_deinit(struct plugins *plugins);

#endif
