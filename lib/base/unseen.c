#include "lib/base/unseen.h"

#include <stdint.h>

#include "lib/base/utf8.h"

static const struct {
	uint32_t first, last;
} unseen[] = {
	{ 0x0, 0x1f },
	{ 0x7f, 0x9f },
	{ 0xad, 0xad },
	{ 0x34f, 0x34f },
	{ 0x61c, 0x61c },
	{ 0x115f, 0x1160 },
	{ 0x17b4, 0x17b5 },
	{ 0x180b, 0x180f },
	{ 0x200b, 0x200f },
	{ 0x2028, 0x202e },
	{ 0x2060, 0x206f },
	{ 0x3164, 0x3164 },
	{ 0xfe00, 0xfe0f },
	{ 0xfeff, 0xfeff },
	{ 0xffa0, 0xffa0 },
	{ 0xfff0, 0xfffb },
	{ 0x1bca0, 0x1bca3 },
	{ 0x1d173, 0x1d17a },
	{ 0xe0000, 0xe0fff },
};

bool unseen_character(const void *character, size_t size)
{
	uint32_t code = utf8_code_point(character, size);

	for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++)
		if (code <= unseen[i].last)
			return code >= unseen[i].first;
	return false;
}
