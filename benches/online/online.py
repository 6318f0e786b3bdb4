#!/usr/bin/env python3
"""Measures what clients of a busy server notice of a run, beside `psql -f` of the same statements, and kills runs at random.

Needs Python 3.9 or later, psql, pgbench and PostgreSQL server binaries, and nothing else. docs/benchmarks.md tells more.
"""

import argparse
import contextlib
import glob
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "compare"))

from compare import PSQL, Failed, Server, private_cluster, server_binaries  # noqa: E402

TEMPLATE, DATABASE = "hm_online_template", "hm_online"

TABLES = """
CREATE TABLE users (id integer PRIMARY KEY, full_name text NOT NULL, department text, region text,
                    last_seen timestamptz NOT NULL DEFAULT now());
CREATE TABLE leaves (id serial PRIMARY KEY, user_id integer NOT NULL, start_date date NOT NULL, total_days integer NOT NULL,
                     reason text, status text NOT NULL DEFAULT 'pending');
-- What writers added to which row: nothing of it may be lost.
CREATE TABLE ledger (leave_id integer NOT NULL);
INSERT INTO users (id, full_name, department, region)
SELECT i, 'Employee Number ' || i, 'dept' || i % 40, 'r' || i % 7 FROM generate_series(1, {rows}) i;
INSERT INTO leaves (user_id, start_date, total_days)
SELECT 1 + (i::bigint * 7919) % {rows}, date '2020-01-01' + i % 1500, i % 20 + 1 FROM generate_series(1, {rows}) i;
VACUUM (FREEZE, ANALYZE);
"""

SCRIPTS = {
    "010_verified.sql": "ALTER TABLE users ADD COLUMN IF NOT EXISTS is_verified boolean NOT NULL DEFAULT true;\n",
    "020_indexes.sql": "CREATE INDEX IF NOT EXISTS leaves_user_start ON leaves (user_id, start_date);\n"
                       "CREATE INDEX IF NOT EXISTS leaves_status ON leaves (status);\n",
    "030_half_days.sql": "-- ensure:online always\n"
                         "ALTER TABLE leaves ALTER COLUMN total_days TYPE numeric(4,1) USING total_days::numeric(4,1);\n",
    "040_region.sql": "ALTER TABLE users ALTER COLUMN region SET NOT NULL;\n",
    "050_user.sql": "ALTER TABLE leaves ADD CONSTRAINT leaves_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id);\n",
    "060_reason.sql": "UPDATE leaves SET reason = 'none' WHERE reason IS NULL;\n",
}

# Weight, and what a transaction does. New rows have a reason, so that only the backfill fills one.
CLIENTS = [
    (4, "SELECT full_name FROM users WHERE id = :id;"),
    (4, "SELECT start_date, total_days FROM leaves WHERE id = :id;"),
    (1, "UPDATE users SET last_seen = now() WHERE id = :id;"),
    (2, "BEGIN; UPDATE leaves SET total_days = total_days + 1 WHERE id = :id; INSERT INTO ledger VALUES (:id); COMMIT;"),
    (1, "INSERT INTO leaves (user_id, start_date, total_days, reason) VALUES (:id, current_date, 1, 'new');"),
]

# The whole of what is declared, and what may be left of it.
HOLDS = """
SELECT (SELECT format_type(atttypid, atttypmod) = 'numeric(4,1)' FROM pg_attribute
         WHERE attrelid = 'leaves'::regclass AND attname = 'total_days')
   AND (SELECT attnotnull FROM pg_attribute WHERE attrelid = 'leaves'::regclass AND attname = 'total_days')
   AND (SELECT attnotnull FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'region')
   AND (SELECT count(*) = 1 FROM pg_constraint WHERE conname = 'leaves_user_id_fkey' AND convalidated)
   AND (SELECT count(*) = 2 FROM pg_index WHERE indexrelid IN (to_regclass('leaves_user_start'), to_regclass('leaves_status'))
                                             AND indisvalid)
   AND NOT EXISTS (SELECT FROM leaves WHERE reason IS NULL)
"""
LEFTOVERS = """
SELECT (SELECT count(*) FROM pg_index WHERE NOT indisvalid) + (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal)
     + (SELECT count(*) FROM pg_constraint WHERE NOT convalidated OR conname ~ '__?hm')
     + (SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
         WHERE c.relname IN ('users', 'leaves') AND a.attname ~ '__hm')
     + (SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace)
"""
LOST = """
SELECT count(*) FROM leaves l LEFT JOIN (SELECT leave_id, count(*) AS n FROM ledger GROUP BY leave_id) w ON w.leave_id = l.id
 WHERE l.id <= {rows} AND l.total_days <> l.id % 20 + 1 + coalesce(w.n, 0)
"""


class Clients:
    """pgbench at a fixed rate: what a transaction waits for counts from when it should have begun."""

    def __init__(self, server, directory, rows, rate):
        self.server, self.directory = server, directory
        for name in glob.glob(os.path.join(directory, "log.*")):
            os.unlink(name)
        arguments = [os.path.join(server_binaries(), "pgbench"), "-n", "-c", "8", "-j", "2", "-R", str(rate), "-T", "100000",
                     "-l", f"--log-prefix={directory}/log"]
        for place, (weight, text) in enumerate(CLIENTS):
            path = os.path.join(directory, f"clients{place}.sql")
            pathlib.Path(path).write_text(f"\\set id random(1, {rows})\n{text}\n", encoding="utf-8")
            arguments += ["-f", f"{path}@{weight}"]
        self.errors = open(os.path.join(directory, "errors"), "w+", encoding="utf-8")  # noqa: SIM115
        self.process = subprocess.Popen([*arguments, DATABASE], env=server.environment, cwd=directory,
                                        stdout=subprocess.DEVNULL, stderr=self.errors)

    def end(self):
        """Stops them, and returns (end, seconds) of every transaction."""
        if self.process.poll() is not None:
            self.errors.seek(0)
            raise Failed(f"pgbench ended: {self.errors.read()[-2000:]}")
        self.process.terminate()
        self.process.wait()
        self.errors.close()
        done = []
        for name in glob.glob(os.path.join(self.directory, "log.*")):
            for line in pathlib.Path(name).read_text(encoding="utf-8").splitlines():
                fields = line.split()
                if len(fields) >= 6 and fields[2].isdigit():
                    done.append((int(fields[4]) + int(fields[5]) / 1e6, int(fields[2]) / 1e6))
        return done


def environment_of(server):
    return {**{name: value for name, value in server.environment.items() if not name.startswith("HRMS_MIGRATE_")},
            "DATABASE_URL": f"postgresql:///{DATABASE}"}


def program(options, server, scripts, *arguments):
    return ([options.binary, "run", "-q", "--no-env-file", "--dir", scripts, *arguments], environment_of(server))


def plain(server, scripts):
    files = [argument for name in sorted(SCRIPTS) for argument in ("-f", os.path.join(scripts, name))]
    return ([PSQL, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", DATABASE, *files], server.environment)


def fresh(server):
    server.drop(DATABASE)
    server.sql("postgres", f"CREATE DATABASE {DATABASE} TEMPLATE {TEMPLATE}")
    server.sql(DATABASE, "SELECT count(*) FROM users; SELECT count(*) FROM leaves; CHECKPOINT")


def check(server, rows):
    if server.sql(DATABASE, HOLDS) != "t":
        raise Failed("something is not as declared")
    if server.sql(DATABASE, LEFTOVERS) != "0":
        raise Failed(f"{server.sql(DATABASE, LEFTOVERS)} objects are left over")
    lost = server.sql(DATABASE, LOST.format(rows=rows))
    if lost != "0":
        raise Failed(f"{lost} rows do not hold what was written")


def stall(options, server, directory, scripts):
    """Runs both beside clients; returns a table."""
    lines = ["| under load | seconds | longest stall, s | median, ms | done of what was due |", "|---|---|---|---|---|"]
    ways = [("nothing", None), ("psql -f", plain(server, scripts)), ("hrms-migrate", program(options, server, scripts))]
    for name, command in ways:
        print(f"stall: {name}", file=sys.stderr)
        fresh(server)
        clients = Clients(server, directory, options.rows, options.rate)
        time.sleep(options.lead)
        blocker = None
        if options.blocker:
            blocker = subprocess.Popen([PSQL, "-X", "-q", "-d", DATABASE, "-c", "BEGIN; SELECT count(*) FROM (SELECT FROM users LIMIT 1) u;"
                                        f" SELECT count(*) FROM (SELECT FROM leaves LIMIT 1) l; SELECT pg_sleep({options.blocker})"],
                                       env=server.environment, stdout=subprocess.DEVNULL)
            time.sleep(2)
        begun = time.time()
        if command:
            done = subprocess.run(command[0], env=command[1], cwd=directory, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                clients.end()
                raise Failed(f"{name} ended with {done.returncode}: {done.stderr[-2000:]}")
        else:
            time.sleep(options.lead)
        took = time.time() - begun
        time.sleep(2)
        seen = [seconds for end, seconds in clients.end() if end >= begun]
        if blocker:
            blocker.wait()
        if command:
            check(server, options.rows)
        due = options.rate * (took + 2)
        lines.append(f"| {name} | {took:.1f} | {max(seen):.2f} | {statistics.median(seen) * 1000:.1f} | {len(seen) / due:.0%} |")
    return lines


def backfill(options, server, directory, scripts):
    """Fills a column in one statement and in batches, while somebody else writes single rows."""
    lines = ["| backfill | seconds | throughput | longest wait of a writer, s | heap, MB |", "|---|---|---|---|---|"]
    only = os.path.join(directory, "backfill")
    os.makedirs(only, exist_ok=True)
    name = "060_reason.sql"
    pathlib.Path(only, name).write_text(SCRIPTS[name], encoding="utf-8")
    single = ([PSQL, "-X", "-q", "-d", DATABASE, "-f", os.path.join(only, name)], server.environment)
    base = None
    for name, command in [("one UPDATE", single), ("hrms-migrate", program(options, server, only))]:
        print(f"backfill: {name}", file=sys.stderr)
        fresh(server)
        clients = Clients(server, directory, options.rows, max(options.rate // 10, 10))
        time.sleep(2)
        begun = time.time()
        done = subprocess.run(command[0], env=command[1], cwd=directory, capture_output=True, text=True, check=False)
        took = time.time() - begun
        seen = [seconds for end, seconds in clients.end() if end >= begun]
        if done.returncode != 0:
            raise Failed(f"{name} ended with {done.returncode}: {done.stderr[-2000:]}")
        left = server.sql(DATABASE, "SELECT count(*) FROM leaves WHERE reason IS NULL")
        if left != "0":
            raise Failed(f"{left} rows are left")
        base = base or took
        size = int(server.sql(DATABASE, "SELECT pg_relation_size('leaves')")) >> 20
        lines.append(f"| {name} | {took:.1f} | {base / took:.2f} | {max(seen, default=0):.2f} | {size} |")
    return lines


def kills(options, server, directory, scripts):
    """Kills runs at random moments, and lets the last one end."""
    fresh(server)
    command, environment = program(options, server, scripts)
    begun = time.time()
    if subprocess.run(command, env=environment, cwd=directory, capture_output=True, check=False).returncode != 0:
        raise Failed("a run that nobody kills fails")
    whole = time.time() - begun
    check(server, options.rows)
    chance = random.Random(options.seed)
    killed = ended = rounds = 0
    while killed < options.kills:
        rounds += 1
        fresh(server)
        clients = Clients(server, directory, options.rows, options.rate)
        while killed < options.kills:
            process = subprocess.Popen(command, env=environment, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                process.wait(timeout=chance.uniform(0, whole * 0.6))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                killed += 1
                continue
            if process.returncode != 0:
                clients.end()
                raise Failed(f"a run after {killed} kills ended with {process.returncode}")
            break
        last = subprocess.run(command, env=environment, cwd=directory, capture_output=True, text=True, check=False)
        clients.end()
        if last.returncode != 0:
            raise Failed(f"the run after {killed} kills ended with {last.returncode}: {last.stderr[-2000:]}")
        check(server, options.rows)
        ended += 1
        print(f"kills: {killed} of {options.kills}, {ended} databases", file=sys.stderr)
    return [f"{killed} kills over {rounds} databases (seed {options.seed}): every last run ended with 0, nothing is left over, "
            "and every row holds what was written."]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="+", choices=["stall", "backfill", "kills"])
    parser.add_argument("--binary", default=os.environ.get("HRMS_MIGRATE_BIN"), help="hrms-migrate; else HRMS_MIGRATE_BIN")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=300, help="transactions a second")
    parser.add_argument("--lead", type=float, default=6, help="seconds of load before anything is done")
    parser.add_argument("--blocker", type=float, default=0, help="seconds for which somebody holds both tables from before a run on")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if not options.binary or not os.access(options.binary, os.X_OK):
        parser.error("name the program: --binary, or HRMS_MIGRATE_BIN")
    options.binary = os.path.abspath(options.binary)
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("DATABASE_URL", "PGDATABASE", "PGOPTIONS", "PGHOST", "PGPORT", "PGUSER")}
    try:
        with contextlib.ExitStack() as stack:
            cluster = stack.enter_context(tempfile.TemporaryDirectory(prefix="hm-cluster-"))
            environment.update(stack.enter_context(private_cluster(cluster)))
            server = Server(environment)
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="hm-online-"))
            scripts = os.path.join(directory, "scripts")
            os.makedirs(scripts)
            for name, text in SCRIPTS.items():
                pathlib.Path(scripts, name).write_text(text, encoding="utf-8")
            server.sql("postgres", "ALTER SYSTEM SET max_wal_size = '8GB'; SELECT pg_reload_conf()")
            server.create(TEMPLATE)
            server.sql(TEMPLATE, TABLES.format(rows=options.rows))
            print(f"PostgreSQL {server.sql('postgres', 'SHOW server_version')}, {os.cpu_count()} CPUs, {options.rows} rows, "
                  f"{options.rate} transactions a second\n")
            for what in options.what:
                print("\n".join({"stall": stall, "backfill": backfill, "kills": kills}[what](options, server, directory, scripts)))
                print(flush=True)
    except Failed as failure:
        print(f"online: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
