#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/aggregator/parts.h"

struct process processes[WHO];

static uint64_t inputs;
static unsigned habits;

ProtobufCBinaryData session_name(unsigned session)
{
	static uint64_t name[2];

	name[0] = inputs;
	name[1] = session;
	return (ProtobufCBinaryData){ SESSION_ID_SIZE, (uint8_t *)name };
}

size_t hello_pack(unsigned session, uint32_t segment, uint8_t ret[FP_HELLO_SIZE_MAX])
{
	Footprint__Hello hello = FOOTPRINT__HELLO__INIT;
	struct stat status;

	fstat(world_root, &status);
	hello.protocol = FP_PROTOCOL;
	hello.session = session_name(session);
	hello.segment = segment;
	hello.application = (char *)(session % 2 ? "shop" : "");
	hello.executable = (ProtobufCBinaryData){ 8, (uint8_t *)"/bin/app" };
	hello.invoked_as = (ProtobufCBinaryData){ 9, (uint8_t *)"/bin/link" };
	hello.directory = (ProtobufCBinaryData){ 4, (uint8_t *)"/etc" };
	hello.pid = session + 1;
	if (habits & 1)
		hello.interpreter = (ProtobufCBinaryData){ 8, (uint8_t *)"/lib/ld." };
	if (habits & 2)
		hello.script = (ProtobufCBinaryData){ 6, (uint8_t *)"/etc/a" };
	if (habits & 4)
		hello.spool = (ProtobufCBinaryData){ 6, (uint8_t *)"/spool" };
	hello.linker_executed = habits & 8;
	hello.watched = (Footprint__Watch)((habits >> 4) % 3);
	hello.host = (char *)"host";
	hello.started_ns = 1;
	hello.root_device = status.st_dev;
	hello.root_inode = status.st_ino;
	return footprint__hello__pack(&hello, ret);
}

void memory_begin(uint8_t *memory, unsigned session, uint32_t size)
{
	struct session_memory head = { .magic = SESSION_MEMORY_MAGIC,
		.protocol = FP_PROTOCOL,
		.memory_size = size,
		.hello_offset = HELLO_AT,
		.log_offset = LOG_AT,
		.log_size = size - LOG_AT,
		.processes = 1,
		.users = 1 };

	head.hello_size = (uint32_t)hello_pack(session, 0, memory + HELLO_AT);
	memcpy(memory, &head, sizeof(head));
}

static void make_memory(unsigned session)
{
	uint8_t head[LOG_AT] = { 0 };
	int fd = memfd_create("session", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	must(fd >= 0 && ftruncate(fd, MEMORY_SIZE) == 0, "memfd");
	memory_begin(head, session, MEMORY_SIZE);
	must(pwrite(fd, head, sizeof(head), 0) == sizeof(head), "memfd");
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
	processes[session] = (struct process){ .peer = -1, .memory = fd };
}

void processes_begin(unsigned bits)
{
	inputs++;
	habits = bits;
	for (unsigned i = 0; i < WHO; i++)
		make_memory(i);
}

void processes_end(void)
{
	for (unsigned i = 0; i < WHO; i++) {
		if (processes[i].peer >= 0)
			close(processes[i].peer);
		if (processes[i].pool)
			munmap(processes[i].pool, POOL_SIZE);
		close(processes[i].memory);
	}
}
