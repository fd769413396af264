/* Lends a pool: makes its memory, and puts the offer into the queue of the process's socket. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregator/aggregator.h"
#include "aggregator/peers/peer.h"
#include "aggregator/peers/pool_parts.h"
#include "lib/base/cleanup.h"

#define POOL_NAME  "footprint-pool"
#define POOL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW)

void pool_free(struct pool *pool)
{
	TAILQ_REMOVE(&pool->daemon->pools.list, pool, link);
	pool->daemon->pools.count--;
	munmap(pool->head, POOL_SIZE);
	close(pool->memfd);
	root_unref(pool->root);
	free(pool);
}

/* A sealed memfd of zeros, mapped. Negative errno. */
static int make_memory(struct pool_head **ret)
{
	autoclose int fd = memfd_create(POOL_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *map;
	int result;

	if (fd < 0 || ftruncate(fd, POOL_SIZE) < 0 || fcntl(fd, F_ADD_SEALS, POOL_SEALS) < 0)
		return -errno;
	map = mmap(NULL, POOL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	*ret = map;
	result = fd;
	fd = -1;
	return result;
}

static void fill_head(struct pool_head *head)
{
	head->size = POOL_SIZE;
	__atomic_store_n(&head->magic, POOL_MAGIC, __ATOMIC_RELEASE);
}

/* 0 or negative errno. */
static int fill_offer(struct pool_offer *ret, const struct root *root, uint64_t identity)
{
	*ret = (struct pool_offer){ .magic = POOL_MAGIC,
		.identity = identity,
		.root_device = root->device,
		.root_inode = root->inode,
		.root_mount = root->mount,
		.root_birth_ns = root->birth_ns };
	/* Once the kernel has seeded it, so few bytes come at once and whole. */
	return getrandom(ret->name, sizeof(ret->name), GRND_NONBLOCK) < 0 ? -errno : 0;
}

/* Puts the offer into the queue of the process's socket, where it stays. 0 or a negative errno. */
static int send_offer(int socket, struct pool_offer *offer, int memfd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec part = { .iov_base = offer, .iov_len = sizeof(*offer) };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };

	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.header), &memfd, sizeof(memfd));
	return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static struct pool *pool_new(struct peer *peer, uint64_t identity)
{
	struct pool *pool = calloc(1, sizeof(*pool));
	struct root *root = peer->session->root;
	struct pool_offer offer;
	autoclose int memfd = -1;
	struct stat status;

	if (!pool)
		return NULL;
	memfd = make_memory(&pool->head);
	if (memfd < 0 || !pool->head || fstat(memfd, &status) < 0 ||
		fill_offer(&offer, root, identity) < 0 ||
		(fill_head(pool->head), send_offer(peer->fd, &offer, memfd) < 0)) {
		if (pool->head)
			munmap(pool->head, POOL_SIZE);
		free(pool);
		return NULL;
	}
	pool->memfd = steal_fd(&memfd);
	pool->daemon = peer->daemon;
	pool->peer = peer;
	pool->device = status.st_dev;
	pool->inode = status.st_ino;
	pool->uid = peer->uid;
	pool->root = root;
	root->references++;
	return pool;
}

/* Descriptors in sockets' queues count for the limit of the user who has sent them. */
static bool may_lend(const struct peer *peer)
{
	const struct aggregator *daemon = peer->daemon;
	rlim_t most = daemon->intake.descriptors_max / 8;

	if (most > POOLS_MAX)
		most = POOLS_MAX;
	/* Before Linux 5.8 it is not known which mount its root is. */
	return !peer->pool && !peer->session->begun_in && peer->session->root->known &&
	       peer->session->root->mount && daemon->pools.count < most && !daemon->stopping;
}

void pool_lend(struct peer *peer, const Footprint__PoolRequest *request)
{
	struct aggregator *daemon = peer->daemon;
	struct pool *pool = may_lend(peer) ? pool_new(peer, request->identity) : NULL;

	if (!pool)
		return;
	TAILQ_INSERT_TAIL(&daemon->pools.list, pool, link);
	daemon->pools.count++;
	daemon->counters.pools++;
	peer->pool = pool;
}
