// What a Go program does that is linked with libc (os/user is, in part), and makes its system calls
// past it. Arguments: a folder of its own.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
)

const children = 70 // more than the library has stacks

var inC = func() {} // linked_c.go

// Bad pointers are answered by EFAULT.
func badPointer() {
	_, _, errno := syscall.Syscall(syscall.SYS_STAT, 1, 0, 0)
	fmt.Println("a bad pointer:", errno)
}

// Uses nearly all of a goroutine's stack, again and again, while it grows.
func deep(level int) int {
	os.Lstat(fmt.Sprint("deep", level%50))
	syscall.Getpid()
	if level == 0 {
		return 0
	}
	return deep(level-1) + 1
}

// Loops without a call are preempted by a signal each; the collector stops everybody.
func spin(stop chan bool) {
	for {
		for i := 0; i < 1<<20; i++ {
		}
		select {
		case <-stop:
			return
		default:
		}
	}
}

// More threads than the library has stacks, profiled.
func crowd() {
	var all sync.WaitGroup
	stop := make(chan bool)
	runtime.SetCPUProfileRate(1000)
	go spin(stop)
	for i := 0; i < 50; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			runtime.LockOSThread()
			for round := 0; round < 20; round++ {
				name := fmt.Sprint("many", i, "-", round)
				os.WriteFile(name, []byte(name), 0o644)
				if text, err := os.ReadFile(name); err != nil || string(text) != name {
					fmt.Println("wrong:", name, err)
				}
			}
			runtime.GC()
		}(i)
	}
	all.Wait()
	close(stop)
	runtime.SetCPUProfileRate(0)
	fmt.Println("deep", deep(2000))
}

func programs(folder string) {
	for i := 0; i < children; i++ {
		exec.Command("/bin/true").Run()
	}
	exec.Command("/nosuch/program").Run()
	exec.Command("/bin/sh", "-c", "head -n 1 /etc/group").Run()
	empty := exec.Command("/bin/cat", "/etc/shells")
	empty.Env = []string{}
	output, err := empty.Output()
	fmt.Println("without an environment:", len(output) > 0, err)
	os.Mkdir("inner", 0o755)
	os.WriteFile("inner/seen", []byte("seen\n"), 0o644)
	inner := exec.Command("cat", "seen")
	inner.Dir = filepath.Join(folder, "inner")
	output, err = inner.Output()
	fmt.Printf("elsewhere: %q %v\n", output, err)
	os.ReadFile("inner/seen")
	os.Chdir("inner")
	os.ReadFile("seen")
	forked := exec.Command("/bin/cat", "/etc/issue")
	forked.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}}
	output, err = forked.Output()
	fmt.Println("forked:", len(output) > 0, err)
}

func addresses() {
	fd, _ := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	fmt.Println(syscall.Connect(fd, &syscall.SockaddrUnix{Name: "nosocket"}))
	fmt.Println(syscall.Bind(fd, &syscall.SockaddrUnix{Name: "socket"}))
	fd, _ = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	fmt.Println(syscall.Connect(fd, &syscall.SockaddrInet4{Port: 1, Addr: [4]byte{127, 0, 0, 1}}))
}

func main() {
	if os.Chdir(os.Args[1]) != nil {
		os.Exit(1)
	}
	inC()
	files()
	badPointer()
	crowd()
	programs(os.Args[1])
	addresses()
	fmt.Println(syscall.Exec("/bin/nosuch", []string{"nosuch"}, nil))
	fmt.Println(syscall.Exec("/bin/cat", []string{"cat", "/etc/debian_version"}, nil))
}
