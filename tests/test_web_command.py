"""vidream web as a command: what it prints, what it refuses, and its certificate."""

from __future__ import annotations

import os
import signal
import ssl
import stat
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from vidream import cli, web
from vidream.errors import VidreamError
from vidream.looks.preset import Preset
from vidream.web.certificate import own_certificate
from vidream.web.limits import Settings, is_loopback
from vidream.web.shared import Engine


def test_without_the_extra_one_line_says_how_to_get_it(capsys, monkeypatch):
    monkeypatch.setattr(web, "find_spec", lambda name: None if name == "starlette" else object())
    assert cli.main(["web"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "pip install 'vidream[web]'" in said and "starlette" in said


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--token", "short"], "--token"),
        (["--size", "4000"], "--size"),
        (["--max-sessions", "0"], "--max-sessions"),
        (["--host", "192.0.2.1"], "--host"),
        (["--host", "0.0.0.0", "--certificate", "nowhere.pem"], "nowhere.pem"),
        (["-p", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(options, says, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cli.main(["web", *options]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and says in said


def test_beyond_this_machine_it_prints_an_https_address_with_a_token_and_ends_by_ctrl_c(tmp_path):
    command = [sys.executable, "-m", "vidream", "web", "--host", "0.0.0.0", "--port", "0", "-p", "fast"]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    environment.pop("VIDREAM_TOKEN", None)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as server:
        address, _, token = server.stdout.readline().strip().partition("/#token=")
        port = address.rpartition(":")[2]
        own = f"https://localhost:{port}"
        assert address.startswith("https://") and len(token) >= 16
        context = ssl.create_default_context(cafile=tmp_path / "vidream" / "web-certificate.pem")
        with urllib.request.urlopen(f"{own}/", timeout=10, context=context) as answer:
            assert b"vidream" in answer.read()
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{own}/ready", timeout=10, context=context)
        assert refused.value.code == 401
        headers = {"Authorization": f"Bearer {token}", "Origin": own}
        login = urllib.request.Request(f"{own}/login", method="POST", headers=headers)
        with urllib.request.urlopen(login, timeout=10, context=context) as answer:
            assert "Secure" in answer.headers["Set-Cookie"]
        server.send_signal(signal.SIGINT)
        _, said = server.communicate(timeout=20)
    assert server.returncode == 0 and "Traceback" not in said


def test_a_certificate_is_made_once_and_its_key_is_private(tmp_path):
    certificate, key = own_certificate(tmp_path)
    before = certificate.read_bytes()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600 or os.name == "nt"
    assert own_certificate(tmp_path) == (certificate, key) and certificate.read_bytes() == before
    certificate.write_text("broken", encoding="utf-8")
    own_certificate(tmp_path)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)


def test_only_this_machines_own_addresses_are_loopback():
    assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.1.4", "localhost.evil.example", "")))


def test_a_guide_or_subjects_take_the_place_of_the_looks_own():
    engine = Engine(Settings(max_sessions=1), first=("mine", Preset(subject={"beasts": 1.0})))
    assert dict(engine.preset("mine", subjects=("eyes",)).subject) == {"eyes": 1.0}
    guided = engine.preset("mine", guide="cat.jpg")
    assert guided.guide == ("cat.jpg",) and not guided.subject
    assert engine.describe()["looks"][0]["name"] == "mine"
    with pytest.raises(VidreamError, match="nowhere"):
        engine.preset("nowhere")
