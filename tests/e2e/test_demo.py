"""`make run`, and the rotation by hand that the README shows: both as somebody new would do them."""
import pathlib
import re
import signal
import subprocess

import pytest

from certvendor_lab import BINARY, PATIENCE, ROOT, clean_environment, end_process, wait_until


@pytest.fixture
def tree(tmp_path):
    """A tree of its own, so that a demonstration that somebody runs in this one is left alone."""
    for name in ("deploy", "sql", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    release = tmp_path / "build" / "release"
    release.mkdir(parents=True)
    (release / "certvendor").symlink_to(BINARY)
    return tmp_path


class Demonstration:
    def __init__(self, tree, name="output"):
        self.output = tree / name
        with self.output.open("wb") as output:
            # Who runs the tests in the background ignores SIGINT, and a shell cannot take that back.
            self.process = subprocess.Popen([tree / "deploy/demo/run.sh"], stdout=output, stderr=output,
                                            env=clean_environment(CERTVENDOR_BINARY=str(BINARY)),
                                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    def text(self):
        return self.output.read_text()

    def wait(self):
        wait_until(lambda: "Ctrl-C ends it" in self.text() or self.process.poll() is not None, "demonstration",
                   timeout=3 * PATIENCE)
        return self

    def end(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)


@pytest.fixture
def demonstration(tree):
    made = Demonstration(tree)
    yield made.wait()
    end_process(made.process)


def answers(text):
    return [int(number) for number in re.findall(r"^ +answer: (\d+)", text, re.M)]


def by_hand():
    """The two shell blocks of the section, in one shell as a reader has it."""
    *_, section = (ROOT / "README.md").read_text().partition("\n## The same by hand\n")
    section, *_ = section.partition("\n## ")
    blocks = re.findall(r"^```sh\n(.*?)^```", section, re.M | re.S)
    assert len(blocks) == 2
    return "set -e\n" + "".join(blocks)


def test_what_the_readme_promises(demonstration, tree):
    assert answers(demonstration.text()) == [200, 200, 200, 403, 200, 200, 200, 403, 403, 200]
    done = subprocess.run(["/bin/bash", "-c", by_hand()], cwd=tree, capture_output=True, text=True, timeout=PATIENCE,
                          env=clean_environment(TMPDIR=str(tree / "var")), check=False)
    assert done.returncode == 0, done.stderr
    # Too early, announced, first use; and the old certificate.
    assert re.findall(r"^([0-9]{3})$", done.stdout, re.M) == ["403", "200", "200", "403"], done.stdout
    device = re.search(r"^CV_DEVICE_ID='(.*)'$", (tree / "var/demo/env").read_text(), re.M)[1]
    assert re.search(rf"^id +{device}$", done.stdout, re.M) and re.search(r"^state +ok$", done.stdout, re.M)

    second = Demonstration(tree, "second")
    assert second.process.wait(PATIENCE) == 1
    assert "another demonstration is running" in second.text()

    folder = pathlib.Path((tree / "var/demo/postgres-folder").read_text().strip())
    assert demonstration.end() == 0
    assert not (folder / "postmaster.pid").exists()
