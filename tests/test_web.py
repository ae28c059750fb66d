"""The page's server, spoken to over a real socket: what it gives, what it refuses, what it forgets."""

from __future__ import annotations

import http.client
import re
import socket
import struct
import time
from pathlib import Path

import pytest
import torch
from conftest import textured
from frames_helpers import make_clip
from web_helpers import frame, serving, until
from websockets.exceptions import ConnectionClosed, InvalidStatus

from vidream.media import FrameReader, decode_frame, encode_frame, read_picture, write_picture
from vidream.web import server as web_server
from vidream.web.limits import Settings
from vidream.web.page_session import Session

STATIC = Path(web_server.__file__).with_name("static")


@pytest.fixture(scope="module")
def served():
    with serving() as found:
        yield found


@pytest.fixture
def clip(tmp_path):
    return make_clip(tmp_path / "walk.mp4", 12, "-c:a", "aac", before=["-f", "lavfi", "-i", "sine=d=0.5"])


def test_frames_go_up_and_their_dreams_come_down(served):
    source = textured(90, 160)
    with served.page() as page:
        assert page.hello["looks"][0]["name"] == "fast" and page.hello["networks"]["dreamnet"]["groups"]
        first = shown(page, encode_frame(source))
        assert first.shape == source.shape and difference(first, source) < 0.03
        until(lambda: difference(shown(page, encode_frame(source)), source) > 0.03)
        assert page.hear("figures")["dreams"] > 0


def test_a_broken_frame_is_refused_and_the_next_one_is_dreamed(served):
    with served.page() as page:
        for number, data in enumerate([b"", b"hello", frame()[:300], frame(width=400), frame(height=8)]):
            page.send_frame(data, number)
            said = page.hear("error")
            assert said["frame"] == number and "frame" in said["error"]
        assert page.dream(frame(), 77)


def test_an_oversized_message_ends_its_own_socket_alone(served):
    with served.page() as other, served.page() as page:
        # Its head alone, which says how long it will be: a socket closed on data that nobody reads is reset, and
        # whether the reason comes through would be chance.
        binary, masked_long = 0x82, 0xFF
        head = struct.pack("!BBQI", binary, masked_long, served.engine.settings.max_frame_bytes + 1, 0)
        page.socket.socket.sendall(head)
        with pytest.raises(ConnectionClosed) as closed:
            page.socket.recv(timeout=10)
        assert closed.value.rcvd.code == 1009
        assert other.dream(frame())


def test_of_two_frames_that_wait_the_older_is_dropped_and_said_to_be(served, monkeypatch):
    dream = Session.dream

    def slow(*given):
        time.sleep(0.1)
        return dream(*given)

    with served.page() as page:
        page.dream(frame())
        monkeypatch.setattr(Session, "dream", slow)
        answers = []
        for number in range(10, 20):
            page.send_frame(frame(), number)
        while not answers or answers[-1] != 19:
            got = page.socket.recv(timeout=10)
            if isinstance(got, bytes):
                answers.append(int.from_bytes(got[4:8], "big"))
        assert answers == sorted(answers) and len(answers) < 10


def test_a_flood_of_frames_or_messages_is_cut_off():
    with serving(Settings(size=160, max_frames_per_second=5, max_messages_per_second=2)) as served:
        for data in (b"\0\0\0\1hello", '{"type": "reset"}'):
            with served.page() as page, pytest.raises(ConnectionClosed) as closed:
                for _ in range(500):
                    page.socket.send(data)
                while True:
                    page.socket.recv(timeout=10)
            assert closed.value.rcvd.code == 4008
        with served.page() as page:
            assert page.dream(frame())


def test_messages_that_mean_nothing_are_answered_in_one_line(served):
    with served.page() as page:
        for text in ("", "{", "[]", "7", '{"type": "quit"}', '{"type": {}}', "[" * 3000, "x" * 5000):
            page.socket.send(text)
            assert "message" in page.hear("error")["error"]
        for choice in (
            {"look": "nowhere"},
            {"look": 7},
            {"subjects": ["unicorns"]},
            {"strength": 9},
            {"strength": "1"},
        ):
            page.say(type="choose", **choice)
            said = page.hear("error")["error"]
            assert "\n" not in said and "/" not in said
        assert page.dream(frame())


def test_another_look_changes_the_picture(served):
    with served.page() as page:
        settled = [shown(page, frame(), number) for number in range(25)][-1]
        page.say(type="choose", look="sea", strength=1.5)
        until(lambda: difference(shown(page, frame()), settled) > 0.03)


def test_a_strength_of_nothing_shows_the_camera(served):
    with served.page() as page:
        source = decode_frame(frame(), largest_side_px=160)
        until(lambda: difference(shown(page, frame()), source) > 0.02)
        page.say(type="choose", strength=0)
        until(lambda: difference(shown(page, frame()), source) < 0.01)


def test_a_guide_is_taken_in_and_let_go(served, tmp_path):
    write_picture(tmp_path / "guide.png", textured(120, 120, seed=9))
    with served.page() as page:
        page.dream(frame())
        status, _, _ = served.ask(f"/sessions/{page.secret}/guide", data=(tmp_path / "guide.png").read_bytes())
        assert status == 200
        session = served.session(page.secret)
        assert session.choices.guide.is_file() and session.choices.guide.parent == session.folder
        until(lambda: shown(page, frame()) is not None and page.hear("figures")["dreams"] > 3)
        page.say(type="no guide")
        until(lambda: session.choices.guide is None)
        assert page.dream(frame(), 99)


def test_uploads_that_are_none_are_refused_in_words(served, clip, tmp_path):
    write_picture(tmp_path / "guide.png", textured(40, 40))
    picture, film = (tmp_path / "guide.png").read_bytes(), clip.read_bytes()
    with served.page() as page:
        where = f"/sessions/{page.secret}"
        for status, path, data in [
            (415, f"{where}/guide", b"hello, I am a text file, not a picture"),
            (415, f"{where}/guide", film),
            (415, f"{where}/guide", picture[:200]),
            (415, f"{where}/clip", b"#EXTM3U\nfile:///etc/passwd\n"),
            (404, "/sessions/not-a-session/guide", picture),
        ]:
            got, words, _ = served.ask(path, data=data)
            assert got == status, (path, words)
            assert b'"error"' in words and b"/tmp" not in words
        assert served.ask(f"{where}/guide", data=picture)[0] == 200


def test_an_upload_too_large_or_of_unknown_length_is_refused_before_it_comes(served):
    most = served.engine.settings.max_upload_bytes
    with served.page() as page:
        for length, status in [("Transfer-Encoding: chunked", b" 411 "), (f"Content-Length: {most + 1}", b" 413 ")]:
            with socket.create_connection(served.address.split(":")) as raw:
                raw.sendall(
                    f"POST /sessions/{page.secret}/clip HTTP/1.1\r\nHost: {served.address}\r\n"
                    f"Origin: {served.origin}\r\n{length}\r\n\r\n".encode()
                )
                assert status in raw.recv(200)
        session = served.session(page.secret)
        assert list(session.folder.iterdir()) == []


def test_a_clip_is_dreamed_with_progress_previews_and_a_link(served, clip, tmp_path):
    with served.page() as page:
        assert served.ask(f"/sessions/{page.secret}/clip", data=clip.read_bytes())[0] == 200
        said = page.hear("clip", state="working")
        _, preview = page.picture(kind=2)
        assert decode_frame(preview, largest_side_px=640).shape[-1] == 64
        said = page.hear("clip", state="done")
        where = f"/sessions/{page.secret}/{said['file']}"
        status, data, headers = served.ask(where)
        assert status == 200 and headers["Content-Disposition"] == "attachment"
        (tmp_path / "back.mp4").write_bytes(data)
        with FrameReader(tmp_path / "back.mp4") as back:
            assert len(list(back)) == 12 and back.has_audio
        page.say(type="gif", file=said["file"])
        gif = page.hear("gif")["file"]
        assert served.ask(f"/sessions/{page.secret}/{gif}")[1].startswith(b"GIF8")
        with served.page() as other:
            assert served.ask(f"/sessions/{other.secret}/{said['file']}")[0] == 404
    until(lambda: _is_gone(served, where))


def test_a_picture_is_dreamed_as_a_picture(served, tmp_path):
    write_picture(tmp_path / "photo.png", textured(60, 80))
    with served.page() as page:
        served.ask(f"/sessions/{page.secret}/clip", data=(tmp_path / "photo.png").read_bytes())
        said = page.hear("clip", state="done")
        (tmp_path / "back.jpg").write_bytes(served.ask(f"/sessions/{page.secret}/{said['file']}")[1])
    assert read_picture(tmp_path / "back.jpg").shape == (1, 3, 60, 80)


def test_a_look_that_follows_a_sound_says_so_of_a_picture(served, tmp_path):
    write_picture(tmp_path / "photo.png", textured(60, 80))
    with served.page() as page:
        page.say(type="choose", look="pulse")
        assert page.dream(frame())  # messages are taken in their order: the look is chosen when the frame is back
        served.ask(f"/sessions/{page.secret}/clip", data=(tmp_path / "photo.png").read_bytes())
        said = page.hear("clip", state="failed")["error"]
    assert "has no sound; choose another look" in said and "listen" not in said


def test_a_clip_can_be_cancelled_and_a_broken_one_says_why(served, clip, tmp_path):
    long = make_clip(tmp_path / "long.mp4", 400)
    with served.page() as page:
        where = f"/sessions/{page.secret}/clip"
        served.ask(where, data=long.read_bytes())
        page.hear("clip", state="working")
        assert served.ask(where, data=clip.read_bytes())[0] == 409
        page.say(type="cancel")
        page.hear("clip", state="cancelled")
        until(lambda: served.ask(where, data=clip.read_bytes()[:2000])[0] == 200)
        assert "cut off" in page.hear("clip", state="failed")["error"]


def test_what_is_shown_is_recorded_for_as_long_as_it_is(served, tmp_path):
    with served.page() as page:
        asked_at = time.monotonic()
        page.say(type="record", on=True)
        page.hear("recording", state="on")
        begun, number = time.monotonic(), 0
        while time.monotonic() - begun < 0.8:
            page.dream(frame(seed=number % 3), number)
            number += 1
            time.sleep(0.03)
        page.say(type="record", on=False)
        said = page.hear("recording", state="done")
        # No longer than it was asked for, but for a last frame's own length.
        assert 0.5 < said["seconds"] < time.monotonic() - asked_at + 0.1
        (tmp_path / "back.mp4").write_bytes(served.ask(f"/sessions/{page.secret}/{said['file']}")[1])
    with FrameReader(tmp_path / "back.mp4") as back:
        pictures = list(back)
    assert pictures[0].shape == (1, 3, 90, 160) and not torch.equal(pictures[0], pictures[-1])


def test_two_pages_have_pictures_of_their_own(served):
    black, white = (encode_frame(torch.full((1, 3, 90, 160), level)) for level in (0.1, 0.9))
    with served.page() as one, served.page() as two:
        for number in range(10):
            dark, bright = shown(one, black, number), shown(two, white, number)
            assert float(dark.mean()) < 0.35 and float(bright.mean()) > 0.65
        assert one.secret != two.secret


def test_a_closed_page_is_forgotten_and_a_cut_off_one_may_come_back(served, clip):
    with served.page() as page:
        served.ask(f"/sessions/{page.secret}/clip", data=clip.read_bytes())
        done = page.hear("clip", state="done")
        page.socket.socket.shutdown(socket.SHUT_RDWR)
    where = f"/sessions/{page.secret}/{done['file']}"
    with served.page(session=page.secret) as again:
        assert again.secret == page.secret
        assert again.hear("clip")["state"] == "done"
        assert served.ask(where)[0] == 200
    until(lambda: _is_gone(served, where))
    with served.page(session=page.secret) as stranger:
        assert stranger.secret != page.secret


def test_no_folder_is_left_when_the_server_ends(clip, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    clip = clip.rename(tmp_path.with_name(tmp_path.name + ".mp4"))
    with serving() as served, served.page() as page:
        served.ask(f"/sessions/{page.secret}/clip", data=clip.read_bytes())
        page.dream(frame())
        assert len(list(tmp_path.glob("vidream-web-*/*/*"))) > 0
    assert list(tmp_path.iterdir()) == []


def test_a_page_too_many_is_told_so_and_let_in_later():
    with serving(Settings(size=160, max_sessions=1, grace_seconds=0)) as served:
        with served.page() as page:
            with pytest.raises(ConnectionClosed) as closed, served.page():
                pass
            assert closed.value.rcvd.code == 4013
            assert page.dream(frame())
        until(lambda: _comes_in(served))


def test_a_connection_too_many_is_closed_and_the_page_stays(served):
    with serving(Settings(size=160, max_connections=4)) as served, served.page() as page:
        idle = [socket.create_connection(served.address.split(":")) for _ in range(6)]
        idle[-1].settimeout(5)
        assert _is_closed(idle[-1])
        assert page.dream(frame())
        for each in idle:
            each.close()


def test_a_connection_without_a_whole_request_is_closed_after_a_while(monkeypatch):
    monkeypatch.setattr(web_server, "REQUEST_SECONDS", 0.3)
    with serving() as served, served.page() as page:
        for head in (b"", b"GET / HTTP/1.1\r\nHost: localhost\r\n"):
            with socket.create_connection(served.address.split(":")) as slow:
                slow.sendall(head)
                slow.settimeout(10)
                assert _is_closed(slow)
        assert page.dream(frame())


def test_strangers_are_refused_and_the_server_lives_on(served):
    own = served.origin
    for origin, status in [("http://evil.example", 403), (own.replace("http", "ftp"), 403), ("null", 403)]:
        with pytest.raises(InvalidStatus) as refused, served.page(origin=origin):
            pass
        assert refused.value.response.status_code == status
    assert served.ask("/sessions/x/guide", data=b"x", Origin="http://evil.example")[0] == 403
    # A stranger's name that leads to this machine.
    assert served.ask("/", Host="evil.example:8000")[0] == 421
    assert served.ask("/", Host="192.0.2.7")[0] == 421
    assert served.ask("/", Host="localhost:9999")[0] == 200


def test_a_token_is_asked_for_and_wrong_ones_are_slowed_down():
    with serving(Settings(host="0.0.0.0", size=160, token="right-token", grace_seconds=0)) as served:
        assert served.ask("/")[0] == served.ask("/static/app.js")[0] == 200
        assert served.ask("/ready")[0] == served.ask("/thumbnails/fast.jpg")[0] == 401
        assert not _comes_in(served)
        for _ in range(7):
            assert served.ask("/login", method="POST", Authorization="Bearer wrong-token")[0] == 401
        status, _, headers = served.ask("/login", method="POST", Authorization="Bearer right-token")
        assert status == 204
        cookie, _, flags = headers["Set-Cookie"].partition(";")
        assert "right-token" not in cookie and "HttpOnly" in flags and "SameSite=strict" in flags
        assert served.ask("/ready", Cookie=cookie)[0] == 204
        assert served.ask("/ready", Cookie=cookie[:-1])[0] == 401
        with served.page(Cookie=cookie) as page:
            assert page.dream(frame())
        answers = [served.ask("/login", method="POST", Authorization="Bearer x")[0] for _ in range(10)]
        assert answers[-1] == 429
        # Beyond this machine an address may be called by number, never by a stranger's name.
        assert served.ask("/", Host="192.0.2.7")[0] == 200
        assert served.ask("/", Host="evil.example")[0] == 421


def test_every_answer_carries_the_rules_for_the_browser(served):
    for path in ("/", "/static/app.js", "/nothing", "/thumbnails/fast.jpg"):
        headers = served.ask(path)[2]
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
    assert served.ask("/static/../server.py")[0] == served.ask("/static/%2e%2e/server.py")[0] == 404


def test_the_page_asks_nobody_else_for_anything_and_holds_no_inline_script():
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bon[a-z]+=|style=", html)
    for path in STATIC.iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://[\w.]|//cdn|@import|innerHTML|eval\(", text), path.name
        assert text.count("\n") <= 330


def shown(page, data: bytes, number: int = 1) -> torch.Tensor:
    """The dream of a frame, as a picture."""
    return decode_frame(page.dream(data, number), largest_side_px=160)


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).abs().mean())


def _comes_in(served) -> bool:
    try:
        with served.page():
            return True
    except (ConnectionClosed, InvalidStatus):
        return False


def _is_gone(served, where: str) -> bool:
    try:
        return served.ask(where)[0] == 404
    except http.client.HTTPException:  # it went while it was sent
        return False


def _is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True
