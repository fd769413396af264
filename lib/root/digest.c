#include "lib/root/digest.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/root/content.h"

#define CHUNK	   (64u << 10)
#define BLOCK_SIZE 512 /* unit of st_blocks, whatever the file system's block size is */

DEFINE_CLEANUP(cleanup_digest, EVP_MD_CTX *, EVP_MD_CTX_free)
#define autodigest __attribute__((cleanup(cleanup_digest)))

/* The digest of nothing, of which each other one begins as a copy: that fails only for lack of
 * memory, and does not look SHA-256 up again. */
static struct {
	pthread_mutex_t lock;
	EVP_MD_CTX *of_nothing; /* NULL: not made yet */
} beginning = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Why there is no SHA-256: openssl.cnf can turn it off, or there is no memory, which may be there
 * later. */
static int crypto_failure(void)
{
	unsigned long error;
	int r = -ENOTSUP;

	while ((error = ERR_get_error()))
		if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE)
			r = -ENOMEM;
	return r;
}

static int make_beginning(void)
{
	autodigest EVP_MD_CTX *digest = EVP_MD_CTX_new();

	if (!digest)
		return -ENOMEM;
	if (!EVP_DigestInit_ex(digest, EVP_sha256(), NULL))
		return crypto_failure();
	beginning.of_nothing = steal_pointer(digest);
	return 0;
}

int digest_prepare(void)
{
	int r;

	pthread_mutex_lock(&beginning.lock);
	r = beginning.of_nothing ? 0 : make_beginning();
	pthread_mutex_unlock(&beginning.lock);
	return r;
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
			return -ENOMEM;
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
	autodigest EVP_MD_CTX *digest = NULL;
	struct stat status;
	int code;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_size > DIGEST_SIZE_MAX || too_sparse(fd, &status))
		return -EFBIG;
	code = digest_prepare();
	if (code < 0)
		return code;
	digest = EVP_MD_CTX_new();
	if (!digest || !EVP_MD_CTX_copy_ex(digest, beginning.of_nothing))
		return -ENOMEM;
	code = hash_content(digest, fd, status.st_size);
	if (code < 0)
		return code;
	return EVP_DigestFinal_ex(digest, ret_sha256, NULL) ? 0 : -ENOMEM;
}
