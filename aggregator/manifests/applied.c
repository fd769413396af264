#include "aggregator/manifests/applied.h"

#include <stdlib.h>

/* Powers of two. */
#define SLOTS_MIN 64u
#define SLOTS_MAX 16384u

static uint64_t *slot_of(const struct applied *applied, uint64_t key)
{
	return &applied->keys[key % applied->n_slots];
}

/* Four times as many slots as keys, so that few keys replace another one. Without memory, it stays
 * as it is. */
static void grow(struct applied *applied)
{
	struct applied grown = { .n_slots = applied->n_slots * 2, .n = applied->n };

	if (!grown.n_slots)
		grown.n_slots = SLOTS_MIN;
	grown.keys = calloc(grown.n_slots, sizeof(*grown.keys));
	if (!grown.keys)
		return;
	for (uint32_t i = 0; i < applied->n_slots; i++)
		if (applied->keys[i])
			*slot_of(&grown, applied->keys[i]) = applied->keys[i];
	free(applied->keys);
	*applied = grown;
}

bool applied_has(const struct applied *applied, uint64_t key)
{
	return applied->keys && *slot_of(applied, key) == key;
}

void applied_note(struct applied *applied, uint64_t key)
{
	uint64_t *slot;

	if (applied->n >= applied->n_slots / 4 && applied->n_slots < SLOTS_MAX)
		grow(applied);
	if (!applied->keys)
		return;
	slot = slot_of(applied, key);
	applied->n += !*slot;
	*slot = key;
}

void applied_deinit(struct applied *applied)
{
	free(applied->keys);
	*applied = (struct applied){ 0 };
}
