"""The browser of the bench: Debian's Chromium, driven by web/bench/page.ts."""
import contextlib
import json
import subprocess
import threading

from common import PASSWORD, ROOT, results

AT_MOST_S = 300


@contextlib.contextmanager
def browser(mode, desk, login):
    command = ["node", "--import", "tsx", "bench/page.ts", mode, desk.url, login, PASSWORD]
    process = subprocess.Popen(command, cwd=ROOT / "web", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    # A row that never comes ends the bench, and does not hold it up for ever.
    watchdog = threading.Timer(AT_MOST_S, process.kill)
    watchdog.start()
    try:
        yield process
    finally:
        watchdog.cancel()
        process.stdin.close()
        process.wait(timeout=30)


def first_load(desk):
    """How long until the Inbox can be used, and how much script that takes."""
    with browser("load", desk, "owner") as visiting:
        measured = json.loads(visiting.stdout.readline())
    print(f"Inbox usable after {measured['inbox_usable_ms']:.0f} ms, {measured['web_script_gzip_kib']:.0f} KiB of script (gzip)", flush=True)
    results.update(measured)
