#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Agents that misuse the machine, in the real cage, beside one that behaves. usage: hostile_test.py BUILD

For each mode: what the platform does about it, the counter or the line of the log that names it, and that the other agent
and the programs that wait for it notice nothing.
"""
import os
import re
import signal
import subprocess
import sys
import time
import unittest

from platform_world import Platform, alive, enter_namespace, wait_for

BUILD = None
DEADLINE_S = 10  # the platform's, for judge: no busy machine makes it late
OWN = "{exec: 500 ms, open: 250 ms}"  # of hostile, which is late on purpose
LIMITS = "{memory: 64 MB, descriptors: 64, pending: 16, disk: 2 MB}"


class Hostile(unittest.TestCase):
    def world(self, mode, events="auth_exec", more=(), verdicts=""):
        self.platform = Platform(BUILD)
        self.addCleanup(self.platform.destroy)
        judge = self.platform.add_agent(os.path.join(BUILD, "tests/system/judge"))
        hostile = self.platform.add_staged("hostile")
        args = ", ".join(["--mode", mode, *more])
        self.platform.write_config(
            agents=["{name: judge, program: %s, args: [auth_exec], events: [auth_exec]}" % judge,
                    "{name: hostile, program: %s, args: [%s], events: [%s], limits: %s, deadline: %s}" % (hostile, args, events, LIMITS, OWN)],
            verdicts="{deadline: {exec: %d s, open: %d s}, strikes: 1000, bench: 5 min%s}" % (DEADLINE_S, DEADLINE_S, verdicts))
        for name in ("good", "evil"):
            subprocess.run(["cp", "/bin/true", os.path.join(self.platform.scope, name)], check=True)
        self.platform.start()
        wait_for("judge is live", 20, lambda: self.engine("judge")["state"] == "live")

    def engine(self, name):
        return {a["name"]: a for a in self.platform.status()["engine"].get("agents", [])}.get(name, {"state": "none"})

    def execute(self, name="good"):
        """How long it took; None: denied."""
        before = time.monotonic()
        try:
            subprocess.run([os.path.join(self.platform.scope, name)], check=True, timeout=30)
        except PermissionError:
            return None
        return time.monotonic() - before

    def said(self, mode):
        """What hostile came to, as it says itself."""
        return wait_for("hostile says", 60, lambda: re.search(mode + r": (\d+) .*then: (.*)", self.platform.printed("hostile")))

    def well(self, n=20):
        """The machine works, the other agent decides, nobody waits for judge's deadline."""
        for _ in range(n):
            self.assertLess(self.execute(), DEADLINE_S)
        self.assertIsNone(self.execute("evil"))
        judge = self.engine("judge")
        self.assertEqual((judge["misses"], judge["strikes"], judge["dropped"]), (0, 0, 0), judge)
        self.assertEqual(judge["state"], "live")

    def budgets(self):
        return {b["name"]: b for b in self.platform.agent("hostile")["budgets"]}

    def is_counted(self, name):
        """By the cage, and against nobody else."""
        wait_for("the cage counts it", 10, lambda: self.budgets()[name]["hits"] > 0)
        self.assertEqual([b["hits"] for b in self.platform.agent("judge")["budgets"]], [0] * len(self.budgets()))

    def in_state(self, mode):
        """What it got in its own folder, after it has tried the others; and where else it got anything."""
        found = wait_for("hostile says", 60, lambda: re.search(mode + r": \.: ", self.platform.printed("hostile"))
                         and dict(re.findall(mode + r": (\S+): (-?\d+) ", self.platform.printed("hostile"))))
        return int(found.pop("/state")), {place for place, n in found.items() if int(n) > 0}

    def of_its_user(self):
        """Processes that the agent's user has."""
        uid = os.stat("/proc/%d" % self.platform.agent("hostile")["pid"]).st_uid
        pids = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.stat("/proc/" + pid).st_uid == uid:
                    pids.append(int(pid))
            except FileNotFoundError:
                pass
        return pids

    def test_memory(self):
        self.world("eat-memory")
        self.well()
        self.assertLess(int(self.said("eat-memory")[1]), 64)

    def test_memfd(self):
        """On its memory budget where there is a controller; else only the size of each is limited, see THREAT-MODEL.md."""
        self.world("eat-memfd")
        self.well()
        if self.budgets()["memory"]["kept_by"] == "limit":
            # one file is no longer than its disk budget, wherever it lies
            self.assertLessEqual(int(self.said("eat-memfd")[1]), 2)
            self.assertEqual(self.budgets()["memory"]["hits"], 0)

    def test_fill_disk(self):
        self.world("fill-disk")
        self.well()
        mb, elsewhere = self.in_state("fill-disk")
        self.assertLessEqual(mb, 2)
        self.assertEqual(elsewhere, set())
        self.assertEqual(self.budgets()["disk"]["kept_by"], "size")
        self.is_counted("disk")

    def test_fill_inodes(self):
        self.world("fill-inodes")
        self.well()
        n, elsewhere = self.in_state("fill-inodes")
        self.assertLessEqual(n, 256 + 2 * 64)
        self.assertGreater(n, 128)
        self.assertEqual(elsewhere, set())
        self.is_counted("disk")

    def test_fork_bomb(self):
        self.world("fork-bomb")
        self.well()
        # of 500; some of those that it counts end at once, for their own child was one too many
        self.assertIn("unavailable", self.said("fork-bomb")[2])
        self.assertLess(int(self.said("fork-bomb")[1]), 128)
        # its budget, and what a jail needs itself; while one looks, some end and others begin
        wait_for("no more than its budget", 10, lambda: len(self.of_its_user()) <= 64 + 8)
        if self.budgets()["tasks"]["kept_by"] == "group":
            self.is_counted("tasks")
        # all end with it
        pids = self.of_its_user()
        self.assertEqual(self.platform.stop(), 0)
        wait_for("all of it is gone", 5, lambda: not [pid for pid in pids if alive(pid)])

    def test_spin_all(self):
        self.world("spin-all")
        wait_for("it spins", 20, lambda: "spin-all: " in self.platform.printed("hostile"))
        self.well()
        pids = self.of_its_user()
        self.assertGreater(len(pids), 1)
        self.assertEqual(self.platform.stop(), 0)
        wait_for("all of it is gone", 5, lambda: not [pid for pid in pids if alive(pid)])

    def test_leak_fds(self):
        self.world("leak-fds", more=("--fds",))
        for _ in range(60):
            self.execute()
        self.assertLess(int(self.said("leak-fds")[1]), 64)
        self.well()
        if os.stat("/proc/self/fd").st_size:
            self.is_counted("files")
        self.assertEqual(self.engine("hostile")["misses"], 0)

    def test_flood_stderr(self):
        self.world("flood-stderr")
        self.well()

    def tally(self):
        """What it says it has counted, when it is asked for the first time."""
        os.kill(self.platform.agent("hostile")["pid"], signal.SIGUSR1)
        line = wait_for("it says so", 10, lambda: re.search("tally hostile (.*)", self.platform.printed("hostile")))
        return {key: int(value) for key, value in re.findall(r"(\w+)=(-?\d+)", line[1])}

    def test_tally_while_it_hangs(self):
        """Its first question is the last one that it sees."""
        self.world("hang")
        for _ in range(3):
            self.execute()
        tally, engine = self.tally(), self.engine("hostile")
        self.assertEqual([tally[key] for key in ("questions", "allows", "denies", "unexplained")], [1, 0, 0, 0])
        self.assertGreaterEqual(engine["misses"], 3)
        self.assertEqual(engine["misses"], engine["questions"])

    def test_tally_while_it_waits(self):
        """Being asked changes nothing: its session goes on."""
        self.world("spoil-fd", more=("--fds",))
        for _ in range(3):
            self.execute()
        tally, engine = self.tally(), self.engine("hostile")
        self.assertGreaterEqual(tally["questions"], 3)
        self.assertEqual([tally[key] for key in ("questions", "allows", "last")],
                         [engine[key] for key in ("questions", "allows", "delivered")])
        self.well()
        self.assertEqual((self.engine("hostile")["misses"], self.engine("hostile")["state"]), (0, "live"))

    def test_slow(self):
        """Not stuck, and the machine crawls: braked within seconds."""
        self.world("slow", verdicts=", slow: {share: 50, budget: 5 s}")
        n = 0
        while self.engine("hostile")["state"] != "benched":
            self.assertLess(self.execute(), DEADLINE_S)
            n += 1
            self.assertLess(n, 60)
        hostile = self.engine("hostile")
        self.assertIn("took more than 50 %", hostile["why"])
        self.assertEqual(hostile["strikes"], 0)
        self.assertGreaterEqual(hostile["slow"], 10)
        self.well()
        self.assertLess(min(self.execute() for _ in range(10)), 0.2)

    def test_creep(self):
        """One more program in each of its short minutes; that it is braked in long ones, too, is deny_creep.scn."""
        self.world("creep", more=("--minute", "400"))
        for i in range(40):
            subprocess.run(["cp", "/bin/true", os.path.join(self.platform.scope, "p%d" % i)], check=True)
        # they ran here before: seen while hostile was benched
        self.bench(True)
        for i in range(40):
            self.execute("p%d" % i)
        self.bench(False)
        denied = 0
        for i in range(40):
            denied += self.execute("p%d" % i) is None
            time.sleep(0.1)
        hostile = self.engine("hostile")
        self.assertEqual(hostile["state"], "benched")
        self.assertIn("ran here before", hostile["why"])
        self.assertLessEqual(denied, 8)
        self.well()

    def bench(self, bench):
        env = dict(os.environ, RINGSIDE_SOCKET=os.path.join(self.platform.run_dir, "control.sock"))
        subprocess.run([os.path.join(BUILD, "cli/ringside"), "agents", "bench" if bench else "unbench", "hostile"],
                       env=env, check=True, stdout=subprocess.DEVNULL)
        wait_for("it is so", 5, lambda: (self.engine("hostile")["state"] == "benched") == bench)


if __name__ == "__main__":
    enter_namespace()
    BUILD = sys.argv.pop(1)
    unittest.main()
