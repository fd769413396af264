/* Standard input, output and error. */
#ifndef FOOTPRINT_BASE_STANDARD_H
#define FOOTPRINT_BASE_STANDARD_H

/*
 * Who is started with one of them closed would have the next file it opens under that number, and
 * write its messages there. Holds what is closed by something that can be neither read nor written,
 * so that who tries is told. What we execute finds them closed.
 */
void standard_hold(void);

#endif
