#include "aggregator/policy.h"

#include <string.h>

#include "lib/manifest/manifest.h"

bool policy_allows_uid(const struct options *options, uid_t uid)
{
	for (size_t i = 0; i < options->n_allow_uids; i++)
		if (options->allow_uids[i] == uid)
			return true;
	return options->n_allow_uids == 0;
}

bool policy_allows_application(const struct options *options, const char *name)
{
	char allowed[MANIFEST_NAME_SIZE];

	for (size_t i = 0; i < options->n_allow_apps; i++) {
		manifest_name_sanitise(options->allow_apps[i], "", allowed);
		if (!strcmp(allowed, name))
			return true;
	}
	return options->n_allow_apps == 0;
}
