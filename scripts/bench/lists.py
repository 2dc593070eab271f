"""Inbox and its search with 1,000,000 messages in ten accounts, beside 10,000: the cost has to be flat. And the first
visit of the page."""
import hashlib
import pathlib
import random
import shutil
import time
import urllib.parse

import page
from common import FILL, ROOT, WORK, percentile, results, serve, timed

SMALL, LARGE = 10_000, 1_000_000
REQUESTS = 300


def run():
    for count in [SMALL, LARGE]:
        with serve(store_of(count)) as desk:
            desk.sign_in("owner")
            measured = {
                "inbox": measure(desk, pages(desk, "")),
                "search_common": measure(desk, pages(desk, "invoice")),
                "search_rare": measure(desk, pages(desk, "zeppelin")),
            }
            if count == LARGE:
                page.first_load(desk)
        for name, milliseconds in measured.items():
            p50, p99 = percentile(milliseconds, 0.5), percentile(milliseconds, 0.99)
            print(f"{count} messages, {name}: p50 {p50:.1f} ms, p99 {p99:.1f} ms", flush=True)
            results[f"{name}_p99_ms" if count == LARGE else f"{name}_p99_ms_at_{count}"] = round(p99, 1)


def store_of(count):
    """Made once: a store of this many messages, as long as what makes it stays the same."""
    data, mark = WORK / f"store-{count}", WORK / f"store-{count}.made"
    parts = [*(ROOT / "crates/store/migrations/sqlite").glob("*.sql"), ROOT / "crates/service/examples/fill.rs"]
    made_of = hashlib.sha256(b"".join(pathlib.Path(part).read_bytes() for part in sorted(parts))).hexdigest()
    if not mark.exists() or mark.read_text(encoding="utf-8") != made_of:
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(parents=True)
        seconds, _, _ = timed([FILL, "messages", data, str(count)])
        print(f"a store of {count} messages made in {seconds:.0f} s", flush=True)
        mark.write_text(made_of, encoding="utf-8")
    return data


def pages(desk, text):
    """Paths of the first page, of the next ones, and of pages from anywhere in between."""
    query = f"limit=50&text={urllib.parse.quote(text)}"
    first = desk.get(f"/messages?{query}")
    paths, page, keys = [f"/messages?{query}"], first, []
    while page.get("older") and len(keys) < 20:
        keys.append(int(page["older"]))
        paths.append(f"/messages?{query}&before={page['older']}")
        page = desk.get(paths[-1])
    newest = keys[0] if keys else 0
    anywhere = random.Random(1)
    paths += [f"/messages?{query}&before={anywhere.randint(1, newest)}" for _ in range(20) if newest > 1]
    return paths


def measure(desk, paths):
    milliseconds = []
    for number in range(REQUESTS):
        began = time.perf_counter()
        desk.get(paths[number % len(paths)])
        milliseconds.append((time.perf_counter() - began) * 1000)
    return milliseconds
