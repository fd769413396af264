package main

import (
	"os"
	"os/user"
	"path/filepath"
)

// What both program.go and linked.go do with files, in a folder of their own.
func files() {
	os.ReadFile("/etc/hostname")
	os.ReadFile("/etc/nosuch")
	os.WriteFile("written", []byte("x"), 0o644)
	os.MkdirAll("a/b/c", 0o755)
	os.Rename("written", "a/renamed")
	os.Symlink("a/renamed", "link")
	os.ReadFile("link")
	os.Stat("link")
	os.Lstat("link")
	os.Chmod("a/renamed", 0o600)
	os.Remove("a/b/c")
	os.RemoveAll("a/b")
	os.ReadDir("/etc/apt")
	filepath.Walk("/etc/ssl", func(string, os.FileInfo, error) error { return nil })
	user.Lookup("daemon")
}
