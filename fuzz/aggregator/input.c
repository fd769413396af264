#include <string.h>

#include "fuzz/aggregator/parts.h"

static const uint8_t *at;
static size_t left;

void input_begin(const uint8_t *data, size_t size)
{
	at = data;
	left = size;
}

bool input_left(void)
{
	return left;
}

uint64_t input_number(size_t bytes)
{
	uint64_t value = 0;
	size_t n = bytes < left ? bytes : left;

	memcpy(&value, at, n);
	at += n;
	left -= n;
	return value;
}

ProtobufCBinaryData input_bytes(size_t size)
{
	ProtobufCBinaryData ret = { .data = (uint8_t *)at, .len = size < left ? size : left };

	at += ret.len;
	left -= ret.len;
	return ret;
}

unsigned input_who(void)
{
	return (unsigned)input_number(1) % WHO;
}
