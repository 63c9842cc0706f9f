# SPDX-License-Identifier: Apache-2.0
"""Ringside as it would be installed, over one folder, for as long as it is measured."""

import json
import os
import shutil
import socket
import subprocess
import time

from .base import Stop, ended, read, run

# A busy machine shall not bench an agent in the middle of a round, and each run has users of its own: an agent that ends
# takes every process of its user along.
CONFIGURATION = """
sensors: {{fanotify: yes, bpf: {bpf}}}
scope: ["{folder}"]
verdicts: {{deadline: {{exec: 10 s, open: 10 s}}, slow: {{budget: 0 s}}}}
agents: {agents}
run_dir: {home}/run
state_dir: {home}/state
uid_base: {uid_base}
"""
AGENT = '\n  - {{name: "{name}", program: "{program}", args: ["{mode}"], events: [{events}], limits: {{ring: 16 MB}}}}'
EVENTS = {"allow": "auth_open, auth_exec", "cache": "auth_open, auth_exec", "flood": "connect, lost"}
START_S = 30


class Platform:
    """agents: modes of bench_agent, one agent each."""

    def __init__(self, place, folder, agents):
        self.place, self.agents = place, agents
        self.home = os.path.join(place.work, "platform")
        installed = place.installed()
        os.mkdir(self.home, 0o755)
        shutil.copy2(os.path.join(place.build, "bench/bench_agent"), self.home + "/agent")
        for name in ("run", "state"):
            os.mkdir(os.path.join(self.home, name), 0o755)
        lines = "".join(AGENT.format(name=f"bench-{number}", program=self.home + "/agent", mode=mode,
                                     events=EVENTS[mode]) for number, mode in enumerate(agents))
        with open(self.home + "/ringside.yaml", "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(bpf="yes" if place.bpf else "no", folder=folder, agents=lines or "[]",
                                            home=self.home, uid_base=100000 + os.getpid() % 10000 * 200))
        self.start(installed)

    def start(self, installed):
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(self.home + "/notify")
        notify.settimeout(1)
        with open(self.home + "/log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [installed["ringsided"], "--config", self.home + "/ringside.yaml", "--libexec",
                 os.path.dirname(installed["ringside-engine"])], stdout=log, stderr=subprocess.STDOUT,
                env=dict(os.environ, NOTIFY_SOCKET=self.home + "/notify"))
        end, ready = time.monotonic() + START_S, False
        try:
            while not ready or not self.live():
                if self.process.poll() is not None or time.monotonic() > end:
                    raise Stop(f"Ringside: expected it ready and {len(self.agents)} agents live within {START_S} s; its "
                               "log:\n" + self.log()[-4000:])
                try:
                    ready = ready or b"READY=1" in notify.recv(4096)
                except socket.timeout:
                    continue
                if ready and not self.live():
                    time.sleep(0.05)
        except BaseException:
            self.close()
            raise
        finally:
            notify.close()

    def log(self):
        return read(self.home + "/log")

    def status(self):
        done = subprocess.run([os.path.join(self.place.build, "cli/ringside"), "--socket",
                               self.home + "/run/control.sock", "status", "--json"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
        return json.loads(done.stdout or "{}")

    def live(self):
        known = self.status().get("engine", {}).get("agents", [])
        return sum(agent.get("state") == "live" for agent in known) == len(self.agents)

    def check(self):
        """Figures of an agent that was not asked would say nothing."""
        known = {agent["name"]: agent for agent in self.status().get("engine", {}).get("agents", [])}
        for number in range(len(self.agents)):
            agent = known.get(f"bench-{number}", {})
            if agent.get("state") != "live" or agent.get("misses") != 0:
                raise Stop(f"Ringside's agent bench-{number}: expected it live and without a miss all the time, found "
                           f"{agent}")

    def processes(self):
        """{name: pid} of the platform's own processes."""
        pids = {"ringsided": self.process.pid}
        for entry in os.listdir("/proc"):
            if entry.isdigit() and f"\nPPid:\t{self.process.pid}\n" in read(f"/proc/{entry}/status"):
                pids[os.path.basename(read(f"/proc/{entry}/cmdline").split("\0")[0])] = int(entry)
        return pids

    def close(self):
        ended(self.process)
        shutil.rmtree(self.home, ignore_errors=True)


class Place:
    """Where a run keeps its things: a file system of its own."""

    def __init__(self, work, build, bpf):
        self.work, self.build, self.bpf = work, build, bpf
        self.program = os.path.join(build, "bench/ringside-bench")
        self.programs = None

    def installed(self):
        """{name: path} of the platform's programs, installed once."""
        if self.programs is None:
            top = os.path.join(self.work, "installed")
            run("meson", "install", "-C", self.build, "--no-rebuild", "--quiet", "--destdir", top)
            self.programs = {name: os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names
                             if name in ("ringsided", "ringside-engine")}
            if len(self.programs) != 2:
                raise Stop(f"{self.build}: expected ringsided and ringside-engine to be installed from it; run `make`")
        return self.programs
