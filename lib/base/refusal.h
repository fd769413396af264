/* What getopt_long(3) has refused, in words that are the same for all our programs. */
#ifndef FOOTPRINT_BASE_REFUSAL_H
#define FOOTPRINT_BASE_REFUSAL_H

#include <getopt.h>

struct refusal {
	const char *word; /* "--bogus", as it was written, or "-x" */
	const char *why;  /* "no such option" */
	char letter[3];	  /* holds the word, if it is one of a group of letters */
};

/* Call it when getopt_long() has returned ':' or '?', with opterr 0 and a ':' first in its letters
 * (behind a "+"), without which it does not distinguish a missing argument. */
void refusal_find(int returned, char *const *argv, const struct option *names, struct refusal *ret);

#endif
