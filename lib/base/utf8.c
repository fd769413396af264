#include "lib/base/utf8.h"

#include <string.h>

/* How many bytes a character with this first byte has (0: none begins so), and the range of its
 * second byte (RFC 3629, section 4). */
static size_t expected_size(uint8_t first, uint8_t *ret_low, uint8_t *ret_high)
{
	*ret_low = 0x80;
	*ret_high = 0xbf;
	if (first < 0x80)
		return 1;
	if (first < 0xc2)
		return 0;
	if (first < 0xe0)
		return 2;
	if (first < 0xf0) {
		*ret_low = first == 0xe0 ? 0xa0 : 0x80;
		*ret_high = first == 0xed ? 0x9f : 0xbf;
		return 3;
	}
	*ret_low = first == 0xf0 ? 0x90 : 0x80;
	*ret_high = first == 0xf4 ? 0x8f : 0xbf;
	return first < 0xf5 ? 4 : 0;
}

size_t utf8_character(const void *text, size_t size)
{
	const uint8_t *byte = text;
	uint8_t low, high;
	size_t wanted = size ? expected_size(byte[0], &low, &high) : 0;

	if (!wanted || wanted > size)
		return 0;
	if (wanted > 1 && (byte[1] < low || byte[1] > high))
		return 0;
	for (size_t i = 2; i < wanted; i++)
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
	return wanted;
}

uint32_t utf8_code_point(const void *character, size_t size)
{
	const uint8_t *byte = character;
	uint32_t code = size == 1 ? byte[0] : byte[0] & (0x7fu >> size);

	for (size_t i = 1; i < size; i++)
		code = code << 6 | (byte[i] & 0x3f);
	return code;
}

bool utf8_valid(const void *text, size_t size)
{
	const uint8_t *byte = text;
	size_t at = 0;

	while (at < size) {
		size_t step = utf8_character(byte + at, size - at);

		if (!step)
			return false;
		at += step;
	}
	return true;
}

size_t utf8_escape(const void *text, size_t size, char *buffer)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *byte = text;
	size_t at = 0, used = 0;

	while (at < size) {
		size_t step = utf8_character(byte + at, size - at);

		if (step) {
			memcpy(buffer + used, byte + at, step);
			used += step;
			at += step;
			continue;
		}
		buffer[used++] = '\\';
		buffer[used++] = 'x';
		buffer[used++] = digits[byte[at] >> 4];
		buffer[used++] = digits[byte[at] & 0xf];
		at++;
	}
	return used;
}
