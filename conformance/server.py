"""Starts and stops a penchant binary as a user does, and gives boto3 clients for it."""

import configparser
import os
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import boto3
from botocore.config import Config

REGION = "us-east-1"


class ServerFailed(Exception):
    """The server did not start, or did not stop, as it should."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Credentials:
    """The first profile of a credentials file in AWS's format."""

    path: Path
    profile: str
    access_key: str
    secret_key: str

    @classmethod
    def read(cls, path):
        parser = configparser.ConfigParser()
        # `default` is a profile like any other here, not configparser's section of defaults.
        parser.default_section = "no section of defaults"
        if not parser.read(path, encoding="utf-8") or not parser.sections():
            raise ServerFailed(f"expected a profile in the credentials file {path}, found none")
        profile = "default" if "default" in parser.sections() else parser.sections()[0]
        section = parser[profile]
        return cls(Path(path), profile, section["aws_access_key_id"], section["aws_secret_access_key"])


@dataclass
class Clients:
    """boto3 clients of all services at one endpoint. They do not retry: what a retry would hide is a failure here."""

    endpoint: str
    access_key: str
    secret_key: str
    config: dict = field(default_factory=dict)

    def __post_init__(self):
        self.session = boto3.Session(
            aws_access_key_id=self.access_key, aws_secret_access_key=self.secret_key, region_name=REGION
        )
        self.s3 = self.client("s3")
        self.glue = self.client("glue")
        self.personalize = self.client("personalize")
        self.runtime = self.client("personalize-runtime")
        self.events = self.client("personalize-events")

    def client(self, service):
        config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60, **self.config)
        return self.session.client(service, endpoint_url=self.endpoint, config=config)


class Server:
    """One `penchant serve` on a folder. The same folder can be served again after a stop or a kill."""

    def __init__(self, binary, folder, ready_timeout_s=30):
        self.binary = Path(binary)
        self.folder = Path(folder)
        self.ready_timeout_s = ready_timeout_s
        self.process = None
        self.lines = []

    def start(self):
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        self.lines = []
        self._ready = threading.Event()
        self.process = subprocess.Popen(
            [self.binary, "serve", "--dir", self.folder, "--listen", f"127.0.0.1:{port}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        deadline = time.monotonic() + self.ready_timeout_s
        while not self._ready.wait(0.02):
            if self.process.poll() is not None:
                raise ServerFailed(f"penchant serve ended with {self.process.returncode} before it listened:\n{self.log()}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(f"penchant serve did not say `listening on {self.endpoint}` in {self.ready_timeout_s} s:\n{self.log()}")
        self.credentials = Credentials.read(self.folder / ".penchant" / "credentials")
        return self

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line)
            if f"listening on {self.endpoint}" in line:
                self._ready.set()

    def clients(self):
        return Clients(self.endpoint, self.credentials.access_key, self.credentials.secret_key)

    def log(self):
        """The last lines the server wrote."""
        return "".join(self.lines[-60:])

    def rss_mib(self):
        """Memory of the process that is resident now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024

    def stop(self, timeout_s=20):
        """Asks it to end, as a service manager does. A server that does not end cleanly is a failure."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFailed(f"penchant serve still ran {timeout_s} s after SIGTERM:\n{self.log()}") from None
        self._reader.join(5)
        if code != 0:
            raise ServerFailed(f"expected exit code 0 after SIGTERM, found {code}:\n{self.log()}")

    def kill(self):
        """Ends it as a crash does: no chance to write anything more."""
        self.process.kill()
        self.process.wait()
        self._reader.join(5)


def environment(server):
    """What a user exports to point the AWS CLI at this server."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_SHARED_CREDENTIALS_FILE": str(server.credentials.path),
        "AWS_PROFILE": server.credentials.profile,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_PAGER": "",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
