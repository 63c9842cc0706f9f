# SPDX-License-Identifier: Apache-2.0
"""The whole platform, started for a test.

    Platform(build) ─▶ write_config() ─▶ start() ─▶ ask(), pid(), … ─▶ stop()

Lives in a private mount namespace (enter_namespace() at the start of a test program), on tmpfs mounts of its own; the
scope it watches is one of them, so that nothing outside can be held up. Needs root.
"""
import functools
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

STATUS, EXPLAIN, DOCTOR, EVENTS, AGENT, DENIALS = range(1, 7)
# of this run only: an agent that ends takes every process of its user along
UID_BASE = 100000 + os.getpid() % 10000 * 200
ROLES = {"engine": 1, "cage": 2, "control": 3}
# In a build with sanitizers: a build without, for agents. A jail has neither the system calls nor the /proc that they
# would need.
AGENTS_BUILD = os.environ.get("RINGSIDE_TEST_AGENTS")
FOUND = ("runtime error:", "Sanitizer:")


def enter_namespace():
    """Goes on in a mount namespace whose mounts nobody else sees."""
    if os.geteuid() != 0:
        sys.exit("expected root, found user %d: run it as root" % os.geteuid())
    if os.environ.get("RINGSIDE_TEST_NAMESPACE") != "yes":
        os.environ["RINGSIDE_TEST_NAMESPACE"] = "yes"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable] + sys.argv)


def wait_for(what, seconds, condition):
    """Polls until condition() is true and returns its value."""
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError("waited %s s for: %s" % (seconds, what))
        time.sleep(0.01)


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid, "rb") as f:
            return f.read().rsplit(b")", 1)[1].split()[0] not in (b"Z", b"X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def proc_status(pid):
    with open("/proc/%d/status" % pid) as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


@functools.cache
def staged(build, name):
    """A file of the installed platform."""
    tool = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/build-agents")
    env = dict(os.environ, BUILD=build, NO_REBUILD="1")
    stage = subprocess.run([tool], check=True, text=True, env=env, stdout=subprocess.PIPE).stdout.strip()
    found = subprocess.run(["find", stage, "-name", name, "-type", "f"], check=True, text=True, stdout=subprocess.PIPE)
    return found.stdout.split()[0]


class Client:
    """One connection to the admin socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(10)
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise

    def send(self, kind, argument=0, text=""):
        self.socket.send(struct.pack("=IHHQIIQ240s", 272, 9, 0, 1, kind, 0, argument, text.encode()))

    def receive(self):
        """(error, object, descriptors)"""
        text, fds = b"", []
        while True:
            data, new, _, _ = socket.recv_fds(self.socket, 65536, 4)
            if not data:
                raise EOFError("the admin socket was closed")
            error, more = struct.unpack_from("=iI", data, 16)
            text += data[24:]
            fds += new
            if not more:
                return error, json.loads(text), fds

    def ask(self, kind, argument=0, text=""):
        self.send(kind, argument, text)
        return self.receive()

    def close(self):
        self.socket.close()


class Platform:
    def __init__(self, build):
        self.build = build
        self.top = tempfile.mkdtemp(prefix="ringside-test-")
        os.chmod(self.top, 0o755)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "test", self.top], check=True)
        for name in ("libexec", "agents", "scope"):
            os.mkdir(os.path.join(self.top, name), 0o755)
        self.scope = self.path("scope")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "scope", self.scope], check=True)
        for program in ("engine/ringside-engine", "cage/ringside-cage", "control/ringside-control",
                        "config/ringside-config"):
            os.symlink(os.path.join(build, "src", program), self.path("libexec", os.path.basename(program)))
        self.run_dir = self.path("run")
        self.config = self.path("ringside.yaml")
        self.log_path = self.path("log")
        self.process = None

    def path(self, *parts):
        return os.path.join(self.top, *parts)

    def add_agent(self, source, name=None, mode=0o755):
        """A copy that the agent's user can reach. Returns its path."""
        to = self.path("agents", name or os.path.basename(source))
        if AGENTS_BUILD and source.startswith(self.build + "/"):
            source = AGENTS_BUILD + source[len(self.build):]
        shutil.copy(source, to)
        os.chmod(to, mode)
        return to

    def add_staged(self, name):
        """A reference agent as it is installed, with the library where it looks for it: its environment is empty."""
        program, library = staged(self.build, name), staged(self.build, "libringside.so.1*")
        text = subprocess.run(["readelf", "-d", program], check=True, text=True, stdout=subprocess.PIPE).stdout
        place = text.split("$ORIGIN/", 1)[1].split("]", 1)[0]
        folder = self.path("stage", *["d%d" % i for i in range(place.count("../"))])
        target = os.path.normpath(os.path.join(folder, place))
        os.makedirs(folder, exist_ok=True)
        os.makedirs(target, exist_ok=True)
        shutil.copy(library, os.path.join(target, "libringside.so.1"))
        shutil.copy(program, folder)
        subprocess.run(["chmod", "-R", "a+rX", self.path("stage")], check=True)
        return os.path.join(folder, name)

    def write_config(self, agents=(), extra="", sensors="{fanotify: yes, bpf: no}", verdicts=None, scope=None):
        with open(self.config, "w") as f:
            f.write("sensors: %s\nscope: [%s]\nrun_dir: %s\nstate_dir: %s\nuid_base: %d\nlog_level: debug\n"
                    % (sensors, scope or self.scope, self.run_dir, self.path("state"), UID_BASE))
            if verdicts:
                f.write("verdicts: %s\n" % verdicts)
            if agents:
                f.write("agents:\n" + "".join("  - %s\n" % a for a in agents))
            f.write(extra)

    def write_config_again(self, line):
        """The same with another line in the section of verdicts, which must be there."""
        with open(self.config) as f:
            rows = f.read().split("\n")
        rows = ["verdicts: {%s, %s" % (line, r.split("{", 1)[1]) if r.startswith("verdicts: {") else r for r in rows]
        rows = [r.replace("%s, %s" % (line, getattr(self, "last_line", "\0")), line) for r in rows]
        self.last_line = line
        with open(self.config, "w") as f:
            f.write("\n".join(rows))

    def command(self, *options):
        return [os.path.join(self.build, "src/daemon/ringsided"), "--config", self.config, "--libexec",
                self.path("libexec")] + list(options)

    def start(self, ready=True, environment=None, prefix=()):
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify_path = self.path("notify")
        if os.path.exists(notify_path):
            os.unlink(notify_path)
        self.notify.bind(notify_path)
        self.notify.settimeout(20)
        self.log_file = open(self.log_path, "ab")
        env = dict(os.environ, NOTIFY_SOCKET=notify_path, **(environment or {}))
        self.process = subprocess.Popen(list(prefix) + self.command(), stderr=self.log_file, stdout=self.log_file,
                                        stdin=subprocess.DEVNULL, env=env)
        if ready:
            self.wait_notify(b"READY=1")

    def wait_notify(self, text):
        while True:
            try:
                message = self.notify.recv(4096)
            except socket.timeout:
                raise AssertionError("no %r from ringsided; its log:\n%s" % (text, self.log()))
            if text in message:
                return

    def log(self):
        if not os.path.exists(self.log_path):
            return ""
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def printed(self, agent):
        """What an agent has printed so far."""
        try:
            with open(os.path.join(self.run_dir, "agents", agent + ".log"), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def client(self):
        return Client(os.path.join(self.run_dir, "control.sock"))

    def ask(self, kind, argument=0, text=""):
        client = self.client()
        try:
            error, answer, fds = client.ask(kind, argument, text)
            for fd in fds:
                os.close(fd)
            return error, answer
        finally:
            client.close()

    def status(self):
        error, answer = self.ask(STATUS)
        assert error == 0, answer
        return answer

    def children(self):
        """name → pid, from the parent's status."""
        return {p["name"]: p for p in self.status()["parent"]["processes"]}

    def pid(self, name):
        """Of a process of the platform, found without asking it."""
        out = subprocess.run(["pgrep", "-P", str(self.process.pid), "-f", "ringside-" + name], capture_output=True)
        pids = out.stdout.split()
        return int(pids[0]) if len(pids) == 1 else 0

    def agent(self, name):
        return {a["name"]: a for a in self.status()["cage"]["agents"]}.get(name)

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, seconds=20):
        """Clean stop. Returns the exit code."""
        self.signal(signal.SIGTERM)
        code = self.process.wait(seconds)
        self.release()
        return code

    def release(self):
        self.log_file.close()
        self.notify.close()
        self.process = None

    def destroy(self):
        """After a test, whatever became of it."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        if self.process:
            self.release()
        found = [line for line in self.log().split("\n") if any(text in line for text in FOUND)]
        subprocess.run(["umount", "-l", self.scope], check=False)
        subprocess.run(["umount", "-l", self.top], check=False)
        os.rmdir(self.top)
        assert not found, "a sanitizer found:\n" + "\n".join(found)
