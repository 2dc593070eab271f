"""First sync of 20,000 messages beside a raw drain, mbsync and imapflow with mailparser, in one run; medians of three.

The corpus and the drain are testkit's; the corpus is the published one, by its hash.
"""
import base64
import contextlib
import hashlib
import http.client
import json
import pathlib
import re
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

from common import PASSWORD, RELEASE, ROOT, RUNS, WAXSEAL, WORK, results, timed

CORPUS_SHA256 = "aa225c6886e459e4615d7d5e7840cecb4db83a1e518f4b4993d7dfe862fb65b7"
MESSAGES = 20_000


def run():
    corpus = make_corpus()
    server = subprocess.Popen([RELEASE / "dovecot"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        where = json.loads(server.stdout.readline())
        fill(corpus, where)
        # Once, so that Dovecot's own index is warm for everybody.
        run_drain(where)
        run_clients(where)
        run_large_message(where)
        run_round_trips(where)
        measured = [side_by_side(where, number) for number in range(RUNS)]
    finally:
        server.stdin.close()
        server.wait()
    report(measured)


def side_by_side(where, number):
    drain, mbsync, imapflow = run_drain(where), run_mbsync(where), run_imapflow(where)
    sync, rss = run_sync(where, "bench", MESSAGES, cold_start if number == RUNS - 1 else None)
    print(f"run {number + 1}: drain {drain:.2f} s, mbsync {show(mbsync)}, imapflow with mailparser {imapflow:.2f} s, first sync {sync:.2f} s, {rss:.0f} MiB", flush=True)
    return {"drain": drain, "mbsync": mbsync, "imapflow": imapflow, "sync": sync, "rss": rss}


def show(seconds):
    return "absent" if seconds is None else f"{seconds:.2f} s"


def make_corpus():
    corpus, mark = WORK / "corpus", WORK / "corpus.sha256"
    if not mark.exists():
        shutil.rmtree(corpus, ignore_errors=True)
        made = subprocess.run([RELEASE / "corpus", corpus, str(MESSAGES)], check=True, capture_output=True, text=True)
        mark.write_text(made.stdout.strip(), encoding="utf-8")
    assert mark.read_text(encoding="utf-8") == CORPUS_SHA256, f"the corpus is not the published one: {mark}"
    return corpus


def fill(corpus, where):
    mailbox = pathlib.Path(where["mail"]) / "bench"
    subprocess.run(["cp", "-a", corpus, mailbox], check=True)
    subprocess.run(["chown", "-R", f"{where['uid']}:{where['gid']}", mailbox], check=True)


def run_drain(where):
    seconds, _, output = timed([RELEASE / "drain", str(where["imaps"]), "bench", where["password"], where["authority"]])
    assert json.loads(output)["messages"] == MESSAGES, output
    return seconds


def run_mbsync(where):
    if not shutil.which("mbsync"):
        print("absent: mbsync (Debian package isync)")
        return None
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        config = pathlib.Path(folder) / "mbsyncrc"
        config.write_text(f"""FSync yes

IMAPAccount bench
Host localhost
Port {where['imaps']}
User bench
Pass {where['password']}
SSLType IMAPS
CertificateFile {where['authority']}
DisableExtension COMPRESS=DEFLATE

IMAPStore far
Account bench

MaildirStore near
Inbox {folder}/inbox
SubFolders Verbatim

Channel bench
Far :far:
Near :near:
Patterns INBOX
Create Near
Sync Pull
SyncState {folder}/state-
""", encoding="utf-8")
        seconds, _, _ = timed(["mbsync", "-q", "-c", str(config), "bench"])
        return seconds


def run_imapflow(where):
    """What EmailEngine and others are made of: fetched in one command, parsed, and dropped."""
    source = ROOT / "bench" / "clients" / "imapflow"
    folder = WORK / "imapflow"
    if not (folder / "node_modules").exists():
        shutil.copytree(source, folder, dirs_exist_ok=True)
        subprocess.run(["npm", "ci", "--no-progress", "--silent"], cwd=folder, check=True)
    shutil.copy(source / "fetch.mjs", folder)
    command = ["node", "fetch.mjs", str(where["imaps"]), "bench", where["password"], where["authority"]]
    seconds, _, output = timed(command, cwd=folder)
    assert int(output) == MESSAGES, output
    return seconds


def run_clients(where):
    """Our IMAP client alone beside others: 20,000 messages in clear, 256 at a time, dropped as they come."""
    source, target = ROOT / "bench" / "clients", ROOT / "target" / "clients"
    subprocess.run(["cargo", "build", "--release", "--quiet", "--target-dir", target], cwd=source, check=True)
    for name in ["waxseal", "async-imap", "io-imap"]:
        command = [target / "release" / "clients", name, str(where["imap"]), "bench", where["password"], str(MESSAGES)]
        runs = [timed(command)[2].split() for _ in range(RUNS)]
        rate = MESSAGES / statistics.median(float(seconds) for seconds, _ in runs)
        rss = statistics.median(int(kib) for _, kib in runs) / 1024
        print(f"client alone, {name}: {rate:.0f} messages/s, {rss:.0f} MiB", flush=True)
        key = name.replace("-", "_")
        results[f"client_{key}_msgs_per_s"] = round(rate)
        results[f"client_{key}_rss_mib"] = round(rss, 1)


def run_large_message(where):
    """How much more memory a message of 50 MB takes than a small one."""
    header = b"From: Kelly <kelly@out.example>\nTo: owner@isp.example\nSubject: Plans\n"
    body = base64.encodebytes(bytes(range(256)) * 4096) * 36
    large = header + b"Content-Type: application/pdf; name=plans.pdf\nContent-Transfer-Encoding: base64\n\n" + body
    peaks = []
    for user, raw in [("small", header + b"\nhello\n"), ("large", large)]:
        inbox = pathlib.Path(where["mail"]) / user / "cur"
        inbox.mkdir(parents=True)
        (inbox / "1.M1P1.bench:2,").write_bytes(raw)
        subprocess.run(["chown", "-R", f"{where['uid']}:{where['gid']}", inbox.parent], check=True)
        runs = [run_sync(where, user, 1)[1] for _ in range(RUNS)]
        peaks.append(statistics.median(runs))
    print(f"a message of {len(large) / 1e6:.0f} MB: {peaks[1] - peaks[0]:.0f} MiB more than a small one", flush=True)
    results["message_50mb_extra_mib"] = round(peaks[1] - peaks[0], 1)


def run_round_trips(where):
    """A first sync through a proxy without and with a round trip of 40 ms; then the check of what has not changed."""
    runs = {0: [], 40: []}
    for round_trip in sorted(runs) * RUNS:
        with latency_proxy(where, round_trip) as (port, said):
            far = {**where, "clear": port}
            seconds, _ = run_sync(far, "bench", MESSAGES, sync_again)
            runs[round_trip].append(seconds)
        unchanged = json.loads(said())
        print(f"round trip {round_trip} ms: first sync {seconds:.2f} s; unchanged folder: {unchanged['round_trips']} round trips after sign-in, {unchanged['bytes']} bytes", flush=True)
    results["rtt40_over_rtt0"] = round(statistics.median(runs[40]) / statistics.median(runs[0]), 2)
    results["nochange_round_trips"] = unchanged["round_trips"]
    results["nochange_bytes"] = unchanged["bytes"]


@contextlib.contextmanager
def latency_proxy(where, round_trip):
    command = [sys.executable, ROOT / "scripts" / "bench" / "latency_proxy.py", str(where["imap"]), str(round_trip)]
    proxy = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    port = int(proxy.stdout.readline())
    yield port, proxy.stdout.readline
    proxy.stdin.close()


def sync_again(base, account):
    output = timed([*base, "sync", "--once", "--account", account])[2]
    result = json.loads(output.strip().splitlines()[-1])
    assert result["stored"] + result["duplicate"] == 0, result


def run_sync(where, user, messages, then=None):
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        base = [WAXSEAL, "--data", f"{folder}/data", "--egress-allow", "127.0.0.0/8"]
        account = set_up(base, folder, where, user)
        seconds, rss, output = timed([*base, "sync", "--once", "--account", account])
        result = json.loads(output.strip().splitlines()[-1])
        assert result["stored"] + result["duplicate"] == messages, result
        if then:
            then(base, account)
        return seconds, rss


def fingerprint(where):
    """Of the certificate of the Dovecot, as an owner pins it."""
    certificate = pathlib.Path(where["authority"]).with_name("server.pem").read_text(encoding="ascii")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).hexdigest()


def set_up(base, folder, where, user):
    subprocess.run([*base, "init"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*base, "admin", "create", "--login", "owner", "--password-stdin"], input=f"{PASSWORD}\n", text=True, check=True, stdout=subprocess.DEVNULL)
    file = pathlib.Path(folder) / "account.toml"
    file.write_text(f"""name = "Owner"
address = "bench@isp.example"
username = "{user}"
password = "{where['password']}"
[tracking]
enabled = true
history_since = "2000-01-01"
[imap]
server = "127.0.0.1"
port = {where.get('clear', where['imaps'])}
security = "{'none' if 'clear' in where else 'tls'}"
pinned_certificate = "{fingerprint(where)}"
""", encoding="utf-8")
    added = subprocess.run([*base, "account", "add", "--owner", "owner", "--file", file], check=True, capture_output=True, text=True)
    return added.stdout.strip()


def cold_start(base, _account):
    """Milliseconds from the start of the process to the first answered request."""
    began = time.perf_counter()
    server = subprocess.Popen([*base, "serve", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    port = int(re.search(r":(\d+)$", server.stdout.readline().strip()).group(1))
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("GET", "/healthz")
            assert connection.getresponse().status == 200
            break
        except ConnectionError:
            time.sleep(0.001)
    took = (time.perf_counter() - began) * 1000
    server.terminate()
    server.wait()
    print(f"cold start: {took:.0f} ms")
    results["cold_start_ms"] = round(took, 1)


def report(measured):
    def median(name):
        return statistics.median(run[name] for run in measured)

    sync = median("sync")
    results["first_sync_seconds"] = round(sync, 2)
    results["first_sync_over_drain_tls"] = round(sync / median("drain"), 2)
    results["first_sync_rss_mib"] = round(median("rss"), 1)
    results["imapflow_over_first_sync"] = round(median("imapflow") / sync, 2)
    if measured[0]["mbsync"] is not None:
        results["mbsync_over_first_sync"] = round(median("mbsync") / sync, 2)
