# SPDX-License-Identifier: Apache-2.0
"""
What was to be reached, and what was. A row is: aim, text of what was measured, reached (None: it could not be
shown). Ratios are made within each round, so that a round in which the machine was slow is slow on both sides.
"""

import statistics

from .columns import LINES, PEERS

ASKED = ("open", "read-second", "exec", "many-second")
OURS = ("ringside-1", "ringside-1-cached")


def spread(values, digits=2, unit=""):
    to = " to " if min(values) < 0 else "–"
    return f"{statistics.median(values):.{digits}f}{unit} ({min(values):.{digits}f}{to}{max(values):.{digits}f})"


def rounds(results, column, line):
    return results.get(column, {}).get(line, {}).get("rounds", [])


def added(results, column, line):
    """What the column adds to bare, as a multiple of what the plain answerer adds; rounds where that cannot be told
    from noise are left out."""
    three = zip(rounds(results, column, line), rounds(results, "bare", line), rounds(results, "raw", line))
    return [(ours - bare) / (raw - bare) for ours, bare, raw in three if raw > 1.02 * bare]


def above(results, column, line):
    """Per cent above bare."""
    return [100 * (ours / bare - 1) for ours, bare in zip(rounds(results, column, line), rounds(results, "bare", line))]


def ratio_aims(results):
    for column, agents, most in (("ringside-1", "one agent", 1.5), ("ringside-3", "three agents", 2)):
        for line in ASKED:
            values = added(results, column, line)
            yield (f"uncached verdict by {agents} adds at most {most} × what the plain answerer adds: {LINES[line][0]}",
                   values, most, " ×", 2)
    for column in ("ringside-1-cached", "ringside-3-cached"):
        for line, most in (("open", 15), ("read-second", 15), ("exec", 3), ("many-second", 3)):
            what = "open" if most == 15 else "exec"
            yield (f"cached {what} ({column}) adds at most {most} %: {LINES[line][0]}", above(results, column, line), most,
                   " %", 1)
    for column in ("ringside-3", "ringside-3-cached"):
        yield f"the compile costs at most 3 % ({column})", above(results, column, "build"), 3, " %", 1


def peer_aims(results, not_run):
    for name in PEERS:
        for column in OURS:
            aim = f"{column} ahead of {name} in every row"
            if name not in results or column not in results:
                yield aim, "not run: " + not_run.get(name, "not asked for (--peers)"), None
                continue
            behind = {line: results[column][line]["median"] / found["median"] for line, found in results[name].items()
                      if found["rounds"] and rounds(results, column, line)}
            worst = max(behind, key=behind.get)
            won = sum(ratio < 1 for ratio in behind.values())
            yield (aim, f"{won} of {len(behind)} rows; the worst: {behind[worst]:.2f} of its time ({LINES[worst][0]})",
                   won == len(behind))


def fan_aims(fans):
    for name, result in fans.items():
        what, readers = name.split("-")
        least = 5 if readers == "1" else 1.5
        rates = [1e3 / value for value in result["rounds"]]
        who = "the event ring alone" if what == "ring" else "broker, ring and SDK"
        yield (f"{who}: at least {least} M records/s to each of {readers}", spread(rates, 2, " M/s"),
               statistics.median(rates) >= least)


def flood_aims(floods):
    """Reached is only what was measured at the rate it is about; a fault at a lower one is a fault."""
    def given(kind):
        return statistics.median(one["sent_per_s"] for one in floods[kind])

    def enough(kind):
        return given(kind) >= 0.98 * floods[kind][0]["asked_per_s"]

    def judged(kind, reached):
        return None if reached and not enough(kind) else reached
    p99 = [one["p99_ns"] / 1e3 for one in floods["latency"]]
    yield ("p99 from kernel to agent under 200 µs at 100,000 events/s",
           f"{spread(p99, 0, ' µs')}; the machine gave {given('latency') / 1e3:.0f} k/s",
           judged("latency", statistics.median(p99) < 200))
    missing = max(0, *(one["sent"] - one["received"] for one in floods["loss"]))
    told = sum(one["lost"] for one in floods["loss"])
    gave = f"the machine gave {given('loss') / 1e3:.0f} k/s"
    yield ("200,000 events/s from the kernel without loss",
           f"{missing} of {max(one['sent'] for one in floods['loss'])} lost in the worst round, {told} told as lost; {gave}",
           judged("loss", missing == 0 and told == 0))
    ratios = [flood["open-p99"] / quiet["open-p99"] for flood, quiet in zip(floods["loss"], floods["quiet"])]
    times = statistics.median(one["open-p99"] for one in floods["quiet"]) / 1e3
    yield ("auth p99 within twice its quiet value during such a flood",
           f"{spread(ratios, 2, ' ×')}; quiet {times:.0f} µs; {gave}", judged("loss", statistics.median(ratios) <= 2))


def idle_aims(idle):
    total = {key: sum(one[key] for one in idle.values()) for key in ("Rss", "Pss", "cpu_percent")}
    each = ", ".join(f"{name} {one['Rss'] / 1024:.1f}" for name, one in sorted(idle.items()))
    yield ("idle, no agents: at most 40 MB resident in all",
           f"{total['Rss'] / 1024:.1f} MB ({each}); Pss {total['Pss'] / 1024:.1f} MB", total["Rss"] <= 40 * 1024)
    share = ", ".join(f"{name} {one['cpu_percent']:.3f}" for name, one in sorted(idle.items()))
    yield "idle, no agents: at most 0.2 % of a processor", f"{total['cpu_percent']:.3f} % ({share})", \
        total["cpu_percent"] <= 0.2


def list_aims(lists):
    """The clock is in each lookup: what it takes by itself stands beside them."""
    for what in ("not listed", "listed, seen before", "listed, read from the file and compared"):
        half, most = ([one[what][name] / 1e3 for one in lists] for name in ("p50_ns", "p99_ns"))
        clock = statistics.median(one["clock alone"]["p50_ns"] for one in lists)
        yield (f"a digest looked up among 10,000,000 within 1 µs: {what}",
               f"{spread(half, 2, ' µs')}; p99 {spread(most, 2, ' µs')}; the clock alone {clock:.0f} ns",
               statistics.median(half) < 1)
    peak = max(one["memory"]["rss_while_reloading_kib"] for one in lists) * 1024 / 1e6
    yield "reloading a list of 10,000,000 within 100 MB", f"{peak:.0f} MB", peak < 100


def aims(found):
    """All rows. found: what bench/run writes as JSON."""
    rows = []
    for aim, values, most, unit, digits in ratio_aims(found["columns"]):
        if values:
            rows.append((aim, spread(values, digits, unit), statistics.median(values) <= most))
    if found["columns"]:
        rows += peer_aims(found["columns"], found["not_run"])
    for name, make in (("fans", fan_aims), ("floods", flood_aims), ("idle", idle_aims), ("lists", list_aims)):
        if found.get(name):
            rows += make(found[name])
    return rows
