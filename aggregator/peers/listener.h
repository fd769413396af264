/* The listening socket: made here, or passed by the service manager. */
#ifndef FOOTPRINT_AGGREGATOR_PEERS_LISTENER_H
#define FOOTPRINT_AGGREGATOR_PEERS_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct listener {
	int fd;	  /* listening; -1: none */
	int lock; /* keeps a second daemon from this socket; -1: none */
	/* Since when it listens, CLOCK_REALTIME; 0: the service manager made it. */
	uint64_t since_ns;
	char *path; /* to be removed at the end; NULL: not ours */
	dev_t device;
	ino_t inode; /* of the socket there, when it was made */
};

/* Makes a SOCK_SEQPACKET socket at `path`, with mode 0666, replacing one that no process serves any
 * more; or takes the one that socket activation (sd_listen_fds(3)) has passed. -EADDRINUSE: another
 * process serves it. Errors are reported. */
int listener_open(struct listener *listener, const char *path);
/* The path to which the socket of socket activation is bound; the caller frees it. NULL: not
 * known. */
char *listener_activated_path(void);
/* Does our socket's name lead nowhere any more, or to something else, such as a socket that an
 * earlier daemon has left on a volume that is mounted there now? */
bool listener_is_gone(const struct listener *listener);
/* Makes the socket again, with the same descriptor, which nobody may be polling. What waited to be
 * accepted from the old one is closed. 0 or a negative errno; then the old one stays. */
int listener_renew(struct listener *listener);
/* Lets nobody connect any more; who waits can still be accepted. A socket of the service manager is
 * left as it is: who connects there waits for our successor. */
void listener_refuse(const struct listener *listener);
void listener_close(struct listener *listener);

/* Tells those who wait: writes a byte to ready_fd (-1: none), and READY=1 to the service
 * manager. */
void listener_announce(int ready_fd);

#endif
