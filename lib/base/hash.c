#include "lib/base/hash.h"

#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <time.h>

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	s->v0 ^= word;
}

uint64_t hash_siphash13(const uint64_t key[static 2], const void *bytes, size_t size)
{
	struct sip s = {
		key[0] ^ 0x736f6d6570736575ull,
		key[1] ^ 0x646f72616e646f6dull,
		key[0] ^ 0x6c7967656e657261ull,
		key[1] ^ 0x7465646279746573ull,
	};
	const unsigned char *p = bytes;
	uint64_t last = (uint64_t)size << 56;
	size_t left = size;

	for (; left >= 8; left -= 8, p += 8) {
		uint64_t word;

		memcpy(&word, p, 8);
		sip_word(&s, word);
	}
	for (size_t i = 0; i < left; i++)
		last |= (uint64_t)p[i] << (8 * i);
	sip_word(&s, last);
	s.v2 ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

static uint64_t process_key[2];

static void make_process_key(void)
{
	struct timespec now;
	const void *kernel_random = (const void *)getauxval(AT_RANDOM);

	if (getrandom(process_key, sizeof(process_key), GRND_NONBLOCK) == sizeof(process_key))
		return;
	/* Early boot, or a seccomp filter: the kernel gives every process 16 random bytes at
	 * exec. */
	if (kernel_random)
		memcpy(process_key, kernel_random, sizeof(process_key));
	clock_gettime(CLOCK_MONOTONIC, &now);
	process_key[0] ^= (uint64_t)now.tv_nsec;
}

uint32_t hash_bytes(const void *bytes, size_t size)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_process_key);
	return (uint32_t)hash_siphash13(process_key, bytes, size);
}
