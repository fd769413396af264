/* Built twice: as a library whose constructor unwinds the stack, and as the program that opens it.
 */
#include <dlfcn.h>
#include <execinfo.h>
#include <stdio.h>
#include <string.h>

#ifdef LIBRARY
__attribute__((constructor)) static void unwind(void)
{
	void *frames[64];

	printf("frames: %s\n", backtrace(frames, 64) > 2 ? "some" : "hardly any");
}
#else
int main(int argc, char **argv)
{
	char library[4096];

	(void)argc;
	snprintf(library, sizeof(library), "%s.so", argv[0]);
	printf("%s\n", dlopen(library, RTLD_NOW) ? "opened" : dlerror());
	return 0;
}
#endif
