#include <errno.h>

#include "lib/base/hash.h"
#include "lib/package/package.h"

/* Package managers write these files last, or replace them. */
static const char *const files[] = { "/var/lib/dpkg/status", "/var/lib/dpkg/status.d",
	"/lib/apk/db/installed", "/usr/lib/apk/db/installed", "/usr/lib/sysimage/rpm/rpmdb.sqlite",
	"/usr/lib/sysimage/rpm/rpmdb.sqlite-wal", "/var/lib/rpm/rpmdb.sqlite",
	"/var/lib/rpm/rpmdb.sqlite-wal" };
#define FILES (sizeof(files) / sizeof(files[0]))

struct state {
	uint64_t there, device, inode, size, seconds, nanoseconds;
};

static int state_of(struct resolver *r, const char *path, struct state *ret)
{
	struct resolution where;
	int code = resolver_resolve(r, NULL, path, true, &where);

	*ret = (struct state){ 0 };
	if (code < 0)
		return code == -ENOMEM ? code : 0;
	if (!where.error)
		*ret = (struct state){
			.there = 1,
			.device = where.status.st_dev,
			.inode = where.status.st_ino,
			.size = (uint64_t)where.status.st_size,
			.seconds = (uint64_t)where.status.st_mtim.tv_sec,
			.nanoseconds = (uint64_t)where.status.st_mtim.tv_nsec,
		};
	resolution_deinit(&where);
	return 0;
}

int package_database_stamp(struct resolver *r, uint64_t *ret)
{
	static const uint64_t key[2] = { 0x6a5d39c87f10b2e4ull, 0x1fe3a8d0925c4b77ull };
	struct state states[FILES];

	for (size_t i = 0; i < FILES; i++) {
		int code = state_of(r, files[i], &states[i]);

		if (code < 0)
			return code;
	}
	*ret = hash_siphash13(key, states, sizeof(states));
	return 0;
}
