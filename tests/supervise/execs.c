/* execs main|thread PROGRAM [ARGUMENT]...: executes it, from the main thread or from another one.
 */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static void *execute(void *argv)
{
	execv(((char **)argv)[0], argv);
	_exit(99);
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc < 3)
		return 2;
	if (strcmp(argv[1], "thread") != 0)
		execute(argv + 2);
	if (pthread_create(&thread, NULL, execute, argv + 2))
		return 1;
	pthread_join(thread, NULL);
	return 1;
}
