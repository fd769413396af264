/*
 * Process images: which one a caller belongs to, and the recorder's state of each.
 *
 * What one execve made has one stack, so the place of its stack and its executable tell an image
 * from others; its forks have the same. Asking /proc costs microseconds, so what is known of a
 * caller is remembered for about a second, or until something is executed.
 */
#ifndef FOOTPRINT_SUPERVISE_IMAGES_H
#define FOOTPRINT_SUPERVISE_IMAGES_H

#include <stdbool.h>
#include <stdint.h>

/* What tells the image of this process from others; 0: it cannot be looked at. */
uint64_t images_identify(int pid);

/* The caller's image becomes `image`, where the recorder works. True: its facts are to be recorded.
 * False: they are not (the library in it does that), or it could not be looked at: *ret_error. */
bool images_enter(int pid, int *ret_error);

/* Something is being executed: whoever calls next may be another image. */
void images_changed(void);

/* A program has begun in `pid`, if it had not before. Between the execution's announcement and its
 * end other threads of the program before it may have called, of whom one had this pid. */
void images_began(int pid);

/* The entered image's root directory may not be ours any more. */
void images_root_changed(void);

/* What the entered image's root directory is to us: 0: ours; else an O_PATH descriptor, which the
 * caller closes. */
int images_root(int pid);

/* After a call of the entered image: is the aggregator there, and does it know of us? */
void images_tend(void);

/* The entered image's express lane; NULL: none is entered. */
struct express *images_express(void);

/* Says `kind` of the image that last could be looked at, or the first that can. */
void images_gap(int pid, const char *kind, const char *detail);

/* Keeps what nobody has acknowledged, and forgets all images. */
void images_close(void);

#endif
