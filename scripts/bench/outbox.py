"""Messages a second from the outbox into a sink, each with its durable state."""
import statistics

from common import RELEASE, RUNS, results, timed


def run():
    runs = [dict(line.split() for line in timed([RELEASE / "examples" / "outbox_speed"])[2].splitlines()) for _ in range(RUNS)]
    for name in ["outbox_queued_per_s", "outbox_msgs_per_s"]:
        results[name] = round(statistics.median(float(figures[name]) for figures in runs))
        print(f"{name} {results[name]}", flush=True)
