"""The page in a real Chromium, with a camera fed from a clip. Skipped, with the reason, where there is none."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from conftest import textured
from frames_helpers import ffmpeg, make_clip
from web_helpers import serving, until

from vidream.media import FrameReader, read_picture, write_picture
from vidream.web.limits import Settings

playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright drives the browser")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium and no google-chrome on the path")

FLAGS = """
    --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-sync
    --disable-component-update --use-fake-device-for-media-stream --use-fake-ui-for-media-stream
""".split()  # noqa: SIM905
SAMPLE = Path(__file__).parents[1] / "samples" / "valley.mp4"
# Mean colour of the dream, 0..255, and a sum that tells two pictures apart.
LOOK_AT_DREAM = """() => {
  const dream = document.getElementById("dream");
  const data = dream.getContext("2d").getImageData(0, 0, dream.width, dream.height).data;
  const sums = [0, 0, 0];
  for (let i = 0; i < data.length; i += 4) for (let c = 0; c < 3; c++) sums[c] += data[i + c];
  return sums.map((sum) => sum / (data.length / 4));
}"""
DROP = """([zone, name, type, numbers]) => {
  const files = new DataTransfer();
  files.items.add(new File([new Uint8Array(numbers)], name, { type }));
  const target = document.querySelector(zone);
  for (const kind of ["dragenter", "dragover", "drop"]) {
    target.dispatchEvent(new DragEvent(kind, { dataTransfer: files, bubbles: true, cancelable: true }));
  }
}"""
NO_CAMERA = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('none', 'NotFoundError'); }"


@pytest.fixture(scope="module")
def driver():
    with playwright.sync_playwright() as found:
        yield found


@contextmanager
def browser_with(driver, camera: Path):
    flags = [*FLAGS, f"--use-file-for-fake-video-capture={camera}"]
    browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
    try:
        yield browser
    finally:
        browser.close()


@pytest.fixture(scope="module")
def camera(tmp_path_factory):
    path = tmp_path_factory.mktemp("camera") / "camera.y4m"
    ffmpeg("-i", SAMPLE, "-t", 2, "-vf", "scale=320:180,fps=25,format=yuv420p", path)
    return path


@pytest.fixture(scope="module")
def browser(driver, camera):
    with browser_with(driver, camera) as found:
        yield found


@pytest.fixture(scope="module")
def served():
    with serving(Settings(size=160)) as found:
        yield found


@pytest.fixture
def open_page(browser):
    """Opens pages, phones with touch; in the end no page may have complained of anything."""
    contexts, complaints = [], []

    def opened(url, *, phone=False, script="", of=browser):
        look = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True} if phone else {}
        contexts.append(of.new_context(**look))
        page = contexts[-1].new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if script:
            page.add_init_script(script)
        page.goto(url)
        return page

    opened.complaints = complaints
    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def pictures(page) -> int:
    return int(page.evaluate("document.getElementById('dream').dataset.pictures ?? 0"))


def dreaming(page):
    """Wait for the first pictures; returns the page."""
    until(lambda: pictures(page) > 3)
    return page


def test_the_page_shows_a_changing_dream_of_the_camera(served, open_page):
    page = dreaming(open_page(served.origin))
    assert page.is_hidden("#veil")
    first = page.evaluate(LOOK_AT_DREAM)
    until(lambda: np.abs(np.subtract(page.evaluate(LOOK_AT_DREAM), first)).max() > 0.5)
    seen = pictures(page)
    until(lambda: pictures(page) > seen + 10)
    page.click("#figures-toggle")
    until(lambda: "dreamed at" in page.inner_text("#figures"))


def test_look_subject_strength_and_guide_reach_the_dream(served, open_page, tmp_path):
    page = dreaming(open_page(served.origin))
    session = served.session()
    page.click(".look:has(input[value=sea])")
    until(lambda: session.choices.look == "sea")
    page.click(".chip:has(input[value=eyes])")
    until(lambda: session.choices.subjects == ("eyes",))
    page.focus("#strength")
    page.keyboard.press("End")
    until(lambda: session.choices.strength == 2)
    write_picture(tmp_path / "guide.png", textured(80, 80, seed=3))
    page.set_input_files("#guide-file", tmp_path / "guide.png")
    until(lambda: session.choices.guide is not None and page.is_visible("#guide-picture"))
    page.click("#guide-remove")
    until(lambda: session.choices.guide is None)
    page.evaluate(DROP, ["[data-drop=guide]", "g.png", "image/png", list((tmp_path / "guide.png").read_bytes())])
    until(lambda: session.choices.guide is not None)
    page.evaluate(DROP, ["[data-drop=guide]", "no.png", "image/png", list(b"this is no picture at all")])
    until(lambda: "a guide is a picture" in page.inner_text("#toasts").lower())
    open_page.complaints.clear()  # the browser's own line about the refused request
    seen = pictures(page)
    until(lambda: pictures(page) > seen + 5)


def test_before_is_seen_while_a_key_or_a_finger_is_held(served, open_page):
    page = dreaming(open_page(served.origin))
    page.keyboard.down("b")
    assert page.is_visible("#badge") and page.is_hidden("#dream")
    page.keyboard.up("b")
    assert page.is_hidden("#badge")
    phone = dreaming(open_page(served.origin, phone=True))
    phone.dispatch_event("#before", "pointerdown", {"isPrimary": True})
    assert phone.is_visible("#badge")
    phone.dispatch_event("body", "pointerup")
    assert phone.is_hidden("#badge")


def test_a_recording_is_taken_home_as_mp4_and_as_gif(served, open_page, tmp_path):
    page = dreaming(open_page(served.origin))
    page.keyboard.press("r")
    until(lambda: page.is_visible("#clock"))
    seen = pictures(page)
    until(lambda: pictures(page) > seen + 15)
    page.click("#record")
    with page.expect_download() as mp4:
        page.click("#made a")
    mp4.value.save_as(tmp_path / "back.mp4")
    with FrameReader(tmp_path / "back.mp4") as back:
        frames = list(back)
    assert frames[0].shape == (1, 3, 90, 160) and len(frames) > 5
    with page.expect_download() as gif:
        page.click("#made button")
    gif.value.save_as(tmp_path / "back.gif")
    assert gif.value.suggested_filename.endswith(".gif")
    with FrameReader(tmp_path / "back.gif") as back:
        assert len(list(back)) > 2
    with page.expect_download() as picture:
        page.click("#snap")
    picture.value.save_as(tmp_path / "dream.png")
    assert read_picture(tmp_path / "dream.png").shape == (1, 3, 90, 160)


def test_without_a_camera_a_dropped_clip_is_dreamed_on_a_phone(served, open_page, tmp_path):
    clip = make_clip(tmp_path / "walk.mp4", 30)
    page = open_page(served.origin, phone=True, script=NO_CAMERA)
    until(lambda: page.inner_text("#veil-title") == "No camera here")
    page.evaluate(DROP, ["#stage", "walk.mp4", "video/mp4", list(clip.read_bytes())])
    until(lambda: page.is_visible("#clip-preview"))
    assert page.is_hidden("#veil")
    until(lambda: page.is_visible("#made a"))
    assert page.get_attribute("#made a", "download") == "walk-dream.mp4"
    until(lambda: page.evaluate("document.getElementById('film').videoWidth") == 64)
    assert page.evaluate("document.elementFromPoint(195, 300).id") == "film"
    width, inside = page.evaluate("[innerWidth, document.documentElement.scrollWidth]")
    assert width == inside == 390


def test_two_pages_never_show_each_others_pictures(driver, served, open_page, tmp_path):
    for name in ("red", "blue"):
        path = tmp_path / f"{name}.y4m"
        ffmpeg("-f", "lavfi", "-i", f"color={name}:s=160x90:r=25:d=1,format=yuv420p", path)
    with browser_with(driver, tmp_path / "red.y4m") as one, browser_with(driver, tmp_path / "blue.y4m") as two:
        red, blue = dreaming(open_page(served.origin, of=one)), dreaming(open_page(served.origin, of=two))
        for _ in range(8):
            seen = pictures(red), pictures(blue)
            until(lambda seen=seen: pictures(red) > seen[0] and pictures(blue) > seen[1])
            (r, _, b), (r2, _, b2) = red.evaluate(LOOK_AT_DREAM), blue.evaluate(LOOK_AT_DREAM)
            assert r > b + 40 and b2 > r2 + 40
        for page in (red, blue):
            page.context.close()


def test_a_wrong_token_is_told_and_the_right_one_opens_the_page(open_page):
    with serving(Settings(host="0.0.0.0", size=160, token="right-token")) as served:
        page = open_page(f"{served.origin}/#token=wrong-token")
        until(lambda: page.is_visible("#token-form"))
        assert "wrong" in page.inner_text("#veil-text") and "#" not in page.url
        page.fill("#token", "right-token")
        page.keyboard.press("Enter")
        dreaming(page)
        other = dreaming(open_page(f"{served.origin}/#token=right-token"))
        assert other.url == served.origin + "/"
        for each in (page, other):
            each.context.close()
    open_page.complaints.clear()  # the browser's own line about the refused login


def test_a_lost_connection_is_said_and_found_again(open_page):
    with serving(Settings(size=160)) as served:
        page = dreaming(open_page(served.origin))
        page.click(".look:has(input[value=sea])")
        port = int(served.address.rpartition(":")[2])
    until(lambda: page.inner_text("#veil-title") == "Connection lost")
    seen = pictures(page)
    with serving(Settings(size=160), port=port) as served:
        until(lambda: pictures(page) > seen + 3)
        assert page.is_hidden("#veil")
        until(lambda: served.session().choices.look == "sea")
        page.goto("about:blank")
        until(lambda: not served.sessions())
    open_page.complaints.clear()  # the browser's own lines about the connection
