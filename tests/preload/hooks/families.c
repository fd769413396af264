/*
 * Calls every family of functions that the library hooks, in its forms and with errors, and prints
 * what each answered. Run bare and with the library it must print the same. All names are relative
 * to the working directory, which is empty at first, and begin with "t-".
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

/* A glibc before 2.33 has these in its static part, on top of what it exports. */
#ifdef BEFORE_2_33
extern int __xstat(int, const char *, struct stat *);
extern int __lxstat(int, const char *, struct stat *);
extern int __fxstatat(int, int, const char *, struct stat *, int);
extern int __xmknod(int, const char *, mode_t, dev_t *);
extern int __xmknodat(int, int, const char *, mode_t, dev_t *);
static dev_t no_device;
#define stat(path, status)			__xstat(1, path, status)
#define lstat(path, status)			__lxstat(1, path, status)
#define fstatat(directory, path, status, flags) __fxstatat(1, directory, path, status, flags)
#define mknod(path, mode, device)		__xmknod(0, path, mode, &no_device)
#define mknodat(directory, path, mode, device)	__xmknodat(0, directory, path, mode, &no_device)
#endif

/* Between runs, results may only differ in the numbers of descriptors, which have to be the same
 * here, too. */
#define T(call)                                                                                    \
	do {                                                                                       \
		errno = 0;                                                                         \
		long answer_ = (long)(call);                                                       \
		printf("%s = %ld, %s\n", #call, answer_, strerrorname(errno));                     \
	} while (0)

/* For calls that return a descriptor: prints and closes it. */
#define FD(call)                                                                                   \
	do {                                                                                       \
		errno = 0;                                                                         \
		int fd_ = (call);                                                                  \
		printf("%s = %d, %s\n", #call, fd_, strerrorname(errno));                          \
		if (fd_ >= 0)                                                                      \
			close(fd_);                                                                \
	} while (0)

/* For calls that return a pointer: prints whether it is NULL. */
#define P(call)                                                                                    \
	do {                                                                                       \
		errno = 0;                                                                         \
		void *pointer_ = (void *)(call);                                                   \
		printf("%s %s, %s\n", #call, pointer_ ? "!= NULL" : "== NULL",                     \
			pointer_ ? "-" : strerrorname(errno));                                     \
	} while (0)

/* For calls that return a stream: likewise, and closes it. */
#define STREAM(call)                                                                               \
	do {                                                                                       \
		errno = 0;                                                                         \
		FILE *stream_ = (call);                                                            \
		printf("%s %s, %s\n", #call, stream_ ? "!= NULL" : "== NULL",                      \
			stream_ ? "-" : strerrorname(errno));                                      \
		if (stream_)                                                                       \
			fclose(stream_);                                                           \
	} while (0)

static const char *strerrorname(int error)
{
	return error ? strerror(error) : "0";
}

static int directory; /* t-dir */

static void opens(void)
{
	int plain = open("t-dir", O_RDONLY); /* nothing in this call says that it is a directory */
	static char bad[NAME_MAX + 2];

	memset(bad, 'x', sizeof(bad) - 1);
	FD(open("t-open", O_CREAT | O_WRONLY, 0640));
	FD(open("t-open", O_RDONLY));
	FD(open("t-open", O_CREAT | O_EXCL | O_RDWR, 0600));
	FD(open("t-none", O_RDONLY));
	FD(open("t-open/below", O_RDONLY));
	FD(open("t-dir", O_RDONLY | O_DIRECTORY));
	FD(open("t-dir", O_WRONLY));
	FD(open("t-dir", O_PATH));
	FD(open("t-dir", O_TMPFILE | O_RDWR, 0600));
	FD(open("t-link", O_RDONLY | O_NOFOLLOW));
	FD(open("", O_RDONLY));
	FD(open(bad, O_RDONLY));
	FD(open((const char *)8, O_RDONLY));
	FD(open64("t-open64", O_CREAT | O_RDWR | O_TRUNC, 0600));
	FD(openat(AT_FDCWD, "t-openat", O_CREAT | O_WRONLY | O_APPEND, 0600));
	FD(openat(directory, "t-below", O_CREAT | O_RDWR, 0600));
	FD(openat(directory, "../t-open", O_RDONLY));
	FD(openat(directory, "t-none-below", O_RDONLY));
	FD(openat(12345, "t-bad-directory", O_RDONLY));
	FD(openat(plain, "t-none-below-plain", O_RDONLY));
	close(plain);
	FD(openat64(directory, "t-below", O_RDONLY));
	FD(creat("t-creat", 0600));
	FD(creat64("t-creat64", 0600));
	FD(creat("t-none/creat", 0600));
	FD((int)syscall(SYS_openat, AT_FDCWD, "t-syscall", O_CREAT | O_RDWR, 0600));
	FD((int)syscall(SYS_openat, AT_FDCWD, "t-none-syscall", O_RDONLY));
}

static void streams(void)
{
	FILE *stream;

	STREAM(fopen("t-stream", "w"));
	STREAM(fopen("t-stream", "r"));
	STREAM(fopen("t-stream", "a+e"));
	STREAM(fopen("t-stream", "wx"));
	STREAM(fopen("t-none", "r+"));
	STREAM(fopen("t-stream", "?"));
	STREAM(fopen64("t-stream64", "w+"));
	stream = fopen("t-stream", "r");
	STREAM(freopen("t-stream64", "r", stream));
	stream = fopen("t-stream", "r");
	STREAM(freopen("t-none", "r", stream));
}

static void directories(void)
{
	struct dirent **entries;
	DIR *stream = opendir("t-dir");

	printf("opendir %d\n", stream ? dirfd(stream) : -1);
	FD(openat(dirfd(stream), "t-below", O_RDONLY));
	T(closedir(stream));
	P(opendir("t-none"));
	P(opendir("t-open"));
	T(scandir("t-dir", &entries, NULL, NULL));
	T(scandir("t-none", &entries, NULL, NULL));
	T(chdir("t-dir"));
	FD(open("t-below", O_RDONLY));
	FD(open("../t-dir/t-below", O_RDONLY));
	/* Each begins where the one before led. */
	T(chdir(".."));
	T(chdir("t-dir"));
	T(chdir("t-none"));
	T(chdir("../t-dir/../t-dir"));
	T(fchdir(directory));
	T(chdir(".."));
	T(chdir("t-none"));
	T(fchdir(12345));
	FD(open("t-open", O_RDONLY));
}

static void temporaries(void)
{
	char name[] = "t-mkstemp.XXXXXX";
	char suffixed[] = "t-mkstemps.XXXXXX.c";
	char with_flags[] = "t-mkostemp.XXXXXX";
	char folder[] = "t-mkdtemp.XXXXXX";
	char bad[] = "t-bad.XXXX";
	char nowhere[] = "t-none/t-mkx.XXXXXX";

	FD(mkstemp(name));
	FD(mkstemps(suffixed, 2));
	FD(mkostemp(with_flags, O_CLOEXEC));
	P(mkdtemp(folder));
	T(mkstemp(bad));
	T(mkstemp(nowhere));
}

static void looks(void)
{
	static struct stat status;
	static struct statfs system;
	static struct statvfs system_too;
	static char text[PATH_MAX];
	static struct {
		struct file_handle handle;
		char room[128];
	} handle = { .handle = { .handle_bytes = 128 } };
	int mount, watch = inotify_init1(IN_CLOEXEC);

	T(stat("t-open", &status));
	T(stat("t-none", &status));
	T(stat("t-link", &status));
	T(lstat("t-link", &status));
	T(lstat("t-none", &status));
	T(fstatat(directory, "t-below", &status, 0));
	T(fstatat(directory, "t-none-below", &status, AT_SYMLINK_NOFOLLOW));
	T(fstatat(directory, "", &status, AT_EMPTY_PATH));
	T(access("t-open", R_OK));
	T(access("t-none", F_OK));
	T(access("t-open", 077));
	T(eaccess("t-open", R_OK));
	T(euidaccess("t-none", R_OK));
	T(faccessat(directory, "t-below", R_OK, 0));
	T(faccessat(directory, "t-below", R_OK, AT_EACCESS));
	T(readlink("t-link", text, sizeof(text)));
	T(readlink("t-none", text, sizeof(text)));
	T(readlink("t-open", text, sizeof(text)));
	T(readlinkat(directory, "../t-link", text, sizeof(text)));
	T(statfs("t-open", &system));
	T(statfs("t-none", &system));
	T(statvfs("t-open", &system_too));
	T(getxattr("t-open", "user.none", text, sizeof(text)));
	T(lgetxattr("t-link", "user.none", text, sizeof(text)));
	T(listxattr("t-none", text, sizeof(text)));
	T(llistxattr("t-link", text, sizeof(text)));
	T(inotify_add_watch(watch, "t-dir", IN_CREATE) > 0);
	T(inotify_add_watch(watch, "t-none", IN_CREATE));
	T(name_to_handle_at(AT_FDCWD, "t-none", &handle.handle, &mount, 0));
	close(watch);
}

/* Reads a link into the memory of its own name, at the end of what is mapped. The answer has no
 * room for a zero behind it. POSIX does not allow that, but it works. */
static void look_in_place(int by, const char *name)
{
	size_t size = strlen(name) + 1, page = sysconf(_SC_PAGESIZE);
	char *pages =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *text = pages + page - size;

	mprotect(pages + page, page, PROT_NONE);
	strcpy(text, name);
	if (by == SYS_readlink)
		T(readlink(text, text, size));
	else if (by == SYS_readlinkat)
		T(readlinkat(directory, text, text, size));
	else
		T(syscall(SYS_readlink, text, text, size));
	printf("%.*s\n", (int)size, text);
	munmap(pages, 2 * page);
}

static void looks_in_place(void)
{
	T(symlink("long-enough-to-fill-it", "t-in-place"));
	T(symlink("long-enough-to-fill-it", "t-in-place-2"));
	T(symlinkat("long-enough-to-fill-it", directory, "t-in-place-at"));
	look_in_place(SYS_readlink, "t-in-place");
	look_in_place(SYS_readlink, "t-none-in-place");
	look_in_place(SYS_readlinkat, "t-in-place-at");
	look_in_place(SYS_readlinkat, "../t-open");
	look_in_place(0, "t-in-place-2");
}

static void changes(void)
{
	const struct timespec times[2] = { { 1, 0 }, { 2, 0 } };
	const struct timeval values[2] = { { 1, 0 }, { 2, 0 } };
	const struct utimbuf old = { 1, 2 };

	T(chmod("t-open", 0600));
	T(chmod("t-none", 0600));
	T(fchmodat(directory, "t-below", 0600, 0));
	T(chown("t-open", -1, -1));
	T(lchown("t-link", -1, -1));
	T(fchownat(directory, "t-below", -1, -1, AT_SYMLINK_NOFOLLOW));
	T(utime("t-open", &old));
	T(utimes("t-open", values));
	T(lutimes("t-link", values));
	T(futimesat(directory, "t-below", values));
	T(utimensat(directory, "t-below", times, 0));
	T(utimensat(AT_FDCWD, "t-none", times, AT_SYMLINK_NOFOLLOW));
	T(setxattr("t-open", "user.x", "y", 1, 0));
	T(lsetxattr("t-none", "user.x", "y", 1, 0));
	T(removexattr("t-open", "user.none"));
	T(lremovexattr("t-none", "user.x"));
	T(truncate("t-open", 4));
	T(truncate("t-none", 4));
	T(truncate64("t-open", 5));
}

static void names(void)
{
	T(mkdir("t-made", 0700));
	T(mkdir("t-made", 0700));
	T(mkdirat(directory, "t-made-below", 0700));
	T(mknod("t-fifo", S_IFIFO | 0600, 0));
	T(mknodat(directory, "t-fifo-below", S_IFIFO | 0600, 0));
	T(mkfifo("t-fifo-2", 0600));
	T(mkfifo("t-fifo-2", 0600));
	T(mkfifoat(directory, "t-fifo-3", 0600));
	T(link("t-open", "t-hard"));
	T(link("t-none", "t-hard-2"));
	T(linkat(AT_FDCWD, "t-link", directory, "t-hard-3", AT_SYMLINK_FOLLOW));
	T(linkat(AT_FDCWD, "t-link", directory, "t-hard-4", 0));
	T(symlink("t-nowhere", "t-soft"));
	T(symlinkat("t-nowhere", directory, "t-soft-2"));
	T(rename("t-hard", "t-renamed"));
	T(rename("t-none", "t-renamed"));
	T(renameat(AT_FDCWD, "t-renamed", directory, "t-renamed-2"));
	T(syscall(SYS_renameat2, directory, "t-renamed-2", AT_FDCWD, "t-renamed-3", 1));
	T(unlink("t-renamed-3"));
	T(unlink("t-none"));
	T(unlinkat(directory, "t-soft-2", 0));
	T(unlinkat(directory, "t-made-below", AT_REMOVEDIR));
	T(remove("t-soft"));
	T(rmdir("t-made"));
	T(rmdir("t-dir"));
}

static void shared(void)
{
	sem_t *semaphore;

	FD(shm_open("/t-footprint-shared", O_CREAT | O_RDWR, 0600));
	FD(shm_open("t-footprint-shared", O_RDONLY, 0));
	T(shm_unlink("/t-footprint-shared"));
	T(shm_unlink("/t-footprint-shared"));
	T(shm_open("/", O_RDWR, 0));
	semaphore = sem_open("/t-footprint-semaphore", O_CREAT, 0600, 1);
	printf("semaphore %d\n", semaphore != SEM_FAILED);
	T(sem_close(semaphore));
	T(sem_unlink("/t-footprint-semaphore"));
	T(sem_open("/t-footprint-none", 0) == SEM_FAILED);
}

static void addresses(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "t-socket" };
	struct sockaddr_un none = { .sun_family = AF_UNIX, .sun_path = "t-none" };
	struct iovec part = { "x", 1 };
	struct msghdr message = {
		.msg_name = &name, .msg_namelen = sizeof(name), .msg_iov = &part, .msg_iovlen = 1
	};
	struct mmsghdr several[2] = { { .msg_hdr = message }, { .msg_hdr = message } };
	int server = socket(AF_UNIX, SOCK_DGRAM, 0);
	int client = socket(AF_UNIX, SOCK_DGRAM, 0);

	T(bind(server, (struct sockaddr *)&name, sizeof(name)));
	T(bind(client, (struct sockaddr *)&name, sizeof(name)));
	T(sendto(client, "x", 1, 0, (struct sockaddr *)&name, sizeof(name)));
	T(sendto(client, "x", 1, 0, (struct sockaddr *)&none, sizeof(none)));
	T(sendmsg(client, &message, 0));
	T(sendmmsg(client, several, 2, 0));
	T(connect(client, (struct sockaddr *)&none, sizeof(none)));
	T(connect(client, (struct sockaddr *)&name, sizeof(name)));
	T(send(client, "x", 1, 0));
	T(connect(12345, (struct sockaddr *)&name, sizeof(name)));
	close(server);
	close(client);
}

static void descriptors(void)
{
	int copy = dup(directory);

	FD(openat(copy, "t-below", O_RDONLY));
	close(copy);
	FD(openat(copy, "t-after-close", O_RDONLY));
	T(dup2(directory, 50));
	FD(openat(50, "t-below", O_RDONLY));
	T(dup3(directory, 51, O_CLOEXEC));
	FD(openat(51, "t-none-51", O_RDONLY));
	T(fcntl(directory, F_DUPFD, 60));
	FD(openat(60, "t-none-60", O_RDONLY));
	T(fcntl(directory, F_GETFD));
	T(fcntl(12345, F_GETFL));
	T(close(60));
	T(close(60));
	T(dup(12345));
	T(dup2(12345, 70));
}

#ifdef __GLIBC__
static void young_names(void)
{
	static struct statx status;

	T(statx(AT_FDCWD, "t-link", AT_SYMLINK_NOFOLLOW, STATX_SIZE, &status));
	T(statx(directory, "t-below", 0, STATX_SIZE, &status));
#ifndef BEFORE_2_33
	T(close_range(50, 51, 0));
	T(fcntl(50, F_GETFD));
	closefrom(40);
#endif
}

/* Names that no header declares. They are looked up as in programs that were built long ago. */
#define OLD(type, name, parameters, arguments)                                                     \
	do {                                                                                       \
		type(*function_) parameters = (type(*) parameters)dlsym(RTLD_DEFAULT, #name);      \
		if (dlsym(libc, #name))                                                            \
			T(function_ arguments);                                                    \
	} while (0)
#define OLD_FD(name, parameters, arguments)                                                        \
	do {                                                                                       \
		int(*function_) parameters = (int(*) parameters)dlsym(RTLD_DEFAULT, #name);        \
		if (dlsym(libc, #name)) {                                                          \
			printf("%s: ", #name);                                                     \
			FD(function_ arguments);                                                   \
		}                                                                                  \
	} while (0)

static void old_names(void)
{
	void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	static struct stat status;
	static struct statfs system;
	static char text[PATH_MAX];
	dev_t device = 0;

	OLD_FD(__open, (const char *, int, ...), ("t-old-1", O_CREAT | O_RDWR, 0600));
	OLD_FD(__open64, (const char *, int, ...), ("t-old-2", O_RDONLY));
	OLD_FD(__open_2, (const char *, int), ("t-old-1", O_RDONLY));
	OLD_FD(__open64_2, (const char *, int), ("t-old-3", O_RDONLY));
	OLD_FD(__openat_2, (int, const char *, int), (directory, "t-old-4", O_RDONLY));
	OLD_FD(__openat64_2, (int, const char *, int), (directory, "t-old-5", O_RDONLY));
	OLD(int, __xstat, (int, const char *, struct stat *), (1, "t-old-6", &status));
	OLD(int, __xstat64, (int, const char *, struct stat *), (1, "t-old-1", &status));
	OLD(int, __lxstat, (int, const char *, struct stat *), (1, "t-old-7", &status));
	OLD(int, __lxstat64, (int, const char *, struct stat *), (1, "t-old-1", &status));
	OLD(int, __fxstatat, (int, int, const char *, struct stat *, int),
		(1, directory, "t-old-8", &status, 0));
	OLD(int, __fxstatat64, (int, int, const char *, struct stat *, int),
		(1, directory, "t-old-9", &status, AT_SYMLINK_NOFOLLOW));
	OLD(int, __statfs, (const char *, struct statfs *), ("t-old-10", &system));
	OLD(ssize_t, __readlink_chk, (const char *, char *, size_t, size_t),
		("t-link", text, 10, 20));
	OLD(ssize_t, __readlinkat_chk, (int, const char *, char *, size_t, size_t),
		(directory, "t-old-11", text, 10, 20));
	OLD(int, __xmknod, (int, const char *, mode_t, dev_t *),
		(0, "t-old-12", S_IFIFO | 0600, &device));
	OLD(int, __xmknodat, (int, int, const char *, mode_t, dev_t *),
		(0, directory, "t-old-13", S_IFIFO | 0600, &device));
	OLD(void *, _IO_fopen, (const char *, const char *), ("t-old-14", "r"));
	OLD(int, __close, (int), (12345));
	OLD(int, __dup2, (int, int), (12345, 1));
	OLD(int, __fcntl, (int, int, ...), (12345, F_GETFD));
}
#else
extern int open_tree(int, const char *, unsigned) __attribute__((weak));

/* musl lacks it, so a program that asks for it finds ours. */
static void young_names(void)
{
	int works = !open_tree || (open_tree(AT_FDCWD, NULL, 0) == -1 && errno == EFAULT);

	printf("open_tree: %d\n", works);
	errno = 0;
}

static void old_names(void)
{
}
#endif

int main(void)
{
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	mkdir("t-dir", 0700);
	symlink("t-open", "t-link");
	directory = open("t-dir", O_RDONLY | O_DIRECTORY);
	opens();
	streams();
	directories();
	temporaries();
	looks();
	looks_in_place();
	changes();
	names();
	shared();
	addresses();
	descriptors();
	young_names();
	old_names();
	return 0;
}
