"""The moment of COMMIT: what ends there has happened wholly or not at all, and repeating it is enough.

A proxy stops the very COMMIT: before PostgreSQL gets it, or when PostgreSQL has done it and certvendor
does not know. Then certvendor is killed, or the connection is cut, or PostgreSQL is killed.
"""
import http.client
import threading

import pytest

from certvendor_lab import SECRETS, basic, issued, wait_until


class Enrolment:
    """simpleenroll with a token."""

    def __init__(self, lab):
        self.device = lab.device()
        self.key = self.device.new_key()
        self.token = {"Authorization": basic(lab.enrolment_token(device=self.device.name))}

    def act(self):
        return self.device.est("simpleenroll", self.key.request, headers=self.token)

    def check(self, answer, has_happened, recorded):
        assert (issued(answer) in recorded) == has_happened
        assert self.device.show(self.key.with_certificate(issued(answer))).status == 200


class Renewal:
    """simplereenroll with a new key."""

    def __init__(self, lab):
        self.device = lab.enrolled_device()
        self.key = self.device.new_key()

    def act(self):
        return self.device.est("simplereenroll", self.key.request, self.device.identity)

    def check(self, answer, has_happened, recorded):
        assert (issued(answer) in recorded) == has_happened
        assert self.device.announce(self.key).status == 200
        assert self.device.show(self.key.with_certificate(issued(answer))).status == 200


class Announcement:
    def __init__(self, lab):
        self.device = lab.enrolled_device()
        self.key = self.device.new_key()
        self.fresh = self.device.reenrol(self.key)

    def act(self):
        return self.device.announce(self.key)

    def check(self, *_):
        assert self.device.show().status == 200
        assert self.device.show(self.fresh).status == 200
        assert self.device.show().status == 403


class FirstUse(Announcement):
    """At the device listener."""

    def __init__(self, lab):
        super().__init__(lab)
        assert self.device.announce(self.key).status == 200

    def act(self):
        return self.device.show(self.fresh)

    def check(self, *_):
        assert self.device.show().status == 403
        assert self.device.show(self.fresh).status == 200


class FirstUseAtGateway(FirstUse):
    def act(self):
        return self.device.check(self.fresh)


class Revocation:
    """By an operator."""

    def __init__(self, lab):
        self.lab = lab
        self.device = lab.enrolled_device()

    def act(self):
        return self.lab.operator("POST", f"/v1/devices/{self.device.name}/revoke", {})

    def check(self, answer, has_happened, _):
        assert answer.json()["outcome"] == ("unchanged" if has_happened else "done")
        assert self.device.check().status == 403


ACTS = (Enrolment, Renewal, Announcement, FirstUse, FirstUseAtGateway, Revocation)


def tables(lab, device):
    """Everything that one change writes: versions of the slot, keys, certificates, feed and audit."""
    where = f"WHERE device = '{device.name}'"
    [[version, keys, certificates, changes, audits]] = lab.query(
        f"SELECT (SELECT coalesce(max(version), 0) FROM certvendor.slot {where}), "
        f"(SELECT string_agg(state::text, ',' ORDER BY key_id) FROM certvendor.slot_key {where}), "
        f"(SELECT string_agg(encode(der, 'hex'), ',') FROM certvendor.certificate {where}), "
        f"(SELECT count(*) FROM certvendor.change {where}), "
        f"(SELECT count(*) FROM certvendor.audit {where})")
    return int(version), keys, certificates, int(changes), int(audits)


def certificates_of(state):
    return [bytes.fromhex(word) for word in state[2].split(",") if word]


class InBackground(threading.Thread):
    """An act that does not come to its end, or not well."""

    def __init__(self, act):
        super().__init__(daemon=True)
        self.act = act
        self.answer = None

    def run(self):
        try:
            self.answer = self.act()
        except (OSError, http.client.HTTPException):
            pass


def end(lab, how, stopper):
    if how == "server":
        lab.kill()
    elif how == "connection":
        stopper.cut()
    else:
        lab.postgres.kill()
        stopper.cut()


def is_tried_again(how, kind):
    """Renewals are written together; what fails there is tried alone, on another connection."""
    return how == "connection" and kind is Renewal


def recover(lab, how, kind, background):
    if how == "server":
        lab.start()
    background.join(60)
    assert not background.is_alive()
    if how == "postgres":
        lab.postgres.start()
    if how == "server":
        assert background.answer is None, background.answer
    elif is_tried_again(how, kind):
        assert background.answer.status == 200, background.answer
    else:
        # What is not known to have happened is not answered as if it were.
        assert background.answer.status == 503, background.answer
        wait_until(lab.is_ready, "it is ready again")


@pytest.mark.parametrize("stage", ["before", "after"])
@pytest.mark.parametrize("how", ["server", "connection", "postgres"])
def test_an_end_inside_commit(request, make_stopper, make_lab, stage, how):
    server = request.getfixturevalue("own_postgres" if how == "postgres" else "postgres")
    lab = make_lab(server)
    stopper = make_stopper(server)
    lab.settings = {"database": {"url": stopper.url(lab.database)}}
    lab.write_config()
    lab.start()
    lab.gateway = lab.add_gateway()
    for kind in ACTS:
        party = kind(lab)
        before = tables(lab, party.device)
        stopper.stop_next(stage)
        background = InBackground(party.act)
        background.start()
        stopper.wait()
        end(lab, how, stopper)
        recover(lab, how, kind, background)

        after = tables(lab, party.device)
        has_happened = stage == "after" or is_tried_again(how, kind)
        assert (after != before) == has_happened, kind
        steps = [after[i] - before[i] for i in (0, 3, 4)]
        assert steps == ([1, 1, 1] if has_happened else [0, 0, 0]), (kind, steps)
        again = party.act()
        assert again.status == 200, (kind, again)
        party.check(again, has_happened, certificates_of(after))
        # Repeating what had happened wrote nothing anew.
        new = len(certificates_of(tables(lab, party.device))) - len(certificates_of(before))
        assert new == (kind in (Enrolment, Renewal)), kind


def test_what_the_command_line_makes_is_asked_for_once_more(own_postgres, make_stopper, make_lab):
    lab, stopper = make_lab(own_postgres), make_stopper(own_postgres)
    lab.settings = {"database": {"url": stopper.url(lab.database)}}
    lab.write_config()
    lab.start()
    stopper.mark = b"operator_token_insert"
    for stage in ("before", "after"):
        stopper.stop_next(stage)
        background = InBackground(lambda: lab.cli("operator-token", "create", stage, "--role", "viewer"))
        background.start()
        stopper.wait()
        stopper.cut()
        background.join(60)
        token = background.answer.stdout.strip()
        SECRETS.add(token)
        assert lab.operator("GET", "/v1/status", token=token).status == 200
        assert lab.query(f"SELECT count(*) FROM certvendor.operator_token WHERE name = '{stage}'") == [["1"]]
