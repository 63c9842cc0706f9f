#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A skip is seen however a test says it, and is a failure unless it is in the list. usage: skips_test.py TOOL"""
import os
import subprocess
import sys
import tempfile
import unittest

TOOL = os.path.abspath(sys.argv.pop(1))
LOG = """
test:         ringside:system / lives
result:       exit status 0
test_a (__main__.Groups.test_a)
Each has a group. ... skipped 'no cgroup'
test_b (__main__.Groups.test_b) ... skipped "it's late"
test_c (__main__.Groups.test_c) ... ok
OK (skipped=%d)
==============================================================================
test:         ringside:kernel / facts
result:       exit status 0
[ RUN      ] test_d
[  SKIPPED ] test_d
[  SKIPPED ] 1 test(s), listed below:
[  SKIPPED ] test_d
==============================================================================
test:         ringside:kernel / world
result:       exit status 77
"""
ALL = "# comment\nlives | test_a | r\nlives | test_b | r\nfacts | test_d | r\nworld | - | r\n"


class Skips(unittest.TestCase):
    def run_tool(self, log, rows):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (("log", log), ("list", rows)):
                with open(os.path.join(folder, name), "w") as f:
                    f.write(text)
            done = subprocess.run([sys.executable, TOOL, "log", "list"], cwd=folder, text=True, capture_output=True)
            return done.returncode, done.stdout.splitlines()

    def test_none(self):
        self.assertEqual(self.run_tool("test:         ringside:unit / a\nresult:       exit status 0\nOK\n", ""), (0, []))

    def test_all_in_the_list(self):
        code, lines = self.run_tool(LOG % 2, ALL)
        self.assertEqual(code, 0)
        self.assertEqual([line.split()[1:3] for line in lines],
                         [["lives", "test_a:"], ["lives", "test_b:"], ["facts", "test_d:"], ["world", "-:"]])

    def test_each_that_is_missing(self):
        for row in ALL.splitlines()[1:]:
            code, lines = self.run_tool(LOG % 2, ALL.replace(row, "#"))
            self.assertEqual((code, len([line for line in lines if "not in list" in line])), (1, 1), row)

    def test_one_without_a_name(self):
        code, lines = self.run_tool(LOG % 3, ALL)
        self.assertEqual((code, len(lines)), (1, 5))

    def test_no_reason(self):
        self.assertEqual(self.run_tool(LOG % 2, ALL + "lives | test_e |\n")[0], 1)


if __name__ == "__main__":
    unittest.main()
