#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether the aims are judged as docs/PERFORMANCE.md says, on figures made up for it."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True

from measure import aims, tables  # noqa: E402
from measure.base import figures, summary  # noqa: E402


def results(**columns):
    """column=[microseconds of open a round]"""
    return {name.replace("_", "-"): {"open": summary(values)} for name, values in columns.items()}


def found(columns, **more):
    return {"columns": columns, "not_run": {}, "asked": list(columns), "rounds": 2, "machine": {
        "cpus": 2, "cpu": "Test", "memory_gb": 1, "kernel": "6.1", "date": "2026-01-01"},
            "quiet": {"load": [0.1, 0.2], "tracing_programs": 0}, **more}


def judged(what, word):
    rows = [(text, reached) for aim, text, reached in aims.aims(what) if word in aim]
    assert len(rows) == 1, (word, rows)
    return rows[0]


class AimsTest(unittest.TestCase):
    def test_added_is_by_round(self):
        columns = results(bare=[2, 4], raw=[10, 20], ringside_1=[14, 28], ringside_3=[20, 40])
        self.assertEqual(aims.added(columns, "ringside-1", "open"), [1.5, 1.5])
        self.assertTrue(judged(found(columns), "by one agent")[1])
        self.assertFalse(judged(found(columns), "by three agents")[1])

    def test_rounds_without_a_difference_are_left_out(self):
        columns = results(bare=[10, 10], raw=[10.1, 20], ringside_1=[50, 20])
        self.assertEqual(aims.added(columns, "ringside-1", "open"), [1])
        columns = results(bare=[10], raw=[9], ringside_1=[50])
        self.assertEqual([row for row in aims.aims(found(columns)) if "by one agent" in row[0]], [])

    def test_cached(self):
        columns = results(bare=[10, 10, 10], ringside_1_cached=[11, 11.4, 20])
        self.assertEqual(judged(found(columns), "cached open")[1], True)
        columns = results(bare=[10, 10, 10], ringside_1_cached=[11, 11.6, 20])
        self.assertEqual(judged(found(columns), "cached open")[1], False)

    def test_peers(self):
        columns = results(bare=[2], raw=[10], ringside_1=[30], ringside_1_cached=[3], fapolicyd=[20])
        self.assertFalse(judged(found(columns), "ringside-1 ahead of fapolicyd")[1])
        self.assertTrue(judged(found(columns), "ringside-1-cached ahead of fapolicyd")[1])
        what = found(columns, not_run={"clamonacc": "no user nobody"})
        self.assertEqual(judged(what, "ringside-1 ahead of clamonacc"), ("not run: no user nobody", None))

    def test_lists(self):
        def one(p50_ns):
            times = {"p50_ns": p50_ns, "p99_ns": 2 * p50_ns}
            return {"clock alone": {"p50_ns": 50}, "not listed": times, "listed, seen before": times,
                    "listed, read from the file and compared": {"p50_ns": 2500, "p99_ns": 5000},
                    "memory": {"rss_while_reloading_kib": 80000}}
        what = found({}, lists=[one(400), one(900), one(1200)])
        self.assertTrue(judged(what, "not listed")[1])
        self.assertTrue(judged(what, "seen before")[1])
        self.assertFalse(judged(what, "read from the file")[1])
        self.assertEqual(judged(what, "within 100 MB"), ("82 MB", True))
        self.assertFalse(judged(found({}, lists=[one(1100)]), "not listed")[1])

    def test_flood(self):
        quiet = [{"open-p99": 50.0}]
        latency = [{"asked_per_s": 1e5, "sent_per_s": 1e5, "p99_ns": 150000}]
        loss = {"asked_per_s": 200000, "sent_per_s": 2e5, "sent": 1000, "received": 1000, "lost": 0, "open-p99": 100.0}

        def flood(**change):
            return found({}, floods={"quiet": quiet, "latency": latency, "loss": [{**loss, **change}]})
        self.assertTrue(judged(flood(), "without loss")[1])
        self.assertFalse(judged(flood(received=999), "without loss")[1])
        self.assertFalse(judged(flood(lost=1), "without loss")[1])
        # the machine gave too little to say so, but enough to say that it is not so
        self.assertIsNone(judged(flood(sent_per_s=1e5), "without loss")[1])
        self.assertIsNone(judged(flood(sent_per_s=1e5), "auth p99")[1])
        self.assertIs(judged(flood(sent_per_s=1e5, lost=1), "without loss")[1], False)
        self.assertTrue(judged(flood(), "auth p99")[1])
        self.assertFalse(judged(flood(**{"open-p99": 101.0}), "auth p99")[1])

    def test_idle(self):
        idle = {"engine": {"Rss": 30 * 1024, "Pss": 1, "cpu_percent": 0.1}, "cage": {"Rss": 10 * 1024, "Pss": 1,
                                                                                  "cpu_percent": 0.1}}
        self.assertTrue(judged(found({}, idle=idle), "40 MB")[1])
        self.assertTrue(judged(found({}, idle=idle), "0.2 %")[1])
        idle["cage"].update(Rss=10 * 1024 + 1, cpu_percent=0.11)
        self.assertFalse(judged(found({}, idle=idle), "40 MB")[1])
        self.assertFalse(judged(found({}, idle=idle), "0.2 %")[1])

    def test_tables(self):
        what = found(results(bare=[2000], raw=[10000]))
        what["asked"] = ["bare", "raw", "auditd"]
        what["not_run"] = {"auditd": "because"}
        text = tables.markdown(what)
        self.assertIn("| raw | 10.0 µs (10.0–10.0)<br>5.00 × bare, 1.00 × raw |", text)
        self.assertIn("| auditd | not run: because |", text)
        self.assertNotIn("not quiet", text)
        what["quiet"]["load"] = [2.0, 0.0]
        self.assertIn("not quiet", tables.markdown(what))

    def test_figures(self):
        self.assertEqual(figures("open 12\n# note\nopen-p99 3.5\n"), {"open": 12.0, "open-p99": 3.5})


if __name__ == "__main__":
    unittest.main()
