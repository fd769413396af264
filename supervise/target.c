#define _GNU_SOURCE
#include "supervise/target.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>

#include "preload/image.h"
#include "preload/rawcall.h"
#include "preload/text.h"

#define PAGE_SIZE  4096ul
#define FIRST_READ 256 /* bytes; most paths are shorter, and do not cross a page */
#define MEMORIES   64
#define STAT_SIZE  1024
#define AUXV_SIZE  1024

/* /proc/PID/mem of callers. Reading it takes half as long as process_vm_readv, which checks
 * permissions each time. A descriptor stays with the memory that its process had when it was
 * opened. So none is kept for longer than a second, or when a program is executed. */
static struct memory {
	int pid; /* 0: free */
	int fd;
	uint64_t since;
} memories[MEMORIES];

static void forget(struct memory *memory)
{
	if (memory->pid)
		rawcall3(SYS_close, memory->fd, 0, 0);
	memory->pid = 0;
}

void target_forget(void)
{
	for (unsigned i = 0; i < MEMORIES; i++)
		forget(&memories[i]);
}

static void open_memory(struct memory *memory, int pid)
{
	char name[TARGET_NAME_SIZE];

	forget(memory);
	target_name(name, pid, "mem", -1);
	memory->fd = (int)rawcall4(SYS_openat, AT_FDCWD, (long)name, O_RDWR | O_CLOEXEC, 0);
	if (memory->fd < 0)
		memory->fd =
			(int)rawcall4(SYS_openat, AT_FDCWD, (long)name, O_RDONLY | O_CLOEXEC, 0);
	if (memory->fd < 0)
		return;
	memory->pid = pid;
	memory->since = image_time();
}

/* The memory of a process, opened if necessary. NULL: it cannot be. */
static struct memory *open_memory_of(int pid)
{
	struct memory *memory = &memories[(unsigned)pid % MEMORIES];

	if (memory->pid != pid || image_time() - memory->since > IMAGE_SECOND)
		open_memory(memory, pid);
	return memory->pid == pid ? memory : NULL;
}

void target_renew(int pid)
{
	forget(&memories[(unsigned)pid % MEMORIES]);
}

/* Returns how much was read. 0 or a negative errno: nothing, and process_vm_readv may say why. */
static long read_file(int pid, uint64_t address, void *to, size_t size)
{
	struct memory *memory = open_memory_of(pid);
	long got;

	if (!memory)
		return 0;
	got = rawcall4(SYS_pread64, memory->fd, (long)to, (long)size, (long)address);
	if (got <= 0)
		forget(memory); /* its process is gone, or has executed another program */
	return got;
}

static long read_memory(int pid, uint64_t address, void *to, size_t size)
{
	struct iovec local = { to, size };
	struct iovec remote = { (void *)(uintptr_t)address, size };
	long got = read_file(pid, address, to, size);

	if (got > 0)
		return got;
	return rawcall6(SYS_process_vm_readv, pid, (long)&local, 1, (long)&remote, 1, 0);
}

int target_write(int pid, uint64_t address, const void *from, size_t size)
{
	struct memory *memory = open_memory_of(pid);
	long written;

	if (!memory)
		return -EACCES;
	written = rawcall4(SYS_pwrite64, memory->fd, (long)from, (long)size, (long)address);
	if (written < 0)
		return (int)written;
	return (size_t)written == size ? 0 : -EIO;
}

int target_bytes(int pid, uint64_t address, void *to, size_t size)
{
	long got = read_memory(pid, address, to, size);

	if (got < 0)
		return (int)got;
	return (size_t)got == size ? 0 : -EFAULT;
}

/* Reads in pieces that end at the end of a page, since the next page may not be there. */
long target_string(int pid, uint64_t address, char *to, size_t size)
{
	size_t have = 0, want = FIRST_READ;

	while (have < size) {
		size_t in_page = PAGE_SIZE - (address + have) % PAGE_SIZE;
		size_t piece = size - have < want ? size - have : want;
		long got;

		if (piece > in_page)
			piece = in_page;
		got = read_memory(pid, address + have, to + have, piece);
		if (got <= 0)
			return got < 0 ? got : -EFAULT;
		for (size_t end = have + (size_t)got; have < end; have++)
			if (!to[have])
				return (long)have;
		want = PAGE_SIZE;
	}
	return -ENAMETOOLONG;
}

void target_name(char name[TARGET_NAME_SIZE], int pid, const char *entry, long number)
{
	char *end = name + TARGET_NAME_SIZE;
	char *at = text_append_number(text_append(name, end, "/proc/"), end, (uint64_t)pid);

	at = text_append(text_append(at, end, "/"), end, entry);
	if (number >= 0)
		text_append_number(text_append(at, end, "/"), end, (uint64_t)number);
}

long target_link(int pid, const char *entry, long number, char *to, size_t size)
{
	char name[TARGET_NAME_SIZE];
	long length;

	target_name(name, pid, entry, number);
	length = rawcall3(SYS_readlink, (long)name, (long)to, (long)size);
	if (length == (long)size)
		return -ENAMETOOLONG;
	to[length < 0 ? 0 : length] = '\0';
	return length;
}

long target_file(int pid, const char *entry, char *to, size_t size)
{
	char name[TARGET_NAME_SIZE];
	size_t have = 0;
	long fd, got;

	target_name(name, pid, entry, -1);
	fd = rawcall4(SYS_openat, AT_FDCWD, (long)name, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	do {
		got = rawcall3(SYS_read, fd, (long)(to + have), (long)(size - 1 - have));
		have += got > 0 ? (size_t)got : 0;
	} while (got > 0 && have < size - 1);
	rawcall3(SYS_close, fd, 0, 0);
	to[have] = '\0';
	return got < 0 ? got : (long)have;
}

uint64_t target_auxiliary(int pid, uint64_t type)
{
	Elf64_auxv_t entries[AUXV_SIZE / sizeof(Elf64_auxv_t) + 1];
	long size = target_file(pid, "auxv", (char *)entries, AUXV_SIZE);

	for (long i = 0; i < size / (long)sizeof(entries[0]); i++)
		if (entries[i].a_type == type)
			return entries[i].a_un.a_val;
	return 0;
}

/* Counts fields behind the program's name, which may contain anything. */
uint64_t target_stat_field(const char *stat, unsigned field)
{
	const char *at = stat;
	uint64_t value = 0;

	for (const char *p = stat; *p; p++)
		if (*p == ')')
			at = p + 1;
	for (unsigned i = 2; i < field && *at; at++)
		if (*at == ' ')
			i++;
	while (*at >= '0' && *at <= '9')
		value = value * 10 + (uint64_t)(*at++ - '0');
	return value;
}

uint64_t target_stat(int pid, unsigned field)
{
	char text[STAT_SIZE];

	return target_file(pid, "stat", text, sizeof(text)) < 0 ? 0
								: target_stat_field(text, field);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

uint64_t target_status(const char *status, const char *name, unsigned column)
{
	uint64_t value = 0;

	for (; *status; status++) {
		if (text_begins(status, name) && status[text_length(name)] == ':')
			break;
		while (*status && *status != '\n')
			status++;
		if (!*status)
			return 0;
	}
	while (*status && *status != '\n' && (!is_digit(*status) || column)) {
		if (is_digit(*status)) {
			while (is_digit(status[1]))
				status++;
			column--;
		}
		status++;
	}
	while (is_digit(*status))
		value = value * 10 + (uint64_t)(*status++ - '0');
	return value;
}
