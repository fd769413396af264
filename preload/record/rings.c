#define _GNU_SOURCE
#include "preload/record/rings.h"

#include <linux/io_uring.h>
#include <stdint.h>
#include <sys/mman.h>

#include "preload/image.h"
#include "preload/mapping.h"

#define RINGS_MAX    32
#define ENTRIES_MAX  32768u /* the kernel's limit */
#define NUMBER(fd)   ((fd) + 1)
#define NUMBER_TAKEN (-1)	/* while the entry is being written */
#define DIRECT	     (1u << 16) /* IORING_SETUP_NO_SQARRAY: submissions stand in their order */

/* Flags of a ring whose submissions are read by io_uring_enter alone, and stand in memory as
 * expected: not by the kernel's own thread, not in memory of the program's, and not resized. */
#define FLAGS_PLAIN                                                                                \
	(1u << 0 /* IOPOLL */ | 1u << 3 /* CQSIZE */ | 1u << 4 /* CLAMP */ |                       \
		1u << 5 /* ATTACH_WQ */ | 1u << 6 /* R_DISABLED */ | 1u << 7 /* SUBMIT_ALL */ |    \
		1u << 8 /* COOP_TASKRUN */ | 1u << 9 /* TASKRUN_FLAG */ | 1u << 11 /* CQE32 */ |   \
		1u << 12 /* SINGLE_ISSUER */ | DIRECT)

#define BIT(operation) (1ull << (operation))
/* Operations that name nothing: those on descriptors. (To send may take an address.) */
#define NAMELESS                                                                                   \
	(BIT(IORING_OP_NOP) | BIT(IORING_OP_READV) | BIT(IORING_OP_WRITEV) |                       \
		BIT(IORING_OP_FSYNC) | BIT(IORING_OP_READ_FIXED) | BIT(IORING_OP_WRITE_FIXED) |    \
		BIT(IORING_OP_POLL_ADD) | BIT(IORING_OP_POLL_REMOVE) |                             \
		BIT(IORING_OP_SYNC_FILE_RANGE) | BIT(IORING_OP_RECVMSG) | BIT(IORING_OP_TIMEOUT) | \
		BIT(IORING_OP_TIMEOUT_REMOVE) | BIT(IORING_OP_ACCEPT) |                            \
		BIT(IORING_OP_ASYNC_CANCEL) | BIT(IORING_OP_LINK_TIMEOUT) |                        \
		BIT(IORING_OP_FALLOCATE) | BIT(IORING_OP_FILES_UPDATE) | BIT(IORING_OP_READ) |     \
		BIT(IORING_OP_WRITE) | BIT(IORING_OP_FADVISE) | BIT(IORING_OP_MADVISE) |           \
		BIT(IORING_OP_RECV) | BIT(IORING_OP_EPOLL_CTL))

/* A ring, of which this is a mapping of our own. That goes with the descriptor, since the ring
 * lives as long as it is mapped. */
struct ring {
	int number; /* NUMBER(fd); 0: free */
	unsigned entries;
	bool direct;
	unsigned char *queue; /* head, tail, and which submissions stand between them */
	size_t queue_size;
	struct io_sqring_offsets at; /* where in it */
	const struct io_uring_sqe *submissions;
};

static struct ring rings[RINGS_MAX] DATA_SELDOM;

static struct ring *ring_of(int fd)
{
	for (unsigned i = 0; i < RINGS_MAX; i++)
		if (__atomic_load_n(&rings[i].number, __ATOMIC_ACQUIRE) == NUMBER(fd))
			return &rings[i];
	return NULL;
}

static struct ring *take_free(void)
{
	for (unsigned i = 0; i < RINGS_MAX; i++) {
		int free = 0;

		if (__atomic_compare_exchange_n(&rings[i].number, &free, NUMBER_TAKEN, false,
			    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return &rings[i];
	}
	return NULL;
}

static void release(struct ring *ring)
{
	if (ring->queue)
		unmap(ring->queue, ring->queue_size);
	if (ring->submissions)
		unmap((void *)(uintptr_t)ring->submissions,
			ring->entries * sizeof(struct io_uring_sqe));
	ring->queue = NULL;
	ring->submissions = NULL;
	__atomic_store_n(&ring->number, 0, __ATOMIC_RELEASE);
}

bool ring_made(int fd, const void *parameters)
{
	const struct io_uring_params *made = parameters;
	struct ring *ring;

	rings_closed((unsigned)fd, (unsigned)fd);
	if (image.memory_only || image.descriptors_apart || !image_is_ours() ||
		made->flags & ~FLAGS_PLAIN || made->sq_entries > ENTRIES_MAX)
		return false;
	ring = take_free();
	if (!ring)
		return false;
	ring->entries = made->sq_entries;
	ring->at = made->sq_off;
	ring->direct = made->flags & DIRECT;
	ring->queue_size = ring->direct ? made->cq_off.cqes
					: made->sq_off.array + made->sq_entries * sizeof(uint32_t);
	ring->queue = map_with(ring->queue_size, MAP_SHARED, fd, IORING_OFF_SQ_RING);
	ring->submissions = map_with(
		ring->entries * sizeof(struct io_uring_sqe), MAP_SHARED, fd, IORING_OFF_SQES);
	if (!ring->queue || !ring->submissions) {
		release(ring);
		return false;
	}
	image.has_rings = true;
	__atomic_store_n(&ring->number, NUMBER(fd), __ATOMIC_RELEASE);
	return true;
}

static uint32_t word_at(const struct ring *ring, uint32_t offset)
{
	return __atomic_load_n((uint32_t *)(void *)(ring->queue + offset), __ATOMIC_ACQUIRE);
}

/* Which submission is the one at this place in the queue? The kernel drops what is no entry. */
static uint32_t submission_at(const struct ring *ring, uint32_t at)
{
	uint32_t slot = at & (ring->entries - 1);

	return ring->direct ? slot : word_at(ring, ring->at.array + slot * (uint32_t)sizeof(slot));
}

static bool has_name(const struct ring *ring, uint32_t which)
{
	uint8_t operation = __atomic_load_n(&ring->submissions[which].opcode, __ATOMIC_RELAXED);

	return operation >= 64 || !(NAMELESS & BIT(operation));
}

bool ring_uses_names(int fd)
{
	const struct ring *ring = image.descriptors_apart ? NULL : ring_of(fd);
	uint32_t at, end;

	if (!ring)
		return true;
	at = word_at(ring, ring->at.head);
	end = word_at(ring, ring->at.tail);
	for (uint32_t count = 0; at != end && count < ring->entries; at++, count++) {
		uint32_t which = submission_at(ring, at);

		if (which < ring->entries && has_name(ring, which))
			return true;
	}
	return false;
}

void rings_closed(unsigned first, unsigned last)
{
	/* A vfork child closes its own descriptor, and not its parent's. */
	if (!image.has_rings || image.descriptors_apart || !image_is_ours())
		return;
	for (unsigned i = 0; i < RINGS_MAX; i++) {
		int number = __atomic_load_n(&rings[i].number, __ATOMIC_ACQUIRE);

		if (number > 0 && (unsigned)number - 1 >= first && (unsigned)number - 1 <= last)
			release(&rings[i]);
	}
}
