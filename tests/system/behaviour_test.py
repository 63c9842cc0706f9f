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
CONFIG = ("kill = memfd_exec\ndeny = service_folder\nfolders += {0}/open/*\n"
          "files.shadow += {0}/etc/shadow\nreaders.shadow += {0}/usr/reader\n")
EVENTS = "fork, exec, exit, credentials, ptrace, memory_write, open, create, rename, mode, close_write, connect"

# A network of its own with one address that is not loopback's; serves argv[1] there to a fetcher of the path argv[2].
SERVE = """
import fcntl, socket, struct, subprocess, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    fcntl.ioctl(s, 0x8916, struct.pack("=16sHH4s8x", b"lo", socket.AF_INET, 0, socket.inet_aton("192.0.2.1")))
    fcntl.ioctl(s, 0x8914, struct.pack("=16sH14x", b"lo", 1))
server = socket.create_server(("192.0.2.1", 0))
child = subprocess.Popen([sys.executable, "-c", sys.argv[3], str(server.getsockname()[1]), sys.argv[2]])
connection = server.accept()[0]
with open(sys.argv[1], "rb") as f:
    connection.sendfile(f)
connection.close()
sys.exit(child.wait())
"""
FETCH = """
import os, socket, sys
connection = socket.create_connection(("192.0.2.1", int(sys.argv[1])))
with open(sys.argv[2], "wb") as f:
    while part := connection.recv(65536):
        f.write(part)
os.chmod(sys.argv[2], 0o755)
print(os.getpid())
"""


class Behaviour(unittest.TestCase):
    """One platform for all: starting it with the kernel's events takes most of the time."""

    @classmethod
    def setUpClass(cls):
        cls.platform = Platform(BUILD)
        cls.addClassCleanup(cls.platform.destroy)
        config = cls.platform.path("behaviour.conf")
        with open(config, "w") as f:
            f.write(CONFIG.format(cls.platform.scope))
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

    def copied(self, source, *parts):
        path = os.path.join(self.platform.scope, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copy(source, path)
        return path

    def test_credentials(self):
        """Read by a program that has no business there, by one that only bears the name of a reader, and by a reader."""
        scope, before = self.platform.scope, len(self.findings())
        secret = os.path.join(scope, "etc", "shadow")
        os.makedirs(os.path.dirname(secret))
        with open(secret, "w") as f:
            f.write("root:*:19000:0:99999:7:::\n")
        reader = self.copied(os.path.realpath("/bin/cat"), "usr", "reader")
        false_one = self.copied(reader, "unix_chkpwd")
        self.settle()
        # this test wrote it, and is no reader either
        self.assertEqual([row["actor"]["process"]["pid"] for row in self.findings()[before:]
                          if row["rule"] == "credential_read"], [os.getpid()])
        children = [subprocess.Popen([program, secret], stdout=subprocess.DEVNULL)
                    for program in (reader, "cat", false_one)]
        self.assertEqual([child.wait(20) for child in children], [0, 0, 0])
        self.settle()
        rows = [row for row in self.findings("credential_read") if row["actor"]["process"]["pid"] != os.getpid()]
        self.assertEqual(sorted(row["actor"]["process"]["pid"] for row in rows),
                         sorted(child.pid for child in children[1:]))
        for row in rows:
            self.assertIn("%s was opened by " % secret, row["message"])
            self.assertIn("T1003.008", [a["technique"]["uid"] for a in row["finding_info"]["attacks"]])
            self.assertEqual(row["evidences"][0]["data"]["event"], "open")

    def fetch(self, source, name):
        """A file comes over the network, whose writer's pid is returned beside its path."""
        path = os.path.join(self.platform.scope, name)
        done = subprocess.run(["unshare", "--net", sys.executable, "-c", SERVE, source, path, FETCH], check=True,
                              stdout=subprocess.PIPE, text=True, timeout=60)
        return path, int(done.stdout)

    def test_download(self):
        """What came over the network is executed, as a program and as a script; and what did not, or is not executed."""
        script = os.path.join(self.platform.scope, "harmless.sh")
        with open(script, "w") as f:
            f.write("#!/bin/sh\ntrue\n")
        os.chmod(script, 0o755)
        program = self.copied(os.path.realpath("/bin/true"), "harmless")
        subprocess.run([script], check=True)
        subprocess.run([program], check=True)
        fetched = [self.fetch(source, name) for source, name in ((program, "fetched"), (script, "fetched.sh"))]
        self.settle()
        self.assertEqual(self.findings("download_exec"), [])
        for path, writer in fetched:
            child = subprocess.Popen([path])
            self.assertEqual(child.wait(20), 0)
            self.settle()
            rows = [row for row in self.findings("download_exec") if row["actor"]["process"]["pid"] == child.pid]
            self.assertEqual(len(rows), 1, [row["message"] for row in self.findings("download_exec")])
            self.assertIn("%s was executed" % path, rows[0]["message"])
            self.assertIn("reached out to the network; it was made executable", rows[0]["message"])
            # the number of a process ends with 22 bits of its pid
            self.assertIn(writer, [int(word) & 0x3fffff for word in
                                   rows[0]["message"].replace(")", " ").split() if word.isdigit()])
            self.assertIn("T1105", [a["technique"]["uid"] for a in rows[0]["finding_info"]["attacks"]])
        self.assertEqual(len(self.findings("download_exec")), 2)

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
