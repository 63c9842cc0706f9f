# SPDX-License-Identifier: Apache-2.0
"""What is measured beside the table of columns: fan-out, floods of events, and a platform that has nothing to do."""

import json
import os
import re
import subprocess
import time

from .base import Stop, figures, read, run, summary
from .columns import folder_of
from .ringside import Platform

FANS = [1, 4]
FLOOD_S = 5
LATENCY_RATE = 100000
FLOOD_RATE = 200000
IDLE_SETTLE_S = 5
REPORT = re.compile(r"(\d+) got (\d+) lost (\d+) p50 (\d+) p99 (\d+)")


def fans_run(place, n_rounds):
    """{"ring-1": summary of nanoseconds a record, …}"""
    taken = {}
    for _ in range(n_rounds):
        for what in ("ring", "fanout"):
            for readers in FANS:
                for name, value in figures(run(place.program, what, str(readers))).items():
                    taken.setdefault(name, []).append(value)
    return {name: summary(values) for name, values in taken.items()}


def last_report(platform):
    """(number, received, lost, p50, p99) of the agent that reads the flood, which is the version of its content."""
    versions = [agent.get("content_version", "") for agent in platform.status().get("engine", {}).get("agents", [])]
    found = [REPORT.fullmatch(version) for version in versions if REPORT.fullmatch(version)]
    return tuple(map(int, found[0].groups())) if found else (0, 0, 0, 0, 0)


def report_of(place, platform):
    """What the agent that reads the flood got since it was last asked; it reads in order, so nothing is on its way."""
    before = last_report(platform)[0]
    run(place.program, "flood-report")
    end = time.monotonic() + 20
    while time.monotonic() < end:
        number, *values = last_report(platform)
        if number > before:
            return dict(zip(("received", "lost", "p50_ns", "p99_ns"), values))
        time.sleep(0.05)
    raise Stop("the agent that reads the flood: expected its report within 20 s; the platform's log:\n" +
               platform.log()[-2000:])


def flood_run(place, platform, rate, meanwhile=None):
    """One flood: what was asked for, what the machine gave, what arrived; and what was measured meanwhile."""
    report_of(place, platform)
    flood = subprocess.Popen([place.program, "flood", str(rate), str(FLOOD_S), "1"], stdout=subprocess.PIPE, text=True)
    during = meanwhile() if meanwhile else {}
    given = figures(flood.communicate()[0])
    if flood.returncode != 0:
        raise Stop(f"ringside-bench flood: exit status {flood.returncode}; it needs a loopback device that is up")
    return {"asked_per_s": rate, "sent": int(given["flood-sent"]),
            "sent_per_s": given["flood-sent"] / (given["flood-ns"] / 1e9), **report_of(place, platform), **during}


def floods_run(place, n_rounds):
    """Each round: quiet, a flood for its latency, a flood for its loss with questions asked meanwhile."""
    taken = {"quiet": [], "latency": [], "loss": []}
    for _ in range(n_rounds):
        with folder_of(place) as folder:
            platform = Platform(place, folder, ["allow", "flood"])
            try:
                def ask():
                    return figures(run(place.program, folder, "open"))
                taken["quiet"].append(ask())
                taken["latency"].append(flood_run(place, platform, LATENCY_RATE))
                taken["loss"].append(flood_run(place, platform, FLOOD_RATE, ask))
                platform.check()
            finally:
                platform.close()
    return taken


def memory_kb(pid):
    text = read(f"/proc/{pid}/smaps_rollup")
    return {name: int(re.search(rf"^{name}:\s*(\d+)", text, re.M)[1]) for name in ("Rss", "Pss")}


def cpu_ns(pid):
    return sum(int((read(f"/proc/{pid}/task/{task}/schedstat").split() or [0])[0])
               for task in os.listdir(f"/proc/{pid}/task"))


def idle_run(place, seconds):
    """{process: memory and share of a processor}, without agents and without anything to do."""
    with folder_of(place) as folder:
        platform = Platform(place, folder, [])
        try:
            time.sleep(IDLE_SETTLE_S)
            pids = platform.processes()
            before = {name: cpu_ns(pid) for name, pid in pids.items()}
            begin = time.monotonic()
            time.sleep(seconds)
            passed_ns = (time.monotonic() - begin) * 1e9
            return {name: {**memory_kb(pid), "cpu_percent": 100 * (cpu_ns(pid) - before[name]) / passed_ns}
                    for name, pid in pids.items()}
        finally:
            platform.close()


def lists_run(build, n_rounds):
    """[{what: figures}, …]: lookups in a list of ten million digests, and its memory, as reputation-bench prints them."""
    tool = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/build-agents")
    subprocess.run([tool], check=True, stdout=subprocess.DEVNULL, env=dict(os.environ, BUILD=build, NO_REBUILD="1"))
    taken = []
    for _ in range(n_rounds):
        # on the disk: the list is half a gigabyte
        done = subprocess.run([os.path.join(build, "agents-build/reputation-bench")], check=True, text=True, cwd=build,
                              stdout=subprocess.PIPE)
        taken.append({one.pop("what"): one for one in map(json.loads, done.stdout.splitlines())})
    return taken
