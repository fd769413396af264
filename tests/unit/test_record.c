/* Reads what peers that cannot be trusted have written: slots, records, hellos, addresses, spool
 * entries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/record/record.h"

/* --- slots ------------------------------------------------------------------------------------ */

static void put_word(uint8_t *log, size_t at, uint32_t word)
{
	memcpy(log + at, &word, sizeof(word));
}

static void slots_are_walked_until_a_free_one(void **state)
{
	uint8_t log[64] = { 0 };
	struct slot_reader reader = { .log = log, .size = sizeof(log) };
	struct slot slot;

	(void)state;
	put_word(log, 0, SLOT_WORD(SLOT_READY, 5));
	memcpy(log + 4, "hello", 5);
	put_word(log, 16, SLOT_WORD(SLOT_CLAIMED, 4));
	put_word(log, 24, SLOT_WORD(SLOT_EXEC, 12));
	assert_int_equal(slot_next(&reader, &slot, NULL), 1);
	assert_int_equal(slot.state, SLOT_READY);
	assert_int_equal(slot.size, 5);
	assert_memory_equal(slot.payload, "hello", 5);
	assert_int_equal(reader.offset, 16);
	assert_int_equal(slot_next(&reader, &slot, NULL), 1);
	assert_int_equal(slot.state, SLOT_CLAIMED);
	assert_int_equal(slot_next(&reader, &slot, NULL), 1);
	assert_int_equal(slot.state, SLOT_EXEC);
	assert_int_equal(slot_next(&reader, &slot, NULL), 0);
	assert_int_equal(reader.offset, 40);
}

static void slot_past_the_end_is_the_end(void **state)
{
	uint8_t log[16] = { 0 };
	struct slot_reader reader = { .log = log, .size = sizeof(log) };
	struct slot slot;

	(void)state;
	put_word(log, 0, SLOT_WORD(SLOT_READY, 13));
	assert_int_equal(slot_next(&reader, &slot, NULL), 0);
	assert_int_equal(reader.offset, 0);
}

static void unknown_state_or_size_is_damage(void **state)
{
	uint8_t log[64] = { 0 };
	struct slot_reader reader = { .log = log, .size = sizeof(log) };
	struct error err;
	struct slot slot;

	(void)state;
	put_word(log, 0, SLOT_WORD(77, 4));
	assert_int_equal(slot_next(&reader, &slot, &err), -EBADMSG);
	put_word(log, 0, SLOT_WORD(SLOT_READY, FP_RECORD_SIZE_MAX + 1));
	assert_int_equal(slot_next(&reader, &slot, &err), -EBADMSG);
}

/* --- records ---------------------------------------------------------------------------------- */

/* Bytes as protoc writes them, by hand: field << 3 | wire type. */
static int unpack(const char *bytes, size_t size)
{
	Footprint__Record *record;
	struct error err;
	int r = record_unpack((const uint8_t *)bytes, size, &record, &err);

	if (r == 0)
		footprint__record__free_unpacked(record, NULL);
	return r;
}
#define UNPACK(bytes) unpack(bytes, sizeof(bytes) - 1)

static void records_need_their_fields(void **state)
{
	(void)state;
	assert_int_equal(UNPACK("\x08\x01\x10\x01\x22\x04/etc"), 0);
	assert_int_equal(UNPACK("\x08\x01\x10\x01"), -EBADMSG); /* no path */
	assert_int_equal(UNPACK("\x08\x01\x10\x01\x22\x03"
				"etc"),
		-EBADMSG);					     /* relative to nothing */
	assert_int_equal(UNPACK("\x08\x01\x22\x04/e\0c"), -EBADMSG); /* a NUL */
	assert_int_equal(UNPACK("\x08\x05\x22\x04/etc"), -EBADMSG);  /* no id */
	assert_int_equal(UNPACK("\x08\x04\x4a\x01\x02"), -EBADMSG);  /* half a family */
	assert_int_equal(UNPACK("\x08\x06"), -EBADMSG);		     /* no gap */
	assert_int_equal(UNPACK("\x08\x63"), 0);		     /* of a later version */
	assert_int_equal(UNPACK("\xff\xff\xff"), -EBADMSG);
}

static void unknown_fields_are_ignored(void **state)
{
	(void)state;
	assert_int_equal(UNPACK("\x08\x01\x10\x01\x22\x04/etc\xf8\x06\x01"), 0);
}

static void limits_are_told_from_damage(void **state)
{
	size_t path = FP_PATH_SIZE_MAX, head = 5;
	char *bytes = malloc(path + head);

	(void)state;
	assert_non_null(bytes);
	memcpy(bytes, "\x08\x01\x22", 3);
	bytes[3] = (char)(0x80 | (path & 0x7f));
	bytes[4] = (char)(path >> 7);
	memset(bytes + head, '/', path);
	assert_int_equal(unpack(bytes, path + head), -E2BIG);
	free(bytes);
	bytes = calloc(1, FP_RECORD_SIZE_MAX + 1);
	assert_non_null(bytes);
	assert_int_equal(unpack(bytes, FP_RECORD_SIZE_MAX + 1), -E2BIG);
	free(bytes);
}

/* --- hellos ----------------------------------------------------------------------------------- */

static int check(Footprint__Hello *hello)
{
	uint8_t bytes[FP_HELLO_SIZE_MAX];
	size_t size = footprint__hello__get_packed_size(hello);
	Footprint__Hello *again;
	struct error err;
	int r;

	assert_true(size <= sizeof(bytes));
	footprint__hello__pack(hello, bytes);
	r = hello_unpack(bytes, size, &again, &err);
	if (r == 0)
		footprint__hello__free_unpacked(again, NULL);
	return r;
}

static void set(ProtobufCBinaryData *field, const char *text)
{
	field->data = (uint8_t *)text;
	field->len = strlen(text);
}

static void hellos_are_checked(void **state)
{
	Footprint__Hello hello = FOOTPRINT__HELLO__INIT;

	(void)state;
	set(&hello.session, "0123456789abcdef");
	set(&hello.executable, "/bin/true");
	set(&hello.directory, "/tmp");
	assert_int_equal(check(&hello), 0);
	set(&hello.directory, "tmp");
	assert_int_equal(check(&hello), -EBADMSG);
	set(&hello.directory, "");
	set(&hello.session, "0123456789abcde");
	assert_int_equal(check(&hello), -EBADMSG);
	set(&hello.session, "0123456789abcdef");
	set(&hello.executable, "");
	assert_int_equal(check(&hello), -EBADMSG);
	set(&hello.executable, "/bin/true");
	hello.segment = FP_SEGMENTS_MAX;
	assert_int_equal(check(&hello), -E2BIG);
}

/* --- addresses -------------------------------------------------------------------------------- */

static void addresses_become_text(void **state)
{
	static const uint8_t inet[16] = { 2, 0, 0x15, 0x38, 10, 0, 0, 5 };
	static const uint8_t inet6[28] = { 10, 0, 0, 80, [23] = 1 };
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "/run/x.sock" };
	const char *path;
	char text[512];

	(void)state;
	assert_int_equal(address_format(inet, sizeof(inet), text), 0);
	assert_string_equal(text, "10.0.0.5:5432");
	assert_int_equal(address_format(inet6, sizeof(inet6), text), 0);
	assert_string_equal(text, "[::1]:80");
	assert_int_equal(address_format((uint8_t *)&name, sizeof(name), text), 0);
	assert_string_equal(text, "unix:/run/x.sock");
	assert_int_equal(address_unix_path((uint8_t *)&name, sizeof(name), &path), 11);
	memcpy(name.sun_path, "\0a\\b\n", 5);
	assert_int_equal(address_format((uint8_t *)&name, 7, text), 0);
	assert_string_equal(text, "unix:@a\\x5Cb\\x0A");
	assert_int_equal(address_unix_path((uint8_t *)&name, 7, &path), 0);
	assert_int_equal(address_format(inet, 8, text), -EAFNOSUPPORT);
	assert_int_equal(address_format((const uint8_t *)"\x10\0abc", 5, text), -EAFNOSUPPORT);
}

/* --- spool ------------------------------------------------------------------------------------ */

#define BODY "hellolog"

static size_t put_entry(uint8_t *at, uint64_t magic)
{
	struct spool_entry entry = { .magic = magic, .hello_size = 5, .log_size = 3 };

	entry.checksum = fp_entry_checksum(&entry, BODY, BODY + 5);
	memcpy(at, &entry, sizeof(entry));
	memcpy(at + sizeof(entry), BODY, 8);
	return sizeof(entry) + 8;
}

/* The entries and damaged ones in `size` bytes must be these, in order: 'e' and 'd', or 'h' for
 * damage with the hello of put_entry(). */
static void assert_found(const uint8_t *bytes, size_t size, const char *expected)
{
	struct spool_reader reader = { .bytes = bytes, .size = size };
	struct spool_view view;
	enum spool_found found;

	while ((found = spool_next(&reader, &view)) != SPOOL_END) {
		char is = found == SPOOL_ENTRY ? 'e' : view.hello ? 'h' : 'd';

		assert_int_equal(is, *expected++);
		if (view.hello)
			assert_memory_equal(view.hello, "hello", 5);
		if (found == SPOOL_ENTRY)
			assert_memory_equal(view.log, "log", 3);
	}
	assert_int_equal(*expected, '\0');
}

/* Truncates an entry at every byte, at the end of the file and before another entry. */
static void assert_cut(uint64_t magic, uint64_t next, const char *head, const char *hello)
{
	uint8_t bytes[512];
	size_t whole = put_entry(bytes, SPOOL_ENTRY_MAGIC), size = put_entry(bytes + whole, magic);

	for (size_t cut = 1; cut < size; cut++) {
		const char *found = cut < sizeof(struct spool_entry) + 5 ? head : hello;
		char expected[8];
		size_t end = whole + cut;

		put_entry(bytes + whole, magic);
		snprintf(expected, sizeof(expected), "e%s", found);
		assert_found(bytes, end, expected);
		end += put_entry(bytes + end, next);
		snprintf(expected, sizeof(expected), "e%se", found);
		assert_found(bytes, end, expected);
	}
}

static void made_entry_cut_short_is_damage(void **state)
{
	(void)state;
	assert_cut(SPOOL_ENTRY_MAGIC, SPOOL_ENTRY_MAGIC, "d", "h");
	assert_cut(SPOOL_ENTRY_MAGIC, SPOOL_ENTRY_MAKING_MAGIC, "d", "h");
}

static void entry_in_the_making_cut_short_is_none(void **state)
{
	(void)state;
	assert_cut(SPOOL_ENTRY_MAKING_MAGIC, SPOOL_ENTRY_MAGIC, "", "");
	assert_cut(SPOOL_ENTRY_MAKING_MAGIC, SPOOL_ENTRY_MAKING_MAGIC, "", "");
}

/* It has its full size, so it was not truncated. */
static void changed_entry_is_damage(void **state)
{
	uint8_t bytes[512];
	size_t size = put_entry(bytes, SPOOL_ENTRY_MAKING_MAGIC);

	(void)state;
	bytes[size - 1] ^= 1;
	assert_found(bytes, size, "h");
	size += put_entry(bytes + size, SPOOL_ENTRY_MAGIC);
	assert_found(bytes, size, "he");
	put_entry(bytes, SPOOL_ENTRY_MAKING_MAGIC);
	memset(bytes + offsetof(struct spool_entry, log_size), 0xff, 4);
	assert_found(bytes, size, "de");
	memset(bytes, 0, 8);
	assert_found(bytes, size, "de");
}

static void window_ends_before_a_cut_entry(void **state)
{
	uint8_t bytes[512];
	struct spool_reader reader = { .bytes = bytes, .more = true };
	struct spool_view view;
	size_t first = put_entry(bytes, SPOOL_ENTRY_MAGIC);

	(void)state;
	reader.size = first + put_entry(bytes + first, SPOOL_ENTRY_MAKING_MAGIC) - 1;
	assert_int_equal(spool_next(&reader, &view), SPOOL_ENTRY);
	assert_int_equal(spool_next(&reader, &view), SPOOL_END);
	assert_int_equal(reader.offset, first);
}

/* Each entry claims all bytes behind it. Whoever checks all of these would be busy for minutes. */
static unsigned count_damage(uint64_t magic)
{
	static uint8_t bytes[1 << 20];
	struct spool_reader reader = { .bytes = bytes, .size = sizeof(bytes) };
	struct spool_entry entry = { .magic = magic };
	struct spool_view view;
	enum spool_found found;
	unsigned n = 0;

	for (size_t at = 0; at + sizeof(entry) <= sizeof(bytes); at += sizeof(entry)) {
		entry.log_size = (uint32_t)(sizeof(bytes) - at - sizeof(entry));
		memcpy(bytes + at, &entry, sizeof(entry));
	}
	while ((found = spool_next(&reader, &view)) != SPOOL_END) {
		assert_int_equal(found, SPOOL_DAMAGE);
		n++;
	}
	assert_null(view.hello);
	return n;
}

static void entries_that_overlap_are_given_up(void **state)
{
	(void)state;
	assert_in_range(count_damage(SPOOL_ENTRY_MAGIC), 1, 1000);
	assert_int_equal(count_damage(SPOOL_ENTRY_MAKING_MAGIC), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_are_walked_until_a_free_one),
		cmocka_unit_test(slot_past_the_end_is_the_end),
		cmocka_unit_test(unknown_state_or_size_is_damage),
		cmocka_unit_test(records_need_their_fields),
		cmocka_unit_test(unknown_fields_are_ignored),
		cmocka_unit_test(limits_are_told_from_damage),
		cmocka_unit_test(hellos_are_checked),
		cmocka_unit_test(addresses_become_text),
		cmocka_unit_test(made_entry_cut_short_is_damage),
		cmocka_unit_test(entry_in_the_making_cut_short_is_none),
		cmocka_unit_test(changed_entry_is_damage),
		cmocka_unit_test(window_ends_before_a_cut_entry),
		cmocka_unit_test(entries_that_overlap_are_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
