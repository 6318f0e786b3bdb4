"""What every kind of disturbance shares: the crash fixture, fresh databases, runs of the program, and what must hold afterwards."""

import contextlib
import os
import pathlib
import re
import select
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "compare"))

from compare import PSQL, Cluster, Failed, Server  # noqa: E402

ROOT = HERE.parent.parent
FIXTURE = ROOT / "tests" / "fixtures" / "crash"
SCRIPTS = FIXTURE / "ensure"
TEMPLATE = "hm_chaos_template"
# How long a run may take before it counts as hanging.
PATIENCE = 180

SETTINGS = "max_connections = 400\nlog_line_prefix = '%d|%a|%p|'\nfsync = {fsync}\nmax_wal_size = '4GB'\nmax_prepared_transactions = 5"

# O1: every fact about the schema, as the tests print it.
DIGEST = "SET search_path = '';\n" + (ROOT / "tests" / "support" / "catalog.sql").read_text(encoding="utf-8").replace("$1", "'public'")

# O2: what no run may leave behind, named.
LEFTOVERS = r"""
SELECT 'invalid index ' || indexrelid::regclass FROM pg_index WHERE NOT indisvalid
UNION ALL SELECT 'relation ' || relname FROM pg_class WHERE relname ~ '__hm|_ccnew|_ccold'
UNION ALL SELECT 'column ' || attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
 WHERE attname ~ '__hm' AND NOT attisdropped AND c.relkind IN ('r', 'p', 'm')
UNION ALL SELECT 'constraint ' || conname FROM pg_constraint WHERE NOT convalidated OR conname ~ '__hm'
UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE tgname ~ '__hm'
UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE proname ~ '__hm'
"""

# O3: the rows, so written that it says the same before and after the changes that lose nothing.
LEDGER = """
SELECT 'users', count(*), md5(string_agg(concat_ws('|', id, full_name, email, role, region, department, manager_id), ',' ORDER BY id)) FROM users
UNION ALL SELECT 'leaves', count(*), md5(string_agg(concat_ws('|', id, code, user_id, approver_id, start_date,
    (total_days * 10)::integer, status, coalesce(reason, 'none')), ',' ORDER BY id)) FROM leaves
UNION ALL SELECT 'holidays', count(*), md5(string_agg(concat_ws('|', id, day,
    coalesce(to_jsonb(h) ->> 'title', to_jsonb(h) ->> 'name')), ',' ORDER BY id)) FROM holidays h
UNION ALL SELECT 'events', count(*), md5(string_agg(concat_ws('|', id, at, kind, body), ',' ORDER BY id)) FROM events
ORDER BY 1
"""
SEEDED = """
SELECT string_agg(role || ' ' || days, ', ' ORDER BY role) FROM role_limits
UNION ALL SELECT string_agg(name || ' ' || subject, ', ' ORDER BY name) FROM email_templates
UNION ALL SELECT string_agg(n::text, ',') FROM marks
UNION ALL SELECT count(*)::text FROM leave_totals
UNION ALL SELECT count(*) FILTER (WHERE token IS NULL)::text FROM users
"""

# O4: what was done twice. A table may be gone through once more where it is not known that no row is left, and so may its statistics.
TWICE = """
SELECT location, left(sql, 80), count(*) FROM hrms_migrate.changes
 WHERE state = 'done' AND verb <> 'fill' AND sql NOT LIKE 'ANALYZE %' GROUP BY location, sql, object HAVING count(*) > 1
"""
BEGUN = """
SELECT c.location, left(c.sql, 80) FROM hrms_migrate.changes c JOIN hrms_migrate.runs r ON r.id = c.run_id
 WHERE c.state = 'begun' AND r.outcome = 'done'
"""
PLACES = "SELECT DISTINCT regexp_replace(location, '^.*/', '') FROM hrms_migrate.changes WHERE state <> 'failed' ORDER BY 1"
OPEN = "SELECT count(*) FROM hrms_migrate.runs WHERE outcome IS NULL"

# O7
SESSIONS = """
SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
           AND backend_type = 'client backend')
     + (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""

LOOKS = {"SELECT", "SET", "SHOW", "WITH", "BEGIN", "START", "COMMIT", "ROLLBACK", "END", "RESET", "VALUES", "DISCARD"}
WRITES = re.compile(r"\b(INSERT INTO|UPDATE\s+\S+\s+SET|DELETE FROM|FOR UPDATE|FOR SHARE)\b", re.IGNORECASE)


class Broken(Failed):
    """Something that must hold does not."""


class Outcome:
    """How a run ended, and how long it took."""

    def __init__(self, status, stdout, stderr, seconds):
        self.status, self.stdout, self.stderr, self.seconds = status, stdout, stderr, seconds

    def told(self):
        return f"ended with {self.status}\n{self.stdout[-3000:]}\n{self.stderr[-3000:]}"

    def expect(self, codes, told):
        """Fails where the exit code is another one, or the program panicked."""
        if "panicked at" in self.stderr or self.status not in codes:
            raise Broken(f"{told}: {self.told()}")
        return self


class Running:
    """A run of the program that goes on."""

    def __init__(self, arguments, environment, directory):
        self.output = [tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") for _ in range(2)]  # noqa: SIM115
        self.begun = time.monotonic()
        self.process = subprocess.Popen(arguments, env=environment, cwd=directory, stdin=subprocess.DEVNULL,
                                        stdout=self.output[0], stderr=self.output[1])

    def goes_on(self):
        return self.process.poll() is None

    def has_ended(self, patience):
        """Waits for its end, at most so long; returns whether it came. Popen.wait() looks only every 50 ms."""
        if self.process.poll() is None:
            end = os.pidfd_open(self.process.pid)
            try:
                select.select([end], [], [], patience)
            finally:
                os.close(end)
        return self.process.poll() is not None

    def wait(self, patience=PATIENCE):
        hung = not self.has_ended(patience)
        if hung:
            self.process.kill()
        status = self.process.wait()
        if hung:
            status = "hung"
        seconds = time.monotonic() - self.begun
        texts = []
        for file in self.output:
            file.seek(0)
            texts.append(file.read())
            file.close()
        # As a shell says it.
        return Outcome(128 - status if isinstance(status, int) and status < 0 else status, *texts, seconds)

    def kill(self):
        self.process.kill()
        return self.wait()

    def until(self, seconds):
        """Waits, at most to its end; returns whether it still runs."""
        return not self.has_ended(max(seconds, 0))


class Bench:
    """A server with the fixture's database as a template, and what an undisturbed run makes of it."""

    def __init__(self, options, stack):
        self.options = options
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="hm-chaos-"))
        os.chmod(directory, 0o755)
        self.cluster = Cluster(directory, SETTINGS.format(fsync="on" if options.fsync else "off"))
        self.cluster.control("start")
        stack.callback(self.stop)
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("HRMS_MIGRATE_", "PG")) and name != "DATABASE_URL"}
        self.environment = {**kept, **self.cluster.environment}
        self.server = Server(self.environment)
        self.directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="hm-chaos-work-"))
        self.server.create(TEMPLATE)
        self.server.sql(TEMPLATE, f"SET crash.rows = {options.rows};\n" + (FIXTURE / "before.sql").read_text(encoding="utf-8"))
        self.learn()

    def stop(self):
        with contextlib.suppress(Failed):
            self.cluster.control("stop", "-m", "immediate")

    @property
    def socket(self):
        return os.path.join(self.cluster.directory, ".s.PGSQL.5432")

    def learn(self):
        """Lets a run do everything undisturbed, some times, and keeps what it comes to."""
        times = []
        for _ in range(3):
            self.fresh("undisturbed")
            before = self.server.sql("undisturbed", LEDGER)
            times.append(self.run("undisturbed").expect([0], "an undisturbed run").seconds)
        self.whole = sorted(times)[1]
        self.digest = self.server.sql("undisturbed", DIGEST)
        self.ledger = self.server.sql("undisturbed", LEDGER)
        self.seeded = self.server.sql("undisturbed", SEEDED)
        self.places = self.server.sql("undisturbed", PLACES)
        if self.ledger != before:
            raise Broken(f"an undisturbed run changes values:\n{before}\n{self.ledger}")
        self.check("undisturbed", "undisturbed")
        self.nothing = sorted(self.run("undisturbed").expect([0], "nothing to do").seconds for _ in range(3))[1]
        self.drop("undisturbed")

    def fresh(self, name, template=TEMPLATE):
        self.drop(name)
        self.server.sql("postgres", f"CREATE DATABASE {name} TEMPLATE {template}")

    def drop(self, name):
        self.server.sql("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def start(self, name, *arguments, url=None, **environment):
        """Starts a command of the program on a database; `run` where none is named."""
        return Running([self.options.binary, *(arguments or ["run"]), "--no-env-file", "--dir", str(SCRIPTS)],
                       {**self.environment, "DATABASE_URL": url or f"postgresql:///{name}", **environment}, self.directory)

    def run(self, name, *arguments, **environment):
        return self.start(name, *arguments, **environment).wait()

    def settle(self, name, told, patience=5):
        """O7: no session and no advisory lock is left."""
        until = time.monotonic() + patience
        while (left := self.server.sql(name, SESSIONS)) != "0":
            if time.monotonic() > until:
                who = self.server.sql(name, "SELECT state, left(query, 200) FROM pg_stat_activity WHERE datname = current_database()")
                raise Broken(f"{told}: {left} sessions or locks are left after {patience} s\n{who}")
            time.sleep(0.05)

    def check(self, name, told, journal=True, rows=True, lost=False):
        """O1 to O5 and O7, on a database on which everything was finished; rows and journal where nobody else has changed them.

        `lost`: the run may have gone on after it lost its connection. Of a step whose answer never came the journal knows only that
        it was begun.
        """
        self.settle(name, told)
        for what, query, expected in [
            ("O1: the catalog differs", DIGEST, self.digest),
            ("O2: something is left over", LEFTOVERS, ""),
            *([("O3: the rows differ", LEDGER, self.ledger),
               ("O3: seeded or filled rows differ", SEEDED, self.seeded)] if rows else []),
            *([("O4: something was done twice", TWICE, ""),
               ("O4: something that a finished run began is not done", "" if lost else BEGUN, ""),
               ("O4: the journal has other places", PLACES, self.places)] if journal else []),
        ]:
            found = self.server.sql(name, query)
            if found != expected:
                raise Broken(f"{told}: {what}\n{difference(expected, found)}")
        self.silent(name, told)

    def told_of(self, name):
        """Returns the catalog, what is left over, and the old values of a database."""
        return [self.server.sql(name, query) for query in (DIGEST, LEFTOVERS, LEDGER)]

    def compare(self, name, told, expected):
        """Fails where the catalog, what is left over, or the old values are others."""
        for was, now in zip(expected, self.told_of(name), strict=True):
            if was != now:
                raise Broken(f"{told}: {difference(was, now)}")

    def silent(self, name, told):
        """O5: a further run finds nothing to do, only looks, and takes no lock above ACCESS SHARE: somebody else holds EXCLUSIVE."""
        server = self.server
        tables = server.sql(name, "SELECT string_agg(oid::regclass::text, ', ') FROM pg_class WHERE relkind IN ('r', 'p') "
                                  "AND relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_|^information')")
        server.sql(name, f"ALTER DATABASE {name} SET log_statement = 'all'")
        log = self.cluster.log
        holder = subprocess.Popen([PSQL, "-X", "-q", "-A", "-t", "-d", name], env=self.environment, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        try:
            holder.stdin.write(f"BEGIN; LOCK TABLE {tables} IN EXCLUSIVE MODE; SELECT 'held';\n")
            holder.stdin.flush()
            if holder.stdout.readline().strip() != "held":
                raise Broken(f"{told}: the tables could not be locked")
            begun = os.path.getsize(log)
            again = self.start(name).wait(30).expect([0], f"{told}: O5: a further run, beside somebody who holds EXCLUSIVE on every table")
        finally:
            holder.stdin.close()
            holder.wait()
            holder.stdout.close()
        server.sql(name, f"ALTER DATABASE {name} RESET log_statement")
        if "changed  " in again.stdout:
            raise Broken(f"{told}: O5: a further run {again.told()}")
        with open(log, encoding="utf-8", errors="replace") as file:
            file.seek(begun)
            sent = statements(file.read(), name)
        if not sent:
            raise Broken(f"{told}: O5: nothing of the further run is in the log")
        for one in sent:
            if one.split(None, 1)[0].upper().rstrip("(") not in LOOKS or WRITES.search(one):
                raise Broken(f"{told}: O5: a further run sends {one[:300]}")


def statements(log, database):
    """Returns the statements of the program's sessions on a database that a piece of the server's log has, one by one."""
    found = []
    for entry in re.split(r"^(?=\S+\|)", log.replace("\n\t", "\n"), flags=re.MULTILINE):
        place = re.match(r"(\S+?)\|(.*?)\|\d+\|LOG:  (?:statement|execute [^:]*): (.*)", entry, re.DOTALL)
        if place and place[1] == database and place[2] != "psql":
            # Literals and comments hold semicolons and words of their own.
            bare = re.sub(r"'(?:[^']|'')*'", "''", re.sub(r"--[^\n]*|/\*.*?\*/", "", place[3], flags=re.DOTALL))
            found += [one.strip() for one in bare.split(";") if one.strip()]
    return found


def difference(expected, found):
    """Returns the lines that are in one of two texts."""
    was, now = expected.splitlines(), found.splitlines()
    return "\n".join([f"- {line[:400]}" for line in was if line not in now] + [f"+ {line[:400]}" for line in now if line not in was])


def finish(bench, name, told, lost=False):
    """Lets the next run finish, and checks everything; returns how long that run took and whether a dead run is still open."""
    last = bench.run(name).expect([0], f"{told}: the next run")
    bench.check(name, told, lost=lost)
    return last.seconds, bench.server.sql(name, OPEN) != "0"


def say(text):
    print(text, file=sys.stderr, flush=True)
