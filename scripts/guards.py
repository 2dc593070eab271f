#!/usr/bin/env python3
"""guards.py [NAME]: switches each guard off, one at a time, and proves that its test turns red.

Changes files of the working tree and puts them back; refuses to begin where crates/ has uncommitted changes.
"""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
GUARDS = [
    ("a revoked grant is over", "crates/store/src/grants.rs", "       AND g.revoked_at IS NULL\n       AND (g.starts_at", "       AND (g.starts_at"),
    ("a grant begins at its start", "crates/store/src/grants.rs", "       AND (g.starts_at IS NULL OR g.starts_at <= $2)\n", ""),
    ("a grant ends at its end", "crates/store/src/grants.rs", "(g.ends_at IS NULL OR g.ends_at > $2)", "(g.ends_at IS NULL OR $2 > 0)"),
    ("a sealed account is nobody's to see", "crates/store/src/grants.rs", "       AND sealed_at IS NULL\n     UNION", "     UNION"),
    ("a message is found by the accounts of the viewer", "crates/store/src/messages.rs", "{SELECT} m.id = $2 AND m.mail_account_id IN \"", "{SELECT} m.id = $2 AND m.mail_account_id NOT IN (x'00') OR m.mail_account_id IN \""),
    ("settings are the owner's", "crates/service/src/accounts.rs", ".filter(|account| account.owner == viewer.administrator)\n            .ok_or(ServiceError::NotFound)", ".ok_or(ServiceError::NotFound)"),
    ("sealed settings stay shut", "crates/service/src/accounts.rs", "if account.sealed_at.is_some() {\n        Err(ServiceError::Sealed)", "if false {\n        Err(ServiceError::Sealed)"),
    ("deleting needs Manage", "crates/service/src/inbox.rs", "if !access.allows(message.account, Right::Manage) {", "if !access.allows(message.account, Right::See) {"),
    ("the raw message needs Reply", "crates/service/src/inbox.rs", "Right::Reply", "Right::See"),
    ("staff is for super-administrators", "crates/service/src/staff.rs", "if administrator.is_super {", "if true {"),
    ("a session is ended by its own", "crates/store/src/sessions.rs", "DELETE FROM sessions WHERE id = $1 AND administrator_id = $2", "DELETE FROM sessions WHERE id = $1 AND $2 = $2"),
    ("events are of visible accounts", "crates/api/src/events.rs", "let sees = |account| access.right_to(account).is_some();", "let sees = |account| access.right_to(account).is_some() || true;"),
]


# Two layers, each of which holds alone: off together.
TWO_LAYERS = (
    "a disabled administrator has no session",
    [
        ("crates/store/src/sessions.rs", "     WHERE s.expires_at > $1 AND a.disabled_at IS NULL", "     WHERE s.expires_at > $1"),
        ("crates/service/src/staff.rs", "            sessions::delete_all(&mut tx, id).await?;\n            let verb = if disabled", "            let verb = if disabled"),
    ],
)


# Not of privacy: with it off the outbox sends twice, and its test has to turn red.
OUTBOX = (
    "data_sent is committed before the final dot",
    [
        (
            "crates/engine/src/outbox_worker.rs",
            "let stored = self.handle.services.data_sent(outgoing, before.as_ref()).await;",
            "let stored = Ok::<&Outgoing, service::ServiceError>(outgoing);",
        )
    ],
)
OUTBOX_TEST = ["--package", "engine", "--test", "outbox", "a_worker_that_dies"]
MATRIX = ["--package", "api", "--test", "matrix"]


def main():
    if subprocess.run(["git", "diff", "--quiet", "--", "crates"], cwd=ROOT).returncode:
        sys.exit("crates/ has changes that are not committed: commit them first")
    guards = [(name, [edit], MATRIX) for name, *edit in GUARDS] + [(*TWO_LAYERS, MATRIX), (*OUTBOX, OUTBOX_TEST)]
    wanted = [guard for guard in guards if not sys.argv[1:] or sys.argv[1] in guard[0]]
    red = sum(switched_off(*guard) for guard in wanted)
    print(f"{red} passed, {len(wanted) - red} failed")
    sys.exit(red != len(wanted))


def switched_off(name, edits, test):
    before = {ROOT / file: (ROOT / file).read_text(encoding="utf-8") for file, _, _ in edits}
    try:
        for file, old, new in edits:
            text = before[ROOT / file]
            assert old in text, f"{name}: the guard is not where it was"
            (ROOT / file).write_text(text.replace(old, new), encoding="utf-8")
        run = subprocess.run(["cargo", "test", "--quiet", *test], cwd=ROOT, capture_output=True, text=True)
    finally:
        for path, text in before.items():
            path.write_text(text, encoding="utf-8")
    failures = sum(line.startswith(("FAILED", "test result: FAILED")) for line in run.stdout.splitlines())
    if "error" in run.stderr and not run.stdout:
        print(f"NOT BUILT without the guard: {name}\n{run.stderr[-600:]}", flush=True)
        return False
    print(f"{'red' if failures else 'STILL GREEN'}: {name} ({failures} cases)", flush=True)
    return failures > 0


if __name__ == "__main__":
    main()
