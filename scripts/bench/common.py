"""What the parts of `make bench` share: where things are, processes that are timed, and a running Waxseal."""
import contextlib
import http.client
import json
import pathlib
import re
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WORK = ROOT / "target" / "bench"
RELEASE = ROOT / "target" / "release"
WAXSEAL = RELEASE / "waxseal"
FILL = RELEASE / "examples" / "fill"
PASSWORD = "correct horse battery"
RUNS = 3
results = {}


def timed(command, cwd=None):
    """Wall seconds, peak memory in MiB, standard output.

    The peak is read while the process runs: what wait4 tells includes this script from before the exec.
    """
    began = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True, cwd=cwd)
    peak, ended = [0], threading.Event()
    watcher = threading.Thread(target=watch, args=(process.pid, peak, ended))
    watcher.start()
    output = process.stdout.read()
    process.wait()
    seconds = time.perf_counter() - began
    ended.set()
    watcher.join()
    if process.returncode:
        sys.exit(f"{command[0]} ended with {process.returncode}")
    return seconds, peak[0] / 1024, output


def watch(pid, peak, ended):
    while not ended.wait(0.01):
        try:
            peak[0] = max(peak[0], memory_kib(pid, "VmHWM"))
        except OSError:
            return


def memory_kib(pid, what="VmRSS"):
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(rf"{what}:\s+(\d+)", status)
    return int(found.group(1)) if found else 0


def percentile(values, part):
    """The smallest value that `part` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


class Desk:
    """A running Waxseal, and who is signed in to it."""

    def __init__(self, process, port):
        self.process, self.port, self.cookie = process, port, ""
        self.connection = http.client.HTTPConnection("127.0.0.1", port)

    @property
    def url(self):
        return f"http://localhost:{self.port}"

    def sign_in(self, login):
        self.connection.request("POST", "/api/v1/session", json.dumps({"login": login, "password": PASSWORD}), self.headers())
        answer = self.connection.getresponse()
        answer.read()
        assert answer.status == 204, answer.status
        self.cookie = answer.headers["Set-Cookie"].split(";")[0]

    def headers(self):
        return {"Host": f"localhost:{self.port}", "Origin": self.url, "Content-Type": "application/json", "Cookie": self.cookie}

    def get(self, path):
        self.connection.request("GET", f"/api/v1{path}", headers=self.headers())
        answer = self.connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (path, answer.status, body[:200])
        return json.loads(body)


@contextlib.contextmanager
def serve(data, *options):
    command = [WAXSEAL, "--data", data, "--egress-allow", "127.0.0.0/8", *options, "serve", "--listen", "127.0.0.1:0"]
    log = open(WORK / "serve.log", "w", encoding="utf-8")
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        yield Desk(process, int(re.search(r":(\d+)$", process.stdout.readline().strip()).group(1)))
    finally:
        process.terminate()
        process.wait()
        log.close()


class Peer:
    """An IMAP server with mailboxes in memory."""

    def __init__(self):
        self.process = subprocess.Popen([RELEASE / "peer"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        where = json.loads(self.process.stdout.readline())
        self.port, self.fingerprint, self.smtp = str(where["imaps"]), where["fingerprint"], str(where["smtp"])
        self.lock = threading.Lock()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def tell(self, line):
        with self.lock:
            self.process.stdin.write(f"{line}\n")
            self.process.stdin.flush()
            return self.process.stdout.readline()

    def ask(self, line):
        return float(self.tell(line))

    def ask_json(self, line):
        return json.loads(self.tell(line))

    def deliver(self, user, number):
        """The moment at which who waits was told."""
        return self.ask(f"{user} {number}")

    def wait_until_idle(self, connections, at_most_s=600):
        until = time.monotonic() + at_most_s
        while self.ask("idling") < connections:
            assert time.monotonic() < until, f"{self.ask('idling'):.0f} of {connections} connections are idle"
            time.sleep(0.05)
