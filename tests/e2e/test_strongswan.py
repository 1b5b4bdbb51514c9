"""An EST client that we did not write: pki of strongSwan."""
import pytest

from certvendor_lab import FACTORY, Identity, Key, run

# strongswan-pki alone knows no elliptic curves; on Debian they come with another package.
HAS_CURVES = "openssl_plugin_create not found" not in run("pki", "--help", is_checked=False).stderr
pytestmark = [pytest.mark.est("14.1"),
              pytest.mark.skipif(not HAS_CURVES, reason="needs libstrongswan-standard-plugins")]


@pytest.fixture(scope="module")
def est(lab):
    def ask(verb, *words, at=lab, path="", is_checked=True):
        return run("pki", verb, "--url", f"https://127.0.0.1:{at.ports['device']}{path}", "--cacert", at.root,
                   *words, is_checked=is_checked)

    return ask


def enrolled(est, lab, key, *words):
    """What pki writes to its output, as a file."""
    out = key.path.with_suffix(".swan.pem")
    result = est("--est", "--in", key.request_path, "--outform", "pem", "--cacert",
                 lab.folder / "pki/device-ca.pem", *words)
    out.write_text(result.stdout)
    return Identity(out, key.path)


def test_ca_certificates(est, lab):
    est("--estca", "--caout", lab.keys / "estca.pem", "--outform", "pem", "--force")
    written = sorted(lab.keys.glob("estca*.pem"))
    assert len(written) == 2
    subjects = {run("openssl", "x509", "-in", path, "-noout", "-fingerprint", "-sha256").stdout
                for path in written}
    assert run("openssl", "x509", "-in", lab.root, "-noout", "-fingerprint", "-sha256").stdout in subjects


@pytest.mark.est("1.15")
def test_a_label_in_the_base_url(est, est_lab):
    """This client has no option for labels."""
    est("--estca", "--caout", est_lab.keys / "label.pem", "--outform", "pem", "--force", at=est_lab, path="/second")
    subjects = [run("openssl", "x509", "-in", path, "-noout", "-subject").stdout for path in
                est_lab.keys.glob("label*.pem")]
    assert len(subjects) == 2 and any("second CA" in subject for subject in subjects)
    key = Key(est_lab.keys, f"/OU={FACTORY}/CN=swan-at-a-label")
    result = est("--est", "--in", key.request_path, "--outform", "pem", "--cacert", est_lab.folder / "pki/device-ca-second.pem",
                 "--userpass", f"x:{est_lab.enrolment_token(device='swan-at-a-label', label='second')}", at=est_lab,
                 path="/second")
    certificate = key.path.with_suffix(".label.pem")
    certificate.write_text(result.stdout)
    assert "second CA" in run("openssl", "x509", "-in", certificate, "-noout", "-issuer").stdout


@pytest.mark.est("5.5")
def test_ca_certificates_while_the_root_changes(est, rollover):
    lab = rollover.lab
    est("--estca", "--caout", lab.keys / "estca.pem", "--outform", "pem", "--force", at=lab)
    assert len(list(lab.keys.glob("estca*.pem"))) == 5


def test_enrolment_with_a_password_and_renewal_with_the_certificate(est, lab):
    device = lab.device()
    key = device.new_key()
    token = lab.enrolment_token(device=device.name)
    refusal = est("--est", "--in", key.request_path, "--cacert", lab.folder / "pki/device-ca.pem",
                  "--userpass", "x:wrong", is_checked=False)
    assert refusal.returncode != 0
    old = enrolled(est, lab, key, "--userpass", f"x:{token}")
    assert device.show(old).status == 200

    fresh_key = device.new_key()
    fresh = enrolled(est, lab, fresh_key, "--cert", old.certificate, "--key", old.key)
    assert fresh.sha256 != old.sha256
    assert device.check(fresh).status == 403
    assert device.announce(fresh_key, old).status == 200
    assert device.show(fresh).status == 200
    refusal = est("--est", "--in", device.new_key().request_path, "--cacert",
                  lab.folder / "pki/device-ca.pem", "--cert", old.certificate, "--key", old.key,
                  is_checked=False)
    assert refusal.returncode != 0
