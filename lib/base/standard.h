/* Standard input, output and error. */
#ifndef FOOTPRINT_BASE_STANDARD_H
#define FOOTPRINT_BASE_STANDARD_H

#include <stdbool.h>

/*
 * If a process is started with one of these closed, the next file that it opens gets that number,
 * and its messages are written there. Fills closed ones with something that can be neither read nor
 * written, so that any attempt fails. Programs that we execute find them closed.
 */
void standard_hold(void);
/* Has it filled this one? */
bool standard_is_held(int fd);

#endif
