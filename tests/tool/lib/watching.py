# SPDX-License-Identifier: MIT
"""watching.py - what the tests of `trapline watch` share"""
import json
import os
import re

import tl


class Watch(tl.Session):
    """A watch that has begun; its rows go to a file, which takes any number at once."""

    usual = ()     # options
    exact = False  # is every value to be known?

    def __init__(self, pid, *what, options=None, **kw):
        d = tl.tempdir()
        if "user" in kw:
            os.chown(d, kw["user"], kw["group"])
        self.file = os.path.join(d, "rows")
        options = self.usual if options is None else options
        super().__init__("watch", pid, *what,
                         options=(*options, "-o", self.file), **kw)

    def rows(self):
        with open(self.file, encoding="utf-8") as f:
            return [json.loads(x) for x in f]

    def stop(self):
        super().stop()
        *rows, last = self.rows()
        self.summary = last["summary"]
        tl.check_eq(self.summary["lost"], 0, "lost")
        tl.check_eq(self.summary["events"], len(rows), "events")
        if self.exact:
            tl.check_eq(self.summary["inexact"], 0, "inexact")
        return rows


def refused(pid, status, text, *what):
    """A watch of @what ends with @status, and one line that has @text."""
    r = tl.trapline("watch", "-p", pid, *what)
    tl.check_eq(r.returncode, status, f"status of {what}")
    tl.check(re.search(text, r.stderr), f"{what}: {r.stderr}")
    tl.check_eq(r.stdout, "", "standard output")
    tl.check_eq(r.stderr.count("\n"), 1, "lines")
