/* The listening socket: made here, or handed over by the service manager. */
#ifndef FOOTPRINT_AGGREGATOR_PEERS_LISTENER_H
#define FOOTPRINT_AGGREGATOR_PEERS_LISTENER_H

#include <stdint.h>
#include <sys/types.h>

struct listener {
	int fd;		   /* listening; -1: none */
	int lock;	   /* keeps a second daemon from this socket; -1: none */
	uint64_t since_ns; /* CLOCK_REALTIME; 0: somebody else began */
	char *path;	   /* to be removed at the end; NULL: not ours */
	dev_t device;
	ino_t inode; /* of the socket there, when it was made */
};

/* A SOCK_SEQPACKET socket at `path`, mode 0666, in place of one that nobody serves any more; or the
 * one that socket activation (sd_listen_fds(3)) gave us. -EADDRINUSE: somebody serves it. Reported.
 */
int listener_open(struct listener *listener, const char *path);
/* Where the socket of socket activation is bound to, which the caller frees. NULL: nowhere that can
 * be told. */
char *listener_activated_path(void);
void listener_close(struct listener *listener);

/* Tells whoever waits: a byte to ready_fd (-1: nobody), READY=1 to the service manager. */
void listener_announce(int ready_fd);

#endif
