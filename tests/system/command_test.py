#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command `ringside` against the running platform. usage: command_test.py BUILD"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import unittest

from platform_world import Platform, enter_namespace, wait_for

BUILD = None
HOSTILE = b"evil\x1b[2J\n\xff\xe2\x80\xaeexe"


class Result:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    def json(self):
        return json.loads(self.out)


class Case(unittest.TestCase):
    sensors = "{fanotify: yes, bpf: no}"

    def setUp(self):
        self.platform = Platform(BUILD)
        self.addCleanup(self.platform.destroy)
        program = self.platform.add_agent(os.path.join(BUILD, "tests/system/judge"))
        self.platform.write_config(
            agents=["{name: judge, program: %s, args: [auth_exec], events: [auth_exec]}" % program],
            verdicts="{deadline: {exec: 500 ms}, strikes: 1000}", sensors=self.sensors)
        for name in (b"good", b"evil", HOSTILE):
            shutil.copy("/bin/true", os.path.join(self.platform.scope.encode(), name))
        self.platform.start()
        wait_for("judge is live", 5, lambda: self.engine_state() == "live")

    def engine_state(self):
        agents = self.platform.status()["engine"].get("agents", [])
        return {a["name"]: a["state"] for a in agents}.get("judge")

    def command(self, *words, prefix=(), expect=0):
        env = dict(os.environ, RINGSIDE_SOCKET=os.path.join(self.platform.run_dir, "control.sock"),
                   RINGSIDE_LIBEXECDIR=self.platform.path("libexec"), TERM="xterm")
        env.pop("COLUMNS", None)
        result = Result(subprocess.run([*prefix, os.path.join(BUILD, "cli/ringside"), *words], env=env, text=True,
                                       capture_output=True, timeout=60))
        self.assertEqual(result.code, expect, "%s: %s%s" % (words, result.out, result.err))
        for c in result.out + result.err:
            self.assertTrue(c == "\n" or c.isprintable(), "%s printed %r" % (words, c))
        return result

    def follow(self, *words):
        env = dict(os.environ, RINGSIDE_SOCKET=os.path.join(self.platform.run_dir, "control.sock"))
        process = subprocess.Popen([os.path.join(BUILD, "cli/ringside"), "events", *words], env=env, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait, 20)
        self.addCleanup(process.kill)
        return process

    def listening(self, n):
        """Whether so many listeners, besides the agent of the settings, have said that they are ready."""
        agents = self.platform.status()["engine"].get("agents", [])
        return len(agents) == 1 + n and all(a["state"] == "live" for a in agents)

    def execute(self, name):
        try:
            subprocess.run([os.path.join(self.platform.scope.encode(), name)], check=True, timeout=20)
            return "done"
        except PermissionError:
            return "denied"


class Expected(Case):
    sensors = "{fanotify: yes, bpf: yes}"

    def test_expected_is_what_comes(self):
        """What `doctor` foretells without a platform is what the sensors say when they are open."""
        absent = self.platform.path("no-such.sock")
        result = subprocess.run([os.path.join(BUILD, "cli/ringside"), "--socket", absent, "doctor", "--json"],
                                text=True, capture_output=True, timeout=60)
        expected, live = json.loads(result.stdout), self.command("doctor", "--json").json()
        self.assertTrue(expected["expected"])
        self.assertNotIn("expected", live)
        self.assertEqual(expected["abilities"], live["abilities"])


class Looking(Case):
    def test_status(self):
        self.execute(b"good")
        out = self.command("status").out
        self.assertIn("Ringside ", out)
        self.assertRegex(out, r"(?m)^judge +live +\d+ (s|min) +1 +0 +0 +0 ")
        for line in out.split("\n"):
            self.assertLessEqual(len(line), 80, line)
        status = self.command("status", "--json").json()
        self.assertEqual(set(status), {"parent", "engine", "cage"})
        self.assertEqual(status["engine"]["questions"]["asked"], 1)

    def test_denied_and_explained(self):
        self.assertEqual(self.execute(b"evil"), "denied")
        denial = self.command("denials", "--json").json()["denials"][0]
        self.assertIn("evil", self.command("denials").out)
        out = self.command("explain", str(denial["id"])).out
        self.assertIn("was denied", out)
        self.assertIn('rule name: "its name begins with evil"', out)
        self.assertRegex(out, r"(?m)^judge 1 +deny +\S+ \S+ +decided$")
        self.assertEqual(self.command("explain", str(denial["id"]), "--json").json()["asked"][0]["agent"], "judge")
        self.command("explain", "123456789", expect=1)

    def test_top(self):
        load = subprocess.Popen(["sh", "-c", "while :; do %s/good; done" % self.platform.scope])
        self.addCleanup(load.wait)
        self.addCleanup(load.kill)
        out = self.command("top", "--batch", "-n", "2", "--interval", "0.5").out
        self.assertEqual(len(re.findall(r"(?m)^judge +live +[1-9]", out)), 2, out)
        looks = self.command("top", "--json", "-n", "1", "--interval", "0.5").json()
        parts = {part["name"]: part for part in looks["parts"]}
        self.assertGreater(parts["judge"]["asked_per_s"], 0)
        self.assertGreater(parts["judge"]["p99_us"], 0)
        for name in ("ringsided", "engine", "cage", "control"):
            self.assertGreater(parts[name]["memory_bytes"], 100000, name)
        self.assertGreater(parts["engine"]["cpu_percent"], 0)

    def test_hostile_name(self):
        self.assertEqual(self.execute(HOSTILE), "denied")
        # command() has looked at every character of these
        self.assertIn(r"evil\x1b[2J\n\xff\u{202e}exe", self.command("explain", self.newest()).out)
        self.command("denials")
        self.command("denials", "--json")
        self.command("events", "--list")

    def newest(self):
        return str(self.command("denials", "--json", "--count", "1").json()["denials"][0]["id"])

    def test_doctor(self):
        doctor = self.command("doctor", "--json").json()
        states = {a["event"]: a["state"] for a in doctor["abilities"]}
        self.assertIn(states["auth_exec"], ("mandatory", "discretionary"))
        self.assertEqual(states["auth_mount"], "unavailable")
        bad = any(note["level"] == "bad" for note in doctor["notes"])
        self.assertIn("Not available here", self.command("doctor", expect=1 if bad else 0).out)

    def test_check(self):
        self.assertIn("good", self.command("check", self.platform.config).out)
        with open(self.platform.path("bad.yaml"), "w") as f:
            f.write("scope: [/srv]\nverdicts:\n  deadlin: {exec: 1 s}\n")
        out = self.command("check", self.platform.path("bad.yaml"), expect=2).out
        self.assertIn(":3", out)
        self.assertIn("deadlin", out)
        answer = self.command("check", "--json", self.platform.path("bad.yaml"), expect=2).json()
        self.assertFalse(answer["good"])

    def test_check_manifest(self):
        path = self.platform.path("guard.yaml")
        rows = ["name: guard", "vendor: Example", "version: 1", "contract: 1", "program: guard", "events: [auth_exec]"]
        with open(path, "w") as f:
            f.write("\n".join(rows) + "\n")
        self.assertIn("good", self.command("check", "--manifest", path).out)
        with open(path, "w") as f:
            f.write("\n".join(rows[:-1]) + "\nevents: [auth_exce]\n")
        out = self.command("check", "--manifest", path, expect=2).out
        self.assertIn('%s:6: events[0]: expected the name of an event, found "auth_exce"; did you mean "auth_exec"?' % path,
                      out.replace("\n", ""))

    def test_refused(self):
        shutil.copy(os.path.join(BUILD, "cli/ringside"), self.platform.path("ringside"))
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        env = dict(os.environ, RINGSIDE_SOCKET=os.path.join(self.platform.run_dir, "control.sock"))
        done = subprocess.run([*nobody, self.platform.path("ringside"), "status"], env=env, capture_output=True, text=True)
        self.assertEqual(done.returncode, 4, done.stderr)

    def test_not_running(self):
        self.assertEqual(self.platform.stop(), 0)
        for words in (("status",), ("explain", "1"), ("events",), ("agents", "stop", "judge")):
            self.assertIn("not running", self.command(*words, expect=3).err)


class Following(Case):
    def test_denies(self):
        events = self.follow("--denied", "--count", "2", "--json")
        wait_for("it listens", 10, lambda: self.listening(1))
        for name in (b"evil", b"good", HOSTILE):
            self.execute(name)
        out, err = events.communicate(timeout=20)
        self.assertEqual(events.returncode, 0, err)
        rows = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([row["event"] for row in rows], ["denied", "denied"])
        self.assertEqual(rows[0]["agent"], "judge")
        self.assertEqual(str(rows[1]["question"]), Looking.newest(self))
        self.assertTrue(rows[1]["file"]["path"].encode("utf-8", "surrogateescape").endswith(HOSTILE))

    def test_tree(self):
        events = self.follow("--denied", "--tree", "--count", "1")
        wait_for("it listens", 10, lambda: self.listening(1))
        self.execute(b"evil")
        out, err = events.communicate(timeout=20)
        self.assertEqual(events.returncode, 0, err)
        live, _, whole = out.partition("\n\n")
        # this test's own line, and one deeper its child, which was denied
        self.assertRegex(live, r"(?m)^( *)\S*python\S*\[%d\] uid 0.*\n\1  \S+\[\d+\] uid 0.*\n\1    .* denied " % os.getpid())
        self.assertRegex(whole, r"(?m)^ +\S+\[\d+\] uid 0.*\(1 event, 1 denied")
        self.assertRegex(whole, r"(?m)^\d+ processes, 1 event, 1 denied\.$")

    def test_filters(self):
        here = self.follow("--type", "close_write", "--path", self.platform.scope + "/in", "--count", "1")
        wait_for("it listens", 10, lambda: self.listening(1))
        for name in ("out", "in"):
            with open(os.path.join(self.platform.scope, name), "w") as f:
                f.write("x")
        out, err = here.communicate(timeout=20)
        self.assertEqual(here.returncode, 0, err)
        self.assertRegex(out, r"^[\d:.]+ \d+ close_write .*uid 0 %s/in\n$" % self.platform.scope)

    def test_interrupted(self):
        events = self.follow()
        wait_for("it listens", 10, lambda: self.listening(1))
        events.send_signal(signal.SIGINT)
        self.assertEqual(events.wait(5), 0)
        wait_for("the engine lets it go", 5, lambda: self.listening(0))

    def test_engine_killed(self):
        events = self.follow("--denied", "--count", "2")
        wait_for("it listens", 10, lambda: self.listening(1))
        self.assertEqual(self.execute(b"evil"), "denied")
        os.kill(self.platform.pid("engine"), signal.SIGKILL)
        wait_for("judge is live, and it listens", 10, lambda: self.engine_state() == "live" and self.listening(1))
        self.assertEqual(self.execute(b"evil"), "denied")
        out, err = events.communicate(timeout=20)
        self.assertEqual(events.returncode, 0, err)
        self.assertEqual(out.count(" denied "), 2)
        self.assertIn("asking for another", err)


class Steering(Case):
    def test_bench(self):
        self.command("agents", "bench", "judge")
        self.assertEqual(self.execute(b"evil"), "done")
        self.assertIn("benched", self.command("status", expect=1).out)
        self.command("agents", "unbench", "judge")
        self.assertEqual(self.execute(b"evil"), "denied")
        self.command("status")

    def test_reasons(self):
        events = self.follow("--type", "agent_benched", "--count", "1", "--json")
        wait_for("it listens", 10, lambda: self.listening(1))
        self.command("agents", "bench", "judge", "--reason", "too strict today")
        out, err = events.communicate(timeout=20)
        self.assertEqual(json.loads(out)["why"], "by the operator: too strict today", err)
        out = self.command("agents", expect=1).out
        self.assertIn("Benched by the operator: too strict today, 0 s ago.", " ".join(out.split()))
        self.assertIn("too strict today", " ".join(self.command("status", expect=1).out.split()))
        self.command("agents", "unbench", "judge")
        self.command("agents", "stop", "judge", "--reason", "to\nlook at it")
        wait_for("it is stopped", 10, lambda: self.platform.agent("judge")["state"] == "off")
        self.assertIn("Stopped by the operator: to look at it, ", " ".join(self.command("agents").out.split()))
        self.assertRegex(self.platform.log(), r"user 0 \(pid \d+\) wants: bench judge: too strict today")

    def test_lives(self):
        first = self.platform.agent("judge")["pid"]
        self.command("agents", "restart", "judge")
        wait_for("another process", 10, lambda: self.platform.agent("judge")["pid"] not in (0, first))
        wait_for("it is live", 10, lambda: self.engine_state() == "live")
        self.command("agents", "stop", "judge")
        wait_for("it is stopped", 10, lambda: self.platform.agent("judge")["state"] == "off")
        self.command("status")  # on purpose, so nothing to look after
        self.assertEqual(self.execute(b"evil"), "done")
        self.command("agents", "start", "judge")
        wait_for("it is live", 10, lambda: self.engine_state() == "live")
        self.assertEqual(self.execute(b"evil"), "denied")

    def test_unknown(self):
        for verb in ("bench", "unbench", "stop", "start", "restart"):
            self.assertIn("the agents are: judge", self.command("agents", verb, "nobody", expect=1).err)
            self.assertIn("did you mean 'judge'?", self.command("agents", verb, "jugde", expect=1).err)


if __name__ == "__main__":
    enter_namespace()
    BUILD = sys.argv.pop(1)
    unittest.main()
