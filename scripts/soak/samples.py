"""What the process holds and what waits in its queues, each five seconds."""
import os
import pathlib
import sqlite3
import threading
import time

from common import memory_kib

EVERY_S = 5
# The oldest that is due and has not been done, in milliseconds since 1970.
OLDEST = {
    "outbox_age_s": "SELECT MIN(due_at) FROM outbox WHERE state IN ('queued', 'retrying') AND due_at < ?1",
    "sent_copy_age_s": "SELECT MIN(MAX(sent_copy_due_at, sent_at)) FROM outbox WHERE sent_copy = 'due' AND state = 'sent' AND sent_copy_due_at < ?1",
    "remote_operation_age_s": "SELECT MIN(due_at) FROM remote_operations WHERE due_at < ?1 AND due_at > 0",
}
COUNTS = {
    "account_leases": "SELECT COUNT(*) FROM mail_accounts WHERE lease_until > ?1",
    "outbox_leases": "SELECT COUNT(*) FROM outbox WHERE lease_until > ?1",
    "messages": "SELECT COUNT(*) FROM messages WHERE ?1",
}
UNITS = {"memory_mib": "memory, MiB", "descriptors": "file descriptors", "tasks": "tasks", "held_s": "a worker is held, s", **{name: name.replace("_", " ") for name in [*COUNTS, *OLDEST]}}


class Sampler:
    def __init__(self, server):
        self.server, self.samples, self.kills = server, [], []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def start(self):
        self.began = time.monotonic()
        self.thread.start()

    def end(self):
        self.ended.set()
        self.thread.join()

    def killed(self):
        self.kills.append(time.monotonic() - self.began)

    def run(self):
        while not self.ended.wait(EVERY_S):
            try:
                sample = {**self.process(), **self.queues()}
            except OSError:
                # It is being killed just now.
                continue
            self.samples.append({"at": time.monotonic() - self.began, **sample})

    def process(self):
        pid, metrics = self.server.process.pid, self.server.metrics()
        return {
            "memory_mib": memory_kib(pid) / 1024,
            "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
            "tasks": metrics["waxseal_tasks"],
            "held_s": metrics["waxseal_worker_held_seconds"],
        }

    def queues(self):
        now = time.time() * 1000
        store = pathlib.Path(self.server.data) / "store" / "waxseal.db"
        database = sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=30)
        try:
            one = lambda query: database.execute(query, (now,)).fetchone()[0]
            ages = {name: max(0, now - (one(query) or now)) / 1000 for name, query in OLDEST.items()}
            return {**ages, **{name: one(query) for name, query in COUNTS.items()}}
        finally:
            database.close()
