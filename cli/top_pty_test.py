#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`ringside top` in a pseudo terminal, against a platform that is played. usage: top_pty_test.py RINGSIDE TESTDATA

Looks at the bytes as a terminal would: Screen keeps what stands where.
"""
import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import sys
import tempfile
import termios
import threading
import time
import unittest

RINGSIDE = TESTDATA = None
SLACK_S = 20


class Platform:
    """The admin socket: answers STATUS with what `status` holds at that moment, and remembers orders."""

    def __init__(self, path):
        self.path, self.orders, self.asked = path, [], 0
        with open(os.path.join(TESTDATA, "status.json")) as f:
            self.status = json.load(f)
        self.listener = None
        self.up()

    def up(self):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path)
        self.listener.listen(8)
        self.thread = threading.Thread(target=self.serve, args=(self.listener,), daemon=True)
        self.thread.start()

    def down(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        os.unlink(self.path)

    def serve(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                request = connection.recv(4096)
                if len(request) != 272:
                    continue
                kind, = struct.unpack_from("=I", request, 16)
                text = request[32:].split(b"\0")[0].decode()
                if kind == 1:
                    self.asked += 1
                    self.status["engine"]["questions"]["asked"] += 100
                    answer = json.dumps(self.status)
                else:
                    self.orders.append(text)
                    answer = "{}"
                self.send(connection, struct.pack("=IHHQiI", 24 + len(answer), 10, 0, 1, 0, 0) + answer.encode())


    @staticmethod
    def send(connection, message):
        try:
            connection.send(message)
        except BrokenPipeError:
            pass  # it asked something else in the meantime, or ended


class Screen:
    """As much of a vt100 as ncurses uses of TERM=vt100 and xterm."""

    def __init__(self, columns, rows):
        self.bytes = 0
        self.resize(columns, rows)

    def resize(self, columns, rows):
        self.columns, self.rows, self.x, self.y, self.rest = columns, rows, 0, 0, ""
        self.cells = [[" "] * columns for _ in range(rows)]
        self.top, self.bottom = 0, rows - 1  # of what scrolls

    def feed(self, data):
        self.bytes += len(data)
        text = self.rest + data.decode("utf-8", "replace")
        self.rest = ""
        while text:
            match = re.match(r"\x1b\[([?>]?)([\d;]*)([a-zA-Z@`])|\x1b[()][A-B0]|\x1b[=>78M]|\x1b\]", text)
            if match and match.group(3):
                self.control(match.group(3), [int(n or 0) for n in match.group(2).split(";")])
                text = text[match.end():]
            elif match:
                if match.group() == "\x1bM":
                    self.back()
                text = text[match.end():]
            elif text[0] == "\x1b":
                if len(text) < 16:
                    self.rest = text
                    return
                raise AssertionError("not known to the test: %r" % text[:16])
            else:
                self.put(text[0])
                text = text[1:]

    def forth(self):
        if self.y == self.bottom:
            self.cells[self.top:self.bottom + 1] = self.cells[self.top + 1:self.bottom + 1] + [[" "] * self.columns]
        else:
            self.y = min(self.y + 1, self.rows - 1)

    def back(self):
        if self.y == self.top:
            self.cells[self.top:self.bottom + 1] = [[" "] * self.columns] + self.cells[self.top:self.bottom]
        else:
            self.y = max(self.y - 1, 0)

    def put(self, c):
        if c == "\r":
            self.x = 0
        elif c == "\n":
            self.forth()
        elif c == "\b":
            self.x = max(self.x - 1, 0)
        elif c >= " ":
            if self.x >= self.columns:  # the last column was written: what comes now begins the next line
                self.x = 0
                self.forth()
            self.cells[self.y][self.x] = c
            self.x += 1

    def control(self, kind, numbers):
        n = max(numbers[0], 1)
        self.x = min(self.x, self.columns - 1)
        if kind in "Hf":
            self.y, self.x = n - 1, max(numbers[1], 1) - 1 if len(numbers) > 1 else 0
        elif kind == "J":
            self.cells = [[" "] * self.columns for _ in range(self.rows)] if numbers[0] == 2 else \
                [row if y < self.y else (row[:self.x] + [" "] * (self.columns - self.x) if y == self.y
                                         else [" "] * self.columns) for y, row in enumerate(self.cells)]
        elif kind == "K":
            row = self.cells[self.y]
            span = range(self.x + 1) if numbers[0] == 1 else range(self.x, self.columns)
            for x in span:
                row[x] = " "
        elif kind in "ABCD":
            self.y += {"A": -n, "B": n}.get(kind, 0)
            self.x += {"C": n, "D": -n}.get(kind, 0)
        elif kind == "r":
            self.top, self.bottom = (n - 1, numbers[1] - 1) if len(numbers) > 1 else (0, self.rows - 1)
            self.x = self.y = 0
        elif kind == "d":
            self.y = n - 1
        elif kind in "G`":
            self.x = n - 1
        elif kind == "P":
            row = self.cells[self.y]
            self.cells[self.y] = row[:self.x] + row[self.x + n:] + [" "] * min(n, self.columns - self.x)
        elif kind == "X":
            for x in range(self.x, min(self.x + n, self.columns)):
                self.cells[self.y][x] = " "
        elif kind == "@":
            row = self.cells[self.y]
            self.cells[self.y] = (row[:self.x] + [" "] * n + row[self.x:])[:self.columns]
        elif kind in "LM":
            gap = [[" "] * self.columns for _ in range(n)]
            if kind == "L":
                self.cells[self.y:] = (gap + self.cells[self.y:])[:self.rows - self.y]
            else:
                self.cells[self.y:] = self.cells[self.y + n:] + gap

    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.cells)


class Case(unittest.TestCase):
    term, options, environment = "xterm", (), {}

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="ringside-top-")
        self.addCleanup(self.folder.cleanup)
        self.platform = Platform(os.path.join(self.folder.name, "control.sock"))
        self.pid, self.fd, self.code = 0, -1, None
        self.addCleanup(self.end)

    def start(self, columns=80, rows=24):
        self.screen = Screen(columns, rows)
        pid, fd = pty.fork()
        if pid == 0:
            env = {k: v for k, v in os.environ.items() if not k.startswith("LC_") and k not in ("LANG", "NO_COLOR")}
            env.update(TERM=self.term, RINGSIDE_SOCKET=self.platform.path, LANG="C.UTF-8", TZ="UTC")
            env.update(self.environment)
            try:
                time.sleep(0.05)  # for the size
                os.execve(RINGSIDE, ["ringside", "top", "--interval", "0.2", *self.options], env)
            finally:
                os._exit(99)
        self.pid, self.fd = pid, fd
        self.size(columns, rows)

    def size(self, columns, rows):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        """What came within this time; False at its end."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.screen.feed(data)
        return bool(data)

    def wait(self, what, condition=None):
        until = time.monotonic() + SLACK_S
        condition = condition or (lambda: what in self.screen.text())
        while not condition():
            if not self.read(0.05) or time.monotonic() > until:
                self.fail("%s did not come; the screen:\n%s" % (what, self.screen.text()))

    def press(self, keys):
        os.write(self.fd, keys.encode())

    def wait_end(self):
        until = time.monotonic() + SLACK_S
        while self.read(0.05):
            if time.monotonic() > until:
                self.fail("it does not end; the screen:\n" + self.screen.text())
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def end(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        if self.fd >= 0:
            os.close(self.fd)
        if self.platform.listener.fileno() >= 0:
            self.platform.down()


class Looking(Case):
    def test_table_and_end(self):
        self.start()
        self.wait("reputation")
        self.wait("Questions  ")
        self.wait("a rate", lambda: re.search(r"Questions  \d+/s asked", self.screen.text()))
        self.assertTrue(self.screen.text().split("\n")[23].startswith("q end"))
        self.press("q")
        self.assertEqual(self.wait_end(), 0)

    def test_interrupted(self):
        self.start()
        self.wait("reputation")
        os.kill(self.pid, signal.SIGINT)
        self.assertEqual(self.wait_end(), 0)

    def test_help_and_details(self):
        self.start()
        self.wait("reputation")
        self.press("h")
        self.wait("bench the selected agent")
        self.press("\x1b")
        self.wait("AGENT ")
        self.press("\x1bOB")
        self.press("j")
        self.press("\r")
        self.wait("Now: ")
        self.press("\x1b")
        self.wait("AGENT ")

    def test_pause(self):
        self.start()
        self.wait("reputation")
        self.press(" ")
        self.wait("PAUSED")
        time.sleep(0.3)  # the question under way
        asked = self.platform.asked
        time.sleep(0.7)
        self.assertLessEqual(self.platform.asked, asked + 1)
        self.press(" ")
        self.wait("it goes on", lambda: self.platform.asked > asked + 1)

    def test_resize(self):
        self.start()
        self.wait("reputation")
        for columns, rows in ((120, 40), (40, 10), (200, 60), (20, 5), (80, 24)):
            self.screen.resize(columns, rows)
            self.size(columns, rows)
            self.wait("the last line", lambda: self.screen.text().split("\n")[-1].startswith("q end"))
        self.wait("observer")

    def test_slow_line(self):
        """Of a picture in which little changes little is sent."""
        self.start()
        self.wait("reputation")
        self.wait("a rate", lambda: re.search(r"Questions  \d+/s asked", self.screen.text()))
        asked, sent = self.platform.asked, self.screen.bytes
        self.wait("ten more looks", lambda: self.platform.asked >= asked + 10)
        self.assertLess((self.screen.bytes - sent) / 10, 400)

    def test_hang_up(self):
        self.start()
        self.wait("reputation")
        os.close(self.fd)
        self.fd = -1
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        self.assertTrue(os.WIFEXITED(status) or os.WTERMSIG(status) == signal.SIGHUP)


class Plain(Case):
    environment = {"LANG": "C", "NO_COLOR": "1"}
    term = "vt100"

    def test_ascii(self):
        name = "\u4e2d\u6587-\x1b[2J" + "x" * 4096
        self.platform.status["engine"]["agents"][0]["name"] = name
        self.start()
        self.wait("????-\\x")
        self.assertNotIn("\ufffd", self.screen.text())
        self.press("i")
        self.wait("Now: ")
        self.press("q")
        self.assertEqual(self.wait_end(), 0)


class Unknown(Case):
    term = "no-such-terminal"

    def test_terminal(self):
        self.start()
        self.assertEqual(self.wait_end(), 2)
        self.assertIn("--batch", self.screen.text())


class Steering(Case):
    def test_bench(self):
        self.start()
        self.wait("reputation")
        self.press("nb")
        self.wait("Bench observer? y: yes")
        self.press("n")
        self.wait("Nothing was changed")
        self.press("jb")
        self.wait("Bench reputation? y: yes")
        self.press("y")
        self.wait("reputation benched: it is asked no more")
        self.assertEqual(self.platform.orders, ["bench reputation\nby hand, in ringside top"])
        self.press("uy")
        self.wait("reputation unbenched")

    def test_platform_goes_and_comes(self):
        self.start()
        self.wait("reputation")
        self.platform.down()
        self.wait("the platform is not running")
        self.assertIn("reputation", self.screen.text())  # as it was
        self.press("b")
        self.wait("y: yes")
        self.press("y")
        self.wait("Not done: ")
        self.platform.status["engine"]["generation"] += 1
        self.platform.status["engine"]["questions"]["asked"] = 0
        self.platform.up()
        self.wait("it is back", lambda: "not running" not in self.screen.text().replace("Not done", "")[:400])
        self.wait("a rate", lambda: re.search(r"Questions  \d+/s asked", self.screen.text()))
        self.press("q")
        self.assertEqual(self.wait_end(), 0)

    def test_not_running(self):
        self.platform.down()
        self.start()
        self.assertEqual(self.wait_end(), 3)
        self.assertIn("the platform is not running", " ".join(self.screen.text().split()))

    def test_silent_platform(self):
        """One that takes the question and does not answer: keys are heard."""
        self.start()
        self.wait("reputation")
        self.platform.down()
        silent = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(silent.close)
        silent.bind(self.platform.path)
        silent.listen(8)
        self.wait("as it was ")
        self.press("h")
        self.wait("bench the selected agent")
        self.press("q")
        self.assertEqual(self.wait_end(), 0)


if __name__ == "__main__":
    TESTDATA = sys.argv.pop(2)
    RINGSIDE = sys.argv.pop(1)
    unittest.main()
