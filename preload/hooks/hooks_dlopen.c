/*
 * dlopen and dlmopen. What they find depends on the caller: the dynamic linker takes the object in
 * which its return address lies, and searches that object's RPATH or RUNPATH and $ORIGIN. Called
 * from here, it would take this library. So it is called with a return address in the caller's
 * object: that of a `ret` instruction there, which leads back here (hooks_dlopen_call.S).
 *
 * Whoever unwinds the stack meanwhile (a profiler, or a constructor that makes a backtrace) would
 * apply what the object's unwind tables say about that place to our stack. So a `ret` is preferred
 * of which they say nothing, such as that of _init: there unwinding ends.
 *
 * What a dlopen has loaded is what follows the previous end of the list of objects. The list is
 * walked by dl_iterate_phdr, under the dynamic linker's own lock, which dlopen takes as well.
 */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <unistd.h>

#include "preload/hooks/hooks.h"
#include "preload/image.h"
#include "preload/linker/linker.h"
#include "preload/linker/rebind.h"
#include "preload/rawcall.h"
#include "preload/record/recorder.h"
#include "preload/sites/sites_object.h"

#define RETURN_INSTRUCTION 0xc3

/* Calls function(first, second, third), which sees `through` as its return address; a `ret`
 * instruction must stand there. */
extern void *hook_call_through(long first, long second, long third, const void *function,
	const void *through) __attribute__((visibility("hidden")));

/* What is found out before the call: who asks, and where the list of objects ends. */
struct request {
	uintptr_t caller;	 /* an address in its code */
	const void *through;	 /* a `ret` in its object, NULL: none was found */
	const char *requester;	 /* its object's path, NULL: not known, or the program itself */
	ElfW(Addr) last_address; /* of the last object in the list */
	const char *last_name;
};

static const void *find_return(uintptr_t from, uintptr_t to)
{
	for (; from < to; from++)
		if (*(const unsigned char *)from == RETURN_INSTRUCTION)
			return (const void *)from;
	return NULL;
}

/* The head of .eh_frame_hdr as all linkers write it, with a sorted table of distances. */
struct frame_table {
	uint8_t version, pointer_encoding, count_encoding, table_encoding;
	int32_t frames;
	uint32_t count;
	int32_t first_code; /* distance from this struct to the lowest code in the table */
};
enum { ENCODED_FROM_TABLE_SIGNED_4 = 0x3b, ENCODED_UNSIGNED_4 = 0x03 };

/* The address before which an object's unwind tables say nothing. 0: not known. */
static uintptr_t first_told(const struct dl_phdr_info *object)
{
	const struct frame_table *table;

	for (int i = 0; i < object->dlpi_phnum; i++) {
		const Elf64_Phdr *segment = &object->dlpi_phdr[i];

		table = (const void *)(object->dlpi_addr + segment->p_vaddr);
		if (segment->p_type == PT_GNU_EH_FRAME && segment->p_memsz >= sizeof(*table) &&
			table->version == 1 && table->count_encoding == ENCODED_UNSIGNED_4 &&
			table->table_encoding == ENCODED_FROM_TABLE_SIGNED_4 && table->count)
			return (uintptr_t)table + (uintptr_t)(intptr_t)table->first_code;
	}
	return 0;
}

static const void *untold_return_within(
	const struct dl_phdr_info *object, const Elf64_Phdr *segment)
{
	uintptr_t start = object->dlpi_addr + segment->p_vaddr;
	uintptr_t end = start + segment->p_memsz, told = first_told(object);

	return find_return(start, told < end ? told : end);
}

static const void *return_within(
	const struct dl_phdr_info *object, const Elf64_Phdr *segment, uintptr_t near)
{
	uintptr_t start = object->dlpi_addr + segment->p_vaddr;
	uintptr_t end = start + segment->p_memsz;
	bool inside = near >= start && near < end;
	const void *found = inside ? find_return(near, end) : NULL;

	return found ? found : find_return(start, inside ? near : end);
}

static bool is_readable_code(const Elf64_Phdr *segment)
{
	return segment->p_type == PT_LOAD && segment->p_flags & PF_X && segment->p_flags & PF_R;
}

static bool holds(const struct dl_phdr_info *object, uintptr_t address)
{
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const Elf64_Phdr *segment = &object->dlpi_phdr[i];

		if (segment->p_type == PT_LOAD &&
			address - object->dlpi_addr - segment->p_vaddr < segment->p_memsz)
			return true;
	}
	return false;
}

static void call_through_object(struct request *request, const struct dl_phdr_info *object)
{
	request->through = NULL;
	for (int i = 0; i < object->dlpi_phnum && !request->through; i++)
		if (is_readable_code(&object->dlpi_phdr[i]))
			request->through = untold_return_within(object, &object->dlpi_phdr[i]);
	for (int i = 0; i < object->dlpi_phnum && !request->through; i++)
		if (is_readable_code(&object->dlpi_phdr[i]))
			request->through =
				return_within(object, &object->dlpi_phdr[i], request->caller);
}

/* For code that is in no object (a just-in-time compiler's), the dynamic linker takes the program,
 * which comes first in the list. So does this. */
static int before_object(struct dl_phdr_info *object, size_t size, void *context)
{
	struct request *request = context;

	(void)size;
	if (!request->through || holds(object, request->caller))
		call_through_object(request, object);
	if (holds(object, request->caller) && object->dlpi_name && *object->dlpi_name)
		request->requester = object->dlpi_name;
	request->last_address = object->dlpi_addr;
	request->last_name = object->dlpi_name;
	return 0;
}

/* What is found out after the call: what follows the previous end of the list. */
struct arrivals {
	const struct request *request;
	const struct link_map *named; /* the handle: in both libcs it begins like this */
	bool deep;		      /* loaded with RTLD_DEEPBIND */
	bool behind;		      /* past the previous end */
};

static void record_object(const struct arrivals *arrivals, const char *path)
{
	enum loaded_by loaded_by =
		path == arrivals->named->l_name ? LOADED_BY_DLOPEN : LOADED_BY_NEEDED;

	if (path && *path)
		record_load(loaded_by, path, arrivals->request->requester);
}

static void rebind(const struct dl_phdr_info *object)
{
	const char *missed = rebind_object(object);

	if (missed)
		record_gap("sites", object->dlpi_name, missed);
}

static int after_object(struct dl_phdr_info *object, size_t size, void *context)
{
	struct arrivals *arrivals = context;

	(void)size;
	if (arrivals->behind || object->dlpi_name == arrivals->named->l_name)
		record_object(arrivals, object->dlpi_name);
	if (arrivals->behind && arrivals->deep)
		rebind(object);
	if (object->dlpi_addr == arrivals->request->last_address &&
		object->dlpi_name == arrivals->request->last_name)
		arrivals->behind = true;
	return 0;
}

/* Records the objects of a namespace that dlmopen has made, or added to. They are not in the list
 * that this library is in. If a libc is among them, its calls are not seen. */
static void record_namespace(const struct arrivals *arrivals)
{
	const struct link_map *object = arrivals->named;

	while (object->l_prev)
		object = object->l_prev;
	for (; object; object = object->l_next) {
		record_object(arrivals, object->l_name);
		if (sites_object_is_libc(object))
			record_gap("sites", arrivals->named->l_name,
				"dlmopen: what it uses, in a libc of its own");
	}
}

/* A dlopen of a path that fails leaves no reliable errno, so this looks whether the file exists. A
 * name without a slash was searched for in places that only sites see. */
static void record_failure(const char *path, int mode)
{
	bool is_path = false;

	if (!hook_given(path) || mode & RTLD_NOLOAD || hook_seen_inside() || image.memory_only)
		return;
	for (const char *at = path; *at; at++) {
		if (*at == '$')
			return; /* $ORIGIN and the like: the path is another one */
		is_path |= *at == '/';
	}
	if (is_path)
		record_path(ACCESS_READ, AT_FDCWD, path,
			(int)-rawcall3(SYS_access, (long)path, F_OK, 0));
}

typedef int iterate_function(int (*)(struct dl_phdr_info *, size_t, void *), void *);

static iterate_function *iterate(void)
{
	static void *slot;

	return (iterate_function *)hook_real(&slot, "dl_iterate_phdr");
}

/* Makes the call as if from the caller, and records what it brought. */
static void *load(struct request *request, const void *real, const long words[3], const char *path,
	bool own_namespace)
{
	struct arrivals arrivals = { .request = request };
	void *handle;

	if (iterate())
		iterate()(before_object, request);
	if (!request->through)
		request->through = find_return((uintptr_t)load, UINTPTR_MAX);
	linker_dlopen_begin();
	handle = hook_call_through(words[0], words[1], words[2], real, request->through);
	linker_dlopen_end();
	arrivals.named = handle;
	arrivals.deep = !own_namespace && words[1] & RTLD_DEEPBIND;
	if (!handle)
		record_failure(path, (int)words[own_namespace ? 2 : 1]);
	else if (own_namespace)
		record_namespace(&arrivals);
	else if (iterate())
		iterate()(after_object, &arrivals);
	return handle;
}

FP_EXPORT void *dlopen(const char *path, int mode)
{
	REAL(dlopen);
	struct request request = { .caller = (uintptr_t)__builtin_return_address(0) };
	const long words[3] = { (long)path, mode, 0 };

	if (!real_dlopen) {
		hook_missing();
		return NULL;
	}
	return load(&request, real_dlopen, words, path, false);
}

FP_EXPORT void *dlmopen(Lmid_t space, const char *path, int mode)
{
	REAL(dlmopen);
	struct request request = { .caller = (uintptr_t)__builtin_return_address(0) };
	const long words[3] = { (long)space, (long)path, mode };

	if (!real_dlmopen) {
		hook_missing();
		return NULL;
	}
	return load(&request, real_dlmopen, words, path, space != LM_ID_BASE);
}
