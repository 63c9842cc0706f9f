#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The processes of the platform: who they run as, that they come back, that they stop, and what the configuration and the
admin socket bear. usage: processes_test.py BUILD"""
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest

from platform_world import (AGENT, DENIALS, EVENTS, ROLES, STATUS, UID_BASE, Platform, alive, enter_namespace,
                            proc_status, wait_for)

CAP_LEASE, CAP_SETUID, CAP_SETGID, CAP_KILL, CAP_SETPCAP = 28, 7, 6, 5, 8
CAPABILITIES = {
    "engine": 1 << CAP_LEASE,
    "cage": 1 << CAP_SETUID | 1 << CAP_SETGID | 1 << CAP_KILL | 1 << CAP_SETPCAP,
    "control": 0,
}
BUILD = None


class Case(unittest.TestCase):
    def setUp(self):
        self.platform = Platform(BUILD)
        self.addCleanup(self.platform.destroy)
        self.addCleanup(self.show_log)

    def show_log(self):
        result = self._outcome.result
        if any(test.id().split(" ")[0] == self.id() for test, _ in result.failures + result.errors):
            sys.stderr.write("--- log of %s\n%s---\n" % (self.id(), self.platform.log()))

    def script(self, name, text):
        path = self.platform.path("agents", name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o755)
        return path

    def sleeper(self, name):
        """An agent that runs and does nothing, not even a handshake."""
        return "{name: %s, program: /bin/sleep, args: ['1000'], events: [exec]}" % name

    def actor(self, *words):
        """An agent that misbehaves: tests/system/actor.c."""
        program = self.platform.add_agent(os.path.join(BUILD, "tests/system/actor"))
        return "{name: actor, program: %s, args: %s, events: [exec]}" % (program, list(words))

    def start(self, agents=("sleeper",), **options):
        self.platform.write_config(agents=[self.sleeper(a) for a in agents], **options)
        self.platform.start()

    def check_dropped(self, pid, uid, capabilities, filtered=os.environ.get("RINGSIDE_SECCOMP") != "off"):
        status = proc_status(pid)
        self.assertEqual(status["Uid"].split(), [str(uid)] * 4)
        self.assertEqual(status["Gid"].split(), [str(uid)] * 4)
        self.assertEqual(status["Groups"].strip(), "")
        for kind in ("CapPrm", "CapEff", "CapBnd"):
            self.assertEqual(int(status[kind], 16), capabilities, kind)
        for kind in ("CapInh", "CapAmb"):
            self.assertEqual(int(status[kind], 16), 0, kind)
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(status["Seccomp"], "2" if filtered else "0")


class Privilege(Case):
    def test_each_has_dropped(self):
        self.start()
        for name, role in ROLES.items():
            with self.subTest(name):
                self.check_dropped(self.platform.pid(name), UID_BASE + role, CAPABILITIES[name])
        self.check_dropped(self.platform.agent("sleeper")["pid"], UID_BASE + 100, 0, filtered=True)
        self.assertEqual(self.platform.agent("sleeper")["jail"], "whole")

    def test_descriptors(self):
        """Nobody but the parent and the engine has the fanotify group; an agent has its lifeline and no more."""
        self.start()
        for name in ("cage", "control"):
            links = self.links(self.platform.pid(name))
            self.assertFalse([link for link in links.values() if "fanotify" in link], name)
        links = self.links(self.platform.agent("sleeper")["pid"])
        self.assertEqual(sorted(links), [0, 1, 2, 3])
        self.assertTrue(links[3].startswith("socket:"))
        self.assertEqual(links[0], "/dev/null")

    def test_name_spaces_of_an_agent(self):
        self.start()
        agent, cage = self.platform.agent("sleeper")["pid"], self.platform.pid("cage")
        for kind in ("user", "mnt", "pid", "ipc", "uts", "net"):
            self.assertNotEqual(os.readlink("/proc/%d/ns/%s" % (agent, kind)), os.readlink("/proc/%d/ns/%s" % (cage, kind)))
        self.assertEqual(proc_status(agent)["NSpid"].split()[1:], ["2"])
        with open("/proc/%d/mountinfo" % agent) as f:
            mounts = [line.split() for line in f]
        self.assertTrue(all("ro" in mount[5].split(",") and "nosuid" in mount[5].split(",") for mount in mounts), mounts)

    def links(self, pid):
        folder = "/proc/%d/fd" % pid
        return {int(fd): os.readlink(os.path.join(folder, fd)) for fd in os.listdir(folder)}

    def test_environment_of_an_agent(self):
        os.environ["RINGSIDE_TEST_SECRET"] = "x"
        self.start()
        with open("/proc/%d/environ" % self.platform.agent("sleeper")["pid"]) as f:
            names = sorted(v.split("=")[0] for v in f.read().split("\0") if v)
        self.assertEqual(names, ["LANG", "PATH", "RINGSIDE_AGENT", "RINGSIDE_FD"])

    def test_modes_of_files(self):
        self.start()
        run, state = os.stat(self.platform.run_dir), os.stat(self.platform.path("state"))
        socket_stat = os.stat(os.path.join(self.platform.run_dir, "control.sock"))
        self.assertEqual((run.st_uid, run.st_mode & 0o7777), (0, 0o755))
        self.assertEqual((state.st_uid, state.st_mode & 0o7777), (0, 0o700))
        self.assertEqual((socket_stat.st_uid, socket_stat.st_mode & 0o777), (0, 0o600))


class Service(Case):
    def test_the_capabilities_of_the_unit_are_enough(self):
        """With what packaging/ringside.service.in leaves, both sensors work and everybody drops."""
        unit = os.path.join(os.path.dirname(__file__), "../../packaging/ringside.service.in")
        with open(unit) as f:
            names = next(line.split("=")[1] for line in f if line.startswith("CapabilityBoundingSet=")).split()
        wanted = ",".join("+" + name.lower()[4:] for name in names)
        self.platform.write_config(agents=[self.sleeper("sleeper")], sensors="{fanotify: yes, bpf: yes}")
        self.platform.start(prefix=["setpriv", "--bounding-set", "-all," + wanted, "--inh-caps", "-all", "--no-new-privs"])
        self.assertEqual(int(proc_status(self.platform.process.pid)["CapBnd"], 16) >> 21 & 1, 1)
        self.assertEqual(int(proc_status(self.platform.process.pid)["CapBnd"], 16) >> 18 & 1, 0)  # CAP_SYS_CHROOT
        for name, role in ROLES.items():
            self.check_dropped(self.platform.pid(name), UID_BASE + role, CAPABILITIES[name])
        sensors = [s["name"] for s in self.platform.status()["engine"]["sensors"]]
        self.assertEqual(sorted(sensors), ["bpf", "fanotify"])
        self.assertNotIn("cannot be opened", self.platform.log())
        self.assertEqual(self.platform.stop(), 0)


class Restart(Case):
    def test_each_comes_back(self):
        self.start()
        for name, role in ROLES.items():
            with self.subTest(name):
                old = self.platform.pid(name)
                begin = time.monotonic()
                os.kill(old, signal.SIGKILL)
                limit = 1.0 if name == "engine" else 5.0

                def back():
                    try:
                        state = self.platform.children()[name]
                    except (OSError, EOFError):
                        return False
                    return state["state"] == "ready" and state["pid"] not in (0, old)

                wait_for("%s is back" % name, 5, back)
                took = time.monotonic() - begin
                self.assertLess(took, limit)
                new = self.platform.pid(name)
                self.check_dropped(new, UID_BASE + role, CAPABILITIES[name])
        self.assertEqual([p["restarts"] for p in self.platform.status()["parent"]["processes"]], [0, 1, 1, 1])

    def test_agents_outlive_the_engine(self):
        self.start()
        agent = self.platform.agent("sleeper")["pid"]
        for _ in range(3):
            old = self.platform.pid("engine")
            os.kill(old, signal.SIGKILL)
            wait_for("another engine", 5, lambda: self.platform.pid("engine") not in (0, old))
        self.assertEqual(self.platform.agent("sleeper")["pid"], agent)

    def test_all_die_with_the_parent(self):
        self.start()
        pids = [self.platform.pid(name) for name in ROLES] + [self.platform.agent("sleeper")["pid"]]
        self.platform.signal(signal.SIGKILL)
        wait_for("all are dead", 2, lambda: not any(alive(pid) for pid in pids))
        self.platform.process.wait(5)
        self.platform.release()
        # and it can be started again over what was left
        self.platform.start()
        self.assertEqual(self.platform.stop(), 0)

    def test_a_crashing_agent_gives_up(self):
        path = self.script("crasher", "#!/bin/sh\nexit 3\n")
        self.platform.write_config(agents=["{name: crasher, program: %s, events: [exec]}" % path])
        self.platform.start()
        wait_for("it has failed", 10, lambda: self.platform.agent("crasher")["state"] == "failed")
        agent = self.platform.agent("crasher")
        self.assertEqual(agent["restarts"], 2)
        self.assertIn("exited with 3", agent["why"])
        self.assertEqual(agent["pid"], 0)

    def test_an_agent_whose_program_is_missing(self):
        self.platform.write_config(agents=["{name: gone, program: /does/not/exist, events: [exec]}"])
        self.platform.start()
        wait_for("it has failed", 10, lambda: self.platform.agent("gone")["state"] == "failed")
        self.assertIn("/does/not/exist: the agent's user must be able to read it", self.platform.log())
        self.assertIn("/does/not/exist", self.platform.agent("gone")["why"])

    def test_what_an_agent_leaves_behind_is_killed(self):
        self.platform.write_config(agents=[self.actor("fork")])
        self.platform.start()

        def left():
            out = subprocess.run(["pgrep", "-U", str(UID_BASE + 100)], capture_output=True)
            return out.stdout.split()

        wait_for("there are process 1 of its jail, it, and what it forked", 5, lambda: len(left()) == 3)
        self.assertEqual(self.platform.ask(AGENT, text="stop actor")[0], 0)
        wait_for("nothing is left", 5, lambda: not left())
        wait_for("it is off", 5, lambda: self.platform.agent("actor")["state"] == "off")

    def test_killed_from_outside(self):
        """Process 1 of a jail takes the agent along, and the agent process 1."""
        self.start()
        agent = self.platform.agent("sleeper")
        children = subprocess.run(["pgrep", "-P", str(self.platform.pid("cage"))], capture_output=True).stdout.split()
        init = next(int(pid) for pid in children if int(pid) != agent["pid"])
        for victim in (init, None):
            pid = self.platform.agent("sleeper")["pid"]
            os.kill(victim or pid, signal.SIGKILL)
            wait_for("another one", 10, lambda: self.platform.agent("sleeper")["pid"] not in (0, pid))
            self.assertFalse(alive(pid))
        self.assertFalse(alive(init))


class StandsStill(Case):
    def restarts(self, name):
        return self.platform.children()[name]["restarts"]

    def comes_back(self, name):
        old = self.platform.pid(name)
        os.kill(old, signal.SIGSTOP)
        begin = time.monotonic()
        wait_for("another %s" % name, 30, lambda: self.platform.pid(name) not in (0, old))
        self.assertGreater(time.monotonic() - begin, 4)
        wait_for("it is ready", 10, lambda: self.try_restarts(name) == 1)
        self.assertIn("%s, pid %d, is killed: it was stopped by a signal" % (name, old), self.platform.log())

    def try_restarts(self, name):
        try:
            return self.restarts(name)
        except (OSError, EOFError, KeyError):
            return None

    def test_control(self):
        self.start()
        agent = self.platform.agent("sleeper")["pid"]
        self.comes_back("control")
        self.assertEqual(self.platform.agent("sleeper")["pid"], agent)

    def test_cage(self):
        """Its agents end with it, and are started by the next."""
        self.start()
        agent = self.platform.agent("sleeper")["pid"]
        self.comes_back("cage")
        wait_for("the agent is started anew", 10,
                 lambda: (self.platform.agent("sleeper") or {"pid": 0})["pid"] not in (0, agent))
        self.assertFalse(alive(agent))

    def test_not_for_a_moment(self):
        self.start()
        pids = {name: self.platform.pid(name) for name in ("cage", "control")}
        for pid in pids.values():
            os.kill(pid, signal.SIGSTOP)
        time.sleep(4.5)  # they are asked every 4 s
        for pid in pids.values():
            os.kill(pid, signal.SIGCONT)
        time.sleep(2)
        self.assertEqual({name: self.platform.pid(name) for name in pids}, pids)

    def test_not_for_a_loaded_machine(self):
        """Starved of the processor for ten seconds, by twenty that spin before it, they are late and no more."""
        self.start()
        pids = {name: self.platform.pid(name) for name in ("cage", "control")}
        for pid in pids.values():
            os.setpriority(os.PRIO_PROCESS, pid, 19)
        load = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(20)]
        try:
            time.sleep(10)
        finally:
            for process in load:
                process.kill()
                process.wait()
        self.assertEqual({name: self.platform.pid(name) for name in pids}, pids)
        self.assertEqual([self.restarts(name) for name in pids], [0, 0])


class Output(Case):
    """What an agent prints goes into a file of its own, and never into the platform's log."""

    def output(self, name="actor.log"):
        path = os.path.join(self.platform.run_dir, "agents", name)
        return os.stat(path) if os.path.exists(path) else None

    def test_a_forged_line(self):
        self.platform.write_config(agents=[self.actor("print", "<3>engine: all is lost", "3")])
        self.platform.start()
        wait_for("it has printed", 10, lambda: self.output() and self.output().st_size == 3 * 23)
        self.assertNotIn("all is lost", self.platform.log())
        self.assertEqual((self.output().st_uid, self.output().st_mode & 0o777), (UID_BASE + ROLES["cage"], 0o600))
        links = os.readlink("/proc/%d/fd/2" % self.platform.agent("actor")["pid"])
        self.assertTrue(links.endswith("/agents/actor.log"), links)

    def test_a_flood(self):
        """It ends at 1 MB, the agent lives on, and the next start makes room."""
        self.platform.write_config(agents=[self.actor("print", "x" * 99, "20000")])
        self.platform.start()
        wait_for("it is full", 10, lambda: self.output() and self.output().st_size == 1 << 20)
        pid = self.platform.agent("actor")["pid"]
        time.sleep(0.2)
        self.assertTrue(alive(pid))
        self.platform.ask(AGENT, text="restart actor")
        wait_for("another one is full", 10, lambda: self.output("actor.old") and self.output().st_size == 1 << 20)
        self.assertEqual(self.output("actor.old").st_size, 1 << 20)


class Stop(Case):
    def test_clean_stop(self):
        self.start()
        pids = [self.platform.pid(name) for name in ROLES] + [self.platform.agent("sleeper")["pid"]]
        begin = time.monotonic()
        self.platform.signal(signal.SIGTERM)
        self.platform.wait_notify(b"STOPPING=1")
        self.assertEqual(self.platform.process.wait(10), 0)
        self.assertLess(time.monotonic() - begin, 3)
        self.platform.release()
        self.assertFalse([pid for pid in pids if alive(pid)])
        self.assertNotIn("<3>", self.platform.log())

    def test_an_agent_that_does_not_listen(self):
        self.platform.write_config(agents=[self.actor("stubborn")])
        self.platform.start()
        pid = self.platform.agent("actor")["pid"]
        time.sleep(0.3)  # until it ignores the signal
        begin = time.monotonic()
        self.assertEqual(self.platform.stop(), 0)
        self.assertLess(time.monotonic() - begin, 6)
        self.assertFalse(alive(pid))

    def test_a_cage_that_does_not_stop(self):
        self.start()
        os.kill(self.platform.pid("cage"), signal.SIGSTOP)
        self.assertEqual(self.platform.stop(30), 0)
        self.assertIn("it did not stop in time", self.platform.log())

    def test_second_instance(self):
        self.start()
        second = subprocess.run(self.platform.command(), capture_output=True, text=True, timeout=20)
        self.assertEqual(second.returncode, 1)
        self.assertIn("another ringsided runs", second.stderr)
        self.assertIn("pid %d" % self.platform.process.pid, second.stderr)
        self.assertEqual(self.platform.stop(), 0)

    def test_second_instance_for_the_whole_machine(self):
        """Two would wait for each other; this one takes the lock only and never marks anything."""
        with open("/run/ringside-machine.lock", "a", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass  # a platform really does
            self.platform.write_config(scope="/")
            second = subprocess.run(self.platform.command(), capture_output=True, text=True, timeout=20)
        self.assertEqual(second.returncode, 1)
        self.assertIn("another ringsided watches the whole machine", second.stderr)
        self.assertIn("another scope", second.stderr)


class Configuration(Case):
    def refused(self, text):
        with open(self.platform.config, "w") as f:
            f.write(text)
        result = subprocess.run(self.platform.command(), capture_output=True, text=True, timeout=20)
        self.assertEqual(result.returncode, 1)
        return result.stderr

    def test_wrong_file(self):
        self.assertIn("ringside.yaml:2: verdicts.cache: expected a number", self.refused("\nverdicts: {cache: x}\n"))
        self.assertIn("did you mean", self.refused("scopes: [/srv]\n"))
        self.assertIn("alias or anchor", self.refused("scope: &a [/srv]\n"))

    def test_no_file(self):
        result = subprocess.run(self.platform.command(), capture_output=True, text=True, timeout=20)
        self.assertEqual(result.returncode, 1)
        self.assertIn("ringside.yaml: expected a file that can be read: No such file", result.stderr)

    def test_not_a_file(self):
        os.mkfifo(self.platform.config)
        result = subprocess.run(self.platform.command(), capture_output=True, text=True, timeout=20)
        self.assertEqual(result.returncode, 1)
        self.assertIn("expected a regular file", result.stderr)

    def test_a_run_dir_that_others_can_write(self):
        self.platform.write_config()
        os.mkdir(self.platform.run_dir)
        os.chmod(self.platform.run_dir, 0o777)
        result = subprocess.run(self.platform.command(), capture_output=True, text=True, timeout=20)
        self.assertEqual(result.returncode, 1)
        self.assertIn("only root may write", result.stderr)

    def test_reload(self):
        self.start(agents=("keeps", "leaves"))
        keeps, leaves = self.platform.agent("keeps")["pid"], self.platform.agent("leaves")["pid"]
        engine = self.platform.pid("engine")
        self.platform.write_config(agents=[self.sleeper(a) for a in ("keeps", "comes")])
        self.platform.signal(signal.SIGHUP)
        self.platform.wait_notify(b"RELOADING=1")
        self.platform.wait_notify(b"READY=1")
        wait_for("the new agent", 5, lambda: self.platform.agent("comes") and self.platform.agent("comes")["pid"])
        self.assertEqual(self.platform.agent("keeps")["pid"], keeps)
        self.assertIsNone(self.platform.agent("leaves"))
        wait_for("the old agent is gone", 5, lambda: not alive(leaves))
        wait_for("a new engine", 5, lambda: self.platform.pid("engine") not in (0, engine))

    def test_reload_of_a_wrong_file(self):
        self.start()
        agent, engine = self.platform.agent("sleeper")["pid"], self.platform.pid("engine")
        with open(self.platform.config, "a") as f:
            f.write("nonsense: yes\n")
        self.platform.signal(signal.SIGHUP)
        self.platform.wait_notify(b"READY=1")
        self.assertEqual(self.platform.status()["parent"]["reload_errors"], 1)
        self.assertEqual(self.platform.agent("sleeper")["pid"], agent)
        self.assertEqual(self.platform.pid("engine"), engine)
        self.assertIn("the old configuration stays in force", self.platform.log())

    def test_reloads_in_a_row(self):
        self.start()
        for _ in range(30):
            self.platform.signal(signal.SIGHUP)
        wait_for("they are done", 10, lambda: self.platform.status()["parent"]["reloads"] >= 1)
        self.assertEqual(self.platform.stop(), 0)

    def test_what_cannot_change_live(self):
        self.start()
        self.platform.write_config(extra="")
        with open(self.platform.config) as f:
            text = f.read().replace("scope: [%s]" % self.platform.scope, "scope: [/nowhere]")
        with open(self.platform.config, "w") as f:
            f.write(text)
        self.platform.signal(signal.SIGHUP)
        self.platform.wait_notify(b"READY=1")
        self.assertIn("scope has changed in the configuration; the old value holds", self.platform.log())
        self.assertEqual(self.platform.status()["parent"]["scope"], [self.platform.scope])


class AdminSocket(Case):
    def test_requests(self):
        self.start()
        self.assertEqual(sorted(self.platform.status()), ["cage", "engine", "parent"])
        self.assertEqual(self.platform.ask(AGENT, text="restart sleeper")[0], 0)
        self.assertEqual(self.platform.ask(AGENT, text="restart nobody")[0], -2)
        self.assertEqual(self.platform.ask(AGENT, text="dance sleeper")[0], -22)
        wait_for("it is back", 5, lambda: self.platform.agent("sleeper")["state"] in ("starting", "live"))

    def test_stop_and_start_of_an_agent(self):
        self.start()
        pid = self.platform.agent("sleeper")["pid"]
        self.platform.ask(AGENT, text="stop sleeper")
        wait_for("it is off", 5, lambda: self.platform.agent("sleeper")["state"] == "off")
        self.assertFalse(alive(pid))
        self.platform.ask(AGENT, text="start sleeper")
        wait_for("it runs", 5, lambda: alive(self.platform.agent("sleeper")["pid"]))

    def test_a_process_that_does_not_answer(self):
        self.start()
        cage = self.platform.pid("cage")
        os.kill(cage, signal.SIGSTOP)
        self.addCleanup(os.kill, cage, signal.SIGCONT)
        begin = time.monotonic()
        status = self.platform.status()
        self.assertLess(time.monotonic() - begin, 3.5)
        self.assertIn("did not answer", status["cage"]["error"])
        self.assertIn("processes", status["parent"])

    def test_who_may_ask(self):
        self.start(extra="admin_group: 54321\n")
        self.assertIn("agents", self.as_user(30001, 54321, STATUS))
        self.assertIn("only root", self.as_user(30001, 54321, AGENT))
        self.assertIn("Permission denied", self.as_user(30001, 30001, STATUS))

    def as_user(self, uid, gid, kind):
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.setgroups([])
                os.setresgid(gid, gid, gid)
                os.setresuid(uid, uid, uid)
                text = str(self.platform.ask(kind, text="stop sleeper"))
            except OSError as error:
                text = str(error)
            os.write(write_end, text.encode()[:60000])
            os._exit(0)
        os.close(write_end)
        with os.fdopen(read_end, "rb") as f:
            text = f.read().decode()
        os.waitpid(pid, 0)
        return text

    def test_hostile_clients(self):
        self.start()
        good = struct.pack("=IHHQIIQ240s", 272, 9, 0, 1, STATUS, 0, 0, b"")
        for bad in (b"x", b"\0" * 272, b"\xff" * 272, b"x" * 60000, good[:-1], good + b"x",
                    struct.pack("=IHHQIIQ240s", 272, 9, 0, 1, 99, 0, 0, b""),
                    struct.pack("=IHHQIIQ240s", 272, 9, 0, 1, STATUS, 0, 0, b"x" * 240),
                    struct.pack("=IHHQ", 16, 3, 0, 0)):
            client = self.platform.client()
            client.socket.send(bad)
            self.assertRaises((EOFError, ConnectionResetError), client.receive)
            client.close()
        # descriptors that nobody asked for
        client = self.platform.client()
        socket.send_fds(client.socket, [good], [0, 1, 2])
        self.assertRaises((EOFError, ConnectionResetError), client.receive)
        client.close()
        self.assertIn("parent", self.platform.status())
        self.assertEqual(self.platform.children()["control"]["restarts"], 0)

    def test_too_many_clients(self):
        self.start()
        crowd = []
        for _ in range(150):
            try:
                crowd.append(self.platform.client())
            except BlockingIOError:
                pass  # its backlog is full too
        self.assertGreater(len(crowd), 64)
        time.sleep(0.2)
        for client in crowd:
            client.close()
        wait_for("there is room again", 5, lambda: self.try_status())

    def try_status(self):
        try:
            return self.platform.status()
        except (OSError, EOFError):
            return None

    def test_clients_that_never_read(self):
        self.start()
        good = struct.pack("=IHHQIIQ240s", 272, 9, 0, 1, STATUS, 0, 0, b"")
        crowd = [self.platform.client() for _ in range(20)]
        for client in crowd:
            client.socket.setblocking(False)
            for _ in range(50):
                try:
                    client.socket.send(good)
                except OSError:
                    break
        begin = time.monotonic()
        self.assertIn("parent", self.platform.status())
        self.assertLess(time.monotonic() - begin, 2.5)
        for client in crowd:
            client.close()


if __name__ == "__main__":
    enter_namespace()
    BUILD = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
