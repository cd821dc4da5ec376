"""What all tests share: one started server, clients for it, and a small trained campaign."""

import os
import uuid
from pathlib import Path

import pytest

import two_tastes
from server import Server


def pytest_addoption(parser):
    parser.addoption("--penchant", required=True, help="path of the penchant binary to test")


@pytest.fixture(scope="session")
def binary(request):
    return Path(request.config.getoption("--penchant"))


@pytest.fixture(scope="session")
def server(binary, tmp_path_factory):
    server = Server(binary, tmp_path_factory.mktemp("served")).start()
    yield server
    server.stop()
    written = server.log()
    assert "panicked" not in written, written


@pytest.fixture(scope="session")
def clients(server):
    return server.clients()


@pytest.fixture
def unique():
    """A name that no other test uses; fit for buckets and resources."""
    return f"t-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def bucket(clients, unique):
    clients.s3.create_bucket(Bucket=unique)
    return unique


@pytest.fixture(scope="session")
def shop(clients):
    """A trained and deployed group over two plain tastes. Tests may put events, and change nothing else."""
    return two_tastes.Shop(clients, f"shop-{uuid.uuid4().hex[:8]}").build()


@pytest.fixture(scope="session")
def shared_data():
    """Folder of the real data sets, or None where there is none."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("PENCHANT_SHARED_DATA") or beside)
    return folder if folder.is_dir() else None


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what the server wrote last."""
    outcome = yield
    report = outcome.get_result()
    server = getattr(item, "funcargs", {}).get("server")
    if report.failed and server is not None:
        report.sections.append(("last lines of the server", server.log()))
