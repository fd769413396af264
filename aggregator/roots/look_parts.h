/* What look.c, look_chroot.c, look_outside.c and entered_look.c share; look.h is for everybody
 * else. */
#ifndef FOOTPRINT_AGGREGATOR_ROOTS_LOOK_PARTS_H
#define FOOTPRINT_AGGREGATOR_ROOTS_LOOK_PARTS_H

#include <stdbool.h>

#include "aggregator/roots/look.h"

/* Fills a new look. 0, or our own trouble: -ENOMEM, -EMFILE, -ENFILE. */
int look_into(struct look_tools *tools, struct look *look, const struct look_request *request);

/* The same of a process that was in a chroot: request->root_size is not 0, and there is a
 * resolver. */
int look_in_chroot(struct look_tools *tools, struct look *look, const struct look_request *request);

/* The same with the tools of another root; the request may be of a process that was in a chroot
 * there. */
int look_with(struct look_tools *tools, struct look_tools *inner, struct look *look,
	const struct look_request *request);

/* How another root's names become the container's. */
struct outside {
	/* Replaces *path. *ret_packages: the tools with the packages that may own it by that name;
	 * NULL: none. 0 or -ENOMEM. */
	int (*rename)(struct outside *outside, char **path, struct look_tools **ret_packages);
};
int look_put_outside(struct look_tools *tools, struct look *look, struct outside *outside);

/* NULL is fine. */
void inner_root_free(struct inner_root *inner);

/* Whose package the file at a canonical path is: in `state`, whose texts are in *ret_owner (NULL:
 * nobody's), which the caller frees. 0 or -ENOMEM. */
int look_fill_package(
	struct look_tools *tools, const char *path, struct file_state *state, char **ret_owner);

/* The same for a root of its own, whose packages no other look asks for. */
int look_ask_package(
	struct look_tools *tools, const char *path, struct file_state *state, char **ret_owner);

#endif
