#define _GNU_SOURCE
#include "supervise/express_plan.h"

#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>

#include "preload/rawcall.h"
#include "preload/sites/sites_pattern.h"
#include "preload/text.h"
#include "supervise/target.h"

#define PAGE	      4096u
#define PLANS	      16u
#define HEADERS_MAX   32u
#define WINDOW	      (64u << 10)
#define AROUND	      256u	  /* bytes before and behind a site that are looked at */
#define SEARCHED_MAX  (24u << 20) /* bytes of code: takes about 10 ms */
#define NUMBER_BEFORE 48u	  /* bytes before its `syscall` where a number may be loaded */

/* A file that was searched; size 0: a free place. */
static struct searched {
	uint64_t device, inode, size;
	struct timespec modified, changed;
	struct express_plan plan;
} searched[PLANS];

struct code {
	uint64_t offset, size; /* in the file */
	uint64_t address;
};

static bool read_at(int fd, void *to, size_t size, uint64_t offset)
{
	return rawcall4(SYS_pread64, fd, (long)to, (long)size, (long)offset) == (long)size;
}

/* Finds the one executable segment of a program without an interpreter. */
static bool find_code(int fd, struct express_plan *plan, struct code *ret)
{
	Elf64_Phdr headers[HEADERS_MAX];
	unsigned stretches = 0;
	Elf64_Ehdr head;

	if (!read_at(fd, &head, sizeof(head), 0) || memcmp(head.e_ident, ELFMAG, SELFMAG) ||
		head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_machine != EM_X86_64 ||
		head.e_phentsize != sizeof(headers[0]) || head.e_phnum > HEADERS_MAX ||
		!read_at(fd, headers, head.e_phnum * sizeof(headers[0]), head.e_phoff))
		return false;
	for (unsigned i = 0; i < head.e_phnum; i++) {
		const Elf64_Phdr *header = &headers[i];

		if (header->p_type == PT_INTERP)
			return false;
		if (header->p_type != PT_LOAD || !(header->p_flags & PF_X))
			continue;
		stretches++;
		if (header->p_flags & PF_W || header->p_filesz != header->p_memsz)
			return false;
		*ret = (struct code){ header->p_offset, header->p_filesz, header->p_vaddr };
	}
	plan->moves = head.e_type == ET_DYN;
	plan->entry = head.e_entry;
	return stretches == 1 && ret->size > AROUND;
}

static bool is_express(uint32_t number)
{
	switch (number) {
	case SYS_open:
	case SYS_stat:
	case SYS_lstat:
	case SYS_access:
	case SYS_readlink:
	case SYS_openat:
	case SYS_newfstatat:
	case SYS_readlinkat:
	case SYS_faccessat:
	case SYS_statx:
	case SYS_faccessat2:
		return true;
	default:
		return false;
	}
}

/* Is this in a function that makes calls of any number: Go's since 1.19, Go's before, libc's
 * syscall()? */
static bool is_any_call(const uint8_t *code)
{
	/* mov %rsi,%r10; mov %rdi,%rdx; mov %rcx,%rsi; mov %rbx,%rdi */
	static const uint8_t registers[] = { 0x49, 0x89, 0xf2, 0x48, 0x89, 0xfa, 0x48, 0x89, 0xce,
		0x48, 0x89, 0xdf };
	/* mov 8(%rsp),%rax; or to %r9 */
	static const uint8_t stack[] = { 0x48, 0x8b, 0x44, 0x24, 0x08 };
	static const uint8_t sixth[] = { 0x4c, 0x8b, 0x4c, 0x24, 0x08 };

	return !memcmp(code - sizeof(registers), registers, sizeof(registers)) ||
	       !memcmp(code - sizeof(stack), stack, sizeof(stack)) ||
	       !memcmp(code - sizeof(sixth), sixth, sizeof(sixth));
}

/* Is the number that was loaded last that of a call for the express lane? A wrong guess costs a
 * stub and nothing else, since the stub looks at the register. */
static bool makes_express_call(const struct sites_object *object, uint32_t offset)
{
	if (is_any_call(object->base + offset))
		return true;
	for (uint32_t back = 5; back <= NUMBER_BEFORE; back++) {
		uint32_t number = site_word(object, offset - back + 1);

		if (object->base[offset - back] == 0xb8 && number < 1024)
			return is_express(number);
	}
	return false;
}

/* Does what stands behind the `syscall` do the same at another address? */
static bool can_be_moved(enum site_kind kind)
{
	return kind == SITE_COMPARE || kind == SITE_COMPARE_FROM || kind == SITE_COMPARE_INT ||
	       kind == SITE_TO_ARGUMENT;
}

static void take_site(struct express_plan *plan, const struct sites_object *object, uint32_t offset,
	uint64_t address)
{
	struct express_site *site = &plan->sites[plan->count];
	enum site_kind kind;
	uint32_t end;

	if (plan->count == EXPRESS_SITES_MAX || !site_at(object, offset, &kind, &end) ||
		!can_be_moved(kind) || !makes_express_call(object, offset) ||
		site_is_jumped_into(object, offset, end))
		return;
	site->address = address + offset;
	site->size = (uint8_t)(end - offset);
	memcpy(site->bytes, object->base + offset, sizeof(site->bytes));
	plan->count++;
}

/* Searches `size` bytes of code, except the first and the last AROUND, which are in other
 * windows. */
static void search_window(struct express_plan *plan, uint8_t *code, uint32_t size, uint64_t address)
{
	const struct sites_object object = { .base = code, .text = 0, .text_end = size };

	for (uint32_t at = AROUND; at < size - AROUND;) {
		if (!site_may_begin(code + at)) {
			at += sizeof(uint64_t);
			continue;
		}
		for (uint32_t end = at + sizeof(uint64_t); at < end; at++)
			if (code[at] == 0x0f && code[at + 1] == 0x05 && at < size - AROUND)
				take_site(plan, &object, at, address);
	}
}

static void search(int fd, struct express_plan *plan, const struct code *code)
{
	static uint8_t window[WINDOW];
	uint64_t limit = code->size < SEARCHED_MAX ? code->size : SEARCHED_MAX;

	for (uint64_t at = 0; at + 2 * AROUND < limit; at += WINDOW - 2 * AROUND) {
		uint64_t size = limit - at < WINDOW ? limit - at : WINDOW;

		if (!read_at(fd, window, size, code->offset + at))
			return;
		search_window(plan, window, (uint32_t)size, code->address + at);
	}
}

static void make_plan(int fd, struct express_plan *plan)
{
	struct code code;
	uint64_t end;

	memset(plan, 0, sizeof(*plan));
	if (!find_code(fd, plan, &code))
		return;
	end = code.address + code.size;
	plan->room = (end + 15) & ~15ull;
	plan->room_size = ((end + PAGE - 1) & ~(uint64_t)(PAGE - 1)) - plan->room;
	if (plan->room_size < PAGE)
		search(fd, plan, &code);
}

static bool is_same(const struct searched *one, const struct stat *status)
{
	return one->size == (uint64_t)status->st_size && one->inode == status->st_ino &&
	       one->device == status->st_dev &&
	       !memcmp(&one->modified, &status->st_mtim, sizeof(one->modified)) &&
	       !memcmp(&one->changed, &status->st_ctim, sizeof(one->changed));
}

static struct searched *search_file(const char *name, const struct stat *status)
{
	struct searched *one = &searched[status->st_ino % PLANS];
	long fd = rawcall4(SYS_openat, AT_FDCWD, (long)name, O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0)
		return NULL;
	*one = (struct searched){ status->st_dev, status->st_ino, (uint64_t)status->st_size,
		status->st_mtim, status->st_ctim, { 0 } };
	make_plan((int)fd, &one->plan);
	rawcall3(SYS_close, fd, 0, 0);
	return one;
}

const struct express_plan *express_plan(int pid)
{
	char name[TARGET_NAME_SIZE];
	struct searched *one;
	struct stat status;

	target_name(name, pid, "exe", -1);
	if (rawcall4(SYS_newfstatat, AT_FDCWD, (long)name, (long)&status, 0) < 0)
		return NULL;
	one = &searched[status.st_ino % PLANS];
	if (!is_same(one, &status))
		one = search_file(name, &status);
	return one ? &one->plan : NULL;
}
