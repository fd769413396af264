/* Opens that libc makes internally, for a libc without programs of its own (musl). */
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
	char path[4096];
	struct addrinfo *list;
	FILE *pipe;
	time_t now = 0;

	printf("%d\n", getpwnam("nobody") != NULL);
	printf("%d\n", getgrnam("nogroup") != NULL);
	setenv("TZ", "Europe/Berlin", 1);
	printf("%d\n", localtime(&now) != NULL);
	printf("%d\n", realpath("/usr/lib/../share", path) != NULL);
	printf("%d\n", !getaddrinfo("localhost", "80", NULL, &list));
	syslog(LOG_DEBUG, "test");
	pipe = popen("true", "r");
	printf("%d\n", pipe && !pclose(pipe));
	return 0;
}
