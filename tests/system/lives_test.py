#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lives and budgets of agents on the running platform: upgraded in place while questions flow, new processes that are of no
use, budgets that are hit while a verdict is pending, control groups that are not there. usage: lives_test.py BUILD"""
import glob
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest

from platform_world import AGENT, DOCTOR, UID_BASE, Platform, alive, enter_namespace, wait_for

BUILD = None
DEADLINE_S = 3
UNIFIED = "/sys/fs/cgroup/unified" if os.path.isdir("/sys/fs/cgroup/unified") else "/sys/fs/cgroup"


class Case(unittest.TestCase):
    args = "auth_exec, auth_open"
    limits = ""

    def setUp(self):
        self.platform = Platform(BUILD)
        self.addCleanup(self.platform.destroy)
        self.addCleanup(self.show_log)
        self.program = self.platform.add_agent(os.path.join(BUILD, "tests/system/judge"))
        for name in ("good", "evil", "bad", "slow", "eat", "fork", "leak", "fill", "names", "spin"):
            shutil.copy("/bin/true", os.path.join(self.platform.scope, name))
        self.configure()

    def configure(self, args="", limits=None, more=()):
        row = "{name: judge, program: %s, args: [%s%s], events: [auth_exec, auth_open], limits: {%s}}" % (
            self.program, args, self.args, self.limits if limits is None else limits)
        self.platform.write_config(agents=[row] + list(more),
                                   verdicts="{deadline: {exec: %d s, open: %d s}, strikes: 1000}" % (DEADLINE_S, DEADLINE_S))

    def start(self):
        self.platform.start()
        wait_for("judge is live", 5, lambda: self.judge()["state"] == "live")

    def show_log(self):
        result = self._outcome.result
        if any(test.id().split(" ")[0] == self.id() for test, _ in result.failures + result.errors):
            sys.stderr.write("--- log of %s\n%s---\n" % (self.id(), self.platform.log()))

    def judge(self):
        return self.platform.agent("judge")

    def seen(self):
        """The engine's row of judge."""
        return {a["name"]: a for a in self.platform.status()["engine"]["agents"]}["judge"]

    def open(self, name):
        try:
            os.close(os.open(os.path.join(self.platform.scope, name), os.O_RDONLY))
            return "done"
        except PermissionError:
            return "denied"

    def reload(self):
        self.platform.signal(signal.SIGHUP)
        self.platform.wait_notify(b"RELOADING=1")
        self.platform.wait_notify(b"READY=1")


class Flow:
    """Opens good and evil again and again, in threads; what came out."""

    def __init__(self, case, threads=3):
        self.case, self.stop, self.wrong, self.n = case, threading.Event(), [], 0
        self.threads = [threading.Thread(target=self.work) for _ in range(threads)]

    def work(self):
        while not self.stop.is_set():
            got = (self.case.open("good"), self.case.open("evil"))
            self.n += 1
            if got != ("done", "denied"):
                self.wrong.append(got)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *unused):
        self.stop.set()
        for thread in self.threads:
            thread.join(20)


class Upgrade(Case):
    def no_gap(self, change, what, before):
        """Upgraded while questions flow: none unguarded, none missed, and each was answered as it should be."""
        old = self.judge()["pid"]
        questions = self.platform.status()["engine"]["questions"]
        with Flow(self) as flow:
            wait_for("it flows", 5, lambda: flow.n > 20)
            change()
            wait_for(what, 10, lambda: self.judge()["pid"] not in (0, old) and self.judge()["state"] == "live")
            n = flow.n
            wait_for("it flows on", 5, lambda: flow.n > n + 20)
            wait_for("the old one has ended", 10, lambda: not alive(old))
        self.assertEqual(flow.wrong, [])
        after = self.platform.status()["engine"]["questions"]
        for key in ("unguarded", "missed", "overridden"):
            self.assertEqual(after[key], questions[key], key)
        self.assertEqual(self.judge()["upgrades"], before + 1)
        self.assertEqual(self.judge()["restarts"], 0)
        self.assertEqual(self.seen()["misses"], 0)

    def test_asked_for(self):
        self.start()
        engine = self.platform.pid("engine")
        self.no_gap(lambda: self.assertEqual(self.platform.ask(AGENT, text="upgrade judge")[0], 0), "it is new", 0)
        self.no_gap(lambda: self.assertEqual(self.platform.ask(AGENT, text="upgrade judge")[0], 0), "it is new again", 1)
        self.assertEqual(self.platform.pid("engine"), engine)

    def test_by_a_reload(self):
        """Other arguments: another version, that denies more. The engine has no part in it and stays."""
        self.start()
        engine = self.platform.pid("engine")
        self.assertEqual(self.open("bad"), "done")

        def change():
            self.configure("--deny, bad, --version, '2', ")
            self.reload()

        self.no_gap(change, "it is new", 0)
        self.assertEqual(self.open("bad"), "denied")
        self.assertEqual(self.seen()["version"], "2")
        self.assertEqual(self.platform.pid("engine"), engine)

    def test_what_the_engine_looks_at_too(self):
        """With another deadline besides, the engine is restarted; the agent all the same has no moment without a process."""
        self.start()
        old, engine = self.judge()["pid"], self.platform.pid("engine")
        self.configure("--version, '2', ", limits="pending: 100")
        self.reload()
        wait_for("it is new", 10, lambda: self.judge() and self.judge()["pid"] not in (0, old) and
                 self.judge()["state"] == "live")
        wait_for("the old one has ended", 10, lambda: not alive(old))
        self.assertNotEqual(self.platform.pid("engine"), engine)
        self.assertEqual(self.seen()["version"], "2")
        self.assertEqual(self.open("evil"), "denied")

    def test_a_question_that_the_old_one_owes(self):
        """It keeps its time: the old process is not ended before its deadline."""
        self.start()
        old = self.judge()["pid"]
        box = []
        thread = threading.Thread(target=lambda: box.append((self.open("slow"), time.monotonic())))
        begin = time.monotonic()
        thread.start()
        time.sleep(0.05)
        self.platform.ask(AGENT, text="upgrade judge")
        wait_for("it is new", 5, lambda: self.judge()["pid"] not in (0, old))
        thread.join(20)
        self.assertEqual(box[0][0], "done")
        self.assertGreater(box[0][1] - begin, DEADLINE_S - 0.05)
        wait_for("the old one has ended", 10, lambda: not alive(old))

    def fails(self, args, why, seconds=10):
        self.start()
        old = self.judge()["pid"]
        with Flow(self) as flow:
            self.configure(args)
            self.reload()
            wait_for("it failed", seconds, lambda: self.judge()["upgrades_failed"] == 1)
            n = flow.n
            wait_for("it flows on", 5, lambda: flow.n > n + 20)
        self.assertEqual(flow.wrong, [])
        agent = self.judge()
        self.assertEqual((agent["pid"], agent["state"], agent["upgrades"]), (old, "live", 0))
        self.assertIn(why, agent["upgrade_why"])
        self.assertIn("the old one goes on", agent["upgrade_why"])
        wait_for("the new one is gone", 5, lambda: self.judge()["newcomer_pid"] == 0)
        self.assertEqual(self.seen()["misses"], 0)
        self.assertEqual(self.platform.stop(), 0)

    def test_a_new_one_that_ends(self):
        self.fails("--exit, ", "exited with 3")

    def test_a_new_one_that_is_no_program(self):
        self.program = "/does/not/exist"
        old, self.program = self.program, self.platform.path("agents", "judge")
        self.start()
        pid = self.judge()["pid"]
        self.program = old
        self.configure()
        self.reload()
        wait_for("it failed", 10, lambda: self.judge()["upgrades_failed"] == 1)
        self.assertEqual(self.judge()["pid"], pid)
        self.assertEqual(self.open("evil"), "denied")

    def test_a_new_one_that_never_gets_ready(self):
        self.fails("--mute, ", "", 30)

    def test_stop_and_restart_in_an_upgrade(self):
        self.start()
        for verb, state in (("restart", "live"), ("stop", "off")):
            self.configure("--mute, --version, %s, " % verb)
            self.reload()
            newcomer = wait_for("two run", 5, lambda: self.judge()["newcomer_pid"])
            self.configure("--version, %s, " % verb)
            self.reload()
            wait_for("another new one", 5, lambda: self.judge()["newcomer_pid"] != newcomer)
            self.platform.ask(AGENT, text="%s judge" % verb)
            wait_for("it is %s" % state, 10, lambda: self.judge()["state"] == state)
            wait_for("no other is left", 5, lambda: not alive(newcomer) and self.judge()["newcomer_pid"] == 0)
        self.assertEqual(self.platform.ask(AGENT, text="upgrade judge")[0], -3)
        wait_for("nothing is left", 5, lambda: not self.processes())

    def processes(self):
        return subprocess.run(["pgrep", "-U", str(UID_BASE + 100)], capture_output=True, text=True).stdout.split()

    def test_stop_of_all_in_an_upgrade(self):
        self.start()
        self.configure("--mute, ")
        self.reload()
        wait_for("two run", 5, lambda: self.judge()["newcomer_pid"])
        wait_for("each has process 1 of its jail", 5, lambda: len(self.processes()) == 4)
        self.assertEqual(self.platform.stop(), 0)
        self.assertEqual(self.processes(), [])


class Budget(Case):
    """By resource limits, or by what this machine's cgroup v2 has. In the virtual machines: tests/vm/cases/budget."""
    limits = "memory: 32 MB, descriptors: 64, pending: 32"

    def hit(self, name):
        """The waiting operation goes on, within its deadline; whatever becomes of the agent."""
        begin = time.monotonic()
        self.assertEqual(self.open(name), "done")
        self.assertLess(time.monotonic() - begin, DEADLINE_S + 5)

    def guards(self):
        wait_for("it denies", 10, lambda: self.open("evil") == "denied")

    def budgets(self):
        return {b["name"]: b for b in self.judge()["budgets"]}

    def test_what_is_shown(self):
        self.start()
        self.guards()
        self.assertEqual([b["most"] for b in self.judge()["budgets"]][:1], [32])
        self.assertIn(self.budgets()["memory"]["kept_by"], ("limit", "group"))
        self.assertEqual(self.budgets()["files"]["kept_by"], "limit")
        time.sleep(1.1)
        usage = self.judge()
        self.assertGreater(usage["memory_bytes"], 100000)
        self.assertGreaterEqual(usage["memory_peak_bytes"], usage["memory_bytes"])
        self.assertEqual(usage["tasks"], 2)  # it, and process 1 of its jail
        self.assertGreater(usage["cpu_ns"], 0)

    def test_memory_while_a_verdict_is_pending(self):
        self.start()
        self.hit("eat")
        self.guards()

    def test_tasks_while_a_verdict_is_pending(self):
        self.start()
        self.hit("fork")
        wait_for("its processes are counted", 5, lambda: self.judge()["tasks"] > 1)
        self.guards()

    def test_descriptors_while_a_verdict_is_pending(self):
        self.start()
        self.hit("leak")
        if os.stat("/proc/self/fd").st_size:
            wait_for("it is counted", 5, lambda: self.budgets()["files"]["hits"] == 1)
            self.assertEqual(self.judge()["files"], 64)
        self.assertEqual(self.platform.ask(AGENT, text="restart judge")[0], 0)
        self.guards()

    def check_disk(self, name):
        self.configure(limits=self.limits + ", disk: 1 MB")
        self.start()
        self.assertEqual(self.budgets()["disk"]["kept_by"], "size")
        self.hit(name)
        wait_for("it is counted", 5, lambda: self.budgets()["disk"]["hits"] == 1)
        self.guards()

    def test_disk_while_a_verdict_is_pending(self):
        self.check_disk("fill")

    def test_files_without_bytes_while_a_verdict_is_pending(self):
        self.check_disk("names")

    def test_doctor_tells_whether_descriptors_are_counted(self):
        self.start()
        told = os.stat("/proc/self/fd").st_size > 0
        notes = {n["what"]: n["level"] for n in self.platform.ask(DOCTOR)[1]["cage"]["notes"]}
        self.assertEqual(notes.get("hits of agents' budgets of descriptors are %s"
                                   % ("counted" if told else "not counted")), "ok" if told else "warn", notes)

    def test_the_processor_while_a_verdict_is_pending(self):
        self.start()
        self.hit("spin")
        self.guards()


class Groups(Case):
    """Control groups that are not there, or cannot be used, are no reason not to run; doctor's notes say so."""

    def group(self):
        return os.path.join(UNIFIED, "ringside-%d" % self.platform.process.pid)

    def group_of_judge(self, number):
        """Of its number-th process, when it is there."""
        return glob.glob(os.path.join(self.group(), "judge.*.%d" % number))

    def notes(self):
        return " ".join(n["what"] + ": " + n["do"] for n in self.platform.ask(DOCTOR)[1]["cage"]["notes"])

    def unmount(self):
        subprocess.run(["umount", "-l", UNIFIED], check=True)
        self.addCleanup(subprocess.run, ["mount", "-t", "cgroup2", "cgroup2", UNIFIED])

    def check_works(self):
        self.start()
        self.assertEqual(self.open("evil"), "denied")
        self.assertEqual(self.platform.ask(AGENT, text="restart judge")[0], 0)
        wait_for("it is back", 5, lambda: self.judge()["state"] == "live")

    def test_one_each_and_none_after(self):
        """Each process of an agent has a group; when the platform has stopped none is left."""
        if not os.access(os.path.join(UNIFIED, "cgroup.procs"), os.W_OK):
            self.skipTest("no cgroup v2 that can be written")
        self.start()
        folder = self.group()
        names = [n for n in os.listdir(folder) if os.path.isdir(os.path.join(folder, n))]
        self.assertEqual(sorted(n.split(".")[0] for n in names), ["cage", "judge"])
        with open("/proc/%d/cgroup" % self.judge()["pid"]) as f:
            self.assertIn("/judge.", f.read())
        self.assertEqual(self.platform.ask(AGENT, text="restart judge")[0], 0)
        wait_for("another", 5, lambda: self.group_of_judge(2))
        wait_for("the old group is removed", 5, lambda: not self.group_of_judge(1))
        self.assertEqual(self.platform.stop(), 0)
        self.assertFalse(os.path.exists(folder))

    def test_a_group_that_cannot_be_removed(self):
        """A process that does not belong there: killed with the rest, and the group is removed."""
        if not os.access(os.path.join(UNIFIED, "cgroup.procs"), os.W_OK):
            self.skipTest("no cgroup v2 that can be written")
        self.start()
        # a thread that is in the kernel for long cannot be had at will: a group inside keeps its group from removal
        inside = os.path.join(self.group_of_judge(1)[0], "inside")
        os.mkdir(inside)
        sleeper = subprocess.Popen(["sleep", "1000"])
        self.addCleanup(sleeper.wait)
        self.addCleanup(sleeper.kill)
        with open(os.path.join(inside, "cgroup.procs"), "w") as f:
            f.write(str(sleeper.pid))
        self.assertEqual(self.platform.ask(AGENT, text="restart judge")[0], 0)
        wait_for("it is kept in mind", 5, lambda: self.platform.status()["cage"]["groups_left"] == 1)
        self.assertEqual(sleeper.wait(5), -signal.SIGKILL)
        os.rmdir(inside)
        wait_for("it is removed later", 5, lambda: self.platform.status()["cage"]["groups_left"] == 0)
        self.assertEqual(self.open("evil"), "denied")

    def test_no_cgroup_v2(self):
        self.unmount()
        self.check_works()
        self.assertIn("memory are kept by resource limits", self.notes())
        self.assertIn("cpu are not kept", self.notes())
        self.assertIn("cgroup v2 is not mounted", self.notes())

    def test_read_only(self):
        subprocess.run(["mount", "-o", "bind,remount,ro", UNIFIED], check=True)
        self.addCleanup(subprocess.run, ["mount", "-o", "bind,remount,rw", UNIFIED])
        self.check_works()
        self.assertIn("Read-only file system", self.notes())

    def test_a_cage_that_is_killed_leaves_nothing(self):
        """Not what its agents had started either, even out of their process group and with their cage's death ignored."""
        forker = self.platform.add_agent(os.path.join(BUILD, "tests/system/actor"))
        self.configure(more=["{name: forker, program: %s, args: [fork], events: [exec]}" % forker])
        self.start()

        def left():
            out = subprocess.run(["pgrep", "-U", str(UID_BASE + 101)], capture_output=True, text=True).stdout.split()
            return out if len(out) == 3 else []  # process 1 of its jail, it, and what it forked

        first = wait_for("it has forked", 5, left)
        os.kill(self.platform.pid("cage"), signal.SIGKILL)
        wait_for("all of them are gone", 5, lambda: not any(alive(int(pid)) for pid in first))
        wait_for("another cage", 5, lambda: left() and left() != first)
        self.assertEqual(self.platform.stop(), 0)
        self.assertEqual(left(), [])


if __name__ == "__main__":
    enter_namespace()
    BUILD = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
