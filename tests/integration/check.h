/* For programs that the tests watch: what is not as it should be ends them, and says where. */
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
