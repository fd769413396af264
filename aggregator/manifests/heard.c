#include "aggregator/manifests/heard.h"

#include <errno.h>
#include <string.h>

#include "aggregator/aggregator.h"
#include "lib/base/hash.h"

struct program {
	uint64_t key;
	uint64_t started_ns; /* of the latest image */
	uint32_t watched;
};

/* Hashed with a key that peers do not know, so they cannot make two programs collide. */
static uint64_t key_of(struct root_name root, const char *path)
{
	const uint64_t key[2] = { hash_bytes(&root, sizeof(root)), hash_bytes("heard", 5) };

	return hash_siphash13(key, path, strlen(path));
}

static void reset(struct heard *heard)
{
	table_deinit(&heard->programs);
	*heard = (struct heard){ .programs = TABLE_OF(struct program, key) };
}

void heard_init(struct aggregator *daemon)
{
	reset(&daemon->heard);
}

void heard_deinit(struct aggregator *daemon)
{
	reset(&daemon->heard);
}

int heard_note(struct session *session, const char *path)
{
	struct heard *heard = &session->daemon->heard;
	struct root_name root = { session->root->device, session->root->inode };
	uint64_t key = key_of(root, path);
	struct program *program;
	uint32_t place;

	if (run_note_root(session->application, root) < 0)
		return -ENOMEM;
	/* The program is not watched: this session only says why. */
	if (session->watched == FOOTPRINT__WATCHED__WATCHED_NONE)
		return 0;
	if (heard->programs.count >= HEARD_MAX)
		reset(heard);
	if (table_add(&heard->programs, &key, &place) < 0)
		return -ENOMEM;
	program = table_at(&heard->programs, place);
	if (session->started_ns >= program->started_ns) {
		program->started_ns = session->started_ns;
		program->watched = session->watched;
	}
	return 0;
}

Footprint__Watched heard_elsewhere(const struct application *application, const char *path)
{
	const struct table *programs = &application->daemon->heard.programs;
	const struct run *run = &application->run;

	for (uint32_t i = 0; i < run->roots.count; i++) {
		const struct root_name *root = table_at(&run->roots, i);
		uint64_t key = key_of(*root, path);
		uint32_t place = table_find(programs, &key);
		const struct program *program;

		if (place == TABLE_NONE)
			continue;
		program = table_at(programs, place);
		if (program->started_ns >= run->started_ns)
			return (Footprint__Watched)program->watched;
	}
	return FOOTPRINT__WATCHED__WATCHED_NONE;
}
