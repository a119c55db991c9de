#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# storm.py - a probe at every function of libsqlite3 in a live sqlite3
# limit: 240
"""The sqlite3 shell runs a mixed workload bare, with a counter at the entry of
every function of its library, and after detach: what it prints is the same."""
import collections
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
from tl import (SCALE, Session, Skip, case, check, check_clean, check_eq, main,
                note, start, tempdir, wait_for)

ROUNDS = 8 * SCALE
WORK = """
create table item(id integer primary key, name text unique, price real,
    kind int, data blob);
create index by_kind on item(kind, price);
create table log(id integer primary key autoincrement, what text);
create trigger note after update on item begin
    insert into log(what) values(old.name || ':' || new.price); end;
with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000)
    insert into item select i, printf('item-%04d', i), i * 37 % 101 / 3.0,
    i % 17, zeroblob(i % 13) from n;
update item set price = price * 1.1 where kind in (1, 3, 5);
begin; delete from item where id % 5 = 0;
select count(*), sum(price), avg(kind) from item; rollback;
select kind, count(*), round(sum(price), 3), max(name) from item group by kind
    having count(*) > 2 order by 3 desc;
select count(*) from item a join item b on a.kind = b.kind and a.id < b.id;
select name, rank() over (partition by kind order by price, id) from item
    order by id limit 300;
select json_group_array(json_object('n', name, 'p', price)) from item
    where id < 100;
insert into item select * from item where id = 3;
select * from nowhere;
select count(*), max(what) from log;
select substr(name, 3, 4), length(data), hex(data), typeof(price),
    name glob 'item-0?5*' from item order by price, id limit 200;
vacuum; pragma integrity_check;
drop table log; drop table item;
"""


class Shell:
    """A sqlite3 that reads from us and writes its results into files."""

    def __init__(self):
        if not shutil.which("sqlite3"):
            raise Skip("sqlite3 is not installed")
        self.dir = tempdir()
        self.n = 0
        self.p = start(["sqlite3", ":memory:"], stdin=subprocess.PIPE,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       text=True)
        self.work()  # all of it is loaded and bound

    def work(self):
        """What the workload prints."""
        self.n += 1
        out = os.path.join(self.dir, f"out{self.n}")
        end = os.path.join(self.dir, f"end{self.n}")
        self.p.stdin.write(f".output {out}\n{WORK * ROUNDS}\n"
                           f".output {end}\nselect 'end';\n.output stdout\n")
        self.p.stdin.flush()
        wait_for(lambda: os.path.exists(end) and
                 open(end, encoding="utf-8").read() == "end\n", 120,
                 "the end of the workload")
        with open(out, encoding="utf-8") as f:
            return f.read()

    def quit(self):
        self.p.stdin.close()
        check_eq(self.p.wait(20), 1, "exit status: some statements fail")


@case
def every_function_counted_and_the_results_are_the_same():
    shell = Shell()
    bare = shell.work()
    check(bare.count("\n") > 500 * ROUNDS, "much output")
    s = Session("count", shell.p.pid, "libsqlite3:*")
    check(shell.work() == bare, "results with probes differ")
    check(shell.work() == bare, "results with probes differ, again")
    said = s.errors()
    rows = s.stop()
    check_clean(shell.p.pid)
    check(shell.work() == bare, "results after detach differ")
    shell.quit()

    reasons = collections.Counter(
        re.findall(r"(?:not armed|cannot probe)[^:]*: [^:]*: ([^(\n]+)", said))
    note(f"functions counted: {len(rows)}")
    note(f"their hits: {sum(r['hits'] for r in rows)}")
    for reason, n in reasons.most_common():
        note(f"not armed: {n}, {reason.strip()}")
    hit = {r["probe"]: r["hits"] for r in rows}
    check(len(rows) > 800, f"only {len(rows)} functions armed")
    check(sum(hit.values()) > 100000, "hits")
    check(all(r["missed"] == 0 for r in rows), "missed")


if __name__ == "__main__":
    main()
