// What a static Go program does: files, folders, programs and addresses. Arguments: a folder of its
// own, where it works; or "serve ADDRESS FOLDER".
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
)

// Many threads at once, each with files of its own.
func together() {
	var group sync.WaitGroup
	for i := 0; i < 50; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			name := fmt.Sprintf("many%d", i)
			os.WriteFile(name, []byte(name), 0o644)
			os.ReadFile(name)
		}(i)
	}
	group.Wait()
}

func programs() {
	exec.Command("/bin/cat", "/etc/passwd").Run()
	exec.Command("/bin/sh", "-c", "busybox cat /etc/group; head -n 1 /etc/services").Run()
	exec.Command("/nosuch/program").Run()
}

func addresses() {
	net.Dial("tcp", "127.0.0.1:1")
	net.Dial("unix", "nosocket")
	listener, err := net.Listen("unix", "socket")
	if err == nil {
		listener.Close()
	}
	if c, err := net.Dial("udp", "127.0.0.1:9"); err == nil {
		c.Write([]byte("x"))
		c.Close()
	}
}

func serve(address, folder string) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, http.Serve(listener, http.FileServer(http.Dir(folder))))
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == "serve" {
		serve(os.Args[2], os.Args[3])
		return
	}
	if len(os.Args) > 1 && os.Chdir(os.Args[1]) != nil {
		os.Exit(1)
	}
	files()
	together()
	programs()
	addresses()
	fmt.Println("done")
}
