#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Everything that tests/escape tries, as an agent in its jail and as root outside. usage: escape_test.py BUILD"""
import ctypes
import os
import shutil
import socket
import stat
import subprocess
import sys
import unittest

from platform_world import Platform, alive, enter_namespace, wait_for

BUILD = None
ESCAPE = "tests/escape/escape"
LEAST_ATTEMPTS, LEAST_OUTSIDE = 140, 120
SHM_KEY = 0x52530000 | os.getpid() & 0xffff
IPC_CREAT, IPC_RMID = 0o1000, 0


class World:
    """What an agent must not reach: it works for whoever is in no jail."""

    def __init__(self, platform):
        self.platform = platform
        self.name = "ringside-escape-%d" % os.getpid()
        self.folder = platform.path("outside")
        self.granted = platform.path("granted")
        self.secret = platform.path("secret")
        os.mkdir(self.folder, 0o700)
        os.mkdir(self.granted, 0o755)
        with open(self.secret, "w") as f:
            f.write("secret\n")
        os.chmod(self.secret, 0o600)
        with open(os.path.join(self.granted, "file"), "w") as f:
            f.write("granted\n")
        shutil.copy("/bin/true", os.path.join(self.granted, "program"))
        os.chmod(os.path.join(self.granted, "program"), 0o4755)
        os.mknod(os.path.join(self.granted, "device"), stat.S_IFCHR | 0o666, os.makedev(1, 5))
        os.chmod(os.path.join(self.granted, "device"), 0o666)
        self.sockets = [self.listen(socket.SOCK_STREAM, os.path.join(self.granted, "socket")),
                        self.listen(socket.SOCK_STREAM, "\0" + self.name),
                        self.listen(socket.SOCK_DGRAM, "\0" + self.name + "-datagram")]
        os.chmod(os.path.join(self.granted, "socket"), 0o777)
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.victim = subprocess.Popen(["sleep", "1000"])
        with open("/dev/shm/" + self.name, "w"):
            pass
        os.chmod("/dev/shm/" + self.name, 0o666)
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.shm = self.libc.shmget(SHM_KEY, 4096, IPC_CREAT | 0o666)

    def listen(self, kind, address):
        made = socket.socket(socket.AF_UNIX, kind)
        made.bind(address)
        if kind != socket.SOCK_DGRAM:
            made.listen(8)
        return made

    def arguments(self, other, folder):
        values = {"victim": self.victim.pid, "other": other, "secret": self.secret, "granted": self.granted,
                  "other_log": os.path.join(self.platform.run_dir, "agents/sleeper.log"), "abstract": self.name,
                  "control": os.path.join(self.platform.run_dir, "control.sock"), "folder": folder, "shm": self.name,
                  "shm_key": SHM_KEY, "port": self.tcp.getsockname()[1]}
        return ["%s=%s" % pair for pair in values.items()]

    def close(self):
        for made in self.sockets + [self.tcp]:
            made.close()
        self.victim.kill()
        self.victim.wait()
        os.unlink("/dev/shm/" + self.name)
        self.libc.shmctl(self.shm, IPC_RMID, None)


def results(text):
    """name → (outcome, held | out | unexpected)"""
    rows = [line.split() for line in text.splitlines()]
    return {row[0]: (row[1], row[2]) for row in rows if len(row) == 3 and row[0] != "tried"}


def show(found):
    for name, row in found.items():
        print("%s %s %s" % (name, *row), file=sys.stderr)
    counts = {word: sum(row[1] == word for row in found.values()) for word in ("held", "out", "unexpected")}
    print("%d tried: %s" % (len(found), counts), file=sys.stderr)


class Escape(unittest.TestCase):
    def setUp(self):
        self.platform = Platform(BUILD)
        self.addCleanup(self.platform.destroy)
        self.world = World(self.platform)
        self.addCleanup(self.world.close)
        self.program = self.platform.add_agent(os.path.join(BUILD, ESCAPE))

    def table(self):
        """name → whether it must succeed outside"""
        text = subprocess.run([self.program, "--table"], capture_output=True, text=True, check=True).stdout
        rows = [[cell.strip() for cell in line.split(" | ")] for line in text.splitlines()[2:]]
        return {row[0].strip("|` "): row[3].rstrip(" |") == "succeeds" for row in rows}

    def start(self, keys=""):
        sleeper = "{name: sleeper, program: /bin/sleep, args: ['1000'], events: [exec]}"
        self.platform.write_config(agents=[sleeper])
        self.platform.start()
        wait_for("the other agent", 10, lambda: self.platform.agent("sleeper")["pid"])
        arguments = ["agent"] + self.world.arguments(self.platform.agent("sleeper")["pid"], "/state")
        escape = ("{name: escape, program: %s, args: %s, events: [auth_open], reads: [%s], limits: {disk: 8 MB, "
                  "memory: 64 MB, descriptors: 64, pending: 32}%s}" % (self.program, arguments, self.world.granted, keys))
        self.platform.write_config(agents=[sleeper, escape])
        self.platform.signal(1)
        wait_for("it is live", 20, self.live)

    def live(self):
        try:
            agents = self.platform.status()["engine"].get("agents", [])
        except (OSError, EOFError):
            return False
        return {a["name"]: a["state"] for a in agents}.get("escape") == "live"

    def asked(self):
        """Opens until it is asked: it is live a moment before the kernel asks for it."""
        with open(os.path.join(self.platform.scope, "question"), "rb"):
            pass
        return self.output()

    def ask(self):
        shutil.copy("/bin/true", os.path.join(self.platform.scope, "question"))
        wait_for("it is asked", 20, self.asked)
        wait_for("it has tried", 60, lambda: "\ntried " in self.output())

    def output(self):
        with open(os.path.join(self.platform.run_dir, "agents/escape.log")) as f:
            return f.read()

    def test_in_its_jail(self):
        self.start()
        pids = {name: self.platform.pid(name) for name in ("engine", "cage", "control")}
        self.assertEqual(self.platform.agent("escape")["jail"], "whole")
        self.ask()
        found = results(self.output())
        show(found)
        self.assertEqual(set(found), set(self.table()))
        self.assertGreaterEqual(len(found), LEAST_ATTEMPTS)
        self.assertEqual({name: row for name, row in found.items() if row[1] != "held"}, {})
        # and nobody else was hurt
        self.assertEqual({name: self.platform.pid(name) for name in pids}, pids)
        self.assertTrue(alive(self.world.victim.pid))
        self.assertNotIn("escape SUCCEEDED", self.platform.log())

    def tried(self, keys):
        self.start(keys)
        self.ask()
        found = results(self.output())
        return {name: row[0] for name, row in found.items() if name.startswith("network-")}, found

    def test_network_any(self):
        """The machine's TCP and UDP, and nothing else that its name space holds."""
        network, found = self.tried(", network: any")
        for name in ("network-tcp", "network-udp", "network-listen"):
            self.assertEqual(network.pop(name), "SUCCEEDED", name)
        network.pop("network-fast-open")  # EPERM or ENOSYS by its flag
        self.assertNotIn("SUCCEEDED", network.values())
        self.assertEqual([name for name, row in found.items() if row[1] == "out" and not name.startswith("network-")], [])

    def test_network_port(self):
        network, _ = self.tried(", network: [%d/tcp]" % self.world.tcp.getsockname()[1])
        self.assertEqual(network.pop("network-tcp"), "SUCCEEDED")
        self.assertNotIn("SUCCEEDED", network.values())

    def test_network_another_port(self):
        network, _ = self.tried(", network: [1/tcp]")
        self.assertEqual(network["network-tcp"], "EACCES")
        self.assertNotIn("SUCCEEDED", network.values())

    def test_outside(self):
        """What the same attempts are worth: as root in no jail they succeed."""
        self.start()
        with open(self.platform.path("outside.txt"), "a+") as f:
            arguments = self.world.arguments(self.platform.agent("sleeper")["pid"], self.world.folder)
            subprocess.run([self.program, "outside"] + arguments, stdout=f, check=True, timeout=120)
            f.seek(0)
            text = f.read()
        found = results(text)
        show(found)
        must = {name for name, succeeds in self.table().items() if succeeds}
        self.assertEqual({name: found.get(name) for name in must if found.get(name, ("",))[0] != "SUCCEEDED"}, {})
        self.assertGreaterEqual(len([row for row in found.values() if row[0] == "SUCCEEDED"]), LEAST_OUTSIDE)


if __name__ == "__main__":
    enter_namespace()
    BUILD = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
