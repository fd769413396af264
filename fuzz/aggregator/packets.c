/* What processes say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz/aggregator/parts.h"

#define FDS_MAX 4

/* Three bits of `choice` for each of up to three descriptors. The caller closes none of them,
 * except what *ret_made is, if it is not -1. */
static size_t choose_descriptors(unsigned choice, unsigned session, int fds[FDS_MAX], int *ret_made)
{
	size_t n = 0;

	*ret_made = -1;
	for (; n < 3 && choice & 7; choice >>= 3) {
		switch (choice & 7) {
		case 1:
			fds[n++] = world_root;
			break;
		case 2:
			fds[n++] = world_other_root;
			break;
		case 3:
			fds[n++] =
				processes[session].peer >= 0 ? processes[session].peer : world_root;
			break;
		case 4:
			if (*ret_made < 0) {
				ProtobufCBinaryData content = input_bytes((size_t)input_number(1));

				*ret_made = memfd_create("tables", MFD_CLOEXEC);
				must(*ret_made >= 0, "memfd");
				if (write(*ret_made, content.data, content.len) < 0)
					perror("memfd");
			}
			fds[n++] = *ret_made;
			break;
		default:
			fds[n++] = processes[session].memory;
		}
	}
	return n;
}

static void send_packet(
	unsigned peer, const void *packet, size_t size, unsigned choice, unsigned session)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = { 0 };
	struct iovec part = { (void *)packet, size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	int fds[FDS_MAX], made;
	size_t n = choose_descriptors(choice, session, fds, &made);

	if (n) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_LEN(n * sizeof(int));
		control.header.cmsg_len = CMSG_LEN(n * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.header), fds, n * sizeof(int));
	}
	if (processes[peer].peer >= 0)
		(void)!sendmsg(processes[peer].peer, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (made >= 0)
		close(made);
}

static void say(unsigned peer, unsigned session, unsigned choice, const Footprint__Packet *packet)
{
	size_t size = footprint__packet__get_packed_size(packet);
	uint8_t *packed = malloc(size ? size : 1);

	must(packed, "memory");
	footprint__packet__pack(packet, packed);
	send_packet(peer, packed, size, choice, session);
	free(packed);
}

void step_connect(void)
{
	unsigned peer = input_who();
	int ends[2];

	if (processes[peer].peer >= 0)
		return;
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0,
		"socketpair");
	processes[peer].peer = ends[0];
	must(peer_new(&world, ends[1]) == 0, "peer");
}

void step_close(void)
{
	unsigned peer = input_who();

	if (processes[peer].peer >= 0)
		close(processes[peer].peer);
	processes[peer].peer = -1;
}

void step_hello(void)
{
	unsigned peer = input_who(), session = input_who(), choice = (unsigned)input_number(1);
	Footprint__Packet packet = FOOTPRINT__PACKET__INIT;
	Footprint__Hello *hello;
	uint8_t packed[FP_HELLO_SIZE_MAX];
	size_t size = hello_pack(session, (uint32_t)input_number(1) % 3, packed);

	hello = footprint__hello__unpack(NULL, size, packed);
	must(hello, "hello");
	packet.said_case = FOOTPRINT__PACKET__SAID_HELLO;
	packet.hello = hello;
	say(peer, session, choice, &packet);
	footprint__hello__free_unpacked(hello, NULL);
}

void step_batch(void)
{
	Footprint__Packet packet = FOOTPRINT__PACKET__INIT;
	Footprint__Batch batch = FOOTPRINT__BATCH__INIT;
	unsigned peer = input_who(), session = input_who();

	batch.session = session_name(session);
	batch.segment = (uint32_t)input_number(1) % 3;
	batch.offset = input_number(2) * SLOT_ALIGN;
	batch.log = (ProtobufCBinaryData){ piece.size, piece.bytes };
	packet.said_case = FOOTPRINT__PACKET__SAID_BATCH;
	packet.batch = &batch;
	say(peer, session, 0, &packet);
	piece.size = 0;
}

void step_small(void)
{
	Footprint__Packet packet = FOOTPRINT__PACKET__INIT;
	Footprint__Notice notice = FOOTPRINT__NOTICE__INIT;
	Footprint__Vigil vigil = FOOTPRINT__VIGIL__INIT;
	unsigned peer = input_who(), session = input_who();

	notice.session = vigil.session = session_name(session);
	if (input_number(1) % 2) {
		packet.said_case = FOOTPRINT__PACKET__SAID_NOTICE;
		packet.notice = &notice;
		say(peer, session, 0, &packet);
	} else {
		packet.said_case = FOOTPRINT__PACKET__SAID_VIGIL;
		packet.vigil = &vigil;
		say(peer, session, (unsigned)input_number(1), &packet);
	}
}

void step_entered(void)
{
	Footprint__Packet packet = FOOTPRINT__PACKET__INIT;
	Footprint__Entered entered = FOOTPRINT__ENTERED__INIT;
	unsigned peer = input_who(), session = input_who(), choice = (unsigned)input_number(2);

	entered.session = session_name(session);
	entered.id = (1ull << 32) + input_number(1) % 4;
	entered.from = input_number(1) % 4;
	entered.from += entered.from ? 1ull << 32 : 0;
	entered.everyone = input_number(1) % 2;
	packet.said_case = FOOTPRINT__PACKET__SAID_ENTERED;
	packet.entered = &entered;
	say(peer, session, choice, &packet);
}

void step_raw_packet(void)
{
	unsigned peer = input_who(), session = input_who(), choice = (unsigned)input_number(2);
	ProtobufCBinaryData packet = input_bytes((size_t)input_number(1));

	send_packet(peer, packet.data, packet.len, choice, session);
}

/* Asks for a pool, and takes what it is given. */
void step_pool(void)
{
	Footprint__Packet packet = FOOTPRINT__PACKET__INIT;
	Footprint__PoolRequest request = FOOTPRINT__POOL_REQUEST__INIT;
	unsigned peer = input_who(), session = input_who();
	char space[CMSG_SPACE(sizeof(int))];
	struct pool_offer offer;
	struct iovec part = { &offer, sizeof(offer) };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = space,
		.msg_controllen = sizeof(space) };
	int fd;

	request.session = session_name(session);
	packet.said_case = FOOTPRINT__PACKET__SAID_POOL;
	packet.pool = &request;
	say(peer, session, 0, &packet);
	uv_run(&world.loop, UV_RUN_NOWAIT);
	if (processes[peer].peer < 0 || processes[peer].pool ||
		recvmsg(processes[peer].peer, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) !=
			sizeof(offer) ||
		!CMSG_FIRSTHDR(&message))
		return;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	processes[peer].pool = mmap(NULL, POOL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(processes[peer].pool != MAP_FAILED, "pool");
	close(fd);
}
