#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An agent that the configuration names by its manifest: it is started as the manifest says and granted what the policy
leaves of it; a manifest that is wrong, or that anybody could change, changes nothing. usage: manifest_test.py BUILD"""
import os
import shutil
import signal
import subprocess
import sys
import unittest

from platform_world import Platform, enter_namespace, wait_for

BUILD = None
MANIFEST = """name: judge
vendor: Ringside
version: 1.0
contract: 1
program: judge
args: [auth_exec]
operator_args: yes
events: [auth_exec, auth_open, notify]
limits: {memory: 64 MB}
"""


class Manifest(unittest.TestCase):
    def setUp(self):
        self.platform = Platform(BUILD)
        self.addCleanup(self.platform.destroy)
        self.platform.add_agent(os.path.join(BUILD, "tests/system/judge"))
        self.manifest = self.platform.path("agents", "judge.yaml")
        self.write(MANIFEST)
        for name in ("good", "evil"):
            shutil.copy("/bin/true", os.path.join(self.platform.scope, name))
        self.configure()
        self.platform.start()
        self.live()

    def write(self, text, mode=0o644):
        with open(self.manifest, "w") as f:
            f.write(text)
        os.chmod(self.manifest, mode)

    def configure(self, keys=""):
        self.platform.write_config(agents=["{manifest: %s%s}" % (self.manifest, keys)])

    def live(self):
        wait_for("judge is live", 10, lambda: (self.platform.agent("judge") or {}).get("state") == "live")

    def execute(self, name):
        try:
            subprocess.run([os.path.join(self.platform.scope, name)], check=True, timeout=20)
            return "done"
        except PermissionError:
            return "denied"

    def reload(self):
        """The new count of reloads and of refused ones."""
        before = self.counts()
        self.platform.signal(signal.SIGHUP)
        wait_for("the configuration was read again", 10, lambda: self.counts() != before)
        return self.counts()

    def counts(self):
        parent = self.platform.status()["parent"]
        return parent["reloads"], parent["reload_errors"]

    def refused(self, why):
        errors = self.counts()[1]
        self.assertEqual(self.reload()[1], errors + 1)
        self.assertIn(why, self.platform.log())
        self.assertEqual(self.execute("evil"), "denied")

    def test_it_is_started_as_its_manifest_says(self):
        self.assertEqual(self.execute("good"), "done")
        self.assertEqual(self.execute("evil"), "denied")
        self.assertEqual(self.platform.stop(), 0)

    def test_what_is_wrong_changes_nothing(self):
        self.write(MANIFEST.replace("memory", "memroy"))
        self.refused(self.manifest + ":9: limits.memroy: unknown key; did you mean \"memory\"?")
        self.write(MANIFEST, 0o666)
        self.refused("%s:8: agents[0].manifest: %s: expected a file that only its owner can change, found mode 0666; "
                     "chmod go-w it" % (self.platform.config, self.manifest))
        self.write(MANIFEST)
        os.chown(self.manifest, 4711, 0)
        self.refused("expected a file of root, found one of user 4711; chown root it")
        os.chown(self.manifest, 0, 0)
        os.rename(self.manifest, self.manifest + ".real")
        self.refused("expected a file that can be read, found none: No such file or directory")
        os.mkfifo(self.manifest)
        self.refused("expected a regular file, found a FIFO, device or socket")
        os.unlink(self.manifest)
        os.symlink(self.manifest + ".real", self.manifest)
        self.refused("expected a regular file, found a symbolic link")
        os.unlink(self.manifest)
        os.rename(self.manifest + ".real", self.manifest)
        self.configure(", limits: {memory: 65 MB}")
        self.refused("agents[0].limits.memory: expected at most 64 MB (%s:9), found \"65 MB\"" % self.manifest)
        self.assertEqual(self.platform.stop(), 0)

    def test_a_manifest_that_only_root_can_read(self):
        self.write(MANIFEST.replace("64 MB", "72 MB"), 0o600)
        os.chmod(self.platform.path("agents"), 0o711)
        self.assertEqual(self.reload()[1], 0, self.platform.log())
        self.live()
        self.assertEqual(self.execute("evil"), "denied")
        self.assertEqual(self.platform.stop(), 0)

    def test_policy_narrows(self):
        self.configure(", events: [notify]")  # it subscribes to auth_exec, and is refused
        self.reload()
        wait_for("nobody denies any more", 10, lambda: self.execute("evil") == "done")


if __name__ == "__main__":
    enter_namespace()
    BUILD = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
