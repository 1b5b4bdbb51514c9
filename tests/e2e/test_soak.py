"""What many handshakes and requests that are given up leave behind: nothing.

CV_HANDSHAKES says how many (default 4000; a long run takes a million).
"""
import os
import random
import re
import ssl

from certvendor_lab import BINARY, run, wait_until
from test_hostile import descriptors, memory

HANDSHAKES = int(os.environ.get("CV_HANDSHAKES", "4000"))
# The sanitizer keeps freed memory for a while.
MAY_GROW = (8 if "asan" not in str(BINARY) else 512) * 1024 * 1024


def handshakes(lab, identity, seconds):
    """New connections of OpenSSL's own client, each with one request; how many."""
    result = run("openssl", "s_time", "-connect", f"localhost:{lab.ports['device']}", "-CAfile", lab.root, "-cert",
                 identity.certificate, "-key", identity.key, "-new", "-time", str(seconds), "-www", "/device",
                 timeout=seconds + 60)
    counts = re.findall(r"^(\d+) connections in", result.stdout, re.MULTILINE)
    assert counts, result.stdout
    return int(counts[0])


def give_up(lab, identity, chance):
    """A request that ends anywhere: in the handshake, in the headers, in the body, before the answer."""
    request = (b"POST /.well-known/est/simplereenroll HTTP/1.1\r\nHost: x\r\nContent-Type: application/pkcs10\r\n"
               b"Content-Length: 400\r\n\r\n" + b"A" * 400)
    try:
        with lab.raw("device", identity) as raw:
            raw.send(request[:chance.randrange(len(request) + 1)])
    except (OSError, ssl.SSLError):
        pass


def run_through(lab, identity, count, chance):
    done = 0
    while done < count:
        done += handshakes(lab, identity, 2 if count < 100_000 else 60)
        for _ in range(40):
            give_up(lab, identity, chance)
    return done


def test_handshakes_leave_nothing_behind(make_lab):
    lab = make_lab(settings={"log": {"level": "warning"}}).start()
    identity = lab.enrolled_device().identity
    chance = random.Random(20)
    run_through(lab, identity, HANDSHAKES // 4, chance)
    before, open_before = memory(lab), descriptors(lab)
    done = run_through(lab, identity, HANDSHAKES, chance)
    grown = memory(lab) - before
    print(f"{done} handshakes: {grown / 1024:.0f} KiB more")
    assert grown < MAY_GROW, f"{grown} bytes more after {done} handshakes"
    wait_until(lambda: abs(descriptors(lab) - open_before) <= 4, "the descriptors are closed")
    assert lab.send("device", "GET", "/device", identity).status == 200
