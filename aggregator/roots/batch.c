#include "aggregator/roots/batch.h"

#include <stddef.h>
#include <stdlib.h>

#include "aggregator/aggregator.h"
#include "lib/base/cleanup.h"

/* Opened directories are remembered for this long: not long, since files move while applications
 * run. */
#define REFRESH_MS 500
/* Package databases are read again at most this often: an upgrade writes its database many
 * times. */
#define PACKAGES_MS 5000
/* A batch ends after this time, and the rest goes into the next one: other roots wait for the same
 * threads. */
#define SLICE_MS 1000

struct batch *batch_new(struct root *root)
{
	struct batch *batch = malloc(sizeof(*batch));
	uint64_t now = uv_now(&root->daemon->loop);

	if (!batch)
		return NULL;
	batch->root = root;
	batch->n = batch->n_looked = 0;
	batch->refresh = now - root->refreshed_ms > REFRESH_MS;
	batch->packages = batch->refresh && now - root->packages_ms > PACKAGES_MS;
	if (batch->refresh)
		root->refreshed_ms = now;
	if (batch->packages)
		root->packages_ms = now;
	return batch;
}

/* A fact has two paths at most. */
bool batch_full(const struct batch *batch)
{
	return batch->n + 2 > BATCH_LOOKS_MAX;
}

static struct batch_item *item_of(struct batch *batch, const struct path *path)
{
	for (unsigned i = batch->n; i-- > 0;)
		if (batch->items[i].path == path)
			return &batch->items[i];
	return NULL;
}

void batch_add(struct batch *batch, struct root *root, struct path *path, enum look_depth depth)
{
	struct batch_item *item;

	if (path->in_batch) {
		item = item_of(batch, path);
		if (item->depth < depth)
			item->depth = depth;
		return;
	}
	path->in_batch = true;
	batch->items[batch->n++] = (struct batch_item){
		.path = path,
		/* Not less depth than there is now, or the path would be looked at again at
		 * once. */
		.depth = path->look && path->look->depth > depth ? path->look->depth : depth,
		.digest = !path->changed,
	};
	root->daemon->counters.looks++;
}

static struct batch *batch_of(struct job *job)
{
	return (struct batch *)((char *)job - offsetof(struct batch, job));
}

/* Not uv_now(), which does not go on while a batch runs. */
static uint64_t clock_ms(void)
{
	return uv_hrtime() / 1000000;
}

/* Runs on a worker's thread. Touches only the items, their paths' text, and the root's tools. */
static void work(struct job *job)
{
	struct batch *batch = batch_of(job);
	struct look_tools *tools = &batch->root->tools;
	uint64_t begun = clock_ms();

	if (batch->refresh)
		look_tools_refresh(tools, batch->packages);
	do {
		struct batch_item *item = &batch->items[batch->n_looked++];

		struct look_request request = {
			.raw = item->path->raw,
			.root_size = item->path->root_size,
			.entered = item->path->entered,
			.follow = item->path->follow,
			.depth = item->depth,
			.digest = item->digest,
		};

		if (look_at(tools, &request, &item->look) < 0)
			item->look = NULL;
	} while (batch->n_looked < batch->n && clock_ms() - begun < SLICE_MS);
}

static void done(struct job *job)
{
	struct batch *batch = batch_of(job);

	batch->finished(batch);
}

static void late(struct job *job)
{
	struct batch *batch = batch_of(job);

	batch->late(batch);
}

int batch_start(struct batch *batch, void (*finished)(struct batch *batch),
	void (*on_late)(struct batch *batch))
{
	struct aggregator *daemon = batch->root->daemon;

	batch->finished = finished;
	batch->late = on_late;
	batch->started_ms = uv_now(&daemon->loop);
	batch->job = (struct job){ .work = work, .done = done, .late = late };
	return workers_do(&daemon->workers, &batch->job);
}

bool batch_take(struct batch *batch)
{
	struct root *root = batch->root;
	bool complete = true;

	for (unsigned i = 0; i < batch->n_looked; i++) {
		struct batch_item *item = &batch->items[i];

		if (item->look) {
			item->look->made_ms = batch->started_ms;
			if (!item->path->look)
				root->n_looks += path_units(item->path);
			look_unref(item->path->look);
			item->path->look = steal_pointer(item->look);
			item->path->shortage = (struct shortage){ 0 };
		} else {
			shortage_note(&item->path->shortage, batch->started_ms);
			root->daemon->counters.no_memory++;
			complete = false;
		}
	}
	batch_free(batch);
	return complete;
}

void batch_free(struct batch *batch)
{
	for (unsigned i = 0; i < batch->n; i++)
		batch->items[i].path->in_batch = false;
	free(batch);
}
