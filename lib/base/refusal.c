#include "lib/base/refusal.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_known(const struct option *names, int option)
{
	while (names->name && names->val != option)
		names++;
	return names->name != NULL;
}

/* getopt leaves the option's `val` in optopt, or 0 for an unknown long one. Of an unknown letter,
 * only that is known, since the word with it may go on. */
void refusal_find(int returned, char *const *argv, const struct option *names, struct refusal *ret)
{
	const char *word = argv[optind - 1];
	bool is_long;

	if (returned == ':') {
		ret->why = "needs an argument";
		is_long = !strncmp(word, "--", 2);
	} else {
		ret->why =
			optopt && is_known(names, optopt) ? "takes no argument" : "no such option";
		is_long = !optopt || is_known(names, optopt);
	}
	snprintf(ret->letter, sizeof(ret->letter), "-%c", optopt);
	ret->word = is_long ? word : ret->letter;
}
