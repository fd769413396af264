/*
 * All readers of what a process has written: slots, records, hellos, packets, spool entries,
 * addresses. The first byte chooses the reader.
 */
#include <stdint.h>
#include <stdlib.h>

#include "lib/record/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_slots(const uint8_t *data, size_t size)
{
	struct slot_reader reader = { .log = data, .size = size };
	Footprint__Record *record;
	struct error err;
	struct slot slot;

	while (slot_next(&reader, &slot, &err) > 0)
		if (slot.state == SLOT_READY &&
			record_unpack(slot.payload, slot.size, &record, &err) == 0)
			footprint__record__free_unpacked(record, NULL);
}

static void read_spool(const uint8_t *data, size_t size)
{
	struct spool_reader reader = { .bytes = data, .size = size };
	Footprint__Hello *hello;
	struct spool_view view;
	enum spool_found found;
	struct error err;

	while ((found = spool_next(&reader, &view)) != SPOOL_END) {
		if (view.hello &&
			hello_unpack(view.hello, view.entry.hello_size, &hello, &err) == 0)
			footprint__hello__free_unpacked(hello, NULL);
		if (found == SPOOL_ENTRY)
			read_slots(view.log, view.entry.log_size);
	}
}

static void read_packet(const uint8_t *data, size_t size)
{
	Footprint__Packet *packet;
	struct error err;

	if (packet_unpack(data, size, &packet, &err) == 0)
		footprint__packet__free_unpacked(packet, NULL);
}

static void read_record(const uint8_t *data, size_t size)
{
	Footprint__Record *record;
	struct error err;

	if (record_unpack(data, size, &record, &err) == 0)
		footprint__record__free_unpacked(record, NULL);
}

static void read_hello(const uint8_t *data, size_t size)
{
	Footprint__Hello *hello;
	struct error err;

	if (hello_unpack(data, size, &hello, &err) == 0)
		footprint__hello__free_unpacked(hello, NULL);
}

static void read_address(const uint8_t *data, size_t size)
{
	char text[512];
	const char *path;

	address_format(data, size, text);
	if (address_unix_path(data, size, &path) > size)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(const uint8_t *, size_t) = {
		read_slots,
		read_spool,
		read_packet,
		read_record,
		read_hello,
		read_address,
	};

	if (size)
		readers[data[0] % (sizeof(readers) / sizeof(readers[0]))](data + 1, size - 1);
	return 0;
}
