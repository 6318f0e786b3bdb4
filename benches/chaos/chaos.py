#!/usr/bin/env python3
"""Disturbs runs of the crash fixture in every way that a machine, a network or a person can, and checks what is left.

Needs Python 3.9 or later, psql and PostgreSQL server binaries, and nothing else. docs/reliability.md tells more.
"""

import argparse
import contextlib
import os
import random
import re
import signal
import sys
import time

import company
import crashes
import outages
import settings
from bench import SCRIPTS, Bench, Failed, say

# What there is, with how many rounds it makes by itself, and as a part of `all`. 0 is every place; of `foreign` it is seconds.
COMMANDS = {
    "boundaries": (crashes.boundaries, 0, 24),
    "kills": (crashes.kills, 500, 25),
    "returns": (crashes.returns, 100, 8),
    "signals": (crashes.signals, 50, 5),
    "restarts": (outages.restarts, 50, 6),
    "cuts": (outages.cuts, 200, 18),
    "disk": (outages.disk, 20, 4),
    "runners": (company.runners, 20, 2),
    "foreign": (company.foreign, 600, 30),
    "settings": (settings.settings, 0, 0),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="+", choices=[*COMMANDS, "all"])
    parser.add_argument("--binary", default=os.environ.get("HRMS_MIGRATE_BIN"), help="hrms-migrate; else HRMS_MIGRATE_BIN")
    parser.add_argument("--rows", type=int, default=5000, help="rows of each large table")
    parser.add_argument("--rounds", type=int, help="rounds of each kind, instead of its own number")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fsync", action="store_true", help="wait for the disk; only a crash of the machine would show a difference")
    options = parser.parse_args()
    if not options.binary or not os.access(options.binary, os.X_OK):
        parser.error("name the program: --binary, or HRMS_MIGRATE_BIN")
    options.binary = os.path.abspath(options.binary)
    # An end by SIGTERM takes the server along, as one by SIGINT does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    named, wanted, failed = options.rounds, list(options.what), False
    if "all" in wanted:
        wanted = list(COMMANDS)
    rows = []
    with contextlib.ExitStack() as stack:
        try:
            bench = Bench(options, stack)
        except Failed as failure:
            say(f"chaos: {failure}")
            return 1
        version = bench.server.sql("postgres", "SHOW server_version")
        statements = sum(len(re.findall(r";$", path.read_text(encoding="utf-8"), re.MULTILINE)) for path in SCRIPTS.rglob("*.sql"))
        print(f"PostgreSQL {version}, {os.cpu_count()} CPUs, {options.rows} rows, fsync {'on' if options.fsync else 'off'}, "
              f"{statements} statements and lines of blocks, seed {options.seed}; an undisturbed run takes {bench.whole:.2f} s, "
              f"one with nothing to do {bench.nothing:.2f} s\n", flush=True)
        for what in wanted:
            options.rounds = named if named is not None else COMMANDS[what][2 if "all" in options.what else 1]
            begun = time.monotonic()
            try:
                done, found = COMMANDS[what][0](bench, options, random.Random(options.seed))
            except Failed as failure:
                say(f"chaos: {failure}")
                done, found, failed = "", "FAILED, see above", True
            row = f"| {what} | {done} | {found} | {time.monotonic() - begun:.0f} s |"
            rows.append(row)
            say(row)
    print("\n".join(["| what | how often | what came of it | took |", "|---|---|---|---|", *rows]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
