/*
 * What users and groups are called in a root: by the user namespace of the container that it
 * belongs to, which a process of it tells as long as we see that process (on the host; from within
 * another container we do not, and say the numbers as they are here).
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "aggregator/aggregator.h"

/* A namespace's container is where "/" belongs to the namespace's root. So neither a sandbox of
 * one user's, made of directories of the host, decides what they are called, nor a process that has
 * the pid by now. */
static bool is_of_container(int root, const struct id_map *users)
{
	struct statx status;

	return statx(root, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_UID, &status) == 0 &&
	       id_map_inside(users, status.stx_uid) == 0;
}

void root_learn_ids(struct root *root, int fd, int socket)
{
	struct id_map users, groups;
	struct ucred credentials;
	socklen_t size = sizeof(credentials);

	/* The tools of a running batch are a worker's. */
	if (root->ids_known || root->batch)
		return;
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0 ||
		credentials.pid <= 0 || id_map_read(credentials.pid, "uid_map", &users) < 0 ||
		id_map_read(credentials.pid, "gid_map", &groups) < 0 ||
		!is_of_container(fd, &users))
		return;
	root->ids_known = true;
	root->tools.users = users;
	root->tools.groups = groups;
}
