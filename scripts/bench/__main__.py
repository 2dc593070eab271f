"""`make bench`: every figure of the speed table, side by side with others where there are others.

    scripts/bench [PART ...]

Parts: first_sync, idle, lists, new_mail, outbox; all of them by default. Writes bench-results.json.
"""
import json
import sys

import first_sync
import idle
import lists
import new_mail
import outbox
from common import ROOT, WORK, results

PARTS = {"first_sync": first_sync.run, "outbox": outbox.run, "new_mail": new_mail.run, "lists": lists.run, "idle": idle.run}


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    chosen = sys.argv[1:] or PARTS
    unknown = [name for name in chosen if name not in PARTS]
    if unknown:
        sys.exit(f"There is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    file = ROOT / "bench-results.json"
    if sys.argv[1:] and file.exists():
        results.update(json.loads(file.read_text(encoding="utf-8")))
    for name in chosen:
        PARTS[name]()
        file.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


main()
