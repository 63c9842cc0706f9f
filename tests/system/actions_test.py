#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What agents ask for, on the running platform: a process dies and everybody can see why; what must not die does not.
usage: actions_test.py BUILD"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest

from platform_world import Platform, alive, enter_namespace, wait_for

BUILD = None


def id_of(pid, ticks_off=0):
    """As in struct rs_process."""
    with open("/proc/%d/stat" % pid, "rb") as f:
        return (int(f.read().rsplit(b")", 1)[1].split()[19]) + ticks_off) << 22 | pid


class Case(unittest.TestCase):
    agent = "actions: [kill]"

    def setUp(self):
        self.platform = Platform(BUILD)
        self.addCleanup(self.platform.destroy)
        self.addCleanup(self.show_log)
        self.start_platform(self.agent)
        for name in ("doomed", "ask-kill", "calm"):
            shutil.copy("/bin/sleep", os.path.join(self.platform.scope, name))

    def start_platform(self, agent):
        program = self.platform.add_agent(os.path.join(BUILD, "tests/system/killer"))
        self.platform.write_config(agents=["{name: killer, program: %s, events: [exec], %s}" % (program, agent)],
                                   sensors="{fanotify: yes, bpf: yes}")
        self.platform.start()
        wait_for("killer is live", 5, lambda: self.platform.agent("killer")["state"] == "live")

    def is_live(self):
        """Also while the cage is being started."""
        agents = self.platform.status()["cage"].get("agents", [])
        return [a["state"] for a in agents] == ["live"]

    def show_log(self):
        result = self._outcome.result
        if any(test.id() == self.id() for test, _ in result.failures + result.errors):
            sys.stderr.write("--- log of %s\n%s---\n" % (self.id(), self.platform.log()))

    def run_in_scope(self, name, *args):
        process = subprocess.Popen([os.path.join(self.platform.scope, name), *args], stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait, 20)
        self.addCleanup(process.kill)
        return process

    def command(self, *words):
        env = dict(os.environ, RINGSIDE_SOCKET=os.path.join(self.platform.run_dir, "control.sock"))
        return subprocess.run([os.path.join(BUILD, "cli/ringside"), *words], env=env, text=True, capture_output=True,
                              timeout=30)

    def actions(self, *words):
        done = self.command("actions", "--json", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["actions"]

    def answer(self, process_id):
        """What the agent was answered about this process; asks for it first."""
        self.run_in_scope("ask-kill", str(process_id))
        mark = "killer: asked %d: " % process_id
        log = wait_for("the agent is answered", 10, lambda: mark in self.platform.printed("killer") and self.platform.printed("killer"))
        return int(log.rsplit(mark, 1)[1].split()[0])


class Granted(Case):
    def test_it_dies_and_all_know_why(self):
        events = subprocess.Popen([os.path.join(BUILD, "cli/ringside"), "events", "--json", "--type", "action_done", "--count",
                                   "1", "--seconds", "20"], stdout=subprocess.PIPE, text=True,
                                  env=dict(os.environ, RINGSIDE_SOCKET=os.path.join(self.platform.run_dir, "control.sock")))
        self.addCleanup(events.stdout.close)
        self.addCleanup(events.wait)
        self.addCleanup(events.kill)
        wait_for("somebody listens", 10, lambda: "events-" in str(self.platform.status()["engine"]["agents"]))
        time.sleep(0.2)
        doomed = self.run_in_scope("doomed", "1000")
        identity = id_of(doomed.pid)
        self.assertEqual(doomed.wait(10), -signal.SIGKILL)
        wait_for("the agent hears of it", 5, lambda: ": done" in self.platform.printed("killer"))
        told = json.loads(events.stdout.readline())
        self.assertEqual((told["event"], told["agent"], told["outcome"], told["rule"]),
                         ("action_done", "killer", "done", "doomed"))
        self.assertEqual(told["target"]["pid"], doomed.pid)
        action, = self.actions()
        self.assertEqual((action["agent"], action["version"], action["content_version"]), ("killer", "7", "c9"))
        self.assertEqual((action["action"], action["rule"], action["reason"]), ("kill", "doomed", "this test said so"))
        self.assertEqual((action["outcome"], action["error"]), ("done", 0))
        target = action["target"]
        self.assertEqual((target["pid"], target["process_id"], target["uid"]), (doomed.pid, identity, 0))
        self.assertEqual(target["exe"], os.path.join(self.platform.scope, "doomed"))
        self.assertEqual(target["args"], [os.path.join(self.platform.scope, "doomed"), "1000"])
        self.assertIn("doomed", self.command("actions").stdout)
        # on disk, for root alone
        for name in ("actions.0", "actions.1"):
            st = os.stat(self.platform.path("state", name))
            self.assertEqual((st.st_mode & 0o777, st.st_uid), (0o600, 0))

    def test_by_number(self):
        calm = self.run_in_scope("calm", "1000")
        wait_for("it is known", 5, lambda: alive(calm.pid))
        self.assertEqual(self.answer(id_of(calm.pid, 1)), -3)  # ESRCH: another start, as of a number used again
        self.assertEqual(self.answer(id_of(calm.pid, -1)), -3)
        self.assertTrue(alive(calm.pid))
        self.assertGreater(self.answer(id_of(calm.pid)), 0)
        self.assertEqual(calm.wait(10), -signal.SIGKILL)

    def test_spared(self):
        pids = {name: self.platform.children()[name]["pid"] for name in ("engine", "cage", "control")}
        pids["parent"] = self.platform.process.pid
        pids["agent"] = self.platform.agent("killer")["pid"]
        pids["init"] = 1
        for name, pid in pids.items():
            with self.subTest(name):
                self.assertEqual(self.answer(id_of(pid)), -1)  # EPERM
                self.assertTrue(alive(pid))
        refused = self.actions("--outcome", "refused")
        self.assertEqual([a["target"]["pid"] for a in refused], list(reversed(list(pids.values()))))
        self.assertEqual(self.actions("--outcome", "done"), [])
        self.assertEqual(self.platform.agent("killer")["restarts"], 0)

    def test_essential(self):
        """A package manager's program waits for its input; then a shell below this test, which nobody is logged in to."""
        started = {}
        for name, command in (("tool", ["/bin/sh", "-c", "read line"]), ("manager", ["dpkg-deb", "--info", "-"])):
            started[name] = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                             stderr=subprocess.DEVNULL)
            self.addCleanup(started[name].stdin.close)
            self.addCleanup(started[name].wait, 20)
            self.addCleanup(started[name].kill)
        time.sleep(0.2)
        self.assertEqual(self.answer(id_of(started["manager"].pid)), -1)
        self.assertTrue(alive(started["manager"].pid))
        with open("/proc/self/sessionid") as f:
            logged_in = int(f.read()) != 0xffffffff
        if logged_in:
            self.assertEqual(self.answer(id_of(started["tool"].pid)), -1)
        else:
            self.assertGreater(self.answer(id_of(started["tool"].pid)), 0)
            self.assertEqual(started["tool"].wait(10), -signal.SIGKILL)

    def test_journal_outlives_all(self):
        self.assertEqual(self.run_in_scope("doomed", "1000").wait(10), -signal.SIGKILL)
        wait_for("it is journaled", 5, lambda: self.actions("--outcome", "done"))
        first = self.actions()
        os.kill(self.platform.children()["cage"]["pid"], signal.SIGKILL)
        wait_for("killer is live again", 20, self.is_live)
        self.assertEqual(self.actions(), first)
        self.assertEqual(self.platform.stop(), 0)
        self.start_platform(self.agent)
        self.assertEqual(self.actions(), first)
        self.assertEqual(self.run_in_scope("doomed", "1001").wait(10), -signal.SIGKILL)
        wait_for("it is journaled", 5, lambda: len(self.actions("--outcome", "done")) == 2)
        self.assertEqual(self.actions()[0]["number"], first[0]["number"] + 1)

    def test_cage_away(self):
        cage = self.platform.children()["cage"]["pid"]
        calm = self.run_in_scope("calm", "1000")
        os.kill(cage, signal.SIGSTOP)
        self.assertGreater(self.answer(id_of(calm.pid)), 0)
        # by the engine, or by the parent, which ends a cage that stands still and starts another
        wait_for("it is not known", 15, lambda: ": unknown" in self.platform.printed("killer"))
        self.assertTrue(alive(calm.pid))


class Limited(Case):
    agent = "actions: [kill], limits: {actions_per_minute: 2}"

    def test_rate(self):
        for _ in range(2):
            self.assertEqual(self.run_in_scope("doomed", "1000").wait(10), -signal.SIGKILL)
        third = self.run_in_scope("doomed", "3")
        wait_for("it is refused", 5, lambda: ": -16\n" in self.platform.printed("killer"))  # EBUSY
        self.assertEqual(third.wait(10), 0)
        self.assertEqual(len(self.actions()), 2)


class NotGranted(Case):
    agent = "limits: {actions_per_minute: 2}"

    def test_not_granted(self):
        doomed = self.run_in_scope("doomed", "2")
        wait_for("it is refused", 5, lambda: ": -13\n" in self.platform.printed("killer"))  # EACCES
        self.assertEqual(doomed.wait(10), 0)
        self.assertEqual([a["outcome"] for a in self.actions()], ["refused"])


class Shadow(Case):
    agent = "actions: [kill], shadow: yes"

    def test_shadow(self):
        doomed = self.run_in_scope("doomed", "2")
        wait_for("it is told", 5, lambda: ": shadow" in self.platform.printed("killer"))
        self.assertEqual(doomed.wait(10), 0)
        self.assertEqual([a["outcome"] for a in self.actions()], ["shadow"])


if __name__ == "__main__":
    enter_namespace()
    BUILD = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
