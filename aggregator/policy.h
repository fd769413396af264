/* The applications and users that the operator has allowed. */
#ifndef FOOTPRINT_AGGREGATOR_POLICY_H
#define FOOTPRINT_AGGREGATOR_POLICY_H

#include <stdbool.h>
#include <sys/types.h>

#include "aggregator/options.h"

bool policy_allows_uid(const struct options *options, uid_t uid);
/* name: sanitised. */
bool policy_allows_application(const struct options *options, const char *name);

#endif
