#!/usr/bin/env python3
"""guards.py [NAME ...]: switches each guard off, one at a time, and proves that its test turns red.

Changes files of the working tree and puts them back; refuses to begin where crates/ has uncommitted changes.
guards.py --where: only looks whether each guard still is where it is switched off.
"""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
GUARDS = [
    ("a revoked grant is over", "crates/store/src/grants.rs", "       AND g.revoked_at IS NULL\n       AND g.rests_since", "       AND g.rests_since"),
    ("a grant rests after a reset", "crates/store/src/grants.rs", "       AND g.rests_since IS NULL\n", ""),
    ("a grant begins at its start", "crates/store/src/grants.rs", "       AND (g.starts_at IS NULL OR g.starts_at <= $2)\n", ""),
    ("a grant ends at its end", "crates/store/src/grants.rs", "(g.ends_at IS NULL OR g.ends_at > $2)", "(g.ends_at IS NULL OR $2 > 0)"),
    ("a sealed account is nobody's to see", "crates/store/src/grants.rs", "       AND sealed_at IS NULL\n     UNION", "     UNION"),
    ("a message is found by the accounts of the viewer", "crates/store/src/messages.rs", "{SELECT} m.id = $2 AND m.mail_account_id IN \"", "{SELECT} m.id = $2 AND m.mail_account_id NOT IN (x'00') OR m.mail_account_id IN \""),
    ("settings are the owner's", "crates/service/src/accounts.rs", ".filter(|account| account.owner == viewer.administrator)\n        .ok_or(ServiceError::NotFound)", ".ok_or(ServiceError::NotFound)"),
    ("sealed settings stay shut", "crates/service/src/accounts.rs", "if account.sealed_at.is_some() {\n        Err(ServiceError::Sealed)", "if false {\n        Err(ServiceError::Sealed)"),
    ("deleting needs Manage", "crates/service/src/inbox.rs", "MessageAct::Delete | MessageAct::Restore => Right::Manage", "MessageAct::Delete | MessageAct::Restore => Right::See"),
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
            "crates/engine/src/outbox/delivery.rs",
            "let before_dot = async { services.data_sent(outgoing).await.is_ok() };",
            "let before_dot = async { true };",
        )
    ],
)
OUTBOX_TEST = ["--package", "engine", "--test", "outbox", "a_worker_that_dies"]
MATRIX = ["--package", "api", "--test", "matrix"]
FRAMES = ["--package", "api", "--test", "frames"]
HOSTILE = ["--package", "engine", "--test", "hostile"]

# Of safety: each with the suite that has to see it.
SAFETY = [
    ("foreign HTML is sanitised", [("crates/mime/src/html/mod.rs", "            cleaned.html\n", "            html.clone()\n")], FRAMES),
    (
        "foreign HTML is in a frame",
        [
            ("crates/api/src/frames.rs", "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; ", ""),
            ("crates/api/src/frames.rs", "sandbox allow-popups allow-popups-to-escape-sandbox", ""),
            ("crates/api/tests/frames/pages.rs", 'const SANDBOX: &str = "', 'const SANDBOX: &str = "allow-scripts allow-same-origin '),
        ],
        FRAMES,
    ),
    ("a broken From is flagged", [("crates/mime/src/sender.rs", "        [field] if !is_below_blank && !has_bare_cr(field) => shape(field),\n        _ => FromShape::Unclear,", "        [field] if shape(field) == FromShape::One => FromShape::One,\n        _ => FromShape::One,")], HOSTILE),
    ("only the receiving server verifies", [("crates/domain/src/rules/sender.rs", "is_its_own && is_about_it && ", "")], HOSTILE),
    ("addresses are decided before they are dialled", [("crates/wire/src/egress.rs", "if !found.iter().all(is_allowed) {", "if found.iter().all(is_allowed) && found.len() > 9 {")], HOSTILE),
    ("secrets are sealed", [("crates/service/src/data_keys.rs", "    [nonce.as_slice(), &ciphertext].concat()", "    [nonce.as_slice(), &ciphertext, bytes].concat()")], ["--package", "waxseal", "--test", "secrets"]),
    ("a pinned certificate is the only one", [("crates/wire/src/tls.rs", "(Some(_), _) => Err(NOT_THE_PINNED_ONE)", "(Some(_), _) => Ok(ServerCertVerified::assertion())")], ["--package", "engine", "--test", "faults"]),
    ("our own origin only", [("crates/api/src/origin.rs", "if changes && is_foreign(", "if !changes && is_foreign(")], ["--package", "api", "--test", "http"]),
    ("connection tests are limited", [("crates/api/src/accounts.rs", "    state.limits.count_test(viewer.administrator)?;\n", "")], ["--package", "api", "--test", "http"]),
    ("slow clients are let go of", [("crates/waxseal/src/connections.rs", "server.first_request_timeout(MOST_FIRST_TIME)", "server"), ("crates/waxseal/src/connections.rs", "        .header_read_timeout(MOST_HEADER_TIME)\n", "")], ["--package", "waxseal", "--test", "slow_clients"]),
]


def main():
    guards = [(name, [edit], MATRIX) for name, *edit in GUARDS] + [(*TWO_LAYERS, MATRIX), (*OUTBOX, OUTBOX_TEST), *SAFETY]
    if sys.argv[1:] == ["--where"]:
        return sys.exit("\n".join(gone(guards)) or 0)
    if subprocess.run(["git", "diff", "--quiet", "--", "crates"], cwd=ROOT).returncode:
        sys.exit("crates/ has changes that are not committed: commit them first")
    wanted = [guard for guard in guards if not sys.argv[1:] or any(name in guard[0] for name in sys.argv[1:])]
    red = sum(switched_off(*guard) for guard in wanted)
    print(f"{red} passed, {len(wanted) - red} failed")
    sys.exit(red != len(wanted))


def gone(guards):
    edits = [(name, ROOT / file, old) for name, edits, _ in guards for file, old, _ in edits]
    return [
        f"{file.relative_to(ROOT)}: the guard is not where it was: {name}"
        for name, file, old in edits
        if not file.exists() or old not in file.read_text(encoding="utf-8")
    ]


def switched_off(name, edits, test):
    before = {ROOT / file: (ROOT / file).read_text(encoding="utf-8") for file, _, _ in edits}
    try:
        for file, old, new in edits:
            text = (ROOT / file).read_text(encoding="utf-8")
            assert old in text, f"{name}: the guard is not where it was"
            (ROOT / file).write_text(text.replace(old, new), encoding="utf-8")
        run = subprocess.run(["cargo", "test", "--quiet", *test], cwd=ROOT, capture_output=True, text=True)
    finally:
        for path, text in before.items():
            path.write_text(text, encoding="utf-8")
    failures = sum(line.startswith(("FAILED", "test result: FAILED")) for line in run.stdout.splitlines())
    if run.returncode and not failures:
        print(f"NOT RUN without the guard: {name}\n{run.stderr[-600:]}", flush=True)
        return False
    print(f"{'red' if failures else 'STILL GREEN'}: {name} ({failures} cases)", flush=True)
    return failures > 0


if __name__ == "__main__":
    main()
