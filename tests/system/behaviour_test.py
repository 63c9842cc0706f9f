#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The agent `behaviour` in the running platform, with the kernel's own events. usage: behaviour_test.py BUILD

Work that people do must raise nothing; harmless imitations of what it looks for must be told. Findings about
processes that are not of this test are left out: other things happen on this machine.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import unittest

from platform_world import Platform, enter_namespace, wait_for

BUILD = None
KINDS = ("odt", "pdf", "jpg", "txt", "xlsx", "docx", "png", "csv")
CONFIG = "kill = memfd_exec\ndeny = service_folder\nfolders += %s/open/*\n"
EVENTS = "fork, exec, exit, credentials, ptrace, memory_write, open, create, rename, mode, close_write, connect"


class Behaviour(unittest.TestCase):
    """One platform for all: starting it with the kernel's events takes most of the time."""

    @classmethod
    def setUpClass(cls):
        cls.platform = Platform(BUILD)
        cls.addClassCleanup(cls.platform.destroy)
        config = cls.platform.path("behaviour.conf")
        with open(config, "w") as f:
            f.write(CONFIG % cls.platform.scope)
        os.chmod(config, 0o644)
        cls.documents(100, "before")
        cls.platform.write_config(
            agents=["{name: behaviour, program: %s, args: [--config, %s], reads: [%s], events: [%s, auth_exec], "
                    "limits: {disk: 16 MB}}" % (cls.platform.add_staged("behaviour"), config, config, EVENTS)],
            sensors="{fanotify: yes, bpf: yes}")
        cls.platform.start()
        wait_for("behaviour is live", 30, lambda: cls.state() == "live")

    @classmethod
    def state(cls):
        agents = cls.platform.status()["engine"].get("agents", [])
        return {a["name"]: a["state"] for a in agents}.get("behaviour")

    def findings(self, rule=None):
        """Those in whose chain this test stands."""
        ours = []
        for line in self.platform.printed("behaviour").split("\n")[:-1]:
            if not line.startswith("{"):
                continue
            row = json.loads(line)
            at = row.get("actor", {}).get("process")
            while at and at["pid"] != os.getpid():
                at = at.get("parent_process")
            if at and (rule is None or row["rule"] == rule):
                ours.append(row)
        return ours

    def seen(self, rule, n=1):
        return wait_for("a finding of " + rule, 20, lambda: len(self.findings(rule)) >= n and self.findings(rule))

    def settle(self):
        """Until what happened so far has gone through the agent: this is found, so is what was before it."""
        n = len(self.findings("memfd_exec"))
        self.memfd()
        self.seen("memfd_exec", n + 1)

    def run_in_scope(self, *words, **options):
        subprocess.run(words, cwd=self.platform.scope, check=True, stdout=subprocess.DEVNULL, timeout=120, **options)

    def memfd(self):
        code = ("import os\nfd = os.memfd_create('harmless')\nos.write(fd, open('/bin/true','rb').read())\n"
                "os.execve(fd, ['harmless'], {})")
        subprocess.run([sys.executable, "-c", code], check=True)

    @classmethod
    def document(cls, i, home):
        return os.path.join(cls.platform.scope, home, "folder-%d" % (i % 9), "file-%d.%s" % (i, KINDS[i % len(KINDS)]))

    @classmethod
    def documents(cls, n, home):
        paths = [cls.document(i, home) for i in range(n)]
        for path in paths:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as f:
                f.write("harmless\n")
        return paths

    def test_work_raises_nothing(self):
        """A compile, an unpacked package, an archive, a formatter's rewrite, a rotation: what people do all day."""
        scope, before = self.platform.scope, len(self.findings())
        for i in range(60):
            folder = os.path.join(scope, "src", "part-%d" % (i % 8))
            os.makedirs(folder, exist_ok=True)
            with open(os.path.join(folder, "file-%d.c" % i), "w") as f:
                f.write("int f%d(int x) { return x * %d; }\n" % (i, i))
        with open(os.path.join(scope, "Makefile"), "w") as f:
            f.write("S=$(wildcard src/*/*.c)\nlib.a: $(S:.c=.o)\n\tar rc $@.tmp $^ && mv $@.tmp $@\n"
                    "%.o: %.c\n\tgcc -MMD -c -o $@.tmp $< && mv $@.tmp $@\n")
        self.run_in_scope("make", "-j2", "-s")
        self.run_in_scope("sh", "-c", "touch src/*/*.c && make -s")
        package = os.path.join(scope, "p")
        os.makedirs(os.path.join(package, "DEBIAN"))
        os.makedirs(os.path.join(package, "usr/share/doc"))
        with open(os.path.join(package, "DEBIAN/control"), "w") as f:
            f.write("Package: harmless\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n")
        for i in range(200):
            with open(os.path.join(package, "usr/share/doc", "file-%d.%s" % (i, KINDS[i % 8])), "w") as f:
                f.write("text\n" * i)
        self.run_in_scope("dpkg-deb", "-b", "p", "p.deb")
        self.run_in_scope("dpkg-deb", "-x", "p.deb", "unpacked")
        self.run_in_scope("tar", "cf", "a.tar", "src", "unpacked")
        self.run_in_scope("sh", "-c", "mkdir again && tar xf a.tar -C again && tar xf a.tar -C again && gzip -r again")
        self.run_in_scope("sed", "-i", "s/return/return  /", *[os.path.join("src", "part-%d" % (i % 8), "file-%d.c" % i)
                                                              for i in range(60)])
        self.run_in_scope("sh", "-c", "for f in src/*/*.c; do mv $f $f.1; done")
        self.settle()
        # of this time only, and without the one that settle() made
        found = [row for row in self.findings()[before:] if row["rule"] != "memfd_exec"]
        self.assertEqual(found, [], [row["message"] for row in found])
        print("events delivered: %d, findings: 0" % self.platform.status()["engine"]["events"]["delivered"])

    def test_memfd(self):
        self.memfd()
        row = self.seen("memfd_exec")[0]
        self.assertEqual(row["class_uid"], 2004)
        self.assertIn("T1620", [a["technique"]["uid"] for a in row["finding_info"]["attacks"]])
        self.assertIn(sys.executable.rsplit("/", 1)[1][:6], row["message"])
        self.assertEqual(row["asked"]["action"], "kill process")
        self.assertEqual(row["evidences"][0]["data"]["event"], "exec")

    def test_mass_rename(self):
        paths = self.documents(40, "home")
        # by a process of its own, under a tree of its own
        code = "import os,sys\nfor f in sys.argv[1:]: os.rename(f, f + '.locked')"
        subprocess.run(["sh", "-c", '"$@"; true', "sh", sys.executable, "-c", code] + paths, check=True)
        wait_for("it is told", 20, lambda: any(".locked" in row["message"] for row in self.findings("mass_change")))

    def test_mass_overwrite(self):
        code = "import sys\nfor f in sys.argv[1:]: open(f, 'r+').write('x' * 9)"
        # files that were made a moment ago are no loss
        subprocess.run([sys.executable, "-c", code] + self.documents(100, "fresh"), check=True)
        self.settle()
        self.assertFalse(any("overwritten" in row["message"] for row in self.findings("mass_change")))
        child = subprocess.Popen([sys.executable, "-c", code] + [self.document(i, "before") for i in range(100)])
        self.assertEqual(child.wait(20), 0)
        row = self.seen("mass_change")[-1]
        self.assertIn("overwritten", row["message"])
        self.assertEqual(row["actor"]["process"]["pid"], child.pid)

    def test_server_shell(self):
        server = os.path.join(self.platform.scope, "nginx")
        shutil.copy(os.path.realpath("/usr/bin/env"), server)
        subprocess.run([server, "sh", "-c", "true"], check=True)
        self.assertIn("nginx", self.seen("server_shell")[0]["message"])

    def test_service_folder_is_denied(self):
        folder = os.path.join(self.platform.scope, "open")
        os.mkdir(folder, 0o777)
        shutil.copy("/bin/true", os.path.join(folder, "x"))
        nobody = ("setpriv", "--reuid=33", "--regid=33", "--clear-groups")
        done = subprocess.run([*nobody, os.path.join(folder, "x")], capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("not permitted", done.stderr)
        self.assertEqual(self.seen("service_folder")[0]["action_id"], 2)
        subprocess.run([os.path.join(folder, "x")], check=True)

    def test_inject(self):
        """By ptrace(2), of a process of another user that is a child of this test."""
        child = subprocess.Popen(["setpriv", "--reuid=33", "--regid=33", "--clear-groups", "sleep", "60"])
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        wait_for("it is the other user's", 5, lambda: os.stat("/proc/%d" % child.pid).st_uid == 33)
        code = "import ctypes\nc = ctypes.CDLL(None)\nassert c.ptrace(16, %d, 0, 0) == 0\nc.ptrace(17, %d, 0, 0)"
        subprocess.run([sys.executable, "-c", code % (child.pid, child.pid)], check=True)
        self.assertIn("of user 33", self.seen("inject")[0]["message"])

    def gap_is_told(self):
        return '"engine_restarts":1' in self.platform.printed("behaviour")

    def test_zz_engine_killed(self):
        """What is known stays; that there was a gap is told, and lowers the confidence."""
        self.settle()
        n = len(self.findings("memfd_exec"))
        os.kill(self.platform.pid("engine"), signal.SIGKILL)
        wait_for("behaviour is live again", 20, lambda: self.state() == "live")
        wait_for("the gap is told", 10, self.gap_is_told)
        self.memfd()
        self.assertEqual(self.seen("memfd_exec", n + 1)[-1]["confidence"], "Low")


if __name__ == "__main__":
    enter_namespace()
    BUILD = sys.argv.pop(1)
    unittest.main()
