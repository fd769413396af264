#include "preload/text.h"

/*
 * "rep movsb" and "rep stosb" rather than loops: gcc would turn a loop into a call of the very
 * function it stands in, and the sizes here are small.
 */
void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	void *start = to;

	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
	return start;
}

void *memmove(void *to, const void *from, size_t size)
{
	volatile unsigned char *t = to;
	const unsigned char *f = from;

	if (to <= from || (const unsigned char *)to >= f + size)
		return memcpy(to, from, size);
	while (size--)
		t[size] = f[size];
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	void *start = to;

	__asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(byte) : "memory");
	return start;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const unsigned char *x = a, *y = b;

	for (; size; size--, x++, y++)
		if (*x != *y)
			return *x < *y ? -1 : 1;
	return 0;
}

size_t text_length(const char *text)
{
	return text_length_limited(text, SIZE_MAX);
}

__attribute__((no_sanitize("address"))) size_t text_length_limited(const char *text, size_t limit)
{
	unsigned before = (uintptr_t)text % sizeof(text_word);
	const text_word *at = (const text_word *)(const void *)(text - before);
	uint64_t zero;
	size_t size;

	if (!limit)
		return 0;
	zero = text_first_zero(*at | ((1ull << before * 8) - 1));
	while (!zero && (size_t)((const char *)(at + 1) - text) < limit)
		zero = text_first_zero(*++at);
	size = zero ? (size_t)((const char *)at - text) + (unsigned)__builtin_ctzll(zero) / 8
		    : limit;
	return size < limit ? size : limit;
}

bool text_equal(const char *a, const char *b)
{
	for (; *a == *b; a++, b++)
		if (!*a)
			return true;
	return false;
}

const char *text_file_name(const char *path)
{
	const char *name = path;

	for (; *path; path++)
		if (*path == '/')
			name = path + 1;
	return name;
}

char *text_append(char *to, char *end, const char *text)
{
	while (to + 1 < end && *text)
		*to++ = *text++;
	*to = '\0';
	return to;
}

char *text_append_number(char *to, char *end, uint64_t number)
{
	char digits[TEXT_NUMBER_SIZE];
	char *p = digits + sizeof(digits);

	*--p = '\0';
	do {
		*--p = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	return text_append(to, end, p);
}

const char *text_environment(char *const *envp, const char *name)
{
	size_t size = text_length(name);

	for (; envp && *envp; envp++)
		if (text_begins(*envp, name) && (*envp)[size] == '=')
			return *envp + size + 1;
	return NULL;
}

/* Bytes of a sequence that begins so, 0: nothing does. */
static unsigned sequence_size(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first < 0xe0)
		return 2;
	if (first >= 0xe0 && first < 0xf0)
		return 3;
	return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

bool text_is_utf8(const unsigned char *text, size_t size)
{
	while (size) {
		unsigned count = sequence_size(*text);

		if (!count || count > size)
			return false;
		/* Overlong forms, surrogates, and what is past U+10FFFF. */
		if ((*text == 0xe0 && text[1] < 0xa0) || (*text == 0xed && text[1] >= 0xa0) ||
			(*text == 0xf0 && text[1] < 0x90) || (*text == 0xf4 && text[1] >= 0x90))
			return false;
		for (unsigned i = 1; i < count; i++)
			if ((text[i] & 0xc0) != 0x80)
				return false;
		text += count;
		size -= count;
	}
	return true;
}
