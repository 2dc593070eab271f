"""From the server's EXISTS to the event of committed mail, and to the row on a page that is open in Chromium."""
import http.client
import pathlib
import tempfile
import threading
import time

import page
from common import FILL, WORK, Peer, percentile, results, serve, timed

EVENTS, ROWS = 300, 200
# Longer than what one message takes, so that each is announced by itself.
PAUSE_S = 0.05


def run():
    with Peer() as peer, tempfile.TemporaryDirectory(dir=WORK) as folder:
        data = pathlib.Path(folder)
        timed([FILL, "accounts", data, "1", peer.port, peer.fingerprint])
        with serve(data) as desk:
            peer.wait_until_idle(1)
            desk.sign_in("owner0")
            told = report("EXISTS to event", events(desk, peer), 0.95)
            results["exists_to_event_p95_ms"] = told
            results["exists_to_page_p99_ms"] = report("EXISTS to row on the page", rows(desk, peer), 0.99)


def report(name, milliseconds, part):
    value = percentile(milliseconds, part)
    print(f"{name}: p50 {percentile(milliseconds, 0.5):.1f} ms, p{part * 100:.0f} {value:.1f} ms, {len(milliseconds)} messages", flush=True)
    return round(value, 1)


def events(desk, peer):
    connection = http.client.HTTPConnection("127.0.0.1", desk.port)
    connection.request("GET", "/api/v1/events", headers=desk.headers())
    stream = connection.getresponse()
    arrived = threading.Semaphore(0)
    moments = []

    def listen():
        for line in stream:
            if line.startswith(b"event: arrived"):
                moments.append(time.time())
                arrived.release()
            if len(moments) == EVENTS:
                return

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    told = []
    for number in range(EVENTS):
        peer.wait_until_idle(1)
        told.append(peer.deliver("mail0", number))
        assert arrived.acquire(timeout=30), "no event came"
        time.sleep(PAUSE_S)
    connection.close()
    return [(event - exists) * 1000 for exists, event in zip(told, moments)]


def rows(desk, peer):
    with page.browser("watch", desk, "owner0") as watching:
        assert watching.stdout.readline() == "ready\n"
        milliseconds = []
        for number in range(EVENTS, EVENTS + ROWS):
            peer.wait_until_idle(1)
            told = peer.deliver("mail0", number)
            subject, moment = watching.stdout.readline().split()
            assert int(subject) == number, subject
            milliseconds.append(float(moment) - told * 1000)
            time.sleep(PAUSE_S)
    return milliseconds
