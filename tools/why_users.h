/* Who else: a chain leads to a thing by one program; others may use the thing as well. */
#ifndef FOOTPRINT_TOOLS_WHY_USERS_H
#define FOOTPRINT_TOOLS_WHY_USERS_H

#include <stdio.h>

#include "lib/base/json.h"
#include "lib/manifest/why.h"

/* A line with the programs that use what the chain leads to, without the one by which it leads
 * there; nothing if there are no others. `column`: where the names begin. */
void why_print_others(
	FILE *out, const Footprint__Manifest *m, const struct why_chain *chain, size_t column);

/* The key "by": the paths of all programs that use it. */
void why_put_users(struct json *j, const Footprint__Manifest *m, const struct why_chain *chain);

#endif
