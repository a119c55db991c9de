// SPDX-License-Identifier: MIT

// goserver.go - a TCP server in Go that is its own, self-checking load
//
// Clients in the same process send `NAME A B` over loopback connections; the
// server calls the function of that name, counts the call, and answers with its
// result, which the client compares with a second computation of its own.  The
// functions use what is particular to Go: growing stacks, defer and recover,
// closures, maps, channels, allocation under a running collector.
//
// It obeys the same words on standard input as the other targets (README.md).
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"math"
	"math/bits"
	"net"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

//go:noinline
func reqAdd(a, b uint64) uint64 { return a + b }

//go:noinline
func reqMix(a, b uint64) uint64 { return bits.RotateLeft64(a^b, 13) * 0x9e3779b97f4a7c15 }

//go:noinline
func reqBranch(a, b uint64) uint64 {
	if a > b {
		return a - b
	}
	return b - a + 1
}

//go:noinline
func reqLoop(a, b uint64) uint64 {
	for i := uint64(0); i < b%32; i++ {
		a = a*33 + i
	}
	return a
}

//go:noinline
func reqFib(a, b uint64) uint64 {
	if a%16 < 2 {
		return a % 16
	}
	return reqFib(a%16-1, b) + reqFib(a%16-2, b)
}

// Grows its stack, again and again in new goroutines.
//
//go:noinline
func reqDeep(a, b uint64) uint64 {
	var room [256]byte
	room[a%256] = byte(b)
	if a%200 == 0 {
		return uint64(room[a%256]) & 0
	}
	return reqDeep(a%200-1, b) + 1
}

//go:noinline
func reqFloat(a, b uint64) uint64 {
	return math.Float64bits(math.Sqrt(float64(a>>12)) * float64(b>>12))
}

//go:noinline
func reqSwitch(a, b uint64) uint64 {
	switch a % 11 {
	case 0:
		return b
	case 1:
		return b + 1
	case 2:
		return b * 3
	case 3:
		return ^b
	case 4:
		return b >> 4
	case 5:
		return b << 4
	case 6:
		return b ^ 99
	case 7:
		return b - a
	case 8:
		return 1
	}
	return a
}

//go:noinline
func reqString(a, b uint64) uint64 {
	s := strconv.FormatUint(a, 16) + ":" + strconv.FormatUint(b, 36)
	return uint64(len(strings.ToUpper(s)))*1000 + uint64(strings.IndexByte(s, ':'))
}

//go:noinline
func reqMap(a, b uint64) uint64 {
	m := make(map[uint64]uint64)
	for i := uint64(0); i < 20; i++ {
		m[(a+i*i)%31] += b % 100
	}
	return uint64(len(m)) + m[a%31]
}

//go:noinline
func reqSort(a, b uint64) uint64 {
	v := make([]int, 16)
	for i := range v {
		v[i] = int((a >> uint(i)) ^ b&0xff)
	}
	sort.Ints(v)
	return uint64(v[0]) ^ uint64(v[15])
}

//go:noinline
func reqDefer(a, b uint64) (r uint64) {
	defer func() { r += b }()
	r = a
	return r * 2
}

//go:noinline
func reqPanic(a, b uint64) (r uint64) {
	defer func() {
		if v := recover(); v != nil {
			r = v.(uint64) + 1
		}
	}()
	if a&1 == 1 {
		panic(b)
	}
	return a
}

//go:noinline
func reqClosure(a, b uint64) uint64 {
	sum := a
	add := func(n uint64) { sum += n * b }
	for i := uint64(0); i < 4; i++ {
		add(i)
	}
	return sum
}

//go:noinline
func reqChannel(a, b uint64) uint64 {
	c := make(chan uint64, 1)
	go func() { c <- a ^ b }()
	return <-c + 1
}

//go:noinline
func reqGoroutines(a, b uint64) uint64 {
	var wg sync.WaitGroup
	var sum uint64
	for i := uint64(0); i < 4; i++ {
		wg.Add(1)
		go func(n uint64) {
			atomic.AddUint64(&sum, reqDeep(100+n, b))
			wg.Done()
		}(i)
	}
	wg.Wait()
	return sum + a%7
}

//go:noinline
func reqAlloc(a, b uint64) uint64 {
	p := make([]byte, 512+a%4096)
	p[len(p)-1] = byte(b)
	return uint64(len(p)) + uint64(p[len(p)-1])
}

//go:noinline
func reqHash(a, b uint64) uint64 {
	var in [16]byte
	binary.LittleEndian.PutUint64(in[:], a)
	binary.LittleEndian.PutUint64(in[8:], b)
	sum := sha256.Sum256(in[:])
	return binary.LittleEndian.Uint64(sum[:])
}

//go:noinline
func reqCrc(a, b uint64) uint64 {
	var in [8]byte
	binary.LittleEndian.PutUint64(in[:], a^b)
	return uint64(crc32.ChecksumIEEE(in[:]))
}

type shape interface{ area(n uint64) uint64 }
type square struct{ side uint64 }
type circle struct{ radius uint64 }

//go:noinline
func (s square) area(n uint64) uint64 { return s.side * s.side * n }

//go:noinline
func (c circle) area(n uint64) uint64 { return 3 * c.radius * c.radius * n }

//go:noinline
func reqInterface(a, b uint64) uint64 {
	var s shape = square{a % 100}
	if b&1 == 1 {
		s = circle{a % 100}
	}
	return s.area(b % 10)
}

var errOdd = errors.New("odd")

//go:noinline
func mayFail(a uint64) (uint64, error) {
	if a&1 == 1 {
		return 0, fmt.Errorf("mayFail: %w", errOdd)
	}
	return a / 2, nil
}

//go:noinline
func reqError(a, b uint64) uint64 {
	n, err := mayFail(a)
	if errors.Is(err, errOdd) {
		return b
	}
	return n
}

//go:noinline
func reqBytes(a, b uint64) uint64 {
	x := bytes.Repeat([]byte{byte(a)}, 40)
	x[20] = byte(b)
	return uint64(bytes.IndexByte(x, byte(b)))
}

//go:noinline
func reqMany(a, b uint64) uint64 { return tenArguments(a, b, a, b, 5, 6, 7, 8, a, b) }

//go:noinline
func tenArguments(a, b, c, d, e, f, g, h, i, j uint64) uint64 {
	return a + 2*b + 3*c + 4*d + 5*e + 6*f + 7*g + 8*h + 9*i + 10*j
}

type request struct {
	name  string
	call  func(a, b uint64) uint64
	calls uint64
}

var requests = []*request{
	{name: "reqAdd", call: reqAdd}, {name: "reqMix", call: reqMix},
	{name: "reqBranch", call: reqBranch}, {name: "reqLoop", call: reqLoop},
	{name: "reqFloat", call: reqFloat}, {name: "reqSwitch", call: reqSwitch},
	{name: "reqString", call: reqString}, {name: "reqMap", call: reqMap},
	{name: "reqSort", call: reqSort}, {name: "reqDefer", call: reqDefer},
	{name: "reqPanic", call: reqPanic}, {name: "reqClosure", call: reqClosure},
	{name: "reqChannel", call: reqChannel}, {name: "reqGoroutines", call: reqGoroutines},
	{name: "reqAlloc", call: reqAlloc}, {name: "reqHash", call: reqHash},
	{name: "reqCrc", call: reqCrc}, {name: "reqInterface", call: reqInterface},
	{name: "reqError", call: reqError}, {name: "reqBytes", call: reqBytes},
	{name: "reqMany", call: reqMany}, {name: "fibOf", call: fibOf},
	{name: "deepOf", call: deepOf},
}

// Figures are of functions that requests alone call: not the recursive ones.
//
//go:noinline
func fibOf(a, b uint64) uint64 { return reqFib(a%4, b) + 1 }

//go:noinline
func deepOf(a, b uint64) uint64 { return reqDeep(a%50, b) + 1 }

var byName = make(map[string]*request)
var answers sync.Map // name, a, b: what it must be, found before any probe
var wrongs uint64

func wrong(what string, got, want uint64) {
	if atomic.AddUint64(&wrongs, 1) <= 20 {
		fmt.Printf("wrong %s: got 0x%x, want 0x%x\n", what, got, want)
	}
}

func serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		word := strings.Fields(line)
		a, _ := strconv.ParseUint(word[1], 10, 64)
		b, _ := strconv.ParseUint(word[2], 10, 64)
		r := byName[word[0]]
		atomic.AddUint64(&r.calls, 1)
		fmt.Fprintf(conn, "%d\n", r.call(a, b))
	}
}

// argument gives the arguments of the nth request of a kind: few, so that every
// answer can be known from before.
const nrArguments = 64

func argument(n uint64) (uint64, uint64) {
	x := (n%nrArguments + 1) * 0x9e3779b97f4a7c15
	return x ^ x>>31, x*0xbf58476d1ce4e5b9 ^ x>>27
}

// rounds is held for reading during a round, and for writing while paused.
var rounds sync.RWMutex
var paused struct {
	sync.Mutex
	yes bool
}
var stopping int32

func pause(want bool) {
	paused.Lock()
	defer paused.Unlock()
	if want && !paused.yes {
		rounds.Lock()
	} else if !want && paused.yes {
		rounds.Unlock()
	}
	paused.yes = want
}

func client(address string, seed uint64, done *sync.WaitGroup) {
	defer done.Done()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		wrong("dial", 0, 1)
		return
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for n := seed; atomic.LoadInt32(&stopping) == 0; n++ {
		rounds.RLock()
		for _, r := range requests {
			a, b := argument(n)
			fmt.Fprintf(conn, "%s %d %d\n", r.name, a, b)
			line, err := in.ReadString('\n')
			got, err2 := strconv.ParseUint(strings.TrimSpace(line), 10, 64)
			if err != nil || err2 != nil {
				wrong("connection", 0, 1)
				rounds.RUnlock()
				return
			}
			want, _ := answers.Load(fmt.Sprint(r.name, n%nrArguments))
			if got != want.(uint64) {
				wrong(r.name, got, want.(uint64))
			}
		}
		rounds.RUnlock()
		if *rate > 0 {
			time.Sleep(time.Second / time.Duration(*rate))
		}
	}
}

func figures() {
	for _, r := range requests {
		fmt.Println(r.name, atomic.LoadUint64(&r.calls))
	}
	fmt.Println("wrong", atomic.LoadUint64(&wrongs))
}

func obey(quit chan bool) {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		switch in.Text() {
		case "pause":
			pause(true)
			figures()
			fmt.Println("paused")
		case "resume":
			pause(false)
			fmt.Println("running")
		case "stats":
			figures()
			fmt.Println("running")
		case "quit":
			quit <- true
			return
		}
	}
}

var clients = flag.Int("t", 4, "clients")
var rate = flag.Int("r", 0, "rounds a second for each client, 0: all it can")
var seconds = flag.Int("s", 60, "seconds to run")

func main() {
	flag.Parse()
	for _, r := range requests {
		byName[r.name] = r
		for n := uint64(0); n < nrArguments; n++ {
			a, b := argument(n)
			answers.Store(fmt.Sprint(r.name, n), r.call(a, b))
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()

	var done sync.WaitGroup
	for i := 0; i < *clients; i++ {
		done.Add(1)
		go client(listener.Addr().String(), uint64(i)*17, &done)
	}
	quit := make(chan bool, 1)
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	fmt.Println("ready", os.Getpid())
	go obey(quit)
	select {
	case <-quit:
	case <-term:
	case <-time.After(time.Duration(*seconds) * time.Second):
	}
	atomic.StoreInt32(&stopping, 1)
	pause(false)
	done.Wait()
	figures()
	if wrongs != 0 {
		fmt.Println("verdict wrong")
		os.Exit(1)
	}
	fmt.Println("verdict ok")
}
