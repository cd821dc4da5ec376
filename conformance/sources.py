"""Real servers for a test, started on loopback in a folder of their own and ended by their process id.

`.ci/services` installs them. A missing one skips its test, unless PENCHANT_REQUIRE_SERVERS is set: then the test fails.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from server import free_port

PASSWORD = "correct horse"


def services():
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("PENCHANT_SERVICES") or cache / "penchant" / "services")


def missing(what):
    message = f"{what} is not installed: .ci/services installs it"
    if os.environ.get("PENCHANT_REQUIRE_SERVERS"):
        pytest.fail(message)
    pytest.skip(message)


def unprivileged(*command):
    """Servers refuse to be root."""
    return ["runuser", "-u", "nobody", "--", *map(str, command)] if os.getuid() == 0 else [str(part) for part in command]


def until_ready(what, try_once, seconds=60):
    deadline = time.monotonic() + seconds
    while True:
        try:
            return try_once()
        except Exception as error:  # noqa: BLE001 - whatever it is, it may pass
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} was not ready within {seconds} s: {error}") from error
            time.sleep(0.1)


class Process:
    """A program with everything that it starts."""

    def __init__(self, command, log, **options):
        self.log = log
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=open(log, "wb"), stderr=subprocess.STDOUT, start_new_session=True, **options
        )

    def stop(self):
        """Its data goes with its folder, so it need not end in order."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


class Folder:
    """A folder that an unprivileged server may write to."""

    def __init__(self):
        self.path = Path(tempfile.mkdtemp(prefix="penchant-source-", dir="/tmp"))
        self.path.chmod(0o777)

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Postgres:
    def __init__(self):
        binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").is_dir() else []
        if not binaries:
            missing("PostgreSQL")
        self.bin, self.folder, self.port = binaries[-1], Folder(), free_port()
        password = self.folder.path / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        data = self.folder.path / "data"
        subprocess.run(
            unprivileged(self.bin / "initdb", "-D", data, "-U", "shop", "-A", "scram-sha-256", "--pwfile", password, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
            check=True, capture_output=True,
        )
        options = ["-c", "listen_addresses=127.0.0.1", "-p", self.port, "-k", self.folder.path, "-c", "fsync=off", "-c", "max_locks_per_transaction=1024"]
        self.process = Process(unprivileged(self.bin / "postgres", "-D", data, *options), self.folder.path / "log")
        until_ready("PostgreSQL", lambda: self.sql("postgres", "SELECT 1"))

    def sql(self, database, text, user="shop", password=PASSWORD):
        done = subprocess.run(
            ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port), "-U", user, "-d", database],
            input=text, text=True, capture_output=True, env=os.environ | {"PGPASSWORD": password},
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def url(self, database):
        return f"jdbc:postgresql://127.0.0.1:{self.port}/{database}"

    def stop(self):
        self.process.stop()
        self.folder.remove()


class MariaDb:
    user = "shop"

    def __init__(self):
        if not shutil.which("mariadbd") and not Path("/usr/sbin/mariadbd").exists():
            missing("MariaDB")
        self.folder, self.port = Folder(), free_port()
        data, self.socket = self.folder.path / "data", self.folder.path / "s.sock"
        scratch = os.environ | {"TMPDIR": str(self.folder.path)}
        subprocess.run(
            unprivileged("mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db"),
            check=True, capture_output=True, env=scratch,
        )
        options = [f"--datadir={data}", f"--socket={self.socket}", "--bind-address=127.0.0.1", f"--port={self.port}", "--innodb-buffer-pool-size=64M"]
        self.process = Process(unprivileged("/usr/sbin/mariadbd", "--no-defaults", *options), self.folder.path / "log", env=scratch)
        until_ready("MariaDB", lambda: self.sql("SELECT 1"))
        self.sql(f"CREATE USER 'shop'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON *.* TO 'shop'@'127.0.0.1'")

    def sql(self, text, database=None):
        command = ["mariadb", "--no-defaults", "-S", str(self.socket), "-u", "root", "--default-character-set=utf8mb4", "-N", "-B"]
        done = subprocess.run(command + ([database] if database else []), input=text, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def url(self, database):
        return f"jdbc:mysql://127.0.0.1:{self.port}/{database}"

    def stop(self):
        self.process.stop()
        self.folder.remove()


class Mongo:
    def __init__(self):
        program = services() / "mongod"
        if not program.exists():
            missing("MongoDB")
        from pymongo import MongoClient

        self.folder, self.port = Folder(), free_port()
        options = ["--dbpath", self.folder.path, "--port", self.port, "--bind_ip", "127.0.0.1", "--wiredTigerCacheSizeGB", "0.25", "--nounixsocket"]
        self.process = Process([str(part) for part in [program, *options]], self.folder.path / "log")
        self.client = MongoClient("127.0.0.1", self.port, directConnection=True, serverSelectionTimeoutMS=2000)
        until_ready("MongoDB", lambda: self.client.admin.command("ping"))

    def stop(self):
        self.client.close()
        self.process.stop()
        self.folder.remove()


class Kafka:
    """Apache's own broker, of 2016: no newer one can be had from the registries."""

    def __init__(self):
        home = services() / "kafka"
        if not home.is_dir() or not shutil.which("java"):
            missing("Kafka")
        self.folder, self.port, zookeeper = Folder(), free_port(), free_port()
        (self.folder.path / "zk.properties").write_text(
            f"dataDir={self.folder.path}/zk\nclientPort={zookeeper}\nclientPortAddress=127.0.0.1\n"
        )
        (self.folder.path / "server.properties").write_text(
            f"broker.id=0\nlisteners=PLAINTEXT://127.0.0.1:{self.port}\nadvertised.host.name=127.0.0.1\nadvertised.port={self.port}\n"
            f"log.dirs={self.folder.path}/logs\nnum.partitions=3\noffsets.topic.replication.factor=1\noffsets.topic.num.partitions=5\n"
            f"zookeeper.connect=127.0.0.1:{zookeeper}\n"
        )
        java = ["java", "-Dlog4j.configuration=file:config/log4j.properties", "-cp", "libs/*"]
        at_home = {"cwd": home, "env": os.environ | {"LOG_DIR": str(self.folder.path)}}
        self.processes = [
            Process([*java[:1], "-Xmx128m", *java[1:], "org.apache.zookeeper.server.quorum.QuorumPeerMain", str(self.folder.path / "zk.properties")], self.folder.path / "zk.log", **at_home),
            Process([*java[:1], "-Xmx256m", *java[1:], "kafka.Kafka", str(self.folder.path / "server.properties")], self.folder.path / "kafka.log", **at_home),
        ]

    def producer(self):
        from kafka import KafkaProducer

        return until_ready("Kafka", lambda: KafkaProducer(bootstrap_servers=f"127.0.0.1:{self.port}", api_version=(0, 9)), 120)

    def properties(self):
        return {
            "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{self.port}",
            "KAFKA_SSL_ENABLED": "false",
            "KAFKA_CLIENT_api.version.request": "false",
            "KAFKA_CLIENT_broker.version.fallback": "0.9.0.1",
            "KAFKA_CLIENT_session.timeout.ms": "10000",
        }

    def stop(self):
        for process in reversed(self.processes):
            process.stop()
        self.folder.remove()
