"""The manual pages: whole, and without a word too many. Settings are compared by a unit test."""
import re
import subprocess

import pytest

from certvendor_lab import BINARY, ROOT, clean_environment, run
from test_command_line import options_of, verbs_with_acts

MANUAL = ROOT / "docs/man"
PROGRAM, CONFIGURATION = MANUAL / "certvendor.1", MANUAL / "certvendor.conf.5"


def section(path, title):
    """From .Sh to .Sh."""
    [text] = re.findall(rf"^\.Sh {title}\n(.*?)(?=^\.Sh |\Z)", path.read_text(), re.M | re.S)
    return text


def items(text):
    """What the rows of a list begin with: {"device list": {"all", ...}}; a row twice is an error."""
    rows = re.findall(r"^\.It Ic ((?:(?! (?:Oo|Fl|Ar|=)\b| =).)+)(.*)$", text, re.M)
    assert len({words for words, _ in rows}) == len(rows)
    return {words: set(re.findall(r"Fl -(\S+)", rest)) for words, rest in rows}


def options(text):
    return re.findall(r"^\.It Fl -(\S+)", text, re.M)


@pytest.mark.parametrize("path", sorted(MANUAL.iterdir()), ids=lambda path: path.name)
@pytest.mark.parametrize("command", ["mandoc -T lint -W warning", "groff -mandoc -ww -z", "man --warnings -l"])
def test_pages_are_well_formed(tmp_path, path, command):
    def format_page(page):
        result = subprocess.run([*command.split(), page], capture_output=True, text=True, check=False, timeout=60,
                                env=clean_environment(MANPAGER="cat", LC_ALL="C.UTF-8"))
        return result.returncode, (result.stdout if "lint" in command else "") + result.stderr

    assert format_page(path) == (0, "")
    broken = tmp_path / path.name
    broken.write_text(path.read_text().replace(".El\n", ".El\n.El\n.Bl -tagg\n", 1))
    assert format_page(broken)[1] != ""


def test_every_verb_and_its_options():
    globals_ = set(options(section(PROGRAM, "DESCRIPTION")))
    own, served = run(BINARY, "help").stdout.split("over the API of a running server:\n")
    assert globals_ == set(re.findall(r"^  --(\S+)", served, re.M)) | {"help"}
    of_machine = {
        words: set(re.findall(r"--([a-z-]+)", run(BINARY, *words.split(), "--help").stdout)) - {"config", "help"}
        for words in re.findall(r"^  ((?:\S+ )+) ", own, re.M) for words in [words.strip()]}
    of_machine["help"] = set()
    assert items(section(PROGRAM, "VERBS OF THE MACHINE")) == of_machine
    of_operators = {
        " ".join(words): options_of(*words) - globals_
        for verb, acts in verbs_with_acts().items() for words in ([(verb, act) for act in acts] or [(verb,)])}
    text = section(PROGRAM, "VERBS OF OPERATORS")
    assert items(text) == of_operators
    assert sorted(options(text)) == sorted(set().union(*of_operators.values()))


def test_every_setting_of_a_label():
    """With its default, as the table in the source has them."""
    table = (ROOT / "server/app/config_labels.c").read_text().split("} settings[] = {")[1].split("};")[0]
    rows = {key: "" for key in re.findall(r'\bTEXT\("(\w+)"', table)}
    rows.update(re.findall(r'\b(?:WORDS?|NUMBER)\("(\w+)"[^"]*"([^"]*)"', table))
    assert len(rows) == len(re.findall(r"^\t[A-Z]+\(", table, re.M))
    shown = re.findall(r"^\.It Ic (\w+) = ?(.*)$", section(CONFIGURATION, "EST LABELS"), re.M)
    assert sorted(shown) == sorted(rows.items())


def test_the_variables_of_the_environment():
    source = "".join(path.read_text() for path in (ROOT / "server").rglob("*.c"))
    known = set(re.findall(r'(?:getenv\(|variable\(|or_environment\([^"]*)"([A-Z_]+)"\)', source))
    shown = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)*\b", " ".join(
        re.findall(r"^\.It Ev (.*)$", section(PROGRAM, "ENVIRONMENT"), re.M))))
    assert len(known) > 5 and shown == known | {"CERTVENDOR_SECTION_KEY"}
