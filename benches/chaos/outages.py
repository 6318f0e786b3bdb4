"""Servers that go, connections that are cut, and disks that are full."""

import collections
import contextlib
import os
import subprocess
import tempfile

from bench import TEMPLATE, Broken, finish, say
from proxy import Proxy


def restarts(bench, options, chance):
    """The server is restarted at any moment of a run, in turn with and without time to shut down."""
    ended, slowest = collections.Counter(), 0.0
    for count in range(1, options.rounds + 1):
        mode = ("fast", "immediate")[count % 2]
        bench.fresh("restarts")
        at = chance.uniform(0.02, bench.whole)
        told = f"restarts: -m {mode} after {at:.3f} s"
        run = bench.start("restarts")
        if run.until(at):
            bench.cluster.control("restart", "-m", mode)
        outcome = run.wait().expect([0, 6], told)
        if outcome.status == 6 and "error[" not in outcome.stderr:
            raise Broken(f"{told}: it does not say why it {outcome.told()}")
        ended[mode, outcome.status] += 1
        slowest = max(slowest, outcome.seconds)
        finish(bench, "restarts", told, lost=True)
        if count % 10 == 0:
            say(f"restarts: {count} of {options.rounds}")
    codes = ", ".join(f"{count} × {code} (-m {mode})" for (mode, code), count in sorted(ended.items()))
    return (f"{options.rounds} restarts", f"exit codes of the run itself: {codes}; at most {slowest:.1f} s; every next run ended with 0")


def cuts(bench, options, chance):
    """All connections are cut after so many bytes in one direction, or between a COMMIT and its answer; new ones are let through."""
    bench.fresh("cuts")
    with Proxy(bench.socket) as proxy:
        bench.start("cuts", url=proxy.url("cuts")).wait().expect([0], "an undisturbed run")
        passed, commits = dict(proxy.passed), proxy.commits
    ended, missed = collections.Counter(), 0
    for count in range(1, options.rounds + 1):
        way = ("up", "down", "commit")[count % 3]
        at = chance.randint(1, commits if way == "commit" else passed[way])
        told = f"cuts: {way} {at} of {commits if way == 'commit' else passed[way]}"
        bench.fresh("cuts")
        how = {"cut_commit": at} if way == "commit" else {"cut_at": (way, at)}
        with Proxy(bench.socket, **how) as proxy:
            outcome = bench.start("cuts", url=proxy.url("cuts")).wait().expect([0, 6], told)
            missed += not proxy.was_cut.is_set()
        ended[way, outcome.status] += 1
        finish(bench, "cuts", told, lost=True)
        if count % 25 == 0:
            say(f"cuts: {count} of {options.rounds}")
    codes = ", ".join(f"{count} × {code} ({way})" for (way, code), count in sorted(ended.items()))
    return (f"{options.rounds - missed} cuts ({passed['up']} bytes up, {passed['down']} down, {commits} COMMITs)",
            f"exit codes of the run itself: {codes}; every next run ended with 0")


def mount(path, size):
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True, capture_output=True)


def disk(bench, options, chance):
    """The database lies on a small disk, which is full at some moment of a run; then room is made, and the next run finishes."""
    if os.geteuid() != 0:
        return ("", "skipped: not root")
    with contextlib.ExitStack() as stack:
        directory = tempfile.mkdtemp(prefix="hm-chaos-disk-")
        stack.callback(os.rmdir, directory)
        try:
            mount(directory, "1g")
        except (OSError, subprocess.CalledProcessError):
            return ("", "skipped: no tmpfs may be mounted here")
        stack.callback(subprocess.run, ["umount", directory], check=False)
        place, filler = os.path.join(directory, "space"), os.path.join(directory, "filler")
        os.mkdir(place)
        subprocess.run(["chown", "-R", bench.cluster.user, directory], check=True)
        server = bench.server
        server.sql("postgres", f"CREATE TABLESPACE hm_small LOCATION '{place}'")
        # What is in it goes before it does.
        stack.callback(lambda: (bench.drop("disk"), server.sql("postgres", "DROP TABLESPACE hm_small")))

        def fresh():
            bench.drop("disk")
            server.sql("postgres", f"CREATE DATABASE disk TEMPLATE {TEMPLATE} TABLESPACE hm_small; CHECKPOINT")

        def free():
            room = os.statvfs(directory)
            return room.f_bavail * room.f_frsize

        fresh()
        before = free()
        bench.run("disk").expect([0], "disk: with room")
        needed = before - free()
        ended, kinds = collections.Counter(), collections.Counter()
        for count in range(1, options.rounds + 1):
            fresh()
            # Up to the last bytes: what a run needs for a moment is more than what it leaves.
            left = chance.randint(0, needed)
            with open(filler, "wb") as file:
                os.posix_fallocate(file.fileno(), 0, max(free() - left, 1))
            told = f"disk: {left >> 10} of {needed >> 10} kB left"
            # Where nothing at all is left the server takes no connection.
            outcome = bench.run("disk").expect([0, 1, 6], told)
            named = "could not write init file" if outcome.status == 6 else "error[disk-full]"
            if outcome.status and named not in outcome.stderr:
                raise Broken(f"{told}: it does not name the disk: {outcome.told()}")
            ended[outcome.status] += 1
            if outcome.status:
                kinds[next((line for line in outcome.stderr.splitlines() if line.startswith("error[")), "")[:60]] += 1
            os.unlink(filler)
            bench.settle("disk", told)
            finish(bench, "disk", told)
            say(f"disk: {count} of {options.rounds}")
    codes = ", ".join(f"{count} × {code}" for code, count in sorted(ended.items()))
    return (f"{options.rounds} disks with 0 to {needed >> 10} kB left", f"exit codes of the run itself: {codes}; each named the disk; "
            "with room again every next run ended with 0")
