/*
 * Package databases. The first byte says what the rest is: 'A' apk's text, 'D' dpkg's status, 'L' a
 * list of dpkg, 'V' its diversions, 'S' an sqlite file, 'H' a header of rpm.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"
#include "lib/package/rpm_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char top[] = "/tmp/footprint-fuzz-XXXXXX";
static struct resolver *resolver;

static const char *const made[] = { "var", "var/lib", "var/lib/dpkg", "var/lib/dpkg/info",
	"var/lib/rpm", "lib", "lib/apk", "lib/apk/db" };

static const struct {
	char kind;
	const char *path;
} places[] = {
	{ 'A', "lib/apk/db/installed" },
	{ 'D', "var/lib/dpkg/status" },
	{ 'L', "var/lib/dpkg/info/one.list" },
	{ 'V', "var/lib/dpkg/diversions" },
	{ 'S', "var/lib/rpm/rpmdb.sqlite" },
};

#define N(array) (sizeof(array) / sizeof(*(array)))

static void put(const char *path, const void *bytes, size_t size)
{
	char whole[128];
	autofclose FILE *file = NULL;

	snprintf(whole, sizeof(whole), "%s/%s", top, path);
	file = fopen(whole, "we");
	if (!file || fwrite(bytes, 1, size, file) != size)
		abort();
}

static void remove_all(void)
{
	char whole[128];

	for (size_t i = 0; i < N(places); i++) {
		snprintf(whole, sizeof(whole), "%s/%s", top, places[i].path);
		unlink(whole);
	}
	for (size_t i = N(made); i--;) {
		snprintf(whole, sizeof(whole), "%s/%s", top, made[i]);
		rmdir(whole);
	}
	rmdir(top);
	resolver_free(resolver);
}

static void set_up(void)
{
	char whole[128];
	int fd;

	if (!mkdtemp(top))
		abort();
	for (size_t i = 0; i < N(made); i++) {
		snprintf(whole, sizeof(whole), "%s/%s", top, made[i]);
		mkdir(whole, 0755);
	}
	fd = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || resolver_new(fd, &resolver) < 0)
		abort();
	close(fd);
	atexit(remove_all);
}

static void open_database(void)
{
	struct package_database *db;
	const struct package *package;
	struct error err = { 0 };

	if (package_database_open(resolver, &db, &err) < 0)
		abort(); /* it only fails without memory */
	package_database_find(db, resolver, "/bin/sh", &package);
	package_database_find(db, resolver, "/", &package);
	package_database_free(db);
	resolver_refresh(resolver);
}

static void load_header(const uint8_t *data, size_t size)
{
	struct error err = { 0 };
	struct package_loader loader = { .resolver = resolver, .err = &err };

	if (package_database_new(&loader.db) < 0)
		return;
	rpm_header_load(&loader, data, size);
	package_database_free(loader.db);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char status[] =
		"Package: one\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n";

	if (!resolver)
		set_up();
	if (!size)
		return 0;
	if (data[0] == 'H')
		load_header(data + 1, size - 1);
	for (size_t i = 0; i < N(places); i++) {
		if (places[i].kind != data[0])
			continue;
		if (data[0] == 'L' || data[0] == 'V')
			put("var/lib/dpkg/status", status, sizeof(status) - 1);
		put(places[i].path, data + 1, size - 1);
		open_database();
		put(places[i].path, "", 0);
	}
	return 0;
}
