#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The table that tools/vm-test --pairs-report makes of a short serial port. usage: pairs_report_test.py TOOL"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

TOOL = os.path.abspath(sys.argv.pop(1))
SAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pairs_report/log-6.12.txt")
HEAD = """
| case | kernel | minutes | events | lost | questions | denied | missed | longest open, ms | longest exec, ms | slack, ms |
|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|
""".lstrip()
ROWS = """
| `pairs/all-with-hostile` | 6.12 | 0.2 | 99 | 2 | 98 | 0 | 7 | 5 of 6 | 7 of 8 | 300 |
| `pairs/observer-behaviour` | 6.12 | failed: the counters do not add up: 1 \\| 2 |  |  |  |  |  |  |  |  |
| `pairs/observer-yara` | 6.12 | 10.0 | 12,345 | 0 | 6,789 | 38 | 0 | 36 of 4,545 | 171 of 12,745 | 345 |
| `pairs/reputation-yara` | 6.12 | failed: the guest ended |  |  |  |  |  |  |  |  |
| `pairs/yara-behaviour` | 6.12 | failed: it printed no line `pairs: …` |  |  |  |  |  |  |  |  |
""".lstrip()


class Report(unittest.TestCase):
    def report(self, *logs):
        done = subprocess.run([sys.executable, TOOL, "--pairs-report", *logs], text=True, capture_output=True)
        return done.returncode, done.stdout, done.stderr

    def test_all_kinds_of_ends(self):
        self.assertEqual(self.report(SAMPLE), (0, HEAD + ROWS, ""))

    def test_one_beside_another(self):
        """A later run of a case takes the place of the one before; other kernels have rows of their own."""
        with tempfile.TemporaryDirectory() as folder:
            other, later = (os.path.join(folder, name) for name in ("log-6.1.txt", "log-6.12.txt"))
            shutil.copy(SAMPLE, other)
            with open(later, "w") as file:
                file.write("@ready 1\n@run pairs/reputation-yara\n# pairs: seconds=30 events=1 lost=0 questions=2 denied=0 "
                           "missed=0 open_ms=1 open_bound_ms=2 exec_ms=1 exec_bound_ms=2 slack_ms=1\n"
                           "ok pairs/reputation-yara 9\n")
            code, table, _ = self.report(SAMPLE, other, later)
        self.assertEqual((code, len(table.splitlines())), (0, 12))
        self.assertIn("| `pairs/reputation-yara` | 6.12 | 0.5 | 1 |", table)
        self.assertIn("| `pairs/reputation-yara` | 6.1 | failed: the guest ended |", table)

    def test_what_is_no_log(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, text, why in (("log.txt", "", "expected a file log-KERNEL.txt"),
                                    ("log-6.1.txt", "@ready 1\n@run boot/hello\nok boot/hello 1\n", "found none")):
                path = os.path.join(folder, name)
                with open(path, "w") as file:
                    file.write(text)
                code, _, said = self.report(path)
                self.assertEqual(code, 2, name)
                self.assertIn(why, said)


if __name__ == "__main__":
    unittest.main()
