import pathlib
import signal
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1] / "e2e")]

from container import FOLDER, Network  # noqa: E402


def pytest_configure():
    # This is process 1 of its namespace, which ignores what it does not handle.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if not FOLDER.is_dir():
        pytest.exit("these tests run in namespaces: make test-image", returncode=1)


@pytest.fixture(scope="session")
def network():
    return Network()
