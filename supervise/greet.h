/* The hello of a watched process image. */
#ifndef FOOTPRINT_SUPERVISE_GREET_H
#define FOOTPRINT_SUPERVISE_GREET_H

#include "preload/session/hello.h"

/* Makes a session memory for the image that `pid` runs, and says hello for it. Sets image.segment.
 * unwatched: the path of the program that it is about to execute, if nobody can watch that: the
 * session is that program's then, to say why; otherwise NULL. 0 or a negative errno. */
int greet(int pid, const struct settings *settings, const char *unwatched);

#endif
