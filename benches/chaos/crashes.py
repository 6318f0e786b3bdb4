"""Runs that are killed or interrupted."""

import collections
import re
import signal
import statistics
import time

from bench import Broken, finish, say
from proxy import Proxy


def changes(sql):
    """Returns whether a statement changes something, or may: killing a run between two questions shows nothing."""
    # A step comes with the beginning of its transaction, and with its limits.
    sql = re.sub(r"^(BEGIN; )?SET LOCAL lock_timeout = \d+; SET LOCAL statement_timeout = \d+; ", "", sql)
    return not sql.startswith(("SELECT set_config", "SELECT pg_backend_pid", "SELECT EXISTS", "SELECT 0 AS place", "SET ", "--"))


def boundaries(bench, options, chance):
    """A kill before and after each statement that is sent."""
    bench.fresh("boundaries")
    with Proxy(bench.socket) as proxy:
        bench.start("boundaries", url=proxy.url("boundaries")).wait().expect([0], "an undisturbed run")
        sent = list(proxy.statements)
    places = [(when, n) for n, sql in enumerate(sent, 1) if changes(sql) for when in ("before", "after")]
    if options.rounds and options.rounds < len(places):
        places = sorted(chance.sample(places, options.rounds), key=lambda place: place[1])
    reached, again, left_open = 0, [], 0
    for count, stop in enumerate(places, 1):
        told = f"boundaries: killed {stop[0]} statement {stop[1]}, {sent[stop[1] - 1][:120]!r}"
        bench.fresh("boundaries")
        with Proxy(bench.socket, stop=stop) as proxy:
            run = bench.start("boundaries", url=proxy.url("boundaries"))
            while run.goes_on() and not proxy.held.wait(0.02):
                pass
            held = proxy.held.is_set()
            run.kill() if held else run.wait().expect([0], told)
        reached += held
        seconds, still = finish(bench, "boundaries", told)
        again.append(seconds)
        left_open += still
        if count % 20 == 0:
            say(f"boundaries: {count} of {len(places)}")
    return (f"{reached} kills at {len(places)} places of {len(sent)} statements",
            f"every next run ended with 0 after {statistics.median(again):.2f} s (median), {max(again):.2f} s at most; "
            f"{left_open} had nothing left to do, and left the dead run open in the journal")


def kills(bench, options, chance):
    """A kill at any moment of a run."""
    killed, ended, ratios, spent, due, left_open = 0, 0, [], 0.0, 0.0, 0
    while killed < options.rounds:
        bench.fresh("kills")
        at = chance.uniform(0, bench.whole)
        run = bench.start("kills")
        if not run.until(at):
            run.wait().expect([0], "kills: a run that came to its end")
            bench.check("kills", "kills: a run that came to its end")
            ended += 1
            continue
        run.kill()
        killed += 1
        seconds, still = finish(bench, "kills", f"kill {killed} after {at:.3f} s")
        left_open += still
        # What was left to do, and what a run costs that has nothing to do.
        rest = max(bench.whole - at, 0) + bench.nothing
        spent, due = spent + seconds, due + rest
        ratios.append(seconds / rest)
        if killed % 25 == 0:
            say(f"kills: {killed} of {options.rounds}")
    ratios.sort()
    return (f"{killed} kills ({ended} runs were quicker)",
            f"every next run ended with 0 and took {statistics.median(ratios):.2f} times what was left (median), "
            f"{ratios[int(len(ratios) * 0.95)]:.2f} at the 95th percentile, {spent / due:.2f} in all; "
            f"{left_open} had nothing left to do, and left the dead run open in the journal")


def returns(bench, options, chance):
    """A rollback of everything that is killed, or cut off, at any moment, and typed again; then everything is done anew."""
    back = ("rollback", "--allow", "data-loss")
    bench.fresh("taken")
    bench.run("taken").expect([0], "returns: a run")
    # The catalog and old values after the way back, and after the way there again, as they are where nobody is disturbed.
    bench.fresh("returns", "taken")
    with Proxy(bench.socket) as proxy:
        whole = bench.start("returns", *back, url=proxy.url("returns")).wait().expect([0], "returns: an undisturbed rollback").seconds
        passed = {**proxy.passed, "commit": proxy.commits}
    expected = bench.told_of("returns")
    bench.run("returns").expect([0], "returns: a run after it")
    anew = bench.told_of("returns")
    ended, again = collections.Counter(), []
    for count in range(1, options.rounds + 1):
        bench.fresh("returns", "taken")
        way = ("kill", "up", "kill", "down", "kill", "commit")[count % 6]
        if way == "kill":
            at = chance.uniform(0, whole)
            told = f"returns: killed after {at:.3f} s"
            run = bench.start("returns", *back)
            status = run.kill().status if run.until(at) else run.wait().expect([0], told).status
        else:
            at = chance.randint(1, passed[way])
            told = f"returns: cut at {way} {at} of {passed[way]}"
            how = {"cut_commit": at} if way == "commit" else {"cut_at": (way, at)}
            with Proxy(bench.socket, **how) as proxy:
                status = bench.start("returns", *back, url=proxy.url("returns")).wait().expect([0, 6], told).status
        ended["killed" if status == 137 else f"{way}: {status}"] += 1
        if status:
            again.append(bench.run("returns", *back).expect([0], f"{told}: again").seconds)
        bench.settle("returns", told)
        bench.compare("returns", f"{told}: the way back", expected)
        bench.run("returns").expect([0], f"{told}: a run after it")
        bench.compare("returns", f"{told}: the way there again", anew)
        bench.silent("returns", told)
        if count % 25 == 0:
            say(f"returns: {count} of {options.rounds}")
    bench.drop("returns")
    bench.drop("taken")
    codes = ", ".join(f"{count} × {what}" for what, count in sorted(ended.items()))
    return (f"{options.rounds} rollbacks of everything, killed or cut off", f"{codes}; typed again, every one ended with 0 after "
            f"{statistics.median(again or [0]):.2f} s (median; undisturbed {whole:.2f} s), with the same catalog and the same old values; "
            "every run after that ended with 0, and made the same")


def signals(bench, options, chance):
    """SIGINT and SIGTERM at any moment."""
    lines, slowest = [], 0.0
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        sent = 0
        while sent < options.rounds:
            bench.fresh("signals")
            at = chance.uniform(0.02, bench.whole)
            run = bench.start("signals")
            if not run.until(at):
                run.wait().expect([0], "signals: a run that came to its end")
                continue
            run.process.send_signal(number)
            begun = time.monotonic()
            ended = run.wait().expect([0, code], f"signals: {number.name} after {at:.3f} s")
            took = time.monotonic() - begun
            slowest = max(slowest, took)
            if took > 10:
                raise Broken(f"signals: {number.name} was answered after {took:.1f} s")
            sent += ended.status == code
            bench.settle("signals", f"signals: {number.name} after {at:.3f} s")
            finish(bench, "signals", f"signals: {number.name} after {at:.3f} s")
        lines.append(f"{sent} {number.name}")
    return (", ".join(lines), f"each ended with 130 or 143, at most {slowest:.2f} s later; every next run ended with 0")
