#include "lib/elf/elf.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/elf/image.h"
#include "lib/elf/script.h"
#include "lib/root/content.h"

#define DYNAMIC_SIZE_MAX  (1u << 20)
#define NOTES_SIZE_MAX	  (64u << 10) /* of one segment */
#define SECTIONS_MAX	  4096u
#define BUILD_ID_SIZE_MAX 64u	     /* SHA-1 has 20 */
#define NEEDED_BYTES_MAX  (1u << 20) /* all names of one object together */

/* The content of the dynamic section. Addresses and offsets into the string table are not resolved
 * yet. */
struct dynamic {
	uint64_t strings; /* address of the string table */
	uint64_t soname, rpath, runpath;
	bool has_strings, has_soname, has_rpath, has_runpath;
	uint64_t flags_1;
	uint64_t *needed;
	size_t n_needed;
};

static void dynamic_deinit(struct dynamic *dynamic)
{
	free(dynamic->needed);
}
#define autodynamic __attribute__((cleanup(dynamic_deinit)))

#define autoimage __attribute__((cleanup(elf_image_close)))

void elf_info_deinit(struct elf_info *info)
{
	free(info->interpreter);
	free(info->argument);
	free(info->soname);
	free(info->rpath);
	free(info->runpath);
	free(info->build_id);
	for (size_t i = 0; i < info->n_needed; i++)
		free(info->needed[i]);
	free(info->needed);
	*info = (struct elf_info){ 0 };
}

static const struct elf_segment *find_segment(const struct elf_image *image, uint32_t type)
{
	for (size_t i = 0; i < image->n_segments; i++)
		if (image->segments[i].type == type)
			return &image->segments[i];
	return NULL;
}

/* PT_INTERP: the kernel requires 2 to PATH_MAX bytes, of which the last is NUL. In a detached debug
 * file, the segment has no content. */
static int read_interpreter(const struct elf_image *image, struct elf_info *info, struct error *err)
{
	const struct elf_segment *segment = find_segment(image, PT_INTERP);
	uint8_t *name;
	int code;

	if (!segment || !segment->file_size)
		return 0;
	if (segment->file_size < 2 || segment->file_size > PATH_MAX)
		return error_set(err, -EBADMSG, "PT_INTERP: of %llu bytes",
			(unsigned long long)segment->file_size);
	code = elf_image_read_new(
		image, segment->offset, segment->file_size, &name, "PT_INTERP", err);
	if (code < 0)
		return code;
	info->interpreter = (char *)name;
	if (name[segment->file_size - 1])
		return error_set(err, -EBADMSG, "PT_INTERP: does not end");
	return 0;
}

/* If a tag occurs twice, the last one counts, as for ld.so. */
static int note_entry(
	struct dynamic *dynamic, uint64_t tag, uint64_t value, size_t n_entries, struct error *err)
{
	switch (tag) {
	case DT_STRTAB:
		dynamic->strings = value;
		dynamic->has_strings = true;
		break;
	case DT_SONAME:
		dynamic->soname = value;
		dynamic->has_soname = true;
		break;
	case DT_RPATH:
		dynamic->rpath = value;
		dynamic->has_rpath = true;
		break;
	case DT_RUNPATH:
		dynamic->runpath = value;
		dynamic->has_runpath = true;
		break;
	case DT_FLAGS_1:
		dynamic->flags_1 = value;
		break;
	case DT_NEEDED:
		if (dynamic->n_needed == ELF_NEEDED_MAX)
			return error_set(err, -EBADMSG, "DT_NEEDED: more than %u", ELF_NEEDED_MAX);
		if (!dynamic->needed)
			dynamic->needed =
				calloc(n_entries < ELF_NEEDED_MAX ? n_entries : ELF_NEEDED_MAX,
					sizeof(*dynamic->needed));
		if (!dynamic->needed)
			return error_set(err, -ENOMEM, "DT_NEEDED: out of memory");
		dynamic->needed[dynamic->n_needed++] = value;
		break;
	default:
		break;
	}
	return 0;
}

static int read_dynamic(const struct elf_image *image, const struct elf_segment *segment,
	struct dynamic *dynamic, struct error *err)
{
	size_t word = image->is_64 ? 8 : 4, n_entries;
	autofree uint8_t *table = NULL;
	int code;

	if (segment->file_size > DYNAMIC_SIZE_MAX)
		return error_set(err, -EBADMSG, "dynamic section: of %llu bytes",
			(unsigned long long)segment->file_size);
	code = elf_image_read_new(
		image, segment->offset, segment->file_size, &table, "dynamic section", err);
	if (code < 0)
		return code;
	n_entries = segment->file_size / (2 * word);
	for (size_t i = 0; i < n_entries; i++) {
		uint64_t tag = elf_image_word(image, table + 2 * word * i);

		if (tag == DT_NULL)
			break;
		code = note_entry(dynamic, tag, elf_image_word(image, table + 2 * word * i + word),
			n_entries, err);
		if (code < 0)
			return code;
	}
	return 0;
}

static int read_name(const struct elf_image *image, const struct dynamic *dynamic, bool given,
	uint64_t offset, char **ret, const char *what, struct error *err)
{
	if (!given)
		return 0;
	if (!dynamic->has_strings)
		return error_set(err, -EBADMSG, "%s: there is no DT_STRTAB", what);
	return elf_image_string(image, dynamic->strings + offset, ret, what, err);
}

static int read_needed(const struct elf_image *image, const struct dynamic *dynamic,
	struct elf_info *info, struct error *err)
{
	size_t bytes = 0;

	if (!dynamic->n_needed)
		return 0;
	info->needed = calloc(dynamic->n_needed, sizeof(*info->needed));
	if (!info->needed)
		return error_set(err, -ENOMEM, "DT_NEEDED: out of memory");
	for (size_t i = 0; i < dynamic->n_needed; i++) {
		int code = read_name(image, dynamic, true, dynamic->needed[i], &info->needed[i],
			"DT_NEEDED", err);

		if (code < 0)
			return code;
		bytes += strlen(info->needed[info->n_needed++]) + 1;
		if (bytes > NEEDED_BYTES_MAX)
			return error_set(err, -EBADMSG, "DT_NEEDED: names of more than %u bytes",
				NEEDED_BYTES_MAX);
	}
	return 0;
}

static int describe_dynamic(const struct elf_image *image, const struct elf_segment *segment,
	struct elf_info *info, struct error *err)
{
	autodynamic struct dynamic d = { 0 };
	int code = read_dynamic(image, segment, &d, err);

	if (code == 0)
		code = read_name(
			image, &d, d.has_soname, d.soname, &info->soname, "DT_SONAME", err);
	if (code == 0)
		code = read_name(image, &d, d.has_rpath, d.rpath, &info->rpath, "DT_RPATH", err);
	if (code == 0)
		code = read_name(
			image, &d, d.has_runpath, d.runpath, &info->runpath, "DT_RUNPATH", err);
	if (code == 0)
		code = read_needed(image, &d, info, err);
	info->no_default_paths = d.flags_1 & DF_1_NODEFLIB;
	return code;
}

static char *to_hexadecimal(const uint8_t *bytes, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	char *text = malloc(2 * size + 1);

	if (!text)
		return NULL;
	for (size_t i = 0; i < size; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	text[2 * size] = '\0';
	return text;
}

static size_t align_up(size_t value, size_t alignment)
{
	return (value + alignment - 1) & ~(alignment - 1);
}

static bool is_note_of(const char owner[4], const uint8_t *name, size_t name_size)
{
	return name_size == 4 && !memcmp(name, owner, 4);
}

/* Looks for NT_GNU_BUILD_ID, and for a note of Go's linker, among `size` bytes of notes. */
static int scan_notes(const struct elf_image *image, const uint8_t *notes, size_t size,
	size_t alignment, struct elf_info *info, struct error *err)
{
	size_t at = 0;

	while (size - at >= sizeof(Elf64_Nhdr)) {
		size_t name_size = elf_image_u32(image, notes + at);
		size_t id_size = elf_image_u32(image, notes + at + 4), id;
		uint32_t type = elf_image_u32(image, notes + at + 8);

		at += sizeof(Elf64_Nhdr);
		if (name_size > size - at || align_up(at + name_size, alignment) > size)
			return 0;
		id = align_up(at + name_size, alignment);
		if (id_size > size - id)
			return 0;
		info->is_go |= is_note_of("Go\0", notes + at, name_size);
		if (!info->build_id && type == NT_GNU_BUILD_ID &&
			is_note_of("GNU", notes + at, name_size) && id_size &&
			id_size <= BUILD_ID_SIZE_MAX) {
			info->build_id = to_hexadecimal(notes + id, id_size);
			if (!info->build_id)
				return error_set(err, -ENOMEM, "build-id: out of memory");
		}
		at = align_up(id + id_size, alignment);
		if (at > size)
			return 0;
	}
	return 0;
}

/* Looks at the notes in one place. Notes do not affect how a file runs, so damaged ones are
 * skipped. 0 or -ENOMEM. */
static int read_notes_at(const struct elf_image *image, uint64_t offset, uint64_t size,
	uint64_t alignment, struct elf_info *info, struct error *err)
{
	autofree uint8_t *notes = NULL;
	int code;

	if (!size || size > NOTES_SIZE_MAX)
		return 0;
	code = elf_image_read_new(image, offset, size, &notes, "notes", NULL);
	if (code == 0)
		code = scan_notes(image, notes, size, alignment == 8 ? 8 : 4, info, err);
	if (code < 0 && code != -EBADMSG)
		return error_set(err, code, "notes: %s", strerror(-code));
	return 0;
}

/* Where the section headers' fields are, by class (gABI, "Sections"). */
struct section_layout {
	size_t table, entry_size, count; /* in the file header */
	size_t header_size;		 /* of a section header */
	size_t offset, size, alignment;	 /* in a section header; the type is at 4 */
};
static const struct section_layout section_layouts[] = {
	{ 0x20, 0x2e, 0x30, 40, 0x10, 0x14, 0x20 },
	{ 0x28, 0x3a, 0x3c, 64, 0x18, 0x20, 0x30 },
};

/* Go's linker (1.24) puts its build-id into a section that no program header covers. */
static int read_section_build_id(
	const struct elf_image *image, struct elf_info *info, struct error *err)
{
	const struct section_layout *layout = &section_layouts[image->is_64];
	uint64_t table = elf_image_word(image, image->head + layout->table);
	unsigned count = elf_image_u16(image, image->head + layout->count);
	autofree uint8_t *headers = NULL;
	int code;

	if (!table || !count || count > SECTIONS_MAX ||
		elf_image_u16(image, image->head + layout->entry_size) != layout->header_size)
		return 0;
	code = elf_image_read_new(
		image, table, count * layout->header_size, &headers, "sections", NULL);
	if (code < 0)
		return code == -EBADMSG ? 0 : error_set(err, code, "sections: %s", strerror(-code));
	for (unsigned i = 0; i < count && !info->build_id; i++) {
		const uint8_t *header = headers + i * layout->header_size;

		if (elf_image_u32(image, header + 4) != SHT_NOTE)
			continue;
		code = read_notes_at(image, elf_image_word(image, header + layout->offset),
			elf_image_word(image, header + layout->size),
			elf_image_word(image, header + layout->alignment), info, err);
		if (code < 0)
			return code;
	}
	return 0;
}

static int read_notes(const struct elf_image *image, struct elf_info *info, struct error *err)
{
	for (size_t i = 0; i < image->n_segments; i++) {
		const struct elf_segment *segment = &image->segments[i];
		int code;

		if (segment->type != PT_NOTE)
			continue;
		code = read_notes_at(
			image, segment->offset, segment->file_size, segment->alignment, info, err);
		if (code < 0)
			return code;
	}
	return info->build_id ? 0 : read_section_build_id(image, info, err);
}

static int describe_elf(int fd, struct elf_info *info, struct error *err)
{
	autoimage struct elf_image image = { 0 };
	const struct elf_segment *dynamic;
	int code = elf_image_open(&image, fd, err);

	if (code < 0)
		return code;
	info->kind = PROGRAM_ELF;
	info->is_64 = image.is_64;
	info->big_endian = image.big_endian;
	info->machine = image.machine;
	code = read_interpreter(&image, info, err);
	dynamic = find_segment(&image, PT_DYNAMIC);
	if (code == 0 && dynamic && dynamic->file_size)
		code = describe_dynamic(&image, dynamic, info, err);
	if (code == 0)
		code = read_notes(&image, info, err);
	info->dynamic = dynamic && info->interpreter;
	return code;
}

int elf_describe(int fd, struct elf_info *ret, struct error *err)
{
	char head[ELF_SHEBANG_MAX] = "";
	struct elf_info info = { .kind = PROGRAM_OTHER };
	ssize_t n = content_read_at(fd, head, sizeof(head), 0);
	int code = 0;

	if (n < 0)
		return error_set(err, (int)n, "read: %s", strerror((int)-n));
	if (n >= EI_NIDENT && !memcmp(head, ELFMAG, SELFMAG)) {
		code = describe_elf(fd, &info, err);
	} else {
		code = script_parse(head, &info.interpreter, &info.argument);
		if (code > 0)
			info.kind = PROGRAM_SCRIPT;
		else if (code < 0)
			error_set(err, code, "#! line: out of memory");
	}
	if (code < 0) {
		elf_info_deinit(&info);
		return code;
	}
	*ret = info;
	return 0;
}
