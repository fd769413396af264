/* What look.c and look_chroot.c share; look.h is for everybody else. */
#ifndef FOOTPRINT_AGGREGATOR_ROOTS_LOOK_PARTS_H
#define FOOTPRINT_AGGREGATOR_ROOTS_LOOK_PARTS_H

#include "aggregator/roots/look.h"

/* Fills a new look. 0, or our own trouble: -ENOMEM, -EMFILE, -ENFILE. */
int look_into(struct look_tools *tools, struct look *look, const struct look_request *request);

/* The same of a process that was in a chroot: request->root_size is not 0, and there is a
 * resolver. */
int look_in_chroot(struct look_tools *tools, struct look *look, const struct look_request *request);

/* NULL is fine. */
void inner_root_free(struct inner_root *inner);

/* Whose package the file at a canonical path is: in `state`, whose texts are in *ret_owner (NULL:
 * nobody's), which the caller frees. 0 or -ENOMEM. */
int look_fill_package(
	struct look_tools *tools, const char *path, struct file_state *state, char **ret_owner);

#endif
