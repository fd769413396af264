/*
 * rings WHAT...: sets up an io_uring by syscall(), as libuv does, and submits one operation for
 *each WHAT: nop, or open (of "file"). Others:
 *
 *	anew	the ring is closed, and another one gets its number
 *	direct	the same, and its submissions have no array of their order
 *	copy	submits by a copy of the descriptor from now on
 *	fork	a child goes on
 *	polled	a ring of which the kernel reads submissions by itself, from now on
 *
 * Exit status 77: this kernel has no io_uring for us. At the end, nothing of a ring is left in
 *memory.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define ENTRIES 4
#define DIRECT	(1u << 16) /* IORING_SETUP_NO_SQARRAY, Linux 6.6 */

static struct {
	int fd, copy;
	struct io_uring_params parameters;
	unsigned char *queue;
	size_t size;
	struct io_uring_sqe *submissions;
} ring = { .fd = -1, .copy = -1 };

static void *map(size_t size, off_t offset)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, offset);

	CHECK(at != MAP_FAILED);
	return at;
}

static void set_up(unsigned flags)
{
	memset(&ring.parameters, 0, sizeof(ring.parameters));
	ring.parameters.flags = flags;
	ring.fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &ring.parameters);
	if (ring.fd < 0)
		exit(77);
	ring.size = flags & DIRECT ? ring.parameters.cq_off.cqes
				   : ring.parameters.sq_off.array + ENTRIES * sizeof(unsigned);
	ring.queue = map(ring.size, IORING_OFF_SQ_RING);
	ring.submissions = map(ENTRIES * sizeof(*ring.submissions), IORING_OFF_SQES);
}

static void take_down(void)
{
	munmap(ring.queue, ring.size);
	munmap(ring.submissions, ENTRIES * sizeof(*ring.submissions));
	close(ring.fd);
	if (ring.copy >= 0)
		close(ring.copy);
	ring.copy = -1;
}

static void submit(unsigned char operation)
{
	unsigned *tail = (unsigned *)(void *)(ring.queue + ring.parameters.sq_off.tail);
	unsigned *array = (unsigned *)(void *)(ring.queue + ring.parameters.sq_off.array);
	unsigned slot = *tail % ENTRIES;
	int fd = ring.copy >= 0 ? ring.copy : ring.fd;

	ring.submissions[slot] = (struct io_uring_sqe){
		.opcode = operation,
		.fd = AT_FDCWD,
		.addr = (unsigned long)"file",
	};
	if (!(ring.parameters.flags & DIRECT))
		array[slot] = slot;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	CHECK(syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1);
}

static void act(const char *what)
{
	int status;

	if (!strcmp(what, "nop")) {
		submit(IORING_OP_NOP);
	} else if (!strcmp(what, "open")) {
		submit(IORING_OP_OPENAT);
	} else if (!strcmp(what, "anew")) {
		take_down();
		set_up(0);
	} else if (!strcmp(what, "direct")) {
		take_down();
		set_up(DIRECT);
	} else if (!strcmp(what, "copy")) {
		ring.copy = dup(ring.fd);
	} else if (!strcmp(what, "polled")) {
		take_down();
		set_up(IORING_SETUP_SQPOLL);
	} else if (fork()) {
		CHECK(wait(&status) > 0 && status == 0);
		exit(0);
	}
}

static void check_memory(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[4096];

	CHECK(maps);
	while (fgets(line, sizeof(line), maps))
		CHECK(!strstr(line, "io_uring"));
	fclose(maps);
}

int main(int argc, char **argv)
{
	set_up(0);
	for (int i = 1; i < argc; i++)
		act(argv[i]);
	take_down();
	check_memory();
	return 0;
}
