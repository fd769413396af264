/*
 * An ELF file, read piece by piece with pread: no mapping, which a file that shrinks would turn
 * into SIGBUS, and no more of it in memory than is asked for. Every offset is checked against the
 * file. Layouts: elf(5), System V gABI chapters 4 and 5. Either class, either byte order.
 */
#ifndef FOOTPRINT_ELF_IMAGE_H
#define FOOTPRINT_ELF_IMAGE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

/* The kernel takes no more program headers than fit into 64 KiB (fs/binfmt_elf.c). */
#define ELF_SEGMENTS_SIZE_MAX (64u << 10)
#define ELF_STRING_MAX	      (64u << 10) /* of one name or search path */
#define ELF_HEAD_SIZE	      4096u	  /* read at once: most headers and notes are in it */

struct elf_segment {
	uint32_t type;
	uint64_t offset, address, file_size, alignment;
};

struct elf_image {
	int fd; /* not owned */
	uint64_t size;
	bool is_64, big_endian;
	uint16_t type, machine;
	struct elf_segment *segments;
	size_t n_segments;
	size_t head_size;
	uint8_t head[ELF_HEAD_SIZE];
};

/* Reads the headers. -EBADMSG: damaged. The identification (EI_NIDENT bytes) is known to be ELF. */
int elf_image_open(struct elf_image *image, int fd, struct error *err);
void elf_image_close(struct elf_image *image);

/* Integers in the file's byte order. */
uint16_t elf_image_u16(const struct elf_image *image, const uint8_t *bytes);
uint32_t elf_image_u32(const struct elf_image *image, const uint8_t *bytes);
/* An address-sized field: 4 or 8 bytes by class. */
uint64_t elf_image_word(const struct elf_image *image, const uint8_t *bytes);

/* Reads exactly `size` bytes at `offset`; `what` names them in the error. */
int elf_image_read(const struct elf_image *image, uint64_t offset, void *buffer, size_t size,
	const char *what, struct error *err);
/* As above, into memory of its own. */
int elf_image_read_new(const struct elf_image *image, uint64_t offset, size_t size, uint8_t **ret,
	const char *what, struct error *err);
/* The NUL-terminated string at a virtual address, as far as its segment reaches into the file. */
int elf_image_string(const struct elf_image *image, uint64_t address, char **ret, const char *what,
	struct error *err);

#endif
