# SPDX-License-Identifier: Apache-2.0
"""
Who guards the folder: a column is set up before its rows and taken down after them, in each round, so that nothing
of one column runs while another is measured.
"""

import contextlib
import os
import shutil
import subprocess
import sys

from .base import NotRun, Stop, ended, figures, run
from .ringside import Platform

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# row of ringside-bench → its lines in the table: title, divisor, unit
ROWS = {
    "open": {"open": ("open + close, the same file", 1e3, "µs")},
    "read": {"read-first": ("read 5,000 files, first pass, each", 1e3, "µs"),
             "read-second": ("read 5,000 files, second pass, each", 1e3, "µs")},
    "exec": {"exec": ("start one static program and wait for it", 1e3, "µs")},
    "many": {"many-first": ("start 500 programs, first pass, each", 1e3, "µs"),
             "many-second": ("start 500 programs, second pass, each", 1e3, "µs")},
    "build": {"build": ("compile 300 C files with tcc", 1e6, "ms")},
}
LINES = {name: line for lines in ROWS.values() for name, line in lines.items()}


@contextlib.contextmanager
def folder_of(place):
    """Fresh for each column and round. A ramfs: of a type that nothing else here has, which fapolicyd needs."""
    folder = os.path.join(place.work, "folder")
    os.makedirs(folder, exist_ok=True)
    run("mount", "-t", "ramfs", "-o", "mode=755", "ramfs", folder)
    try:
        shutil.copy2(os.path.join(place.build, "bench/bench_tiny"), folder + "/program")
        if os.path.exists("/usr/bin/tcc"):
            shutil.copy2("/usr/bin/tcc", folder + "/tcc")
        for name in os.listdir(folder):
            os.utime(os.path.join(folder, name), (10**9, 10**9))  # old, as in ringside-bench.c
        yield folder
    finally:
        run("umount", "--lazy", folder)


@contextlib.contextmanager
def bare(place, folder):
    yield []


def raw(mode):
    @contextlib.contextmanager
    def guard(place, folder):
        process = subprocess.Popen([os.path.join(place.build, "tests/vm/vm_answerer"), folder, mode],
                                   stdout=subprocess.PIPE, text=True)
        try:
            if process.stdout.readline() != "ready\n":
                raise Stop(f"the raw answerer on {folder}: expected `ready`, found its end; needs fanotify and root")
            yield []
        finally:
            ended(process)
    return guard


def ringside(n_agents, mode="allow"):
    @contextlib.contextmanager
    def guard(place, folder):
        platform = Platform(place, folder, [mode] * n_agents)
        try:
            yield []
            platform.check()
        finally:
            platform.close()
    return guard


def peer(name):
    @contextlib.contextmanager
    def guard(place, folder):
        work = os.path.join(place.work, "peer")
        process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", os.path.join(TOP, "peers", name), work, folder,
             os.path.join(place.build, "peers")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            answer = process.stdout.readline().strip()
            if answer != "ready":
                raise NotRun(answer.removeprefix("why: ") or f"bench/peers/{name} ended without a word")
            yield ["nsenter", "--target", str(process.pid), "--mount"]
        finally:
            process.stdin.close()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                ended(process)
            shutil.rmtree(work, ignore_errors=True)
    return guard


PEERS = {"fapolicyd": peer("fapolicyd"), "clamonacc": peer("clamonacc"), "auditd": peer("auditd")}
AUDIT_WHY = "it would leave the audit of this machine switched on until the next boot; --peers auditd runs it"
COLUMNS = {
    "bare": bare,
    "raw": raw("allow"),
    "raw-mark": raw("mark"),
    "ringside-0": ringside(0),
    "ringside-1": ringside(1),
    "ringside-3": ringside(3),
    "ringside-1-cached": ringside(1, "cache"),
    "ringside-3-cached": ringside(3, "cache"),
    **PEERS,
}


def rounds_run(place, columns, rows, n_rounds, not_run):
    """{column: {line: [one figure a round]}}. The order of the columns turns from round to round; the first round warms
    up and is thrown away. A column that cannot run here goes into not_run with its reason."""
    taken = {column: {line: [] for row in rows for line in ROWS[row]} for column in columns}
    for number in range(n_rounds + 1):
        turn = number % len(columns)
        for column in columns[turn:] + columns[:turn]:
            if column in not_run:
                continue
            try:
                with folder_of(place) as folder, COLUMNS[column](place, folder) as prefix:
                    found = figures(run(*prefix, place.program, folder, *rows))
            except NotRun as why:
                not_run[column] = str(why)
                continue
            for line, value in found.items():
                if number > 0 and line in taken[column]:
                    taken[column][line].append(value)
        print(f"# round {number} of {n_rounds}", file=sys.stderr, flush=True)
    return {column: lines for column, lines in taken.items() if column not in not_run}
