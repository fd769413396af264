/* Which entered roots there are, and how long. */
#include "aggregator/roots/entered.h"

#include <errno.h>
#include <stdlib.h>

#include "aggregator/aggregator.h"
#include "aggregator/peers/descriptor.h"
#include "aggregator/peers/receive.h"
#include "lib/base/cleanup.h"

/* A program that is executed there says hello within that time, or is used to a slow machine. */
#define ENTERED_IDLE_MS 5000

/* --- crossings -------------------------------------------------------------------------------- */

static struct crossing *crossing_ref(struct crossing *crossing)
{
	if (crossing)
		crossing->references++;
	return crossing;
}

static void crossing_unref(struct crossing *crossing)
{
	if (!crossing || --crossing->references)
		return;
	descriptors_close(&crossing->fd, 1);
	mounts_deinit(&crossing->before);
	mounts_deinit(&crossing->after);
	free(crossing);
}

/* Takes the descriptor. NULL: no memory. */
static struct crossing *crossing_new(int *fd)
{
	struct crossing *crossing = calloc(1, sizeof(*crossing));

	if (!crossing)
		return NULL;
	crossing->references = 1;
	crossing->fd = steal_fd(fd);
	return crossing;
}

/* --- life ------------------------------------------------------------------------------------- */

struct entered *entered_ref(struct entered *entered)
{
	if (entered)
		entered->references++;
	return entered;
}

/* No worker is looking into it. */
static void entered_close(struct entered *entered)
{
	if (!entered->tools.resolver)
		return;
	look_tools_deinit(&entered->tools);
	descriptors_close(&entered->space, 1);
	entered->space = -1;
	crossing_unref(steal_pointer(entered->into));
	crossing_unref(entered->out);
	crossing_unref(steal_pointer(entered->first));
	entered->out = NULL;
	mounts_deinit(&entered->now);
	entered->root->daemon->roots.n_entered--;
}

static void entered_free(struct entered *entered)
{
	entered_close(entered);
	LIST_REMOVE(entered, link);
	free(entered);
}

void entered_unref(struct entered *entered)
{
	if (entered && --entered->references == 0 && !entered->tools.resolver)
		entered_free(entered);
}

void entered_use(struct entered *entered)
{
	entered_ref(entered);
	entered->users++;
}

void entered_leave(struct entered *entered)
{
	if (--entered->users == 0)
		entered->idle_since_ms = uv_now(&entered->root->daemon->loop);
	entered_unref(entered);
}

static bool is_idle(const struct entered *entered, uint64_t for_ms)
{
	return !entered->users &&
	       uv_now(&entered->root->daemon->loop) - entered->idle_since_ms >= for_ms;
}

static void close_idle(struct root *root, uint64_t for_ms)
{
	struct entered *entered = LIST_FIRST(&root->entered);

	while (entered && !root->batch) {
		struct entered *next = LIST_NEXT(entered, link);

		if (is_idle(entered, for_ms))
			entered_close(entered);
		if (!entered->references && !entered->users && !entered->tools.resolver)
			entered_free(entered);
		entered = next;
	}
}

void entered_tick(struct root *root)
{
	close_idle(root, ENTERED_IDLE_MS);
}

void entered_deinit(struct root *root)
{
	while (!LIST_EMPTY(&root->entered))
		entered_free(LIST_FIRST(&root->entered));
}

/* --- making ----------------------------------------------------------------------------------- */

static struct entered *find(struct root *root, const struct root *identity)
{
	struct entered *entered;

	LIST_FOREACH(entered, &root->entered, link)
		if (entered->tools.resolver && entered->mount == identity->mount &&
			entered->inode == identity->inode && entered->device == identity->device)
			return entered;
	return NULL;
}

struct entered *entered_find(struct aggregator *daemon, int fd)
{
	struct root identity = { 0 }, *root;
	struct entered *entered = NULL;

	if (!daemon->roots.n_entered || root_identify(fd, &identity) < 0 || !identity.mount)
		return NULL;
	LIST_FOREACH(root, &daemon->roots.list, link)
		if ((entered = find(root, &identity)))
			break;
	return entered;
}

/* Half of the descriptors are for sockets. */
static bool has_room(struct aggregator *daemon, int fd)
{
	rlim_t max = daemon->intake.descriptors_max;
	struct root *root;

	if (daemon->roots.n_entered >= ENTERED_OPEN_MAX)
		LIST_FOREACH(root, &daemon->roots.list, link)
			close_idle(root, 0);
	return daemon->roots.n_entered < ENTERED_OPEN_MAX &&
	       (max == RLIM_INFINITY || (rlim_t)fd < max / 2);
}

static int entered_new(struct root *root, const struct root *identity, int fd, struct entered **ret)
{
	struct entered *entered;
	int r;

	if (!has_room(root->daemon, fd))
		return -ENOSPC;
	entered = calloc(1, sizeof(*entered));
	if (!entered)
		return -ENOMEM;
	r = resolver_new(fd, &entered->tools.resolver);
	if (r < 0) {
		free(entered);
		return r == -EMFILE || r == -ENFILE ? -ENOSPC : r;
	}
	entered->tools.no_packages = true;
	entered->root = root;
	entered->space = -1;
	entered->device = identity->device;
	entered->inode = identity->inode;
	entered->mount = identity->mount;
	LIST_INSERT_HEAD(&root->entered, entered, link);
	root->daemon->roots.n_entered++;
	*ret = entered;
	return 0;
}

/* How it was entered, and how the one before was left. Without memory nobody knows, which is a gap
 * for what has another name there. */
static void take_tables(struct entered *entered, struct entered *from, struct received *received)
{
	struct crossing *crossing = received->n > 1 ? crossing_new(&received->fds[1]) : NULL;

	if (!crossing)
		return;
	crossing->mount = entered->mount;
	entered->into = crossing;
	entered->first = crossing_ref(from ? from->first : crossing);
	if (received->n > 2)
		entered->space = steal_fd(&received->fds[2]);
	entered->stale = true;
	if (from && !from->out)
		from->out = crossing_ref(crossing);
}

static bool is_same_mount(const struct root *root, const struct root *identity)
{
	return identity->mount && root->mount == identity->mount &&
	       root->inode == identity->inode && root->device == identity->device;
}

int entered_get(
	struct root *root, struct entered *from, struct received *received, struct entered **ret)
{
	struct root identity = { 0 };
	int r;

	if (received->wrong || received->n < 1 || !descriptor_is_path(received->fds[0]) ||
		(received->n > 1 && !descriptor_is_memory(received->fds[1])))
		return -EBADMSG;
	r = root_identify(received->fds[0], &identity);
	if (r < 0)
		return r;
	*ret = NULL;
	if (is_same_mount(root, &identity))
		return 0;
	*ret = identity.mount ? find(root, &identity) : NULL;
	if (!*ret) {
		r = entered_new(root, &identity, received->fds[0], ret);
		if (r < 0)
			return r;
		take_tables(*ret, from, received);
	}
	entered_use(*ret);
	return 0;
}
