#include "aggregator/peers/receive.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "aggregator/peers/descriptor.h"
#include "proto/session_memory.h"

void received_deinit(struct received *received)
{
	descriptors_close(received->fds, received->n);
	descriptors_close(received->surplus, received->n_surplus);
}

bool received_is_strange(const struct received *received)
{
	for (unsigned i = 0; i < received->n; i++)
		if (received->fds[i] >= 0 && descriptor_is_strange(received->fds[i]))
			return true;
	return received->n > RECEIVED_FDS_USUAL || received->n_surplus > 0;
}

static void take_descriptors(struct received *received, const struct cmsghdr *header)
{
	size_t n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
		if (received->n < RECEIVED_FDS_MAX) {
			received->fds[received->n++] = fd;
		} else {
			received->surplus[received->n_surplus++] = fd;
			received->wrong = true;
		}
	}
}

ssize_t receive(int fd, uint8_t *packet, struct received *received)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(RECEIVED_SURPLUS_MAX * sizeof(int))];
	} control;
	struct iovec part = { .iov_base = packet, .iov_len = FP_PACKET_SIZE_MAX };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			take_descriptors(received, c);
		else
			received->wrong = true;
	}
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		received->wrong = true;
	return n;
}
