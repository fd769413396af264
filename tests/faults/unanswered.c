/*
 * unanswered ADDRESS PORT HOW: connects to a server that does not answer, and does not return from
 * that: with "jump", SIGALRM jumps out of the call; otherwise a byte on stdin has the thread that
 * waits cancelled.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in server = { .sin_family = AF_INET };
static sigjmp_buf out;

static void jump(int signal)
{
	siglongjmp(out, signal);
}

static void *wait_for_answer(void *unused)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	connect(fd, (struct sockaddr *)&server, sizeof(server));
	return unused;
}

static void *wait_and_jump(void *unused)
{
	signal(SIGALRM, jump);
	if (!sigsetjmp(out, 1))
		wait_for_answer(unused);
	_exit(0);
}

int main(int count, char **arguments)
{
	pthread_t thread;
	void *result;
	char byte;

	if (count != 4)
		return 2;
	server.sin_addr.s_addr = inet_addr(arguments[1]);
	server.sin_port = htons((in_port_t)atoi(arguments[2]));
	if (*arguments[3] == 'j')
		wait_and_jump(NULL);
	pthread_create(&thread, NULL, wait_for_answer, NULL);
	if (read(0, &byte, 1) == 1)
		pthread_cancel(thread);
	pthread_join(thread, &result);
	return result != PTHREAD_CANCELED;
}
