/*
 * Scripts: which interpreter each has named, as images of interpreters tell.
 *
 * A script may remove itself as soon as it runs. Whoever has executed it is in another session than
 * its interpreter, so the script may be there when the one is looked at and gone for the other: a
 * program that was executed and never heard of. Then what the interpreter's look found counts.
 */
#ifndef FOOTPRINT_AGGREGATOR_MANIFESTS_SCRIPTS_H
#define FOOTPRINT_AGGREGATOR_MANIFESTS_SCRIPTS_H

#include "lib/base/table.h"

/* How many a run remembers. Of further ones, one that is removed at that moment is a gap. */
#define SCRIPTS_MAX 4096u

struct scripts {
	struct table interpreters; /* by the hash of the script's path */
};

void scripts_init(struct scripts *scripts);
void scripts_deinit(struct scripts *scripts);

/* 0 or -ENOMEM. */
int scripts_note(struct scripts *scripts, const char *script, const char *interpreter);
/* Canonical, for as long as the run. NULL: not known. */
const char *scripts_find(const struct scripts *scripts, const char *script);

#endif
