#include "aggregator/manifests/scripts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"

struct interpreter {
	uint64_t script; /* the hash of its path */
	char *path;
};

/* With a key that peers do not know. */
static uint64_t key_of(const char *script)
{
	const uint64_t key[2] = { hash_bytes("script", 6), hash_bytes("interpreter", 11) };

	return hash_siphash13(key, script, strlen(script));
}

void scripts_init(struct scripts *scripts)
{
	*scripts = (struct scripts){ .interpreters = TABLE_OF(struct interpreter, script) };
}

void scripts_deinit(struct scripts *scripts)
{
	for (uint32_t i = 0; i < scripts->interpreters.count; i++)
		free(((struct interpreter *)table_at(&scripts->interpreters, i))->path);
	table_deinit(&scripts->interpreters);
	scripts_init(scripts);
}

int scripts_note(struct scripts *scripts, const char *script, const char *interpreter)
{
	uint64_t key = key_of(script);
	struct interpreter *entry;
	uint32_t place;

	if (scripts->interpreters.count >= SCRIPTS_MAX)
		return 0;
	if (table_add(&scripts->interpreters, &key, &place) < 0)
		return -ENOMEM;
	entry = table_at(&scripts->interpreters, place);
	if (!entry->path)
		entry->path = strdup(interpreter);
	return entry->path ? 0 : -ENOMEM;
}

const char *scripts_find(const struct scripts *scripts, const char *script)
{
	uint64_t key = key_of(script);
	uint32_t place = table_find(&scripts->interpreters, &key);

	return place == TABLE_NONE
		       ? NULL
		       : ((struct interpreter *)table_at(&scripts->interpreters, place))->path;
}
