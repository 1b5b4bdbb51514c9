"""What the documents point at is there."""
import re

import pytest

from certvendor_lab import ROOT

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def anchors(path):
    """Of its headings, as the forges make them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", text, re.M)}


def broken_links(path, text):
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", target):
            continue
        name, _, anchor = target.partition("#")
        page = path.parent / name if name else path
        if not page.exists() or (anchor and anchor not in anchors(page)):
            yield target


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links(path):
    assert not list(broken_links(path, path.read_text()))
    assert list(broken_links(path, "[a](nowhere.md) [b](#nowhere)")) == ["nowhere.md", "#nowhere"]


def listed_actions():
    *_, text = (ROOT / "docs/protocol/operator-api.md").read_text().partition("| about | `action` |\n")
    return set(re.findall(r"`([a-z-]+)`", text.partition("\n\n")[0]))


def test_every_action_of_the_audit_is_listed(lab):
    """Those that the code names, and those that came of whatever the suite did before."""
    code = "".join(path.read_text() for path in (ROOT / "server").rglob("*.c"))
    named = set(re.findall(r"(?:\.action|\bkind) = \"([a-z-]+)\"", code))
    named |= set(re.findall(r"\] = \{\"([a-z-]+)\",\s*CV_VIEW", code))
    assert len(named) > 30 and not named - listed_actions()
    lab.enrolled_device().rotate()
    done = {action for action, in lab.query("SELECT DISTINCT action FROM certvendor.audit")}
    assert len(done) > 4 and not done - listed_actions()


def known_tests():
    for path in (ROOT / "tests").rglob("test_*.[cp]*"):
        text = path.read_text()
        yield from re.findall(r"^def (test_\w+)", text, re.M)
        yield from map("/".join, re.findall(r"^Test\((\w+), (\w+)", text, re.M))


def test_every_test_that_the_threat_model_relies_on():
    *_, text = (ROOT / "docs/threat-model.md").read_text().partition("\n## Who can do what\n")
    named = set(re.findall(r"`(test_\w+|[a-z_]+/[a-z0-9_]+)`", text))
    assert len(named) > 50
    assert not named - set(known_tests())
