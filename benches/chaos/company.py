"""Many runs at once, and somebody who changes the same objects."""

import collections
import os
import random
import re
import signal
import subprocess
import tempfile
import threading
import time

from bench import PSQL, Broken, say

RUNNERS = 50

HOLDER = """
SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
 WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND a.datname = current_database() AND a.application_name LIKE 'runner-%'
"""


def runners(bench, options, _):
    """Many runs begin at once on a fresh database; in every second round whoever holds the runner lock is killed again and again."""
    slowest, killed, codes = {False: 0.0, True: 0.0}, 0, collections.Counter()
    for count in range(1, 2 * options.rounds + 1):
        killing = count % 2 == 0
        told = f"runners: round {count}{', the holder is killed' if killing else ''}"
        bench.fresh("runners")
        begun = time.monotonic()
        runs = {f"runner-{n}": bench.start("runners", PGAPPNAME=f"runner-{n}") for n in range(RUNNERS)}
        victims = set()
        while killing and any(run.goes_on() for run in runs.values()) and len(victims) < 20:
            time.sleep(bench.whole / 4)
            for name in bench.server.sql("runners", HOLDER).split():
                if name in runs and runs[name].goes_on():
                    runs[name].process.send_signal(signal.SIGKILL)
                    victims.add(name)
        changed = 0
        for name, run in runs.items():
            outcome = run.wait()
            if name in victims and outcome.status == 137:
                killed += 1
                continue
            outcome.expect([0], f"{told}: {name}")
            codes[outcome.status] += 1
            changed += "changed  " in outcome.stdout
        slowest[killing] = max(slowest[killing], time.monotonic() - begun)
        if not killing and changed != 1:
            raise Broken(f"{told}: {changed} runs changed something")
        bench.check("runners", told)
        say(told)
    return (f"{options.rounds} rounds of {RUNNERS} runs, {options.rounds} more in which {killed} holders of the lock were killed",
            f"all {codes[0]} others ended with 0, each change was made once; a round took {slowest[False]:.1f} s at most, "
            f"{slowest[True]:.1f} s with kills")


# What somebody else does meanwhile: the same objects, as the scripts have them, made and dropped.
FOREIGN = """
ALTER TABLE users ADD COLUMN phone text
ALTER TABLE users DROP COLUMN phone
ALTER TABLE users DROP COLUMN joined_on
ALTER TABLE users ALTER COLUMN region DROP NOT NULL
CREATE INDEX users_region ON users (region) WHERE department IS NOT NULL
DROP INDEX users_region
DROP INDEX users_email_key
CREATE TYPE payment AS ENUM ('monthly', 'hourly')
DROP TABLE role_limits
DELETE FROM role_limits WHERE role = 'admin'
ALTER TABLE holidays DROP CONSTRAINT holidays_day_key
ALTER TABLE holidays ADD CONSTRAINT holidays_day_key UNIQUE (day)
CREATE INDEX leaves_user_start ON leaves (user_id, start_date)
DROP INDEX leaves_user_start
ALTER TABLE leaves DROP CONSTRAINT leaves_code_key
ALTER TABLE leaves DROP CONSTRAINT leaves_code_check
ALTER TABLE leaves ADD CONSTRAINT leaves_code_check CHECK (code > 0)
ALTER TABLE leaves DROP CONSTRAINT leaves_user_id_fkey
ALTER TABLE leaves ADD CONSTRAINT leaves_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
ALTER TABLE leaves ALTER COLUMN reason DROP NOT NULL
UPDATE leaves SET reason = NULL WHERE id % 50 = 0
ALTER TABLE leaves DROP COLUMN total_days__hm CASCADE
DROP INDEX leaves_days__hm
CREATE SEQUENCE email_numbers START 1000 INCREMENT 10
DROP TABLE email_logs
DROP TABLE employee_details
DROP VIEW open_tasks
DROP TRIGGER tasks_touch ON tasks
CREATE TYPE taskstatus AS ENUM ('open', 'done')
DROP TABLE tasks CASCADE
DROP FUNCTION touch() CASCADE
CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$
DROP INDEX events_kind
ALTER TABLE events DROP CONSTRAINT events_pkey
CREATE INDEX events_2023_kind_at_idx ON events_2023 (kind, at)
DROP TABLE events_2025
DROP TABLE by_hand, marks
DROP MATERIALIZED VIEW leave_totals
DROP POLICY tasks_of_all ON tasks
ALTER TABLE tasks DISABLE ROW LEVEL SECURITY
REVOKE SELECT ON open_tasks FROM PUBLIC
DROP SCHEMA hrms_migrate CASCADE
""".strip().splitlines()

# What a run may end with while somebody else changes what it works on; a refusal and a lock not obtained among them.
MAY_END_WITH = {0, 1, 3, 4, 5}


class Foreigner(threading.Thread):
    """Somebody who makes and drops the same objects at random, until told to stop."""

    def __init__(self, bench, database, seed):
        super().__init__(daemon=True)
        self.chance, self.stopping, self.done = random.Random(seed), threading.Event(), 0
        self.errors = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        self.psql = subprocess.Popen([PSQL, "-X", "-q", "-A", "-t", "-d", database], env=bench.environment, stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.psql.stdin.write("SET lock_timeout = '300ms'; SET statement_timeout = '2s';\n")

    def run(self):
        while not self.stopping.wait(self.chance.uniform(0, 0.1)):
            self.psql.stdin.write(f"{self.chance.choice(FOREIGN)};\nSELECT 'next';\n")
            self.psql.stdin.flush()
            if self.psql.stdout.readline() == "":
                return
            self.done += 1

    def end(self):
        self.stopping.set()
        self.join()
        self.psql.stdin.close()
        self.psql.wait()
        self.psql.stdout.close()
        self.errors.close()
        return self.done


def foreign(bench, options, chance):
    """Somebody makes and drops the same objects at random beside runs, for so many seconds; at the end a run finishes."""
    until, codes, kinds, done, rounds = time.monotonic() + options.rounds, collections.Counter(), collections.Counter(), 0, 0
    while time.monotonic() < until:
        bench.fresh("strangers")
        seed = chance.randint(0, 1 << 30)
        foreigner = Foreigner(bench, "strangers", seed)
        foreigner.start()
        for _ in range(6):
            outcome = bench.run("strangers", "run", "--lock-budget=5s").expect(MAY_END_WITH, f"foreign: somebody else with seed {seed}")
            codes[outcome.status] += 1
            if outcome.status:
                named = re.search(r"^error\[[\w-]+\].*", outcome.stderr, re.MULTILINE)
                if not named:
                    raise Broken(f"foreign: it does not say why it {outcome.told()}")
                kinds[outcome.status, re.match(r"error\[[\w-]+\]", named[0])[0]] += 1
                if os.environ.get("HM_CHAOS_TELL"):
                    say(outcome.told())
        done += foreigner.end()
        bench.settle("strangers", "foreign")
        last = bench.run("strangers").expect([0], f"foreign: when somebody else with seed {seed} is gone")
        del last
        bench.check("strangers", f"foreign: when somebody else with seed {seed} is gone", journal=False, rows=False)
        rounds += 1
    ends = ", ".join(f"{count} × {code}" for code, count in sorted(codes.items()))
    why = ", ".join(f"{count} × {code} {kind}" for (code, kind), count in kinds.most_common())
    return (f"{sum(codes.values())} runs on {rounds} databases beside {done} statements of somebody else",
            f"exit codes {ends} ({why}); no crash; every run after that ended with 0 and the same catalog")
