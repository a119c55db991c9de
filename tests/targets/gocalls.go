// SPDX-License-Identifier: MIT

// gocalls.go - calls of Go functions, counted and timed by themselves
//
// Each line on standard input is the name of a load and how often; the answer is
// one line of JSON: for each function how often it was called and has returned, the
// time from its first statement to its last (which no measurement of a call may
// fall below, in sum), and the time around its calls (nor exceed).  An empty name ends.  With -p it has a
// profile made of itself meanwhile.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

type figure struct {
	Calls    int64 `json:"calls"`
	Returned int64 `json:"returned"`
	Inner    int64 `json:"inner_ns"`
	Outer    int64 `json:"outer_ns"`
}

var grown, moved, fibbed, risked, guarded, exited, slept, worded, touched, waited figure

func (f *figure) enter() time.Time {
	atomic.AddInt64(&f.Calls, 1)
	return time.Now()
}

func (f *figure) leave(begin time.Time) {
	atomic.AddInt64(&f.Inner, int64(time.Since(begin)))
	atomic.AddInt64(&f.Returned, 1)
}

// around is called with the time before a call, right behind it.
func (f *figure) around(begin time.Time) {
	atomic.AddInt64(&f.Outer, int64(time.Since(begin)))
}

// Grow's stack grows in its midst: each goroutine begins with a small one.
//
//go:noinline
func Grow(n int) int {
	begin := grown.enter()
	var room [300]byte
	room[n%300] = byte(n)
	r := 0
	if n > 0 {
		before := time.Now()
		r = Grow(n-1) + 1
		grown.around(before)
	}
	r += int(room[(n+1)%300])
	grown.leave(begin)
	return r
}

// Move goes to sleep, and wakes on whatever thread there is.
//
//go:noinline
func Move(n int, in, out chan int) int {
	begin := moved.enter()
	for i := 0; i < 3; i++ {
		runtime.Gosched()
	}
	out <- n
	n += <-in
	moved.leave(begin)
	return n
}

//go:noinline
func Fib(n int) int {
	begin := fibbed.enter()
	r := n
	if n > 1 {
		before := time.Now()
		r = Fib(n - 1)
		middle := time.Now()
		r += Fib(n - 2)
		fibbed.around(middle)
		atomic.AddInt64(&fibbed.Outer, int64(middle.Sub(before)))
	}
	fibbed.leave(begin)
	return r
}

// Risk panics when @n is odd: such a call never returns.
//
//go:noinline
func Risk(n int) int {
	begin := risked.enter()
	if n&1 == 1 {
		panic(n)
	}
	risked.leave(begin)
	return n
}

// Guard is the one that returns then.
//
//go:noinline
func Guard(n int) (r int) {
	begin := guarded.enter()
	defer func() {
		if v := recover(); v != nil {
			r = -v.(int)
		}
		guarded.leave(begin)
	}()
	before := time.Now()
	r = Risk(n)
	risked.around(before)
	return r
}

// Exit ends its goroutine when @n is odd.
//
//go:noinline
func Exit(n int) int {
	begin := exited.enter()
	if n&1 == 1 {
		runtime.Goexit()
	}
	exited.leave(begin)
	return n
}

//go:noinline
func Word(id int, name string, ok bool, ratio float64, list []byte) (string, int) {
	begin := worded.enter()
	name = strings.ToUpper(name)
	worded.leave(begin)
	return name, id + len(list)
}

// Wait is where many are at a time.
//
//go:noinline
func Wait(n int, name string, gate chan int) int {
	begin := waited.enter()
	n += <-gate + len(name)
	waited.leave(begin)
	return n
}

//go:noinline
func Handle(w http.ResponseWriter, r *http.Request) {
	begin := slept.enter()
	time.Sleep(5 * time.Millisecond)
	fmt.Fprintln(w, r.URL.Path)
	slept.leave(begin)
}

var lowest uintptr

//go:noinline
func nothing() {}

// Touch has a frame, calls what has none, and says where it is.
//
//go:noinline
func Touch(n int) int {
	var word [2]uintptr
	word[n&1] = 1
	nothing()
	lowest = uintptr(unsafe.Pointer(&word))
	return int(word[0])
}

const painted = 3 << 10

// paint fills what is below its caller's frame.
//
//go:noinline
func paint() byte {
	var room [painted]byte
	for i := range room {
		room[i] = 0xa5
	}
	nothing()
	return room[lowest%painted]
}

// changed says how far below Touch something was written.
//
//go:nosplit
//go:noinline
func changed() uintptr {
	at := lowest
	for i := uintptr(painted - 512); i > 0; i -= 8 {
		if *(*uint64)(unsafe.Pointer(at - i)) != 0xa5a5a5a5a5a5a5a5 {
			return i
		}
	}
	return 0
}

// touch finds out how much of a goroutine's stack a call of Touch needs, with what
// is done at its entry and return.
func touch(n int) {
	paint()
	for i := 0; i < n; i++ {
		paint()
		Touch(i)
		touched.Calls++
		if c := int64(changed()); c > touched.Outer {
			touched.Outer = c
		}
	}
}

func grow(n int) {
	for i := 0; i < n; i++ {
		done := make(chan int)
		go func() {
			before := time.Now()
			r := Grow(150)
			grown.around(before)
			done <- r
		}()
		<-done
	}
}

func move(n int) {
	var all sync.WaitGroup
	for k := 0; k < 8; k++ {
		all.Add(1)
		in, out := make(chan int, 1), make(chan int, 1)
		go func() {
			for i := 0; i < n; i++ {
				before := time.Now()
				Move(i, in, out)
				moved.around(before)
			}
			all.Done()
		}()
		go func() {
			for i := 0; i < n; i++ {
				in <- <-out
			}
		}()
	}
	all.Wait()
}

func fib(n int) {
	for i := 0; i < n; i++ {
		before := time.Now()
		Fib(15)
		fibbed.around(before)
	}
}

func panics(n int) {
	for i := 0; i < n; i++ {
		before := time.Now()
		Guard(i)
		guarded.around(before)
	}
}

func exit(n int) {
	for i := 0; i < n; i++ {
		done := make(chan bool)
		go func() {
			defer close(done)
			before := time.Now()
			Exit(i)
			exited.around(before)
		}()
		<-done
	}
}

func word(n int) {
	list := make([]byte, 5, 9)
	for i := 0; i < n; i++ {
		before := time.Now()
		Word(i, "names of all lengths"[:4+i%8], i%2 == 0, 0.5, list)
		worded.around(before)
	}
}

func wait(n int) {
	var all sync.WaitGroup
	gate := make(chan int)
	for i := 0; i < n; i++ {
		all.Add(1)
		go func(i int) {
			Wait(i, fmt.Sprint("goroutine ", i), gate)
			all.Done()
		}(i)
	}
	for atomic.LoadInt64(&waited.Calls)-waited.Returned < int64(n) {
		time.Sleep(time.Millisecond)
	}
	for i := 0; i < n; i++ {
		gate <- 1
	}
	all.Wait()
}

var address string

func request(n int) {
	for i := 0; i < n; i++ {
		r, err := http.Get(fmt.Sprint("http://", address, "/page/", i))
		if err != nil {
			panic(err)
		}
		r.Body.Close()
	}
}

// timed is what the server calls, so that the time around a call is known.
func timed(w http.ResponseWriter, r *http.Request) {
	before := time.Now()
	Handle(w, r)
	slept.around(before)
}

func main() {
	runtime.GOMAXPROCS(4)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	address = listener.Addr().String()
	go http.Serve(listener, http.HandlerFunc(timed))
	loads := map[string]func(int){"grow": grow, "move": move, "fib": fib,
		"panic": panics, "exit": exit, "word": word, "request": request,
		"touch": touch, "wait": wait}
	if len(os.Args) > 1 && os.Args[1] == "-p" {
		pprof.StartCPUProfile(io.Discard)
	}
	fmt.Println("ready", address)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var name string
		var n int
		fmt.Sscan(in.Text(), &name, &n)
		if loads[name] == nil {
			break
		}
		loads[name](n)
		text, _ := json.Marshal(map[string]*figure{"Grow": &grown,
			"Move": &moved, "Fib": &fibbed, "Risk": &risked,
			"Guard": &guarded, "Exit": &exited, "Word": &worded,
			"Handle": &slept, "Touch": &touched,
			"Wait": &waited})
		fmt.Println(string(text))
	}
}
