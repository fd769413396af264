/*
 * Process images: which one a caller belongs to, and the recorder's state of each.
 *
 * An execve makes a new stack, so an image is identified by the address of its stack and its
 * executable; its forks have the same. Asking /proc costs microseconds, so what is known of a
 * caller is remembered for about a second, or until a program is executed.
 */
#ifndef FOOTPRINT_SUPERVISE_IMAGES_H
#define FOOTPRINT_SUPERVISE_IMAGES_H

#include <stdbool.h>
#include <stdint.h>

/* A number that identifies the image of this process. 0: it cannot be looked at. */
uint64_t images_identify(int pid);

/* Makes the caller's image the one that the recorder works with (`image`). True: its facts are to
 * be recorded. False: they are not, since the library in it records them, or it could not be looked
 * at: *ret_error. */
bool images_enter(int pid, int *ret_error);

/* A program is being executed: the next caller may belong to another image. */
void images_changed(void);

/* A program has begun in `pid`, unless that is known already. Between the announcement of an
 * execution and its end, other threads of the previous program may have called, one of them with
 * this pid. */
void images_began(int pid);

/* Has the entered image a dynamic linker? (Then it has none of our library.) */
bool images_dynamic(void);

/* The root directory of the entered image may be another one than ours from now on. */
void images_root_changed(void);

/* The processes of the entered image may have other rights than we from now on. */
void images_rights_changed(void);
bool images_rights_differ(void);

/* The same of any image: it is not known which. */
void images_rights_changed_somewhere(void);

/* The root directory of the entered image. 0: it is ours; else an O_PATH descriptor of it, which
 * the caller closes. */
int images_root(int pid);

/* To be called after a call of the entered image: is the aggregator there, and does it know us? */
void images_tend(void);

/* The express lane of the entered image. NULL: no image is entered. */
struct express *images_express(void);

/* Records a gap in the session of the image that was looked at last, or will be looked at first. */
void images_gap(int pid, const char *kind, const char *detail);

/* Spools what nobody has acknowledged, and forgets all images. */
void images_close(void);

#endif
