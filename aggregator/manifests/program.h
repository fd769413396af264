/* Programs: images that say hello, and programs that are executed, through scripts and their
 * interpreters. */
#ifndef FOOTPRINT_AGGREGATOR_MANIFESTS_PROGRAM_H
#define FOOTPRINT_AGGREGATOR_MANIFESTS_PROGRAM_H

struct fact;

/* The image that a session is. 0 or -ENOMEM. */
int program_apply_image(struct fact *fact);
/* Adds the symlinks by which that image was invoked. 0 or -ENOMEM. */
int program_apply_invoked(struct fact *fact);
/* The script of which it is the interpreter. 0 or -ENOMEM. */
int program_apply_script(struct fact *fact);
/* execve or posix_spawn of a program or script. 0 or -ENOMEM. */
int program_apply(struct fact *fact);

#endif
