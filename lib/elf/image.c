#include "lib/elf/image.h"

#include <byteswap.h>
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"
#include "lib/root/content.h"

#define STRING_FIRST_READ 128u

static bool swapped(const struct elf_image *image)
{
	return image->big_endian != (__BYTE_ORDER == __BIG_ENDIAN);
}

uint16_t elf_image_u16(const struct elf_image *image, const uint8_t *bytes)
{
	uint16_t value;

	memcpy(&value, bytes, sizeof(value));
	return swapped(image) ? bswap_16(value) : value;
}

uint32_t elf_image_u32(const struct elf_image *image, const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return swapped(image) ? bswap_32(value) : value;
}

static uint64_t image_u64(const struct elf_image *image, const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return swapped(image) ? bswap_64(value) : value;
}

uint64_t elf_image_word(const struct elf_image *image, const uint8_t *bytes)
{
	return image->is_64 ? image_u64(image, bytes) : elf_image_u32(image, bytes);
}

int elf_image_read(const struct elf_image *image, uint64_t offset, void *buffer, size_t size,
	const char *what, struct error *err)
{
	ssize_t n;

	if (offset > image->size || size > image->size - offset)
		return error_set(err, -EBADMSG, "%s: past the end of the file", what);
	if (offset + size <= image->head_size) {
		memcpy(buffer, image->head + offset, size);
		return 0;
	}
	n = content_read_at(image->fd, buffer, size, offset);
	if (n < 0)
		return error_set(err, (int)n, "%s: %s", what, strerror((int)-n));
	if ((size_t)n < size)
		return error_set(err, -EBADMSG, "%s: the file became shorter", what);
	return 0;
}

int elf_image_read_new(const struct elf_image *image, uint64_t offset, size_t size, uint8_t **ret,
	const char *what, struct error *err)
{
	autofree uint8_t *bytes = NULL;
	int code;

	if (offset > image->size || size > image->size - offset)
		return error_set(err, -EBADMSG, "%s: past the end of the file", what);
	bytes = malloc(size + 1);
	if (!bytes)
		return error_set(err, -ENOMEM, "%s: out of memory", what);
	code = elf_image_read(image, offset, bytes, size, what, err);
	if (code == 0)
		*ret = steal_pointer(bytes);
	return code;
}

/* The file offset of `address`, and how many bytes the file has from there on. */
static bool locate(
	const struct elf_image *image, uint64_t address, uint64_t *ret_offset, uint64_t *ret_left)
{
	for (size_t i = 0; i < image->n_segments; i++) {
		const struct elf_segment *s = &image->segments[i];
		uint64_t into = address - s->address;

		if (s->type != PT_LOAD || address < s->address || into >= s->file_size)
			continue;
		if (s->offset > image->size || into >= image->size - s->offset)
			return false;
		*ret_offset = s->offset + into;
		*ret_left = s->file_size - into;
		if (*ret_left > image->size - *ret_offset)
			*ret_left = image->size - *ret_offset;
		return true;
	}
	return false;
}

/* Most names are short: reads a little at first, and four times as much each time that the NUL is
 * not in it. */
int elf_image_string(const struct elf_image *image, uint64_t address, char **ret, const char *what,
	struct error *err)
{
	uint64_t offset, left;

	if (!locate(image, address, &offset, &left))
		return error_set(err, -EBADMSG, "%s: its address is in no segment", what);
	for (size_t size = STRING_FIRST_READ;; size *= 4) {
		autofree uint8_t *bytes = NULL;
		int code;

		if (size > left)
			size = left;
		if (size > ELF_STRING_MAX)
			size = ELF_STRING_MAX;
		code = elf_image_read_new(image, offset, size, &bytes, what, err);
		if (code < 0)
			return code;
		if (memchr(bytes, '\0', size)) {
			*ret = (char *)steal_pointer(bytes);
			return 0;
		}
		if (size == left || size == ELF_STRING_MAX)
			return error_set(err, -EBADMSG, "%s: does not end", what);
	}
}

static struct elf_segment parse_segment(const struct elf_image *image, const uint8_t *bytes)
{
	struct elf_segment s = { .type = elf_image_u32(image, bytes) };

	if (image->is_64) {
		s.offset = image_u64(image, bytes + offsetof(Elf64_Phdr, p_offset));
		s.address = image_u64(image, bytes + offsetof(Elf64_Phdr, p_vaddr));
		s.file_size = image_u64(image, bytes + offsetof(Elf64_Phdr, p_filesz));
		s.alignment = image_u64(image, bytes + offsetof(Elf64_Phdr, p_align));
	} else {
		s.offset = elf_image_u32(image, bytes + offsetof(Elf32_Phdr, p_offset));
		s.address = elf_image_u32(image, bytes + offsetof(Elf32_Phdr, p_vaddr));
		s.file_size = elf_image_u32(image, bytes + offsetof(Elf32_Phdr, p_filesz));
		s.alignment = elf_image_u32(image, bytes + offsetof(Elf32_Phdr, p_align));
	}
	return s;
}

static int read_segments(
	struct elf_image *image, uint64_t offset, size_t n, size_t entry_size, struct error *err)
{
	size_t expected = image->is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	autofree uint8_t *table = NULL;
	int code;

	if (!n)
		return 0;
	if (entry_size != expected)
		return error_set(err, -EBADMSG, "program headers: of %zu bytes each", entry_size);
	if (n * entry_size > ELF_SEGMENTS_SIZE_MAX)
		return error_set(err, -EBADMSG, "program headers: %zu of them", n);
	code = elf_image_read_new(image, offset, n * entry_size, &table, "program headers", err);
	if (code < 0)
		return code;
	image->segments = calloc(n, sizeof(*image->segments));
	if (!image->segments)
		return error_set(err, -ENOMEM, "program headers: out of memory");
	for (size_t i = 0; i < n; i++)
		image->segments[i] = parse_segment(image, table + i * entry_size);
	image->n_segments = n;
	return 0;
}

static int read_file_header(struct elf_image *image, struct error *err)
{
	uint8_t header[sizeof(Elf64_Ehdr)];
	size_t size = image->is_64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
	int code = elf_image_read(image, 0, header, size, "ELF header", err);

	if (code < 0)
		return code;
	image->type = elf_image_u16(image, header + offsetof(Elf64_Ehdr, e_type));
	image->machine = elf_image_u16(image, header + offsetof(Elf64_Ehdr, e_machine));
	if (image->type != ET_EXEC && image->type != ET_DYN)
		return 0; /* neither executed nor loaded: its program headers mean nothing */
	if (image->is_64)
		return read_segments(image,
			image_u64(image, header + offsetof(Elf64_Ehdr, e_phoff)),
			elf_image_u16(image, header + offsetof(Elf64_Ehdr, e_phnum)),
			elf_image_u16(image, header + offsetof(Elf64_Ehdr, e_phentsize)), err);
	return read_segments(image, elf_image_u32(image, header + offsetof(Elf32_Ehdr, e_phoff)),
		elf_image_u16(image, header + offsetof(Elf32_Ehdr, e_phnum)),
		elf_image_u16(image, header + offsetof(Elf32_Ehdr, e_phentsize)), err);
}

static int read_head(struct elf_image *image, struct error *err)
{
	struct stat status;
	ssize_t n;

	if (fstat(image->fd, &status) < 0)
		return error_set(err, -errno, "ELF header: %s", strerror(errno));
	image->size = (uint64_t)status.st_size;
	n = content_read_at(image->fd, image->head, sizeof(image->head), 0);
	if (n < 0)
		return error_set(err, (int)n, "ELF header: %s", strerror((int)-n));
	image->head_size = (size_t)n;
	return 0;
}

int elf_image_open(struct elf_image *image, int fd, struct error *err)
{
	uint8_t ident[EI_NIDENT] = { 0 };
	int code;

	*image = (struct elf_image){ .fd = fd };
	code = read_head(image, err);
	if (code == 0)
		code = elf_image_read(image, 0, ident, sizeof(ident), "ELF header", err);
	if (code < 0)
		return code;
	if (ident[EI_CLASS] != ELFCLASS32 && ident[EI_CLASS] != ELFCLASS64)
		return error_set(err, -EBADMSG, "ELF header: class %u", ident[EI_CLASS]);
	if (ident[EI_DATA] != ELFDATA2LSB && ident[EI_DATA] != ELFDATA2MSB)
		return error_set(err, -EBADMSG, "ELF header: byte order %u", ident[EI_DATA]);
	image->is_64 = ident[EI_CLASS] == ELFCLASS64;
	image->big_endian = ident[EI_DATA] == ELFDATA2MSB;
	code = read_file_header(image, err);
	if (code < 0)
		elf_image_close(image);
	return code;
}

void elf_image_close(struct elf_image *image)
{
	free(image->segments);
	image->segments = NULL;
	image->n_segments = 0;
}
