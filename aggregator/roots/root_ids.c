/*
 * The numbers that users and groups have in a root, by the user namespace of its container. A
 * process there tells, if we see it: on the host we do; from within another container we do not,
 * and the numbers are those that we see ourselves.
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "aggregator/aggregator.h"

/* Does the user namespace belong to the container? It does if it maps the owner of "/" to root. So
 * neither a user's own sandbox, made of directories of the host, decides about the host's numbers,
 * nor another process that has got the pid meanwhile. */
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

	/* While a batch is running a worker uses the tools. */
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
