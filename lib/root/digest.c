#include "lib/root/digest.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/root/content.h"

#define CHUNK	   (64u << 10)
#define BLOCK_SIZE 512 /* unit of st_blocks, whatever the file system's block size is */

DEFINE_CLEANUP(cleanup_digest, EVP_MD_CTX *, EVP_MD_CTX_free)
#define autodigest __attribute__((cleanup(cleanup_digest)))

/* Why libcrypto has failed: for lack of memory, which may be available later, or because it has no
 * SHA-256 (openssl.cnf can turn it off). */
static int crypto_failure(void)
{
	unsigned long error = ERR_peek_last_error();

	ERR_clear_error();
	return ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE ? -ENOMEM : -ENOTSUP;
}

/* Reads up to `end` and no further, so that a file that grows as fast as we read cannot keep us. */
static int hash_content(EVP_MD_CTX *digest, int fd, off_t end)
{
	autofree unsigned char *buffer = malloc(CHUNK);
	off_t offset = 0;

	if (!buffer)
		return -ENOMEM;
	while (offset < end) {
		size_t wanted = end - offset < (off_t)CHUNK ? (size_t)(end - offset) : CHUNK;
		ssize_t n = content_read_at(fd, buffer, wanted, (uint64_t)offset);

		if (n <= 0)
			return (int)n;
		if (!EVP_DigestUpdate(digest, buffer, (size_t)n))
			return crypto_failure();
		offset += n;
	}
	return 0;
}

/* Does the file have larger holes than allowed? On a file system without holes, it has none.
 * Compressed files also have fewer blocks than bytes; only lseek tells the two apart. */
static bool too_sparse(int fd, const struct stat *status)
{
	off_t before, end = status->st_size, data = 0, hole, holes = 0;

	if (!S_ISREG(status->st_mode) || (off_t)status->st_blocks * BLOCK_SIZE >= end)
		return false;
	before = lseek(fd, 0, SEEK_CUR);
	for (hole = lseek(fd, 0, SEEK_HOLE); hole >= 0 && hole < end && holes <= DIGEST_HOLES_MAX;
		hole = lseek(fd, data, SEEK_HOLE)) {
		data = lseek(fd, hole, SEEK_DATA);
		if (data <= hole)
			data = end; /* ENXIO: the rest is a hole */
		holes += data - hole;
		if (data >= end)
			break;
	}
	lseek(fd, before, SEEK_SET);
	return holes > DIGEST_HOLES_MAX;
}

int digest_file(int fd, uint8_t ret_sha256[static 32])
{
	autodigest EVP_MD_CTX *digest = EVP_MD_CTX_new();
	struct stat status;
	int code;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_size > DIGEST_SIZE_MAX || too_sparse(fd, &status))
		return -EFBIG;
	if (!digest)
		return -ENOMEM;
	if (!EVP_DigestInit_ex(digest, EVP_sha256(), NULL))
		return crypto_failure();
	code = hash_content(digest, fd, status.st_size);
	if (code < 0)
		return code;
	return EVP_DigestFinal_ex(digest, ret_sha256, NULL) ? 0 : crypto_failure();
}
