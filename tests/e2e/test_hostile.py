"""Clients that want to wear the server out. After each of them it still serves everybody else, its memory
is bounded and no descriptor is left behind."""
import concurrent.futures
import contextlib
import json
import os
import re
import resource
import select
import socket
import ssl
import statistics
import subprocess
import time

import pytest

from certvendor_lab import (BINARY, EST, PATIENCE, VAR, Key, Lab, Raw, clean_environment, rfc9440, run,
                            tls_context, wait_until)

# Fewer in a lane that is slow.
IDLE = int(os.environ.get("CV_IDLE", "10000"))
MEBIBYTE = 1 << 20
GIBIBYTE = 1 << 30
# The address sanitizer keeps what was freed.
MEMORY_MAX = 700 * MEBIBYTE if "asan" in str(BINARY) else 48 * MEBIBYTE
HARMLESS = f"GET {EST}/cacerts HTTP/1.1\r\nHost: x\r\n\r\n".encode()
ENROL = f"POST {EST}/simpleenroll HTTP/1.1\r\nHost: x\r\nContent-Type: application/pkcs10\r\n".encode()
NOTHING = b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
CONNECTIONS = 64
SHORT = {"server": {"connections": str(CONNECTIONS), "idle_timeout": "2", "request_timeout": "2", "workers": "4"}}


def process_file(lab, name):
    return f"/proc/{lab.process.pid}/{name}"


def descriptors(lab):
    """Not everybody may look into the folder of a process that hides itself."""
    try:
        return len(os.listdir(process_file(lab, "fd")))
    except PermissionError:
        return int(lab.metric("process_open_fds"))


def memory(lab, what="VmRSS"):
    with open(process_file(lab, "status"), encoding="ascii") as status:
        [line] = [line for line in status if line.startswith(what + ":")]
    return int(line.split()[1]) * 1024


def forget_peak(lab):
    try:
        with open(process_file(lab, "clear_refs"), "w", encoding="ascii") as file:
            file.write("5")
    except PermissionError:
        pass


def serves(lab, device):
    assert lab.send("device", "GET", f"{EST}/cacerts").status == 200
    assert device.show().status == 200
    assert device.check().status == 200
    assert lab.check().status == 403
    assert lab.operator("GET", "/v1/status").status == 200
    assert lab.send("public", "GET", "/ca/demo.pem").status == 200
    assert lab.monitor("/readyz").status == 200


@pytest.fixture(scope="module")
def target(postgres):
    lab = Lab("hostile", postgres, settings=SHORT)
    try:
        lab.prepare().start()
        lab.gateway = lab.add_gateway()
        lab.victim = lab.enrolled_device()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:  # every worker has its connection
            list(pool.map(lambda _: lab.victim.show(), range(64)))
        yield lab
    finally:
        lab.close()


@pytest.fixture(autouse=True)
def unharmed(target):
    serves(target, target.victim)
    wait_until(lambda: target.metric('certvendor_http_connections{listener="device"}') == 0, "quiet")
    before, memory_before = descriptors(target), memory(target)
    forget_peak(target)
    yield
    assert target.process.poll() is None
    wait_until(lambda: descriptors(target) <= before + 2, f"{before} descriptors again")
    grown = memory(target, "VmHWM") - memory_before
    assert grown < MEMORY_MAX, f"{grown / MEBIBYTE:.0f} MiB more"
    serves(target, target.victim)


def plain(lab, listener):
    return socket.create_connection(("127.0.0.1", lab.ports[listener]), timeout=PATIENCE)


def in_memory(lab):
    """TLS of a client, what it reads and what it wrote."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    return tls_context(lab.root).wrap_bio(incoming, outgoing, server_hostname="127.0.0.1"), incoming, outgoing


def client_hello(lab):
    """The first flight of a client."""
    tls, _, outgoing = in_memory(lab)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def send_endlessly(raw, piece, most=GIBIBYTE):
    """Bytes sent until the server had enough. One that takes everything is a failure."""
    sent = 0
    try:
        while sent < most:
            raw.socket.sendall(piece)
            sent += len(piece)
    except OSError:
        return sent
    raise AssertionError(f"the server took {sent} bytes")


# ---- Slow --------------------------------------------------------------------------------------


def drip(lab, data, is_tls):
    """Seconds until the server cuts a client that sends a byte now and then."""
    connection = lab.raw("device").socket if is_tls else plain(lab, "device")
    begin = time.monotonic()
    with connection:
        try:
            for byte in data:
                connection.sendall(bytes([byte]))
                time.sleep(0.1)
        except OSError:
            pass
        else:
            connection.settimeout(PATIENCE)
            try:
                while connection.recv(4096):
                    pass
            except OSError:
                pass
    return time.monotonic() - begin


@pytest.mark.parametrize("kind", ["handshake", "half a handshake", "head", "body"])
def test_slow_clients(target, kind):
    data, is_tls = {
        "handshake": (client_hello(target), False),
        "half a handshake": (client_hello(target)[:20], False),
        "head": (b"GET /device HTTP/1.1\r\nX: " + b"y" * 500, True),
        "body": (ENROL + b"Content-Length: 9999\r\n\r\n" + b"A" * 500, True),
    }[kind]
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        running = [pool.submit(drip, target, data, is_tls) for _ in range(40)]
        while not all(each.done() for each in running):
            assert target.victim.check().status == 200
            time.sleep(0.1)
    assert all(1 < each.result() < 30 for each in running), [each.result() for each in running]


def half_shaken(lab):
    """A connection whose client has the flight of the server and says only a part of its own."""
    tls, incoming, outgoing = in_memory(lab)
    connection = plain(lab, "device")
    while True:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            connection.sendall(outgoing.read())
            incoming.write(connection.recv(65536))
        else:
            break
    connection.sendall(outgoing.read()[:-1])
    return connection


def begun(lab, is_tls, data):
    connection = lab.raw("device").socket if is_tls else plain(lab, "device")
    connection.sendall(data)
    return connection


def unread(lab):
    """A connection whose client lets the answers pile up."""
    connection = begun(lab, True, b"")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.sendall(HARMLESS * 20)
    return connection


def processor_seconds(lab):
    with open(process_file(lab, "stat"), encoding="ascii") as file:
        user, system = file.read().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("state", ["nothing", "a byte", "half a hello", "hello", "half a flight", "shaken", "half a head",
                                   "half a body", "no reading"])
def test_silence_costs_no_processor(target, state):
    """An event loop that asks again and again would take one or two processors for the whole time."""
    hello = client_hello(target)
    start = {
        "nothing": lambda: begun(target, False, b""),
        "a byte": lambda: begun(target, False, hello[:1]),
        "half a hello": lambda: begun(target, False, hello[:100]),
        "hello": lambda: begun(target, False, hello),
        "half a flight": lambda: half_shaken(target),
        "shaken": lambda: begun(target, True, b""),
        "half a head": lambda: begun(target, True, HARMLESS[:-3]),
        "half a body": lambda: begun(target, True, ENROL + b"Content-Length: 9999\r\n\r\nMIIB"),
        "no reading": lambda: unread(target),
    }[state]
    held = [start() for _ in range(10)]
    time.sleep(0.1)  # what they sent is worked on
    before, begin = processor_seconds(target), time.monotonic()
    time.sleep(1)
    spent = (processor_seconds(target) - before) / (time.monotonic() - begin)
    for each in held:
        each.close()
    assert spent < 0.5, f"{spent:.2f} of a processor"


def test_handshakes_that_wait_end_with_the_service(make_lab):
    """The library would abort if it were stopped while one of them waits for its client."""
    lab = make_lab().start()
    held = [begun(lab, False, client_hello(lab)) for _ in range(50)] + [half_shaken(lab) for _ in range(50)]
    assert lab.stop() == 0
    for each in held:
        each.settimeout(PATIENCE)
        with contextlib.suppress(ConnectionResetError):
            while each.recv(65536):
                pass
        each.close()


def test_a_handshake_in_pieces(target):
    """A client behind a bad line: a few bytes at a time."""
    tls, incoming, outgoing = in_memory(target)

    def flush():
        data = outgoing.read()
        for at in range(0, len(data), 5):
            connection.sendall(data[at:at + 5])
            time.sleep(0.0005)

    with plain(target, "device") as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                flush()
                incoming.write(connection.recv(65536))
        tls.write(HARMLESS)
        flush()
        answer = b""
        while b"\r\n\r\n" not in answer:
            incoming.write(connection.recv(65536))
            with contextlib.suppress(ssl.SSLWantReadError):
                answer += tls.read(65536)
        assert answer.startswith(b"HTTP/1.1 200")


def test_clients_that_never_read(target):
    """The answers have nowhere to go: the connection is cut, and the memory for them is bounded."""
    held = [target.raw("device") for _ in range(8)]
    for raw in held:
        raw.socket.settimeout(0.2)
        try:
            raw.socket.sendall(HARMLESS * 20000)
        except OSError:
            pass
    wait_until(lambda: target.metric('certvendor_http_connections{listener="device"}') == 0, "cut")
    for raw in held:
        raw.socket.close()


# ---- Many --------------------------------------------------------------------------------------


@pytest.mark.parametrize("listener", ["device", "gateway", "operator", "public"])
def test_more_connections_than_allowed(target, listener):
    """Who sits there without a word is cut, and then others come in; no other listener notices."""
    held = [plain(target, listener) for _ in range(5 * CONNECTIONS // 2)]
    try:
        if listener != "gateway":
            assert target.victim.check().status == 200
        if listener != "device":
            assert target.victim.show().status == 200
        serves(target, target.victim)  # waits until it is its turn
    finally:
        for each in held:
            each.close()


def test_more_tls_connections_than_allowed(target):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(
            lambda _: target.send("device", "GET", f"{EST}/cacerts").status, range(3 * CONNECTIONS)))
    assert set(statuses) == {200}


def pour(tls, data):
    """Sends it all while taking what comes, in one thread: OpenSSL lets no two use a connection at once."""
    taken, view = b"", memoryview(data)
    tls.setblocking(False)
    while view:
        readable, writable, _ = select.select([tls], [tls], [], PATIENCE)
        assert readable or writable
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
            if writable:
                view = view[tls.send(view):]
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
            while readable:
                part = tls.recv(1 << 16)
                assert part, "closed by the server"
                taken += part
    tls.settimeout(PATIENCE)
    return taken


def test_a_flood_of_requests_on_one_connection(target):
    count = 2000
    with target.raw("device") as raw:
        for _ in range(10):
            raw.buffer = pour(raw.socket, NOTHING * count)
            assert {raw.answer().status for _ in range(count)} == {404}
        raw.send(HARMLESS)
        assert raw.answer().status == 200


def test_no_descriptor_is_left(target):
    """As if others had taken what the system has: nothing breaks, and it goes on when there are some."""
    limit = resource.prlimit(target.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(target.process.pid, resource.RLIMIT_NOFILE, (descriptors(target) + 8, limit[1]))
    held = []
    try:
        with target.raw("gateway", target.gateway) as known:
            held = [plain(target, listener) for listener in ("device", "public", "operator") for _ in range(30)]
            for _ in range(20):
                known.send(f"GET /v1/check HTTP/1.1\r\nHost: x\r\nClient-Cert: "
                           f"{rfc9440(target.victim.identity.der)}\r\n\r\n")
                assert known.answer().status == 200
    finally:
        resource.prlimit(target.process.pid, resource.RLIMIT_NOFILE, limit)
        for each in held:
            each.close()


# ---- Large and endless -------------------------------------------------------------------------


ENDLESS = [
    ("device", ENROL + b"Content-Length: %d\r\n\r\n" % GIBIBYTE, b"A" * MEBIBYTE),
    ("device", ENROL + b"Transfer-Encoding: chunked\r\n\r\n", b"100000\r\n" + b"A" * MEBIBYTE + b"\r\n"),
    ("device", ENROL + b"Transfer-Encoding: chunked\r\n\r\n40000000\r\n", b"A" * MEBIBYTE),
    ("device", ENROL + b"Transfer-Encoding: chunked\r\n\r\n2;", b"a" * MEBIBYTE),
    ("device", ENROL + b"Transfer-Encoding: chunked\r\n\r\n", b"1;extension=value\r\nA\r\n" * 4096),
    ("device", ENROL + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Trailer: y\r\n" * 4096),
    ("device", b"GET /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % GIBIBYTE, b"A" * MEBIBYTE),
    ("device", b"GET /device HTTP/1.1\r\nHost: x\r\nX: ", b"a" * MEBIBYTE),
    ("device", b"GET /device HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n" * 4096),
    ("device", b"GET /", b"a" * MEBIBYTE),
    ("device", b"", b"G" * MEBIBYTE),
    ("device", b"", b"\r\n" * 4096),
    ("gateway", b"GET /v1/check HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % GIBIBYTE, b"A" * MEBIBYTE),
    ("gateway", b"GET /v1/check HTTP/1.1\r\nHost: x\r\nX-Client-Cert: ", b"%41" * 300000),
    ("operator", b"POST /v1/enrolment-tokens HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % GIBIBYTE,
     b"A" * MEBIBYTE),
    ("public", b"POST /ca/demo.pem HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
     b"100000\r\n" + b"A" * MEBIBYTE + b"\r\n"),
    ("monitoring", b"GET /metrics HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n" * 4096),
]


@pytest.mark.parametrize("listener,head,piece", ENDLESS, ids=map(str, range(len(ENDLESS))))
def test_endless(target, listener, head, piece):
    with target.raw(listener, target.gateway if listener == "gateway" else None) as raw:
        raw.send(head)
        sent = send_endlessly(raw, piece)
        # What is on its way when the connection is cut counts too.
        assert sent < 64 * MEBIBYTE, f"{sent / MEBIBYTE:.0f} MiB"


def test_chunk_extensions_are_read_over(target):
    with target.raw("operator") as raw:
        raw.send(f"POST /v1/enrolment-tokens HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {target.token}\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n2;name=value\r\n{}\r\n0;last\r\n\r\n")
        assert raw.answer().status in (201, 400)


GARBAGE = [
    b"\0" * 500, b"\xff" * 500, b"GARBAGE\r\n\r\n", b"GET\r\n\r\n" + HARMLESS, b"{}" + HARMLESS,
    b"HTTP/1.1 200 OK\r\n\r\n" + HARMLESS, b"\x16\x03\x01\x02\x00" + b"\0" * 500]


@pytest.mark.parametrize("garbage", GARBAGE, ids=map(str, range(len(GARBAGE))))
def test_garbage_behind_a_request(target, garbage):
    """It belongs to no request, so nothing after it is one."""
    with target.raw("device") as raw:
        raw.send(HARMLESS + garbage)
        assert raw.answer().status == 200
        assert b"HTTP/1.1 2" not in raw.everything()


def test_a_declared_body_that_is_a_request(target):
    with target.raw("device") as raw:
        raw.send(ENROL + b"Content-Length: %d\r\n\r\n" % len(HARMLESS) + HARMLESS + NOTHING)
        assert [raw.answer().status, raw.answer().status] == [400, 404]


# ---- Other protocols ---------------------------------------------------------------------------


@pytest.mark.parametrize("listener", ["device", "gateway", "operator", "public", "monitoring"])
def test_http2(target, listener):
    with target.raw(listener) as raw:
        raw.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000"))
        answer = raw.everything()
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4") or answer.startswith(b"HTTP/1.1 505"), answer


def test_http2_is_not_agreed_on(target):
    context = tls_context(target.root)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with context.wrap_socket(plain(target, "device"), server_hostname="127.0.0.1") as tls:
        assert tls.selected_alpn_protocol() != "h2"


def s_client(lab, *words, lines=(), pause=0.0):
    """Exit code and output of openssl s_client, which is told these lines one after the other."""
    process = subprocess.Popen(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{lab.ports['device']}", "-CAfile", lab.root, *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=clean_environment())
    try:
        for line in lines:
            time.sleep(pause)
            process.stdin.write(line)
            process.stdin.flush()
    except BrokenPipeError:
        pass
    try:
        output = process.communicate(timeout=PATIENCE)[0]
    except (BrokenPipeError, ValueError):
        output = process.stdout.read()
    return process.wait(PATIENCE), output.decode(errors="replace")


@pytest.mark.parametrize("version,is_spoken", [
    ("-tls1", False), ("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)])
def test_versions(target, version, is_spoken):
    code, output = s_client(target, version, "-cipher", "ALL:@SECLEVEL=0", "-no_ign_eof")
    assert (code == 0) == is_spoken, output
    assert ("Verify return code: 0 (ok)" in output and "Cipher is (NONE)" not in output) == is_spoken, output


@pytest.mark.parametrize("cipher", ["AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "NULL-SHA256", "AECDH-AES128-SHA"])
def test_weak_ciphers(target, cipher):
    assert s_client(target, "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")[0] != 0
    assert s_client(target, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256")[0] == 0


@pytest.mark.parametrize("version,command", [("-tls1_2", b"R\n"), ("-tls1_3", b"K\n"), ("-tls1_3", b"k\n")],
                         ids=["renegotiate", "update", "update-ours"])
def test_key_changes_without_end(target, version, command):
    """Each costs the server more than the client; it may end the connection, and only that."""
    _, output = s_client(target, version, "-msg", lines=[command] * 200, pause=0.005)
    assert "RENEGOTIATING" in output or "KEYUPDATE" in output or "KeyUpdate" in output, output[-2000:]
    # Renegotiation is not answered by a second handshake.
    assert len(re.findall(r"ServerHello$", output, re.MULTILINE)) == 1


def test_half_closed_connections(target):
    """The client waits for the end, so the server has to come to it."""
    for listener, data in (("public", b""), ("public", b"GET /ca/demo.pem"), ("monitoring", NOTHING[:-2]),
                           ("device", b""), ("device", client_hello(target))):
        held = [plain(target, listener) for _ in range(20)]
        for each in held:
            each.sendall(data)
            each.shutdown(socket.SHUT_WR)
        for each in held:
            try:
                while each.recv(65536):
                    pass
            except ConnectionResetError:
                pass
            each.close()


def test_a_request_of_a_half_closed_connection(target):
    with plain(target, "public") as connection:
        connection.sendall(b"GET /ca/demo.pem HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while data := connection.recv(65536):
            answer += data
        assert answer == b"" or answer.startswith(b"HTTP/1.1 200")


# ---- Certificates ------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [10, 100, 1000])
def test_long_chains(target, count):
    """The leaf alone counts; a chain that is too long ends the handshake."""
    victim = target.victim.identity
    path = victim.certificate.with_suffix(f".chain-{count}.pem")
    path.write_text(victim.pem + target.root.read_text() * count)
    context = ssl.create_default_context(cafile=str(target.root))
    context.load_cert_chain(path, victim.key)
    try:
        with context.wrap_socket(plain(target, "device"), server_hostname="127.0.0.1") as tls:
            tls.sendall(b"GET /device HTTP/1.1\r\nHost: x\r\n\r\n")
            status = tls.recv(64)[:12]
            assert status in (b"HTTP/1.1 200", b""), status
            assert status != b"" or count > 10
    except OSError:
        assert count > 10


@pytest.mark.parametrize("names,is_taken", [(10, True), (800, False), (4000, False)])
def test_large_certificates(target, names, is_taken):
    """Up to 16 KiB are looked at, and then belong to nobody; more is no certificate."""
    key = Key(target.keys, f"/CN=large-{names}")
    out = key.path.with_suffix(".self.pem")
    config = key.path.with_suffix(".conf")
    config.write_text("[req]\ndistinguished_name=x\n[x]\n[v3]\nsubjectAltName=" + ",".join(
        f"DNS:{number:05}.large.example.com" for number in range(names)))
    run("openssl", "req", "-x509", "-key", key.path, "-subj", key.subject, "-days", "30", "-config", config,
        "-extensions", "v3", "-out", out)
    context = ssl.create_default_context(cafile=str(target.root))
    context.load_cert_chain(out, key.path)
    try:
        with context.wrap_socket(plain(target, "device"), server_hostname="127.0.0.1") as tls:
            tls.sendall(b"GET /device HTTP/1.1\r\nHost: x\r\n\r\n")
            assert tls.recv(64)[:12] in (b"HTTP/1.1 403", b"")
    except OSError:
        assert not is_taken


# ---- A fleet that only sits there --------------------------------------------------------------


def check_latency(lab, device, rounds=400):
    """Median in seconds, on one connection."""
    times = []
    with lab.client("gateway", lab.gateway) as client:
        for _ in range(rounds):
            begin = time.perf_counter()
            answer = client.send("GET", "/v1/check", headers={"Client-Cert": rfc9440(device.identity.der)})
            times.append(time.perf_counter() - begin)
            assert answer.status == 200
    return statistics.median(times)


def sit_down(lab, count, context):
    """Connections that have asked once and now keep still."""
    held = []
    for _ in range(count):
        connection = context.wrap_socket(plain(lab, "device"), server_hostname="127.0.0.1")
        connection.sendall(NOTHING)
        held.append(connection)
    for connection in held:
        assert connection.recv(4096).startswith(b"HTTP/1.1 404")
    return held


def count_ended(held):
    """How many of them the server has closed."""
    poll = select.poll()
    for each in held:
        poll.register(each, select.POLLRDHUP)
    return len(poll.poll(0))


def test_ten_thousand_idle_connections(make_lab):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(IDLE, (hard - 1000) * 3 // 5)
    held = []
    try:
        # As a service starts mostly; it has to raise that itself.
        lab = make_lab(settings={"server": {"connections": str(count + 2000), "idle_timeout": "900",
                                            "request_timeout": "300"}})
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
        lab.launch()
        resource.setrlimit(resource.RLIMIT_NOFILE, (count + 1000, hard))
        wait_until(lab.is_ready, "ready")
        assert lab.metric("process_max_fds") == hard
        lab.gateway = lab.add_gateway()
        device = lab.enrolled_device()
        before, memory_before, alone = descriptors(lab), memory(lab), check_latency(lab, device)
        context = tls_context(lab.root)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for some in pool.map(lambda _: sit_down(lab, count // 8, context), range(8)):
                held += some
        assert descriptors(lab) >= len(held) == count // 8 * 8
        crowded, memory_held = check_latency(lab, device), memory(lab)
        old = device.rotate()
        assert (device.check().status, device.check(old).status) == (200, 403)
        serves(lab, device)
        cut = count_ended(held)
        assert cut == 0, f"{cut} of {len(held)} were cut"
        (VAR / "hostile.json").write_text(json.dumps({
            "idle_connections": len(held), "check_ms_alone": alone * 1000, "check_ms_crowded": crowded * 1000,
            "check_ratio": crowded / alone, "bytes_each": (memory_held - memory_before) / len(held)}, indent=1))
        assert crowded < 100 * alone
        for each in held:
            each.close()
        wait_until(lambda: descriptors(lab) <= before + 20, "descriptors again")
        serves(lab, device)
    finally:
        for each in held:
            each.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
