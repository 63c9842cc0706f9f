#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A platform whose events come from a recording, or from a generator: it marks nothing, asks real agents, and what it
tells can be written down and played again. usage: replay_test.py BUILD RECORDING"""
import os
import re
import shutil
import subprocess
import sys
import unittest

from platform_world import Platform, enter_namespace, wait_for

BUILD = None
RECORDING = None
PROGRAMS = 16  # in the recording: make_small.c


class Replay(unittest.TestCase):
    def start(self, sensor):
        platform = Platform(BUILD)
        self.addCleanup(platform.destroy)
        program = platform.add_agent(os.path.join(BUILD, "tests/system/judge"))
        platform.write_config(agents=["{name: judge, program: %s, args: [auth_exec], events: [auth_exec, notify]}" % program],
                              sensors="{fanotify: no, bpf: no, %s}" % sensor)
        platform.start()
        wait_for("judge is live", 20, lambda: (platform.agent("judge") or {}).get("state") == "live")
        return platform

    def events(self, platform, *args):
        """`ringside events`: what it printed."""
        env = dict(os.environ, RINGSIDE_SOCKET=os.path.join(platform.run_dir, "control.sock"))
        return subprocess.run([os.path.join(BUILD, "cli/ringside"), "events", *args], check=True, timeout=60, text=True,
                              env=env, stdout=subprocess.PIPE).stdout

    def play(self, path):
        """How many of the programs judge was asked about; the others began before it was there, and are accounted for."""
        platform = self.start("replay: " + path)

        def accounted():
            engine = platform.status()["engine"]
            judge = {a["name"]: a for a in engine["agents"]}["judge"]
            # nobody is there for auth_open
            guarded = judge["allows"] + judge["misses"]
            return (guarded, judge) if guarded + engine["questions"]["unguarded"] == 2 * PROGRAMS else None

        asked, judge = wait_for("all was asked, or allowed with nobody to ask", 20, accounted)
        self.assertEqual(judge["denies"], 0)
        self.assertEqual(platform.stop(), 0)
        return asked

    def test_a_recording_asks_agents(self):
        path = os.path.join("/dev/shm", "ringside-replay-%d.rec" % os.getpid())
        shutil.copy(RECORDING, path)
        self.addCleanup(os.unlink, path)
        # an engine does not wait for agents for ever: on a busy machine the recording may be over before one is there
        self.assertTrue(any(self.play(path) == PROGRAMS for _ in range(5)))

    def test_what_is_recorded_can_be_played(self):
        platform = self.start("synth: 500")
        path = platform.path("new.rec")
        said = self.events(platform, "--record", path, "--type", "process", "--count", "200")
        n = int(re.match(r"(\d+) events, ", said)[1])
        self.assertGreaterEqual(n, 200)
        self.assertEqual(os.stat(path).st_mode & 0o7777, 0o600)
        lines = self.events(platform, "--replay", path).splitlines()
        self.assertEqual(len(lines), n)
        forks = sum(line.split()[2] == "fork" for line in lines)
        self.assertGreater(forks, 0)
        self.assertEqual(platform.stop(), 0)


if __name__ == "__main__":
    enter_namespace()
    RECORDING = sys.argv.pop()
    BUILD = sys.argv.pop()
    unittest.main(verbosity=2)
