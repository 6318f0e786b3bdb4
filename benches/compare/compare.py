#!/usr/bin/env python3
"""Times whole runs of hrms-migrate beside `psql -f` of the same statements.

Needs Python 3.9 or later and psql, nothing else, and builds nothing. See docs/benchmarks.md.
"""

import argparse
import contextlib
import glob
import json
import os
import pathlib
import platform
import pwd
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import workload

# Every database made here begins so, and nothing else on the server is touched.
PREFIX = "hm_compare_"


def bare_psql():
    """Returns psql itself: what Debian puts on the PATH is a script around it that takes longer than psql does."""
    try:
        directory = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "psql"
    program = os.path.join(directory, "psql")
    return program if os.access(program, os.X_OK) else "psql"


PSQL = bare_psql()


class Failed(Exception):
    """A command that should have succeeded did not."""


def finish(process):
    """Waits for a child and returns its status and what it cost."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_utime + usage.ru_stime


def timed(arguments, environment, directory):
    """Runs a command and returns its seconds from fork to exit, and its seconds of CPU."""
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            arguments, env=environment, cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            status, cpu = finish(process)
        except BaseException:
            process.kill()
            process.wait()
            raise
        elapsed = time.perf_counter() - started
        if status != 0:
            output.seek(0)
            text = output.read().decode(errors="replace")[-2000:]
            raise Failed(f"{shlex.join(arguments[:4])} … ended with {status}:\n{text}")
    return elapsed, cpu


class Server:
    """The server that is measured on, reached through libpq's variables."""

    def __init__(self, environment):
        self.environment = environment

    def sql(self, database, text, *options):
        """Sends text through psql and returns what it prints."""
        arguments = [PSQL, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *options, "-d", database, "-f", "-"]
        result = subprocess.run(arguments, env=self.environment, input=text, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise Failed(f"psql on {database}: {result.stderr.strip()[-2000:]}")
        return result.stdout.strip()

    def drop(self, name):
        self.sql("postgres", f'DROP DATABASE IF EXISTS "{name}"')

    def create(self, name):
        self.drop(name)
        self.sql("postgres", f'CREATE DATABASE "{name}"')

    def fingerprint(self, database):
        """Returns the catalog as text: columns, indexes and constraints of all schemas of users."""
        return self.sql(database, workload.FINGERPRINT)


class Cluster:
    """A server of our own on a socket in a directory, with the server's default settings and `settings` besides."""

    def __init__(self, directory, settings=""):
        self.bindir, self.directory = server_binaries(), directory
        self.data, self.log = os.path.join(directory, "data"), os.path.join(directory, "data", "log")
        self.environment = {"PGHOST": directory, "PGPORT": "5432", "PGUSER": "postgres"}
        self.user = None
        if os.geteuid() == 0:
            self.user = next((name for name in ("postgres", "nobody") if user_exists(name)), None)
            if self.user is None:
                raise Failed("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")
            shutil.chown(directory, self.user)
        self.as_server(f"{self.bindir}/initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C",
                       "--no-instructions")
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf-8") as file:
            file.write(f"\nlisten_addresses = ''\nunix_socket_directories = '{directory}'\n{settings}\n")

    def as_server(self, *arguments):
        """Runs a command as the user that the server runs as."""
        user = {"user": self.user, "group": pwd.getpwnam(self.user).pw_gid, "extra_groups": []} if self.user else {}
        result = subprocess.run(arguments, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, check=False, **user)
        if result.returncode != 0:
            raise Failed(f"{arguments[0]}: {result.stdout[-2000:]}")

    def control(self, what, *options):
        """Starts, stops or restarts it, and waits until that is done."""
        self.as_server(f"{self.bindir}/pg_ctl", "-D", self.data, "-w", "-s", "-l", self.log, *options, what)


@contextlib.contextmanager
def private_cluster(directory):
    """A server of our own, for as long as it is needed; yields libpq's variables."""
    cluster = Cluster(directory)
    cluster.control("start")
    try:
        yield cluster.environment
    finally:
        cluster.control("stop", "-m", "immediate")


def user_exists(name):
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def server_binaries():
    """Finds initdb and postgres where the tests find them; the newest version wins."""
    configured = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=False).stdout.strip() \
        if shutil.which("pg_config") else ""
    installed = [*glob.glob("/usr/lib/postgresql/*/bin"), *glob.glob("/usr/pgsql-*/bin"), "/usr/local/pgsql/bin"]
    def version(path):
        return [int(part) if part.isdigit() else 0 for part in path.replace("-", "/").split("/")]

    installed.sort(key=version, reverse=True)
    for directory in [os.environ.get("HRMS_TEST_PG_BINDIR", ""), configured, *installed]:
        if directory and all(os.access(os.path.join(directory, name), os.X_OK) for name in ("initdb", "postgres", "pg_ctl")):
            return directory
    raise Failed("no PostgreSQL server binaries; set PGHOST to use a server that runs, or HRMS_TEST_PG_BINDIR")


class Psql:
    """The yardstick: one session, every script in order, no check of anything."""

    name = "psql"

    def __init__(self, environment):
        # Thousands of "already exists, skipping" would measure the terminal.
        self.environment = {**environment, "PGOPTIONS": "-c client_min_messages=warning"}

    def command(self, database, directory):
        files = [argument for path in sorted(pathlib.Path(directory).glob("*.sql")) for argument in ("-f", str(path))]
        return [PSQL, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, *files], self.environment


class HrmsMigrate:
    """The program itself."""

    name = "hrms-migrate"

    def __init__(self, environment, binary):
        kept = {name: value for name, value in environment.items() if not name.startswith("HRMS_MIGRATE_")}
        self.environment = kept
        self.binary = binary

    def command(self, database, directory):
        # What the URL leaves open comes from libpq's variables.
        environment = {**self.environment, "DATABASE_URL": f"postgresql:///{database}"}
        return [self.binary, "run", "--no-env-file", "--dir", str(directory)], environment


class Scenario:
    """One thing to measure: `prepare` is called once, `reset` before every timed run."""

    def __init__(self, name, title, scripts, *, fresh=False, unrelated=0):
        self.name, self.title, self.scripts, self.fresh, self.unrelated = name, title, scripts, fresh, unrelated
        self.database = PREFIX + name.replace("-", "_")

    def prepare(self, server, psql, directory):
        self.directory = pathlib.Path(directory) / self.name
        self.directory.mkdir()
        for name, text in self.scripts:
            (self.directory / name).write_text(text, encoding="utf-8")
        server.create(self.database)
        for batch in workload.unrelated_tables(self.unrelated):
            server.sql(self.database, batch)
        timed(*psql.command(self.database, self.directory), directory)
        self.wanted = server.fingerprint(self.database)
        if not self.fresh:
            # Statistics and hint bits are settled before anything is measured.
            server.sql(self.database, "VACUUM ANALYZE")

    def reset(self, server):
        if self.fresh:
            server.create(self.database)

    def check(self, server, tool):
        if server.fingerprint(self.database) != self.wanted:
            raise Failed(f"{tool.name} left another catalog than psql in scenario {self.name}")


def scenarios(options):
    flow = workload.flow()
    many = workload.many(options.statements, options.tables)
    return [
        Scenario("first-run", f"first run, {count(flow)} statements", flow, fresh=True),
        Scenario("no-op", f"nothing to do, {count(flow)} statements", flow),
        Scenario("no-op-crowded", f"the same beside {grouped(options.unrelated)} other tables", flow,
                 unrelated=options.unrelated),
        Scenario("many", f"nothing to do, {grouped(count(many))} statements over {options.tables} tables", many),
    ]


def grouped(number):
    return f"{number:,}".replace(",", " ")


def count(scripts):
    return sum(text.count(";\n") for _, text in scripts)


def measure(options, server, directory):
    """Prepares every scenario, times it, and drops its database, whatever happens."""
    environment = server.environment
    psql = Psql(environment)
    tools = [psql]
    if options.binary:
        tools.append(HrmsMigrate(environment, options.binary))
    chosen = [scenario for scenario in scenarios(options) if not options.only or scenario.name in options.only]
    try:
        return compare(options, server, directory, chosen, tools)
    finally:
        for scenario in chosen:
            server.drop(scenario.database)


def compare(options, server, directory, chosen, tools):
    environment, psql = server.environment, tools[0]
    for scenario in chosen:
        print(f"preparing {scenario.name}", file=sys.stderr)
        scenario.prepare(server, psql, directory)
    times = {(scenario.name, tool.name): [] for scenario in chosen for tool in tools}
    noise = []
    for round_number in range(options.rounds + 1):
        print("warming up" if round_number == 0 else f"round {round_number} of {options.rounds}", file=sys.stderr)
        probe = timed([PSQL, "-X", "-A", "-t", "-d", "postgres", "-c", "SELECT 1"], environment, directory)
        if round_number > 0:
            noise.append(probe)
        for scenario in chosen:
            # Who comes first changes from round to round, so that neither always finds the caches warm.
            for tool in tools if round_number % 2 == 0 else reversed(tools):
                scenario.reset(server)
                result = timed(*tool.command(scenario.database, scenario.directory), directory)
                if round_number == 0 or scenario.fresh:
                    scenario.check(server, tool)
                if round_number > 0:
                    times[scenario.name, tool.name].append(result)
    for scenario in chosen:
        for tool in tools:
            scenario.check(server, tool)
    return chosen, tools, times, noise


def milliseconds(seconds):
    return f"{seconds * 1000:.0f}" if seconds >= 0.1 else f"{seconds * 1000:.1f}"


def table(chosen, tools, times, noise):
    """Returns the results as a Markdown table."""
    def wall(key):
        return [elapsed for elapsed, _ in times[key]]

    def cpu(key):
        return [seconds for _, seconds in times[key]]

    measured = len(tools) > 1
    head = ["scenario", "psql -f, ms (min / median)"]
    if measured:
        head += ["hrms-migrate, ms (min / median)", "ratio (min / median)", "client CPU, ms (psql / hrms-migrate)"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for scenario in chosen:
        one = wall((scenario.name, "psql"))
        row = [scenario.title, f"{milliseconds(min(one))} / {milliseconds(statistics.median(one))}"]
        if measured:
            two = wall((scenario.name, "hrms-migrate"))
            row += [
                f"{milliseconds(min(two))} / {milliseconds(statistics.median(two))}",
                f"{min(two) / min(one):.2f} / {statistics.median(two) / statistics.median(one):.2f}",
                " / ".join(milliseconds(min(cpu((scenario.name, tool.name)))) for tool in tools),
            ]
        lines.append("| " + " | ".join(row) + " |")
    trivial = [elapsed for elapsed, _ in noise]
    spread = " / ".join(milliseconds(value) for value in (min(trivial), statistics.median(trivial), max(trivial)))
    lines += ["", f"A trivial psql call beside them took {spread} ms (min / median / max): that is the noise."]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default=os.environ.get("HRMS_MIGRATE_BIN"), help="hrms-migrate; else HRMS_MIGRATE_BIN; "
                        "without either only psql is measured")
    parser.add_argument("--rounds", type=int, default=7, help="timed rounds after one to warm up")
    parser.add_argument("--statements", type=int, default=10_000, help="statements of the scenario `many`")
    parser.add_argument("--tables", type=int, default=200, help="tables of the scenario `many`")
    parser.add_argument("--unrelated", type=int, default=20_000, help="other tables in the scenario `no-op-crowded`")
    parser.add_argument("--only", action="append", help="only this scenario; repeatable",
                        choices=["first-run", "no-op", "no-op-crowded", "many"])
    parser.add_argument("--json", metavar="FILE", help="write every single time there too")
    options = parser.parse_args()
    if options.rounds < 1 or options.tables < 1 or options.statements < options.tables:
        parser.error("at least one round and one table, and no fewer statements than tables")
    if options.binary and not os.access(options.binary, os.X_OK):
        parser.error(f"{options.binary} is not there or cannot be run")
    if options.binary:
        options.binary = os.path.abspath(options.binary)
    if not shutil.which(PSQL):
        parser.error("psql is not on the PATH")
    # An end by SIGTERM takes the private server and the databases along, as one by SIGINT does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "PGDATABASE", "PGOPTIONS")}
    try:
        with contextlib.ExitStack() as stack:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="hm-compare-"))
            if not any(environment.get(name) for name in ("PGHOST", "PGHOSTADDR", "PGSERVICE")):
                cluster = stack.enter_context(tempfile.TemporaryDirectory(prefix="hm-cluster-"))
                environment.update(stack.enter_context(private_cluster(cluster)))
            server = Server(environment)
            version = server.sql("postgres", "SHOW server_version")
            chosen, tools, times, noise = measure(options, server, directory)
    except Failed as failure:
        print(f"compare: {failure}", file=sys.stderr)
        return 1
    result = table(chosen, tools, times, noise)
    print(f"PostgreSQL {version}, {os.cpu_count()} CPUs, {platform.system()} {platform.machine()}, {options.rounds} rounds\n")
    print(result)
    if options.json:
        rows = [{"scenario": name, "tool": tool, "wall_s": [w for w, _ in pairs], "cpu_s": [c for _, c in pairs]}
                for (name, tool), pairs in times.items()]
        pathlib.Path(options.json).write_text(json.dumps({"server": version, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
