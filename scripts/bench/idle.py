"""Accounts that wait for new mail over TLS: what each costs in memory, and all of them in processor time."""
import os
import pathlib
import tempfile
import time

from common import FILL, WORK, Peer, memory_kib, results, serve, timed

ACCOUNTS = 10_000
SECONDS = 60


def run():
    with Peer() as peer, tempfile.TemporaryDirectory(dir=WORK) as folder:
        folder = pathlib.Path(folder)
        few, many = memory_with(peer, folder / "few", 1)[0], memory_with(peer, folder / "many", ACCOUNTS)
        each = (many[0] - few) / (ACCOUNTS - 1)
        print(f"{ACCOUNTS} idle accounts: {each:.1f} KiB each, {many[1]:.1f} % of a core", flush=True)
        results["idle_kib_per_account"] = round(each, 1)
        results["idle_cpu_percent"] = round(many[1], 1)


def memory_with(peer, data, accounts):
    """Memory in KiB once they are all idle, and the part of a core that they took for a minute after."""
    data.mkdir()
    seconds, _, _ = timed([FILL, "accounts", data, str(accounts), peer.port, peer.fingerprint])
    with serve(data) as desk:
        began = time.monotonic()
        # At any moment some of them are looking.
        peer.wait_until_idle(accounts - accounts // 100)
        connected = time.monotonic() - began
        time.sleep(5)
        before = cpu_seconds(desk.process.pid)
        time.sleep(SECONDS)
        used = cpu_seconds(desk.process.pid) - before
        memory = memory_kib(desk.process.pid)
        print(f"{accounts} accounts made in {seconds:.0f} s, connected after {connected:.1f} s, {memory / 1024:.0f} MiB", flush=True)
        return memory, used / SECONDS * 100


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
