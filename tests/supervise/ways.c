/* openat2 in the working directory, with RESOLVE_* that limit where the path may lead. To be linked
 * statically. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void resolved(
	int directory, const char *path, unsigned long long flags, unsigned long long resolve)
{
	struct open_how how = {
		.flags = flags, .mode = flags & O_CREAT ? 0644 : 0, .resolve = resolve
	};

	close((int)syscall(SYS_openat2, directory, path, &how, sizeof(how)));
}

int main(void)
{
	int folder;

	mkdir("way", 0755);
	close(open("way/inside", O_CREAT | O_WRONLY, 0644));
	symlink("/etc/shells", "way/out");
	symlink("inside", "way/in");
	folder = open("way", O_RDONLY | O_DIRECTORY);
	resolved(folder, "inside", O_RDONLY, RESOLVE_BENEATH);
	resolved(folder, "../way-up", O_RDONLY, RESOLVE_BENEATH);
	resolved(folder, "out", O_RDONLY, RESOLVE_BENEATH);
	resolved(folder, "in", O_RDONLY, RESOLVE_BENEATH);
	resolved(folder, "way-made", O_CREAT | O_WRONLY, RESOLVE_BENEATH);
	resolved(folder, "/inside", O_RDONLY, RESOLVE_IN_ROOT);
	resolved(folder, "way-missing", O_RDONLY, RESOLVE_IN_ROOT);
	resolved(AT_FDCWD, "way/in", O_RDONLY, RESOLVE_NO_SYMLINKS);
	resolved(AT_FDCWD, "way/inside", O_RDWR, RESOLVE_NO_SYMLINKS);
	resolved(AT_FDCWD, "/etc/services", O_RDONLY, RESOLVE_NO_MAGICLINKS);
	resolved(AT_FDCWD, "/etc/subuid", O_RDONLY, RESOLVE_BENEATH);
	return 0;
}
