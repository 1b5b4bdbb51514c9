"""EST csrattrs: what clients are told to put into their requests, element by element."""
import base64

import pytest

from certvendor_lab import FACTORY, run
from est_client import (CHALLENGE_PASSWORD, CN, EXTENSION_REQUEST, OU, Est, attribute, der, device_name, element,
                        elements, extension, integer, make_key, oid, outcome, request, seq)

est = pytest.mark.est
TEMPLATE, EXTENSION_TEMPLATE = "1.2.840.113549.1.9.16.2.61", "1.2.840.113549.1.9.16.2.62"
CURVE = attribute("1.2.840.10045.2.1", oid("1.2.840.10045.3.1.7"))
KEY_USAGE = extension("2.5.29.15", b"\x03\x02\x07\x80", True)
PURPOSE = extension("2.5.29.37", seq(oid("1.3.6.1.5.5.7.3.2")), True)


def announced(lab, label, agent="curl/8"):
    answer = Est(lab, label).get("csrattrs", headers={"User-Agent": agent})
    assert answer.status == 200, answer
    return base64.b64decode(answer.body)


@est("13.1", "13.2")
def test_nothing_to_say(est_lab):
    for label in ("", "second", "other"):
        answer = Est(est_lab, label).get("csrattrs")
        assert (answer.status, answer.body, answer.headers["Content-Type"]) == (204, b"", None)


@est("13.3", "13.8")
@pytest.mark.parametrize("label,expected", [
    ("linked", seq(oid(CHALLENGE_PASSWORD))), ("linkable", seq(oid(CHALLENGE_PASSWORD))),
    ("attributes", seq(oid("2.5.4.5"), oid("1.2.3.4.5")))])
def test_object_identifiers(est_lab, label, expected):
    answer = Est(est_lab, label).get("csrattrs")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/csrattrs")
    assert answer.headers["Content-Transfer-Encoding"] == "base64" and answer.body.endswith(b"\r\n")
    assert base64.b64decode(answer.body) == expected


@est("13.4")
@pytest.mark.parametrize("label", ["both", "template", "rsa-template", "san-template"])
def test_libest_gets_nothing_but_object_identifiers(est_lab, label):
    answer = Est(est_lab, label).get("csrattrs", headers={"User-Agent": "libest 1.0"})
    if answer.status == 204:
        return
    path = est_lab.keys / "csrattrs.der"
    path.write_bytes(base64.b64decode(answer.body))
    text = run("openssl", "asn1parse", "-inform", "DER", "-in", path).stdout
    assert not any(word in text for word in ("INTEGER", "BOOLEAN", "OCTET STRING", "BIT STRING", "cont ["))


def template_of(lab, label):
    """The elements of the template: version, name, and the rest by tag."""
    tag, content, end = element(announced(lab, label))
    assert (tag, end) == (0x30, len(announced(lab, label)))
    found = [inner for _, inner in elements(content) if inner.startswith(oid(TEMPLATE))]
    assert len(found) == 1
    _, values, _ = element(found[0], len(oid(TEMPLATE)))
    (_, template), = elements(values)
    return elements(template)


@est("13.5")
def test_template(est_lab):
    assert announced(est_lab, "template") == seq(attribute(TEMPLATE, seq(
        integer(0),
        seq(der(0x31, seq(oid(OU), der(0x0C, FACTORY.encode()))), der(0x31, seq(oid(CN)))),
        der(0xA0, seq(oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7"))),
        der(0xA1, attribute(EXTENSION_REQUEST, seq(KEY_USAGE, PURPOSE))))))


@est("13.6")
def test_values_that_the_client_chooses(est_lab):
    parts = dict(template_of(est_lab, "san-template"))
    assert 0xA0 not in parts
    assert parts[0xA1] == attribute(EXTENSION_TEMPLATE, seq(KEY_USAGE, PURPOSE, seq(oid("2.5.29.17"))))
    assert oid(EXTENSION_REQUEST) not in announced(est_lab, "san-template")
    assert announced(est_lab, "template").count(oid(EXTENSION_REQUEST)) == 1


@est("13.7")
def test_size_of_an_rsa_key(est_lab):
    algorithm, (tag, bits) = elements(dict(template_of(est_lab, "rsa-template"))[0xA0])
    assert algorithm == (0x30, oid("1.2.840.113549.1.1.1") + b"\x05\x00") and tag == 0x03
    (_, modulus), (_, exponent) = elements(elements(bits[1:])[0][1])
    assert int.from_bytes(modulus, "big").bit_length() == 3072 and exponent == b"\x01\x00\x01"
    assert len(elements(dict(template_of(est_lab, "template"))[0xA0])) == 1


@est("13.8")
def test_old_and_new_side_by_side(est_lab):
    der_bytes = announced(est_lab, "both")
    assert len(der_bytes) < 1024
    assert element(der_bytes)[1].startswith(oid(CHALLENGE_PASSWORD) + CURVE + oid("1.2.840.10045.4.3.2"))
    assert len(template_of(est_lab, "both")) == 4
    assert oid(CHALLENGE_PASSWORD) not in announced(est_lab, "template")


@est("13.8", "7.12")
def test_what_is_demanded_stands_beside_a_template(est_lab):
    demanded = {"linked-template": oid(CHALLENGE_PASSWORD), "linkable-template": oid(CHALLENGE_PASSWORD),
                "attributes-template": oid("2.5.4.5") + oid("1.2.3.4.5"), "san-template": b"", "rsa-template": b""}
    for label, expected in demanded.items():
        content = element(announced(est_lab, label))[1]
        assert content.startswith(expected + b"\x30"), label
        # The template, and nothing else.
        assert element(content, len(expected))[2] == len(content), label
        assert template_of(est_lab, label)[0] == (0x02, b"\0")
    assert element(announced(est_lab, "linked-template", "libest 1.0"))[1] == demanded["linked-template"]
    missing = request(make_key(), device_name("bare"))
    assert outcome(Est(est_lab, "linked-template").enrol(missing, "bare")) == (400, "pop-missing")
    assert outcome(Est(est_lab, "attributes-template").enrol(missing, "bare")) == (400, "bad-csr")


@est("13.9")
def test_announced_things_sent_back_as_attributes(est_lab):
    empty = [attribute("1.2.840.10045.3.1.7"), attribute("1.2.840.10045.4.3.2"), attribute("1.2.840.10045.2.1")]
    csr = request(make_key(), device_name("echo"), *empty)
    assert outcome(Est(est_lab, "both").enrol(csr, "echo")) == 200
