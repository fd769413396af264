// The server of bench/supervised.py: serves a folder over HTTP, as Go programs do.
//
//	fileserver ADDRESS FOLDER
package main

import (
	"log"
	"net/http"
	"os"
)

func main() {
	log.Fatal(http.ListenAndServe(os.Args[1], http.FileServer(http.Dir(os.Args[2]))))
}
