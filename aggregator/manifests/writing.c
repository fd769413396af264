#include "aggregator/manifests/writing.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "aggregator/manifests/application.h"
#include "aggregator/manifests/snapshot.h"
#include "lib/manifest/codec.h"

/* Each holds a descriptor, and a thread waits for it. Encoding stays with one thread: it takes
 * memory, and the time of processors that are there for others. */
#define GROUP_MAX 32u

struct sheet {
	struct snapshot_item *item;
	struct manifest_draft *draft;
	pthread_t thread;
	bool waited_for; /* by the thread */
};

struct group {
	struct sheet sheets[GROUP_MAX];
	unsigned n;
	int directory;
};

static void *finish_sheet(void *data)
{
	struct sheet *sheet = data;
	struct snapshot_item *item = sheet->item;

	item->result = manifest_draft_finish(sheet->draft, &item->error);
	return NULL;
}

/* The last one is ours to wait for, as is each for which there can be no thread. */
static void finish_sheets(struct group *group)
{
	for (unsigned i = 0; i < group->n; i++) {
		struct sheet *sheet = &group->sheets[i];

		sheet->waited_for = i + 1 < group->n &&
				    pthread_create(&sheet->thread, NULL, finish_sheet, sheet) == 0;
		if (!sheet->waited_for)
			finish_sheet(sheet);
	}
	for (unsigned i = 0; i < group->n; i++)
		if (group->sheets[i].waited_for)
			pthread_join(group->sheets[i].thread, NULL);
}

/* Until the directory is on disk, too, a crash may bring the old files back. */
static void finish_group(struct group *group)
{
	int r;

	finish_sheets(group);
	r = group->n && fsync(group->directory) < 0 ? -errno : 0;
	for (unsigned i = 0; i < group->n; i++) {
		struct snapshot_item *item = group->sheets[i].item;

		if (r < 0 && item->result == 0)
			item->result = error_set(&item->error, r, "%s", strerror(-r));
	}
	group->n = 0;
}

static int draft(struct group *group, struct snapshot_item *item, struct manifest_draft **ret)
{
	return manifest_draft_new(item->application->manifest, group->directory,
		item->application->file, ret, &item->error);
}

/* Drafts take what finished manifests do not: descriptors, and space beside what they replace. */
static bool is_short(int r)
{
	return r == -EMFILE || r == -ENFILE || r == -ENOSPC || r == -EDQUOT;
}

static void add(struct group *group, struct snapshot_item *item)
{
	struct sheet *sheet = &group->sheets[group->n];

	item->result = draft(group, item, &sheet->draft);
	if (is_short(item->result) && group->n) {
		finish_group(group);
		sheet = group->sheets;
		item->result = draft(group, item, &sheet->draft);
	}
	if (item->result < 0)
		return;
	sheet->item = item;
	if (++group->n == GROUP_MAX)
		finish_group(group);
}

void manifests_write(struct snapshot_item *items, size_t n, int directory)
{
	struct group group = { .directory = directory };

	for (size_t i = 0; i < n; i++)
		add(&group, &items[i]);
	finish_group(&group);
}
