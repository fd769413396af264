#include "lib/root/places.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "lib/base/cleanup.h"
#include "lib/base/hash.h"
#include "lib/root/beneath.h"

/* The hash is keyed differently in each process, so nobody can choose names that collide. */
static uint32_t hash_name(const struct place *parent, const char *name, size_t size)
{
	return hash_bytes(name, size) ^ parent->hash * 0x9e3779b1u;
}

static struct place *place_new(struct place *parent, const char *name, size_t size)
{
	struct place *place = calloc(1, sizeof(*place) + size + 1);

	if (!place)
		return NULL;
	memcpy(place->name, name, size);
	place->name_size = (uint16_t)size;
	place->parent = parent ? parent : place;
	place->hash = parent ? hash_name(parent, name, size) : 0;
	place->fd = -1;
	return place;
}

static void place_free(struct place *place)
{
	if (!place)
		return;
	if (place->fd >= 0)
		close(place->fd);
	free(place->target);
	free(place);
}
DEFINE_CLEANUP(cleanup_place, struct place *, place_free)
#define autoplace __attribute__((cleanup(cleanup_place)))

int places_init(struct places *places, int rootfd)
{
	struct statx status;

	*places = (struct places){ .n_buckets = PLACES_BUCKETS_MIN };
	places->buckets = calloc(places->n_buckets, sizeof(*places->buckets));
	places->root = place_new(NULL, "", 0);
	/* The device is known, so a server that does not answer need not be asked. */
	if (!places->buckets || !places->root ||
		statx(rootfd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &status) < 0) {
		int code = places->buckets && places->root ? -errno : -ENOMEM;

		close(rootfd);
		places_deinit(places);
		return code;
	}
	places->root->fd = rootfd;
	places->root->device = makedev(status.stx_dev_major, status.stx_dev_minor);
	return 0;
}

void places_forget(struct places *places)
{
	for (size_t i = 0; i < places->n_buckets; i++) {
		while (places->buckets[i]) {
			struct place *place = places->buckets[i];

			places->buckets[i] = place->next;
			place_free(place);
		}
	}
	places->n_places = 0;
	memset(places->open, 0, sizeof(places->open));
}

void places_deinit(struct places *places)
{
	if (places->buckets)
		places_forget(places);
	free(places->buckets);
	place_free(places->root);
	*places = (struct places){ 0 };
}

static struct place *find(
	const struct places *places, const struct place *parent, const char *name, size_t size)
{
	uint32_t hash = hash_name(parent, name, size);
	struct place *place = places->buckets[hash & (places->n_buckets - 1)];

	while (place && (place->hash != hash || place->parent != parent ||
				place->name_size != size || memcmp(place->name, name, size)))
		place = place->next;
	return place;
}

/* Doubles the buckets when there are as many places. Without memory for that, the chains grow
 * instead. */
static void grow(struct places *places)
{
	size_t wanted = places->n_buckets * 2;
	struct place **buckets;

	if (places->n_places < places->n_buckets)
		return;
	buckets = calloc(wanted, sizeof(*buckets));
	if (!buckets)
		return;
	for (size_t i = 0; i < places->n_buckets; i++) {
		while (places->buckets[i]) {
			struct place *place = places->buckets[i];
			struct place **bucket = &buckets[place->hash & (wanted - 1)];

			places->buckets[i] = place->next;
			place->next = *bucket;
			*bucket = place;
		}
	}
	free(places->buckets);
	places->buckets = buckets;
	places->n_buckets = wanted;
}

static void insert(struct places *places, struct place *place)
{
	struct place **bucket;

	grow(places);
	bucket = &places->buckets[place->hash & (places->n_buckets - 1)];
	place->next = *bucket;
	*bucket = place;
	places->n_places++;
}

/* Adds an open directory, and closes another one to make room: the first that the clock's hand
 * finds unused of late. */
static void hold_open(struct places *places, struct place *place, int fd)
{
	struct place **slot;

	for (;;) {
		slot = &places->open[places->hand++ & (PLACES_OPEN_MAX - 1)];
		if (!*slot || !(*slot)->recent)
			break;
		(*slot)->recent = false;
	}
	if (*slot) {
		close((*slot)->fd);
		(*slot)->fd = -1;
	}
	*slot = place;
	place->fd = fd;
	place->recent = true;
}

void places_close_all(struct places *places)
{
	for (size_t i = 0; i < PLACES_OPEN_MAX; i++) {
		if (!places->open[i])
			continue;
		close(places->open[i]->fd);
		places->open[i]->fd = -1;
		places->open[i] = NULL;
	}
}

static bool out_of_descriptors(int code)
{
	return code == -EMFILE || code == -ENFILE;
}

static int reopen(struct places *places, const struct place *directory)
{
	size_t size = place_path_size(directory);
	autofree char *path = malloc(size + 1);
	int fd;

	if (!path)
		return -ENOMEM;
	place_path_before(directory, path + size);
	path[size] = '\0';
	fd = beneath_open(places->root->fd, path, O_PATH | O_DIRECTORY);
	if (out_of_descriptors(fd)) {
		places_close_all(places);
		fd = beneath_open(places->root->fd, path, O_PATH | O_DIRECTORY);
	}
	return fd;
}

int places_fd(struct places *places, struct place *directory)
{
	int fd;

	directory->recent = true;
	if (directory->fd >= 0)
		return directory->fd;
	fd = reopen(places, directory);
	if (fd >= 0)
		hold_open(places, directory, fd);
	return fd;
}

static int open_name(struct places *places, struct place *at, const char *name)
{
	const int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
	int directory = places_fd(places, at), fd;

	if (directory < 0)
		return directory;
	fd = openat(directory, name, flags);
	if (fd < 0 && out_of_descriptors(-errno)) {
		places_close_all(places);
		directory = places_fd(places, at);
		if (directory < 0)
			return directory;
		fd = openat(directory, name, flags);
	}
	return fd < 0 ? -errno : fd;
}

int read_link_at(int directory, const char *name, char **ret_target)
{
	char target[PATH_MAX];
	ssize_t size = readlinkat(directory, name, target, sizeof(target));
	char *copy;

	if (size < 0)
		return -errno;
	if ((size_t)size == sizeof(target))
		return -ENAMETOOLONG;
	copy = strndup(target, (size_t)size);
	if (!copy)
		return -ENOMEM;
	*ret_target = copy;
	return 0;
}

static bool is_procfs(int fd)
{
	struct statfs status;

	return fstatfs(fd, &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
}

/* Fills in a new place, from a descriptor of what its name refers to. */
static int learn(struct place *place, int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	place->device = status.st_dev;
	place->on_procfs = place->parent->on_procfs;
	if (status.st_dev != place->parent->device)
		place->on_procfs = is_procfs(fd);
	if (S_ISLNK(status.st_mode))
		return read_link_at(fd, "", &place->target);
	return S_ISDIR(status.st_mode) ? 0 : -ENOTDIR;
}

int places_enter(struct places *places, struct place *at, const char *name, struct place **ret)
{
	size_t size = strlen(name);
	struct place *known = find(places, at, name, size);
	autoplace struct place *place = NULL;
	autoclose int fd = -1;
	int code;

	if (known) {
		*ret = known;
		return 0;
	}
	fd = open_name(places, at, name);
	if (fd < 0)
		return fd;
	place = place_new(at, name, size);
	if (!place)
		return -ENOMEM;
	code = learn(place, fd);
	if (code < 0)
		return code;
	if (!place->target)
		hold_open(places, place, steal_fd(&fd));
	insert(places, place);
	*ret = steal_pointer(place);
	return 0;
}

size_t place_path_size(const struct place *place)
{
	size_t size = 0;

	for (; place->parent != place; place = place->parent)
		size += 1u + place->name_size;
	return size;
}

char *place_path_before(const struct place *place, char *end)
{
	for (; place->parent != place; place = place->parent) {
		end -= place->name_size;
		memcpy(end, place->name, place->name_size);
		*--end = '/';
	}
	return end;
}
