#!/usr/bin/env python3
"""Measures verify, a run with nothing to do, and diff on a schema of thousands of tables.

Makes the scripts and a database that is as they declare, and times whole processes in turns. docs/benchmarks.md tells more.
"""

import argparse
import contextlib
import os
import pathlib
import statistics
import sys
import tempfile

from compare import Failed, Server, private_cluster, timed

TABLES_A_SCRIPT = 100
TYPES = [
    "integer NOT NULL DEFAULT 0",
    "text",
    "varchar(80) NOT NULL DEFAULT 'none'",
    "timestamptz DEFAULT now()",
    "numeric(12,2)",
    "boolean NOT NULL DEFAULT false",
]
COMMANDS = {
    "verify": ["verify"],
    "run, nothing to do": ["run"],
    "verify --strict": ["verify", "--strict"],
    "diff": ["diff", "--exit-code"],
}


def scripts(tables, columns):
    """Returns the scripts by name: tables with columns, a key, an index, and a foreign key to the table before."""
    made = {}
    for first in range(0, tables, TABLES_A_SCRIPT):
        text = []
        for table in range(first, min(first + TABLES_A_SCRIPT, tables)):
            lines = ["    id bigint PRIMARY KEY", "    before bigint"]
            lines += [f"    column_{number} {TYPES[number % len(TYPES)]}" for number in range(columns - 2)]
            if table > 0:
                lines.append(f"    FOREIGN KEY (before) REFERENCES table_{table - 1} (id)")
            text.append(f"CREATE TABLE IF NOT EXISTS table_{table} (\n" + ",\n".join(lines) + "\n);\n")
            text.append(f"CREATE INDEX IF NOT EXISTS table_{table}_before ON table_{table} (before);\n")
        made[f"{first // TABLES_A_SCRIPT + 1:04}0_tables.sql"] = "".join(text)
    return made


def measure(options, server, directory):
    for name, text in scripts(options.tables, options.columns).items():
        (pathlib.Path(directory) / name).write_text(text, encoding="utf-8")
    database = "hm_compare_large"
    server.create(database)
    try:
        for path in sorted(pathlib.Path(directory).glob("*.sql")):
            server.sql(database, path.read_text(encoding="utf-8"), "-1")
        server.sql(database, "ANALYZE")
        environment = dict(server.environment, PGDATABASE=database)
        times = {name: [] for name in COMMANDS}
        for counted in range(options.rounds + 1):
            for name, arguments in COMMANDS.items():
                took = timed([options.binary, *arguments, "-q", "--no-env-file", "--dir", directory], environment, directory)
                if counted:
                    times[name].append(took)
        return times
    finally:
        server.drop(database)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default=os.environ.get("HRMS_MIGRATE_BIN"), help="hrms-migrate; else HRMS_MIGRATE_BIN")
    parser.add_argument("--tables", type=int, default=5_000)
    parser.add_argument("--columns", type=int, default=20, help="columns of each table, two or more")
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds after one to warm up")
    options = parser.parse_args()
    if not options.binary or not os.access(options.binary, os.X_OK):
        parser.error("name the program: --binary, or HRMS_MIGRATE_BIN")
    options.binary = os.path.abspath(options.binary)
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "PGDATABASE", "PGOPTIONS")}
    try:
        with contextlib.ExitStack() as stack:
            if not any(environment.get(name) for name in ("PGHOST", "PGHOSTADDR", "PGSERVICE")):
                cluster = stack.enter_context(tempfile.TemporaryDirectory(prefix="hm-cluster-"))
                environment.update(stack.enter_context(private_cluster(cluster)))
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="hm-large-"))
            times = measure(options, Server(environment), directory)
    except Failed as failure:
        print(f"large: {failure}", file=sys.stderr)
        return 1
    print(f"{options.tables} tables, {options.tables * options.columns} columns, {os.cpu_count()} CPUs, {options.rounds} rounds\n")
    print("| command | least, s | median, s | client CPU, s |\n|---|---|---|---|")
    for name, pairs in times.items():
        wall = [wall for wall, _ in pairs]
        cpu = statistics.median(cpu for _, cpu in pairs)
        print(f"| {name} | {min(wall):.2f} | {statistics.median(wall):.2f} | {cpu:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
