# SPDX-License-Identifier: Apache-2.0
"""What all parts use: errors, commands, figures, and the machine."""

import datetime
import os
import re
import signal
import statistics
import subprocess


class Stop(Exception):
    """What was expected, what was found, what to do."""


class NotRun(Exception):
    """Why something cannot be measured on this machine: goes into the table."""


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Stop(f"{' '.join(command)}: exit status {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def figures(text):
    return {name: float(value) for name, value in re.findall(r"^(\S+) ([\d.]+)$", text, re.M)}


def summary(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "rounds": values}


def ended(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def load():
    return os.getloadavg()[0]


def tracing_programs():
    """Of others: each makes every process's system calls dearer. None: it cannot be told."""
    try:
        text = run("bpftool", "prog", "list")
    except (Stop, OSError):
        return None
    return len(re.findall(r"^\d+: (?:tracing|raw_tracepoint|tracepoint|kprobe|lsm)\b", text, re.M))


def machine():
    model = re.search(r"model name\s*: (.+)", read("/proc/cpuinfo"))
    memory_kb = int(re.search(r"MemTotal:\s*(\d+)", read("/proc/meminfo"))[1])
    return {"cpu": model[1] if model else "unknown", "cpus": os.cpu_count(), "memory_gb": round(memory_kb / 2**20),
            "kernel": ".".join(os.uname().release.split(".")[:2]), "date": datetime.date.today().isoformat()}
