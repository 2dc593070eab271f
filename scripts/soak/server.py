"""The Waxseal under load: started, killed without a word, and started again over the same data."""
import http.client
import re
import socket
import subprocess
import threading

from common import WAXSEAL


class Server:
    def __init__(self, data, log):
        self.data, self.log = data, open(log, "w", encoding="utf-8")
        self.process, self.port, self.metrics_port = None, 0, 0
        self.is_up = threading.Event()

    def start(self):
        self.metrics_port = free_port()
        command = [WAXSEAL, "--data", self.data, "--egress-allow", "127.0.0.0/8", "serve", "--listen", "127.0.0.1:0"]
        command += ["--metrics-listen", f"127.0.0.1:{self.metrics_port}"]
        self.process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.port = int(re.search(r":(\d+)$", self.process.stdout.readline().strip()).group(1))
        self.is_up.set()

    def kill(self):
        self.is_up.clear()
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.is_up.clear()
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def metrics(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics_port, timeout=30)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return {name: float(value) for name, value in re.findall(r"^(\w+) (\S+)$", text, re.MULTILINE)}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
