/* For programs that the tests watch: a failed check ends the program, and prints where. */
#ifndef FOOTPRINT_TESTS_INTEGRATION_CHECK_H
#define FOOTPRINT_TESTS_INTEGRATION_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what);                 \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

#endif
