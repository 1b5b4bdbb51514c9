#!/usr/bin/python3
"""Looks for secrets where none may be: in whatever programs and tests have written below a folder.

    find_secrets.py FOLDER...

Files that are secrets (keys, tokens, passphrases, settings) tell what to look for and are no finding
themselves; every other file is read, logs as well as data. Found are: what those files hold, every token of
certvendor plain or in base64, private keys in the clear, and values of Authorization headers. Exit code 1 when there is one.
"""
import base64
import os
import pathlib
import re
import subprocess
import sys
import tempfile

# Files that may hold secrets. "env" is what make run leaves for the person who started it.
HOLDERS = re.compile(r"(.*\.(key|token|conf|passphrase)|.*passphrase.*|env)$")
# Inputs of fuzz targets look like everything; installed programs, documents and systems show what secrets look like.
IGNORED = ("fuzz", "installed", "stage", "root", "storage")
SHORTEST = 20  # shorter texts occur by chance


def encodings(text):
    """What is the same in base64 wherever the text stands in what was encoded, and how many characters before it
    are not."""
    for shift, lost in enumerate((0, 2, 3)):
        yield lost, base64.b64encode(b"\0" * shift + text)[lost:-4]


TOKEN = re.compile(rb"cv[oew]_[A-Za-z0-9_-]{30}")
PATTERNS = re.compile(
    TOKEN.pattern + rb"|-----BEGIN (?!ENCRYPTED )[A-Z ]*PRIVATE KEY-----"
    rb"|(?i:authorization)[\"']?[:=] *[\"']?(?i:basic|bearer) +[^ \r\n\"']{8}")
# Four characters are the same for every token, but for its first; what follows decides.
ANY_END = re.compile(rb"v[oew]_[A-Za-z0-9_-]{30}")
ENCODED = [(lost, re.compile(re.escape(part[:4]) + rb"[A-Za-z0-9+/]{48}"))
           for prefix in (b"cvo_", b"cve_", b"cvw_") for lost, part in encodings(prefix + b"\0\0\0")]


def encoded_tokens(data):
    for lost, pattern in ENCODED:
        for match in pattern.finditer(data):
            text = b"A" * lost + match[0]
            if ANY_END.search(base64.b64decode(text[:len(text) // 4 * 4])):
                yield match[0]


def read(path):
    """A database that is at work removes files."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def secrets_of(path):
    """What must not be seen of a file elsewhere: each line that is long enough, and is not the same in many."""
    lines = [line.strip() for line in read(path).splitlines()]
    for before, line, after in zip([b"-----", *lines], lines, [*lines[1:], b""]):
        if path.name.endswith(".conf"):
            line = line.partition(b"=")[2].strip() if line.startswith((b"passphrase =", b"password =")) else b""
        # The first line of a key says what kind of key it is.
        is_frame = line.startswith((b"-----", b"#", b"MIGHAgEAMBMGByqGSM49", b"MIIBvTBXBgkqhkiG9w0B"))
        # Its last line is public: certificates hold the same.
        is_end = after.startswith(b"-----END") and not before.startswith(b"-----")
        if len(line) >= SHORTEST and not is_frame and not is_end:
            yield line


def walk(folder):
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and not set(path.relative_to(folder).parts) & set(IGNORED):
            yield path


def describe(match):
    """Enough to find it, and not the secret."""
    return match[:8].decode("ascii", "replace") + "..."


def find_texts(paths, texts):
    """Thousands of texts in large files: that is grep's trade."""
    if not paths or not texts:
        return
    with tempfile.NamedTemporaryFile() as list_of_texts:
        list_of_texts.write(b"\n".join(texts))
        list_of_texts.flush()
        result = subprocess.run(
            ["xargs", "-0", "grep", "-saoFHZ", "-f", list_of_texts.name, "--"], capture_output=True, check=False,
            input=b"\0".join(str(path).encode() for path in paths), env={"LC_ALL": "C", "PATH": os.environ["PATH"]})
    for line in set(result.stdout.splitlines()):
        path, _, match = line.partition(b"\0")
        yield pathlib.Path(os.fsdecode(path)), describe(match)


def find(folder, known=()):
    """Pairs of file and what is in it. known: more texts that are secrets."""
    folder = pathlib.Path(folder)
    holders = [path for path in walk(folder) if HOLDERS.match(path.name)]
    texts = {line for path in holders if path.name != "env" for line in secrets_of(path)}
    texts |= {text.encode() for text in known if len(text) >= SHORTEST}
    texts |= {part for text in texts for _, part in encodings(text)}
    others = [path for path in walk(folder) if path not in holders]
    for path in others:
        data = read(path)
        for match in {match[0] for match in PATTERNS.finditer(data)} | set(encoded_tokens(data)):
            yield path, describe(match)
    yield from find_texts(others, texts)


def main():
    found = [pair for folder in sys.argv[1:] for pair in find(folder)]
    for path, what in found:
        print(f"secret in {path}: {what}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
