"""`make soak MINUTES=60`: many accounts under mixed load, with faults of their servers and a kill each ten minutes.

    scripts/soak [MINUTES [ACCOUNTS]]

Ends with `N passed, M failed`: memory, file descriptors, tasks, leases and ages of queues are flat, and every letter that
was taken went once. The samples are in target/soak/samples.json, a plot of them in target/soak/soak.svg.
"""
import json
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "bench"))

import checks
import plot
from common import FILL, ROOT, Peer, timed
from load import Load
from samples import Sampler
from server import Server

WORK = ROOT / "target" / "soak"
KILL_EVERY_S = 600
# After the load has ended: the longest wait of a queue for its next try is longer, but not for what is due.
SETTLE_S = 120


def main():
    given = [int(argument) for argument in sys.argv[1:]]
    minutes, accounts = given + [60, 2000][len(given) :]
    WORK.mkdir(parents=True, exist_ok=True)
    with Peer() as peer, tempfile.TemporaryDirectory(dir=WORK) as folder:
        data = pathlib.Path(folder)
        timed([FILL, "accounts", data, str(accounts), peer.port, peer.fingerprint, peer.smtp])
        server = Server(data, WORK / "serve.log")
        sampler = Sampler(server)
        load = Load(server, peer, accounts)
        server.start()
        peer.wait_until_idle(accounts - accounts // 50)
        began = time.monotonic()
        sampler.start()
        load.start()
        kill_until(server, sampler, began + minutes * 60)
        load.end()
        time.sleep(SETTLE_S)
        sampler.end()
        results = checks.all_of(sampler, load, peer, accounts)
        server.stop()
    (WORK / "samples.json").write_text(json.dumps(sampler.samples), encoding="utf-8")
    (WORK / "soak.svg").write_text(plot.draw(sampler), encoding="utf-8")
    print(json.dumps(load.counts, indent=2))
    for name, passed, figure in results:
        print(f"{'ok' if passed else 'FAILED'}: {name}: {figure}")
    failed = sum(not passed for _, passed, _ in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


def kill_until(server, sampler, end):
    """A kill each ten minutes, none in the last ten."""
    while (left := end - time.monotonic()) > KILL_EVERY_S:
        time.sleep(min(KILL_EVERY_S, left - KILL_EVERY_S))
        sampler.killed()
        server.kill()
        server.start()
    time.sleep(max(0, end - time.monotonic()))


main()
