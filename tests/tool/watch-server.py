#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 120
"""watch-server.py - `trapline watch` on a server with debug information

Debian has no debug information for its redis-server (redis itself is in watch.py, by
symbol and address).  So a small one of our own, with a thread for each connection, is
watched by members of its structures while clients are at it: by registers and by
page protection.
"""
import json
import os
import re
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402
from tl import case, check, check_eq  # noqa: E402

SERVER = r"""
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct statistics { unsigned long requests, stored; long bytes; int clients; };
struct server {
	int port;
	struct statistics stat;
	struct { char key[16]; char value[40]; } slot[8];
} server;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void count_request(long bytes)
{
	__atomic_fetch_add(&server.stat.requests, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&server.stat.bytes, bytes, __ATOMIC_SEQ_CST);
}

static void store(unsigned int slot, const char *value)
{
	pthread_mutex_lock(&lock);
	strncpy(server.slot[slot % 8].value, value, 39);
	server.stat.stored++;
	pthread_mutex_unlock(&lock);
}

static void answer(int fd, char *line)
{
	char out[64] = "+OK\n";
	unsigned int n;

	if (sscanf(line, "SET %u", &n) == 1)
		store(n, strrchr(line, ' ') + 1);
	else if (sscanf(line, "GET %u", &n) == 1)
		snprintf(out, sizeof(out), "%s\n", server.slot[n % 8].value);
	if (write(fd, out, strlen(out)) < 0)
		perror("write");
}

static void *serve(void *arg)
{
	int fd = (int)(long)arg;
	FILE *in = fdopen(fd, "r");
	char line[128];

	__atomic_fetch_add(&server.stat.clients, 1, __ATOMIC_SEQ_CST);
	while (fgets(line, sizeof(line), in)) {
		count_request((long)strlen(line));
		line[strcspn(line, "\n")] = 0;
		answer(fd, line);
	}
	__atomic_fetch_sub(&server.stat.clients, 1, __ATOMIC_SEQ_CST);
	fclose(in);
	return NULL;
}

int main(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int s = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(s, (struct sockaddr *)&a, len) || listen(s, 16) ||
	    getsockname(s, (struct sockaddr *)&a, &len))
		return 1;
	server.port = ntohs(a.sin_port);
	printf("%d\n", server.port);
	fflush(stdout);
	for (;;) {
		int fd = accept(s, NULL, NULL);
		pthread_t t;

		if (fd < 0 || pthread_create(&t, NULL, serve, (void *)(long)fd))
			return 1;
		pthread_detach(t);
	}
}
"""
CLIENTS, REQUESTS = 4, 60
wrong = []


def client(port, number):
    """Sets and gets its own slot; what it gets is what it has set."""
    with socket.create_connection(("127.0.0.1", port), 30) as s:
        f = s.makefile("rw")
        for i in range(REQUESTS // 2):
            f.write(f"SET {number} v{i}\nGET {number}\n")
            f.flush()
            if [f.readline(), f.readline()] != ["+OK\n", f"v{i}\n"]:
                wrong.append((number, i))


class Watch(tl.Session):
    def __init__(self, pid, *what, options=()):
        self.file = os.path.join(tl.tempdir(), "rows")
        super().__init__("watch", pid, *what,
                         options=(*options, "-o", self.file))

    def stop(self):
        super().stop()
        with open(self.file, encoding="utf-8") as f:
            *rows, last = [json.loads(x) for x in f]
        check_eq((last["summary"]["lost"], last["summary"]["inexact"]),
                 (0, 0), "lost and inexact")
        return rows


def serve_and_watch(options):
    d = tl.tempdir()
    tl.compile_to(d + "/server", SERVER, "-g", "-pthread", "-fno-inline")
    p = tl.start([d + "/server"], stdout=tl.subprocess.PIPE, text=True)
    port = int(p.stdout.readline())
    # The first thread makes the C library take a signal.
    socket.create_connection(("127.0.0.1", port), 30).close()
    tl.wait_for(lambda: "0000000100000000" in
                tl.footprint(p.pid)["signals"][2] or
                len(tl.threads(p.pid)) > 1, 10, "a thread")
    tl.wait_for(lambda: len(tl.threads(p.pid)) == 1, 10, "and its end")
    before = tl.footprint(p.pid)
    s = Watch(p.pid, "server.stat.requests", "server.stat.stored",
              "server.stat.bytes", "server.stat.clients", options=options)
    threads = [threading.Thread(target=client, args=(port, i))
               for i in range(CLIENTS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    tl.wait_for(lambda: len(tl.threads(p.pid)) == 1, 20, "all are gone")
    rows = s.stop()
    check_eq(wrong, [], "wrong answers")
    total = CLIENTS * REQUESTS
    by = {}
    for r in rows:
        by.setdefault(r["variable"].split(".")[-1], []).append(r)
    for name, n, writer in (("requests", total, "count_request"),
                            ("stored", total // 2, "store"),
                            ("bytes", total, "count_request"),
                            ("clients", 2 * CLIENTS, "serve")):
        mine = by[name]
        check_eq(len(mine), n, f"changes of {name}")
        check_eq(mine[0]["old"], 0, f"{name} at first")
        for a, b in zip(mine, mine[1:]):
            check_eq(b["old"], a["new"], f"chain of {name}")
        check_eq({re.split(r"\+", r["symbol"])[0] for r in mine}, {writer},
                 f"writers of {name}")
    check_eq(by["requests"][-1]["new"], total, "requests")
    check_eq(by["stored"][-1]["new"], total // 2, "stored")
    check_eq(by["clients"][-1]["new"], 0, "clients")
    check_eq(len({r["tid"] for r in by["requests"]}), CLIENTS, "threads")
    if not os.geteuid():  # who may look at its files
        tl.check_clean(p.pid, before)


@case
def members_of_a_busy_server_by_registers():
    serve_and_watch(())


@case
def members_of_a_busy_server_by_page_protection():
    serve_and_watch(("--pages",))


if __name__ == "__main__":
    tl.main()
