#include "lib/root/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

#define CHUNK (64u << 10)

DEFINE_CLEANUP(cleanup_digest, EVP_MD_CTX *, EVP_MD_CTX_free)
#define autodigest __attribute__((cleanup(cleanup_digest)))

static ssize_t read_at(int fd, void *buffer, size_t size, off_t offset)
{
	ssize_t n;

	do
		n = pread(fd, buffer, size, offset);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Up to `end` and no further, so that a file that grows as fast as we read does not hold us. */
static int hash_content(EVP_MD_CTX *digest, int fd, off_t end)
{
	autofree unsigned char *buffer = malloc(CHUNK);
	off_t offset = 0;

	if (!buffer)
		return -ENOMEM;
	while (offset < end) {
		size_t wanted = end - offset < (off_t)CHUNK ? (size_t)(end - offset) : CHUNK;
		ssize_t n = read_at(fd, buffer, wanted, offset);

		if (n <= 0)
			return (int)n;
		if (!EVP_DigestUpdate(digest, buffer, (size_t)n))
			return -ENOMEM;
		offset += n;
	}
	return 0;
}

int digest_file(int fd, uint8_t ret_sha256[static 32])
{
	autodigest EVP_MD_CTX *digest = EVP_MD_CTX_new();
	struct stat status;
	int code;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_size > DIGEST_SIZE_MAX)
		return -EFBIG;
	/* libcrypto fails, here and below, only for want of memory. */
	if (!digest || !EVP_DigestInit_ex(digest, EVP_sha256(), NULL))
		return -ENOMEM;
	code = hash_content(digest, fd, status.st_size);
	if (code < 0)
		return code;
	return EVP_DigestFinal_ex(digest, ret_sha256, NULL) ? 0 : -ENOMEM;
}
