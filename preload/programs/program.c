#define _GNU_SOURCE

#include "preload/programs/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "preload/image.h"
#include "preload/rawcall.h"
#include "preload/text.h"

#define BLOCK_SIZE	 1024 /* bytes read first: mostly all headers, or the #! line */
#define SCRIPT_LINE_SIZE 256  /* bytes; the kernel's BINPRM_BUF_SIZE: it reads no further */
#define SCRIPT_DEPTH_MAX 5    /* interpreters in a chain, as in the kernel */
#define HEADERS_MAX	 128
#define DYNAMIC_MAX	 256
#define UNMAPPED_ID	 65534 /* what an id looks like that the user namespace does not map */
#define STAT_FLAGS	 (AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) /* these mean the same to execveat */

#ifndef ST_NOSUID
#define ST_NOSUID 2
#endif

/* The file being looked at. */
struct program {
	int fd;
	long size;   /* bytes of `block` that were read; -EBADF: the file may not be read */
	bool grants; /* it may give ids or capabilities to whoever executes it */
	char block[BLOCK_SIZE];
};

/*
 * Remembered answers: one word for each file, the hash of its identity with the kind in the low
 * bits, so that a reader sees a whole answer or none. A new answer overwrites what was in its slot.
 * They stand in the memory that forks share, if there is any: a shell looks at programs in its
 * forks, each of which would have to look anew.
 */
#define KIND_MASK 7ull
static uint64_t known_alone[KNOWN_PROGRAMS] DATA_SELDOM;

static uint64_t *known_place(uint64_t identity)
{
	uint64_t *known = image.known_programs ? image.known_programs : known_alone;

	return &known[(identity >> 3) % KNOWN_PROGRAMS];
}

static uint64_t identity_of(const struct stat *status)
{
	const uint64_t parts[] = { status->st_dev, status->st_ino, (uint64_t)status->st_ctim.tv_sec,
		(uint64_t)status->st_ctim.tv_nsec, (uint64_t)status->st_size };
	uint64_t hash = 0xcbf29ce484222325ull;

	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		hash = (hash ^ parts[i]) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 32;
	}
	return hash & ~KIND_MASK;
}

static enum program_kind known_kind(uint64_t identity)
{
	uint64_t word = __atomic_load_n(known_place(identity), __ATOMIC_RELAXED);

	return (word & ~KIND_MASK) == identity ? word & KIND_MASK : PROGRAM_UNKNOWN;
}

static void remember(uint64_t identity, enum program_kind kind)
{
	__atomic_store_n(known_place(identity), identity | kind, __ATOMIC_RELAXED);
}

/* Reads bytes of the file, from the block if they are in it. False: they are not there. */
static bool read_at(const struct program *program, uint64_t offset, void *to, size_t size)
{
	if (offset <= (uint64_t)program->size && size <= (uint64_t)program->size - offset) {
		memcpy(to, program->block + offset, size);
		return true;
	}
	return offset <= INT64_MAX &&
	       rawcall4(SYS_pread64, program->fd, (long)to, (long)size, (long)offset) == (long)size;
}

/* A file without an interpreter is static, unless it is a dynamic linker. That is a library, and
 * has a DT_SONAME; a static program (static-pie) has none. */
static bool is_dynamic_linker(const struct program *program, const Elf64_Phdr *dynamic)
{
	uint64_t count = dynamic->p_filesz / sizeof(Elf64_Dyn);
	Elf64_Dyn entry;

	for (uint64_t i = 0; i < count && i < DYNAMIC_MAX; i++) {
		if (!read_at(program, dynamic->p_offset + i * sizeof(entry), &entry,
			    sizeof(entry)) ||
			entry.d_tag == DT_NULL)
			return false;
		if (entry.d_tag == DT_SONAME)
			return true;
	}
	return false;
}

static enum program_kind elf_kind(const struct program *program)
{
	Elf64_Phdr dynamic = { 0 };
	Elf64_Phdr header;
	Elf64_Ehdr elf;

	if (program->size < EI_NIDENT + 4 || memcmp(program->block, ELFMAG, SELFMAG) != 0)
		return PROGRAM_UNKNOWN;
	if (program->block[EI_CLASS] != ELFCLASS64 || program->block[EI_DATA] != ELFDATA2LSB)
		return PROGRAM_FOREIGN;
	if (!read_at(program, 0, &elf, sizeof(elf)))
		return PROGRAM_UNKNOWN;
	if (elf.e_machine != EM_X86_64)
		return PROGRAM_FOREIGN;
	if (elf.e_phentsize != sizeof(header) || elf.e_phnum > HEADERS_MAX)
		return PROGRAM_UNKNOWN;
	for (unsigned i = 0; i < elf.e_phnum; i++) {
		if (!read_at(program, elf.e_phoff + i * sizeof(header), &header, sizeof(header)))
			return PROGRAM_UNKNOWN;
		if (header.p_type == PT_INTERP)
			return PROGRAM_DYNAMIC;
		if (header.p_type == PT_DYNAMIC)
			dynamic = header;
	}
	return is_dynamic_linker(program, &dynamic) ? PROGRAM_DYNAMIC : PROGRAM_STATIC;
}

/* The interpreter of a #! line, terminated within the block. NULL: it is no script. */
static char *script_interpreter(struct program *program)
{
	long limit = program->size < SCRIPT_LINE_SIZE ? program->size : SCRIPT_LINE_SIZE - 1;
	long at = 2, start;

	if (limit < 3 || program->block[0] != '#' || program->block[1] != '!')
		return NULL;
	while (at < limit && (program->block[at] == ' ' || program->block[at] == '\t'))
		at++;
	for (start = at; at < limit; at++) {
		char c = program->block[at];

		if (c == ' ' || c == '\t' || c == '\n' || c == '\0')
			break;
	}
	program->block[at] = '\0';
	return at > start ? program->block + start : NULL;
}

static bool on_nosuid_mount(const struct program *program)
{
	struct statfs mount;

	return rawcall3(SYS_fstatfs, program->fd, (long)&mount, 0) == 0 &&
	       (unsigned long)mount.f_flags & ST_NOSUID;
}

static bool without_new_privileges(void)
{
	return rawcall6(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0, 0) == 1;
}

/* The number at *at, which is moved behind it. False: there is none. */
static bool read_number(const char **at, uint32_t *ret)
{
	const char *start;

	while (**at == ' ' || **at == '\n')
		(*at)++;
	start = *at;
	for (*ret = 0; **at >= '0' && **at <= '9'; (*at)++)
		*ret = *ret * 10 + (uint32_t)(**at - '0');
	return *at > start;
}

/* Does the process's user namespace map the id? The kernel gives none that it does not. map: in
 * /proc. If that cannot be read, all are taken to be mapped. Reads into `text`, BLOCK_SIZE bytes.
 */
static bool is_mapped(const char *map, uint32_t id, char *text)
{
	uint32_t first, outside, count;
	const char *at = text;
	long fd, size;

	if (id != UNMAPPED_ID)
		return true;
	fd = rawcall4(SYS_openat, AT_FDCWD, (long)map, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return true;
	size = rawcall3(SYS_read, fd, (long)text, BLOCK_SIZE - 1);
	rawcall3(SYS_close, fd, 0, 0);
	if (size < 0 || size == BLOCK_SIZE - 1)
		return true;
	text[size] = '\0';
	while (read_number(&at, &first) && read_number(&at, &outside) && read_number(&at, &count))
		if (id - first < count)
			return true;
	return false;
}

/* A file gives its ids only if both are mapped. Its first bytes are not needed any more. */
static bool gives_ids(struct program *program, const struct stat *status)
{
	return !without_new_privileges() &&
	       is_mapped("/proc/self/uid_map", status->st_uid, program->block) &&
	       is_mapped("/proc/self/gid_map", status->st_gid, program->block);
}

static bool ids_differ(uid_t user, gid_t group)
{
	return user != (uid_t)rawcall3(SYS_getuid, 0, 0, 0) ||
	       group != (gid_t)rawcall3(SYS_getgid, 0, 0, 0);
}

/* Will the kernel set AT_SECURE? It does if the real and effective ids differ afterwards, or if the
 * file has capabilities for a user other than root. That also holds under no_new_privs, where the
 * user does not get them; then it matters to a dynamic linker alone. */
static bool gains_privileges(
	struct program *program, enum program_kind kind, const struct stat *status)
{
	uid_t user = (uid_t)rawcall3(SYS_geteuid, 0, 0, 0);
	gid_t group = (gid_t)rawcall3(SYS_getegid, 0, 0, 0);
	bool set_user = status->st_mode & S_ISUID;
	bool set_group = (status->st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);
	bool capable = rawcall4(SYS_fgetxattr, program->fd, (long)"security.capability", 0, 0) > 0;

	program->grants = set_user || set_group || capable;
	if (program->grants && !on_nosuid_mount(program)) {
		if (set_user && gives_ids(program, status))
			user = status->st_uid;
		if (set_group && gives_ids(program, status))
			group = status->st_gid;
		if (capable && user != 0 && (kind == PROGRAM_DYNAMIC || !without_new_privileges()))
			return true;
	}
	return ids_differ(user, group);
}

/* Would the kernel set AT_SECURE for any file that this process executes? */
static bool is_privileged(void)
{
	return ids_differ(
		(uid_t)rawcall3(SYS_geteuid, 0, 0, 0), (gid_t)rawcall3(SYS_getegid, 0, 0, 0));
}

/* "/proc/self/fd/N" */
static void descriptor_link(char *to, size_t size, int fd)
{
	char *at = text_append(to, to + size, "/proc/self/fd/");

	text_append_number(at, to + size, (uint64_t)fd);
}

/* A set-uid program that may be executed but not read (some systems have sudo so) is known by its
 * mode. */
static int open_file(int dirfd, const char *path, mode_t mode)
{
	long fd = rawcall4(
		SYS_openat, dirfd, (long)path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);

	if (fd == -EACCES && (mode & (S_ISUID | S_ISGID)))
		fd = rawcall4(SYS_openat, dirfd, (long)path, O_PATH | O_CLOEXEC, 0);
	return (int)fd;
}

/* Opens only regular files that may be executed, since opening a device can have effects. */
static bool open_program(
	struct program *program, int dirfd, const char *path, int flags, struct stat *ret_status)
{
	char link[sizeof("/proc/self/fd/") + TEXT_NUMBER_SIZE];

	/* A NULL path makes fstatat look at the descriptor (Linux 6.11), but not execveat. */
	if (!path ||
		rawcall4(SYS_newfstatat, dirfd, (long)path, (long)ret_status, flags & STAT_FLAGS) <
			0 ||
		!S_ISREG(ret_status->st_mode) || !(ret_status->st_mode & 0111))
		return false;
	if (!*path) {
		descriptor_link(link, sizeof(link), dirfd);
		path = link;
	}
	program->fd = open_file(dirfd, path, ret_status->st_mode);
	if (program->fd < 0)
		return false;
	program->size = rawcall4(SYS_pread64, program->fd, (long)program->block, BLOCK_SIZE, 0);
	return true;
}

static void close_program(const struct program *program)
{
	rawcall3(SYS_close, program->fd, 0, 0);
}

void program_name(int fd, char *path, size_t size)
{
	char link[sizeof("/proc/self/fd/") + TEXT_NUMBER_SIZE];
	long length;

	descriptor_link(link, sizeof(link), fd);
	length = rawcall3(SYS_readlink, (long)link, (long)path, (long)size - 1);
	path[length > 0 && length < (long)size - 1 ? length : 0] = '\0';
}

bool program_path_lasts(const char *path)
{
	return path[0] == '/' && !text_begins(path, "/proc/") && !text_begins(path, "/dev/");
}

enum program_glance program_glance(int dirfd, const char *path, int flags)
{
	struct stat status;
	long error = rawcall4(SYS_newfstatat, dirfd, (long)path, (long)&status, flags & STAT_FLAGS);

	if (error < 0)
		return error == -ENOENT || error == -ENOTDIR ? GLANCE_NONE : GLANCE_MAY_BE;
	if (!S_ISREG(status.st_mode) || !(status.st_mode & 0111))
		return GLANCE_NONE;
	return known_kind(identity_of(&status)) == PROGRAM_DYNAMIC && !is_privileged()
		       ? GLANCE_DYNAMIC
		       : GLANCE_MAY_BE;
}

static enum program_kind judge(struct program *program, const struct stat *status)
{
	enum program_kind kind = elf_kind(program);

	if ((kind != PROGRAM_UNKNOWN || program->size == -EBADF) &&
		gains_privileges(program, kind, status))
		return PROGRAM_SETUID;
	return kind;
}

enum program_kind program_look(
	int dirfd, const char *path, int flags, char *path_found, size_t size)
{
	struct program program;
	struct stat status;

	*path_found = '\0';
	for (int depth = 0; depth <= SCRIPT_DEPTH_MAX; depth++) {
		enum program_glance glance = program_glance(dirfd, path, flags);
		enum program_kind kind;
		char *interpreter;

		if (glance == GLANCE_DYNAMIC)
			return PROGRAM_DYNAMIC;
		if (glance == GLANCE_NONE || !open_program(&program, dirfd, path, flags, &status))
			return PROGRAM_UNKNOWN;
		interpreter = script_interpreter(&program);
		kind = interpreter ? PROGRAM_UNKNOWN : judge(&program, &status);
		/* Not if it may give privileges: then the answer depends on the ids of the process,
		 * which may change. */
		if (kind == PROGRAM_DYNAMIC && !program.grants)
			remember(identity_of(&status), kind);
		else if (kind != PROGRAM_UNKNOWN)
			program_name(program.fd, path_found, size);
		close_program(&program);
		if (!interpreter)
			return kind;
		path = interpreter;
		dirfd = AT_FDCWD;
		flags = 0;
	}
	return PROGRAM_UNKNOWN;
}

bool program_interpreter(const char *path, char *interpreter, size_t size)
{
	struct program program;
	struct stat status;
	char *found;

	if (!open_program(&program, AT_FDCWD, path, 0, &status))
		return false;
	found = script_interpreter(&program);
	if (found)
		text_append(interpreter, interpreter + size, found);
	close_program(&program);
	return found != NULL;
}
