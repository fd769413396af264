package main

// #include <stdio.h>
//
// static void use(void)
// {
// 	FILE *file = fopen("/etc/networks", "r");
//
// 	if (file)
// 		fclose(file);
// }
import "C"

func init() {
	inC = func() { C.use() }
}
