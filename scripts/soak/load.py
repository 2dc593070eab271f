"""What people and servers do meanwhile. Everything goes on through faults and kills, as people would."""
import collections
import http.client
import json
import random
import threading
import time

from common import PASSWORD

ACCOUNTS_OF_ONE = 20
DELIVERIES_PER_S = 8
SENDERS, READERS, STREAMS = 2, 4, 50
EXPORT_EVERY_S, SMTP_FAULT_EVERY_S, HANG_UP_EVERY_S = 30, 5, 180
VERBS = ["greeting", "ehlo", "mail", "rcpt", "data", "dot"]
# All that `SmtpFault` has but a permanent refusal and silence, which takes minutes.
FAULTS = ["code(451)", "busy", "reset", "half", "garbage"]


class Load:
    KINDS = ["delivered", "sent", "listed", "opened", "searched", "marked", "deleted", "exported", "streamed", "hung_up", "smtp_faults"]

    def __init__(self, server, peer, accounts):
        self.server, self.peer, self.accounts = server, peer, accounts
        self.counts = collections.Counter({"http_5xx": 0})
        self.sent, self.ids, self.ended_at = {}, {}, None
        self.over, self.lock = threading.Event(), threading.Lock()
        self.people = [Person(self, number) for number in range(-(-accounts // ACCOUNTS_OF_ONE))]

    def start(self):
        works = [self.deliver, self.export, self.fault, self.hang_up]
        works += [self.send] * SENDERS + [self.read] * READERS + [self.listen] * STREAMS
        self.threads = [threading.Thread(target=self.go_on, args=(work, seed), daemon=True) for seed, work in enumerate(works)]
        for thread in self.threads:
            thread.start()

    def end(self):
        self.over.set()
        self.ended_at = time.monotonic()
        for thread in self.threads:
            thread.join(timeout=60)

    def go_on(self, work, seed):
        chance = random.Random(seed)
        while not self.over.is_set():
            try:
                work(chance)
            except (OSError, http.client.HTTPException):
                # The server was killed: once it is up again, it goes on.
                self.over.wait(0.5)

    def count(self, kind):
        with self.lock:
            self.counts[kind] += 1

    def deliver(self, chance):
        with self.lock:
            number = self.counts["delivered"]
        self.peer.deliver(f"mail{chance.randrange(self.accounts)}", number + 1)
        self.count("delivered")
        self.over.wait(1 / DELIVERIES_PER_S)

    def send(self, chance):
        """Asked for again under the same key until there is an answer."""
        person = chance.choice(self.people)
        key, address = f"{chance.getrandbits(128):032x}", f"to{chance.getrandbits(64):x}@out.example"
        account = chance.choice(person.accounts())
        body = {"account_id": account, "to": [{"name": "", "address": address}], "subject": "Soak", "html": "<p>Dear Kelly, all is well.</p>", "undo": False}
        answer = None
        while answer is None and not self.over.is_set():
            try:
                answer = person.ask("POST", "/outbox", body, {"Idempotency-Key": key})
            except (OSError, http.client.HTTPException):
                self.over.wait(0.5)
        if answer is not None:
            self.sent[address] = (person, answer["message_id"])
            self.count("sent")
        self.over.wait(0.3)

    def read(self, chance):
        person = chance.choice(self.people)
        rows = person.ask("GET", "/messages?limit=50")["messages"]
        self.count("listed")
        person.ask("GET", "/messages?text=letter")
        self.count("searched")
        for row in chance.sample(rows, min(3, len(rows))):
            person.ask("GET", f"/messages/{row['id']}")
            self.count("opened")
            person.ask("PUT" if row["unread"] else "DELETE", f"/messages/{row['id']}/read")
            self.count("marked")
        if rows:
            row = chance.choice(rows)
            person.ask("DELETE", f"/messages/{row['id']}")
            person.ask("POST", f"/messages/{row['id']}/restore")
            self.count("deleted")
        self.over.wait(0.1)

    def export(self, chance):
        person = chance.choice(self.people)
        export = person.ask("POST", "/exports", {"account_id": chance.choice(person.accounts()), "format": "eml"})["id"]
        while (state := person.ask("GET", f"/exports/{export}", missing="killed")) and state != "killed" and state["state"] == "running":
            self.over.wait(0.5)
        if state != "killed":
            person.ask("GET", f"/exports/{export}/file")
            self.count("exported")
        self.over.wait(EXPORT_EVERY_S)

    def fault(self, chance):
        self.peer.tell(f"fault {chance.choice(VERBS)} {chance.choice(FAULTS)}")
        self.count("smtp_faults")
        self.over.wait(SMTP_FAULT_EVERY_S)

    def hang_up(self, _):
        if not self.over.wait(HANG_UP_EVERY_S):
            self.peer.tell("hang up")
            self.count("hung_up")

    def listen(self, chance):
        person = chance.choice(self.people)
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        connection.request("GET", "/api/v1/events", headers=person.headers())
        self.count("streamed")
        stream = connection.getresponse()
        until = time.monotonic() + chance.uniform(30, 300)
        while time.monotonic() < until and not self.over.is_set() and stream.readline():
            pass
        connection.close()

    def states_of(self, addresses):
        """How the outbox knows them."""
        states = {}
        for address in addresses:
            person, message = self.sent[address]
            states[address] = person.ask("GET", f"/outbox/{message}")["state"]
        return states


class Person:
    def __init__(self, load, number):
        self.load, self.login, self.cookie, self.own = load, f"owner{number}", "", None
        self.lock = threading.Lock()

    def accounts(self):
        self.own = self.own or [account["id"] for account in self.ask("GET", "/accounts")]
        return self.own

    def headers(self):
        with self.lock:
            if not self.cookie:
                status, headers, _ = self.request("POST", "/session", {"login": self.login, "password": PASSWORD}, {})
                if status != 204:
                    raise http.client.HTTPException(f"sign-in was answered with {status}")
                self.cookie = headers["Set-Cookie"].split(";")[0]
        return {"Cookie": self.cookie, "Host": f"localhost:{self.load.server.port}"}

    def ask(self, method, path, body=None, headers=(), missing=None):
        """`missing`: what a 404 is taken for."""
        status, _, answer = self.request(method, path, body, {**self.headers(), **dict(headers)})
        if status >= 500:
            self.load.count("http_5xx")
        if status == 404:
            return missing
        if status >= 400:
            self.load.count(f"http_{status}")
            raise http.client.HTTPException(f"{method} was answered with {status}")
        return json.loads(answer) if answer[:1] in (b"{", b"[") else None

    def request(self, method, path, body, headers):
        port = self.load.server.port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        standing = {"Content-Type": "application/json", "Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"}
        try:
            connection.request(method, f"/api/v1{path}", json.dumps(body) if body is not None else None, {**standing, **headers})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()
