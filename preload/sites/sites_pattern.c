#include "preload/sites/sites_pattern.h"

#include "preload/text.h"

/* What follows `syscall`. kept: how many bytes of that the trampoline executes instead. The rest
 * only confirms that this is the code that we know. */
static const struct pattern {
	uint8_t kind;
	uint8_t size;
	uint8_t kept;
	uint8_t bytes[6];
} patterns[] = {
	{ SITE_COMPARE, 6, 6, { 0x48, 0x3d, 0x00, 0xf0, 0xff, 0xff } },
	{ SITE_COMPARE_FROM, 6, 6, { 0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff } },
	{ SITE_COMPARE_INT, 5, 5, { 0x3d, 0x00, 0xf0, 0xff, 0xff } },
	{ SITE_TO_ARGUMENT, 4, 3, { 0x48, 0x89, 0xc7, 0xe8 } },
	{ SITE_TO_R10, 3, 3, { 0x41, 0x89, 0xc2 } },
	{ SITE_TO_RDX_TEST, 4, 4, { 0x31, 0xd2, 0x85, 0xc0 } },
	{ SITE_ADD_STACK, 5, 4, { 0x48, 0x83, 0xc4, 0x08, 0x5b } },
	{ SITE_RETURN, 4, 0, { 0x5b, 0xc3, 0x0f, 0x1f } },
};

/* How many bytes before a cancellable call glibc calls __pthread_enable_asynccancel. */
#define ENABLE_DISTANCE_MAX 48

/* Before 2.41, glibc lets a thread be cancelled at any instruction between two function calls
 * around the system call. A call shortly before the site is taken for the first of these. If that
 * is wrong, signals are blocked where they need not be. */
static bool is_asynchronous(const struct sites_object *object, uint32_t offset)
{
	for (uint32_t back = SITE_JUMP_SIZE; back <= ENABLE_DISTANCE_MAX; back++) {
		uint32_t target;

		if (offset - object->text < back)
			return false;
		if (object->base[offset - back] != 0xe8)
			continue;
		target = offset - back + SITE_JUMP_SIZE + site_word(object, offset - back + 1);
		if (target >= object->text && target < object->text_end)
			return true;
	}
	return false;
}

/* How far before its `syscall` musl's function loads the last argument. One other register may be
 * loaded in between. */
#define LAST_ARGUMENT_MAX 8

/* glibc since 2.41, and musl, have a function that makes any cancellable call of a thread that
 * cannot be cancelled at the moment. It ends with a site. Is it this one? Its own last argument is
 * on the stack: glibc's loads it by mov 16(%rsp), %rax, musl's by mov ...(%rsp), %r9. */
static bool is_general(const uint8_t *code, enum site_kind kind)
{
	static const uint8_t glibc[] = { 0x48, 0x8b, 0x44, 0x24, 0x10 };
	static const uint8_t musl[] = { 0x4c, 0x8b, 0x4c, 0x24 };

	if (kind == SITE_RETURN)
		return !memcmp(code - sizeof(glibc), glibc, sizeof(glibc));
	for (const uint8_t *at = code - LAST_ARGUMENT_MAX; at < code - sizeof(musl); at++)
		if (!memcmp(at, musl, sizeof(musl)))
			return true;
	return false;
}

bool site_at(const struct sites_object *object, uint32_t offset, enum site_kind *ret_kind,
	uint32_t *ret_continue)
{
	const uint8_t *code = object->base + offset;

	if (!sites_object_holds(object, offset) || code[0] != 0x0f || code[1] != 0x05)
		return false;
	for (unsigned i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		const struct pattern *pattern = &patterns[i];

		if (memcmp(code + SITE_SYSCALL_SIZE, pattern->bytes, pattern->size))
			continue;
		if (site_is_general(pattern->kind) && !is_general(code, pattern->kind))
			return false;
		*ret_kind = pattern->kind;
		if (pattern->kind == SITE_COMPARE && is_asynchronous(object, offset))
			*ret_kind = SITE_DEFERRED;
		*ret_continue = offset + SITE_SYSCALL_SIZE + pattern->kept;
		return true;
	}
	return false;
}

/* How many bytes around a site are searched for a jump into what would be overwritten. */
#define JUMP_DISTANCE_MAX 160

static bool lands_inside(uint32_t target, uint32_t offset, uint32_t end)
{
	return target > offset && target < end;
}

/* mov and lea, of which libc's code is full, have a four-byte displacement behind these two bytes.
 * Its bytes may look like a jump. */
#define DISTANCE_HEAD 2

/* Is the byte at `at` part of such a displacement, and does that lead to somewhere in the object?
 * An instruction that reaches into the site does not count. */
static bool is_distance(
	const struct sites_object *object, uint32_t at, uint32_t offset, uint32_t end)
{
	for (uint32_t back = 0; back < sizeof(int32_t); back++) {
		uint32_t from = at - back;
		const uint8_t *code = object->base + from - DISTANCE_HEAD;
		int64_t target;

		if (at - object->text < back + DISTANCE_HEAD ||
			(from - DISTANCE_HEAD < end && from + sizeof(int32_t) > offset))
			continue;
		target = (int64_t)from + 4 + (int32_t)site_word(object, from);
		if ((code[0] == 0x8b || code[0] == 0x8d || code[0] == 0x89) &&
			(code[1] & 0xc7) == 0x05 && target > 0 && target < object->memory_end)
			return true;
	}
	return false;
}

/* Is this a jump, of two, five or six bytes, into the site? */
static bool jumps_inside(
	const struct sites_object *object, uint32_t at, uint32_t offset, uint32_t end)
{
	const uint8_t *code = object->base + at;

	if (code[0] == 0xeb || (code[0] & 0xf0) == 0x70)
		return lands_inside(at + 2 + (uint32_t)(int8_t)code[1], offset, end);
	if (code[0] == 0xe9)
		return lands_inside(at + 5 + site_word(object, at + 1), offset, end);
	if (code[0] == 0x0f && (code[1] & 0xf0) == 0x80)
		return lands_inside(at + 6 + site_word(object, at + 2), offset, end);
	return false;
}

bool site_is_jumped_into(const struct sites_object *object, uint32_t offset, uint32_t end)
{
	uint32_t from = offset - object->text > JUMP_DISTANCE_MAX ? offset - JUMP_DISTANCE_MAX
								  : object->text;
	uint32_t to = object->text_end - end > JUMP_DISTANCE_MAX ? end + JUMP_DISTANCE_MAX
								 : object->text_end;

	for (uint32_t at = from; at + 6 <= to; at++)
		if ((at < offset || at >= end) && jumps_inside(object, at, offset, end) &&
			!is_distance(object, at, offset, end))
			return true;
	return false;
}

/* The body of the function that makes cancellable calls, from where it saves the cancel word to its
 * end; and the tests before it. */
static const uint8_t cancellable_body[] = { 0x49, 0x89, 0xfb, 0x48, 0x89, 0xf0, 0x48, 0x89, 0xd7,
	0x48, 0x89, 0xce, 0x4c, 0x89, 0xc2, 0x4d, 0x89, 0xca, 0x4c, 0x8b, 0x44, 0x24, 0x08, 0x4c,
	0x8b, 0x4c, 0x24, 0x10, 0x4c, 0x89, 0x5c, 0x24, 0x08, 0x0f, 0x05, 0xc3 };
#define CANCELLABLE_SYSCALL (sizeof(cancellable_body) - 3) /* offset of it in the body */
/* mov (%rdi),%eax; testb $8,(%rdi); jne */
static const uint8_t cancellable_glibc[] = { 0x8b, 0x07, 0xf6, 0x07, 0x08, 0x0f, 0x85 };
#define CANCELLABLE_GLIBC_HEAD 11u
/* mov (%rdi),%eax; test %eax,%eax; jne */
static const uint8_t cancellable_musl[] = { 0x8b, 0x07, 0x85, 0xc0, 0x75 };
#define CANCELLABLE_MUSL_HEAD 6u

static bool cancellable_starts(const struct sites_object *object, uint32_t offset)
{
	const uint8_t *code = object->base + offset;
	uint32_t head;

	if (offset < object->text || offset >= object->text_end ||
		object->text_end - offset < CANCELLABLE_GLIBC_HEAD + sizeof(cancellable_body))
		return false;
	if (!memcmp(code, cancellable_glibc, sizeof(cancellable_glibc)))
		head = CANCELLABLE_GLIBC_HEAD;
	else if (!memcmp(code, cancellable_musl, sizeof(cancellable_musl)))
		head = CANCELLABLE_MUSL_HEAD;
	else
		return false;
	return !memcmp(code + head, cancellable_body, sizeof(cancellable_body));
}

bool site_cancellable_call(
	const struct sites_object *object, uint32_t offset, uint32_t *ret_function)
{
	uint32_t function;

	if (!sites_object_holds(object, offset) || object->base[offset] != 0xe8)
		return false;
	function = offset + SITE_JUMP_SIZE + site_word(object, offset + 1);
	if (!cancellable_starts(object, function))
		return false;
	*ret_function = function;
	return true;
}

bool site_in_cancellable(const struct sites_object *object, uint32_t offset, uint32_t *ret_function)
{
	static const uint8_t heads[] = { CANCELLABLE_GLIBC_HEAD, CANCELLABLE_MUSL_HEAD };

	for (unsigned i = 0; i < sizeof(heads); i++) {
		uint32_t function = offset - (uint32_t)CANCELLABLE_SYSCALL - heads[i];

		if (function < offset && cancellable_starts(object, function)) {
			*ret_function = function;
			return true;
		}
	}
	return false;
}
