"""A panorama's own word on its sphere: read from every container, kept in what is made, and acted on."""

from __future__ import annotations

import random
import re
import struct

import numpy as np
import pytest
from frames_helpers import ffmpeg, make_clip, packet_times, report
from wrap_helpers import as_bytes, round_texture

from vidream import api as files
from vidream.cli import main
from vidream.engine.dreamer import Dreamer
from vidream.errors import SourceError
from vidream.looks.preset import Preset
from vidream.media import FrameReader, FrameWriter, write_picture
from vidream.media.spherical import Spherical, read_spherical, store_spherical, wrap_of
from vidream.motion.wrap import Wrap
from vidream.rendering.recipe import Recipe

LOOK = Preset(octaves=1, first_steps=1, steps=1, layers={"block2": 1.0})
SIZE = (40, 80)
SAID = "Spherical Mapping: equirectangular"


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def second_version(mode: int = 0, *, pose=(0, 0, 0), bounds=(0, 0, 0, 0), projection=b"equi") -> bytes:
    """st3d and sv3d, as https://github.com/google/spatial-media/blob/master/docs/spherical-video-v2-rfc.md has them."""
    held = struct.pack(">4I", *bounds) if projection == b"equi" else struct.pack(">2I", 0, 0)
    turn = box(b"prhd", bytes(4) + struct.pack(">3i", *(int(angle * 65536) for angle in pose)))
    inside = box(b"svhd", bytes(4) + b"camera\0") + box(b"proj", turn + box(projection, bytes(4) + held))
    return box(b"st3d", bytes(4) + bytes([mode])) + box(b"sv3d", inside)


FIRST_VERSION = box(
    b"uuid",
    bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
    + b"""<?xml version="1.0"?><rdf:SphericalVideo xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns:GSpherical="http://ns.google.com/videos/1.0/spherical/"><GSpherical:Spherical>true</GSpherical:Spherical>
 <GSpherical:Stitched>true</GSpherical:Stitched>
 <GSpherical:ProjectionType>equirectangular</GSpherical:ProjectionType></rdf:SphericalVideo>""",
)


def inject(path, entry: bytes = b"", track: bytes = b"") -> None:
    """Put boxes into the video of an MP4 whose index lies at its end, so that nothing that it points to moves."""
    data, way, begin, end = bytearray(path.read_bytes()), [], 0, path.stat().st_size
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        while data[begin + 4 : begin + 8] != kind:
            begin += struct.unpack_from(">I", data, begin)[0]
            assert begin < end
        end = begin + struct.unpack_from(">I", data, begin)[0]
        way.append(begin)
        begin += 16 if kind == b"stsd" else 8
    for at in way:
        struct.pack_into(">I", data, at, struct.unpack_from(">I", data, at)[0] + len(entry))
    data[end:end] = entry
    for at in way[:2]:
        grown = struct.unpack_from(">I", data, at)[0]
        if at == way[1]:
            data[at + grown : at + grown] = track
        struct.pack_into(">I", data, at, grown + len(track))
    path.write_bytes(data)


@pytest.fixture
def clip(tmp_path, monkeypatch):
    """A film of 40x80 with sound, which says nothing yet."""
    monkeypatch.chdir(tmp_path)
    first = round_texture(*SIZE, wrap=Wrap.HORIZONTAL)
    arrays = [as_bytes(first.roll(3 * number, -1)) for number in range(6)]
    return make_clip(
        tmp_path / "walk.mp4", 6, "-c:a", "aac", "-c:v", "libx264", draw=arrays.__getitem__,
        before=["-f", "lavfi", "-i", "sine=d=0.24"],
    )  # fmt: skip


@pytest.fixture
def make(tiny_net):
    return lambda preset: Dreamer(preset, net=tiny_net)


@pytest.mark.parametrize("name", ["a.mp4", "a.m4v", "a.mov", "a.mkv", "a.webm"])
@pytest.mark.parametrize("audio", [True, False], ids=["sound", "silent"])
def test_a_film_of_a_panorama_says_so_in_every_container(clip, make, name, audio):
    inject(clip, second_version())
    assert SAID in report(clip)
    plain = clip.with_name(f"plain{clip.with_name(name).suffix}")
    made = files.dream(clip, name, preset=LOOK, make_dreamer=make, audio=audio)
    assert SAID in report(made.path) and not made.warnings
    # The file is whole: every frame and all sound decode, and each frame is where it would be without.
    assert ffmpeg("-i", made.path, "-f", "null", "-") == ""
    bare = make_clip(clip.with_name("bare.mp4"), 6, draw=lambda _: np.zeros((40, 80, 3), np.uint8))
    files.dream(bare, plain, preset=LOOK, make_dreamer=make)
    assert packet_times(made.path) == packet_times(plain)
    assert ("Audio" in report(made.path)) is audio
    assert Recipe.read(made.path).source == "walk.mp4"
    assert read_spherical(made.path, "video") == Spherical()


def test_the_first_version_is_read_and_both_are_written(clip, make):
    inject(clip, track=FIRST_VERSION)
    made = files.dream(clip, "a.mp4", preset=LOOK, make_dreamer=make)
    data = made.path.read_bytes()
    assert b"sv3d" in data and b"GSpherical:ProjectionType>equirectangular" in data
    assert Recipe.read(made.path).wrap == "horizontal"


def test_a_panorama_is_dreamed_round_unless_told_otherwise(clip, make, capsys):
    assert FrameReader(clip, wrap=None).wrap is Wrap.NONE
    inject(clip, second_version())
    with FrameReader(clip, wrap=None) as reader:
        assert reader.wrap is Wrap.HORIZONTAL and "360-degree panorama" in reader.wrap_note
    with FrameReader(clip) as reader:
        assert reader.wrap is Wrap.NONE
    for asked, kept in ((None, "horizontal"), ("none", None), ("both", "both")):
        made = files.dream(clip, "a.mp4", preset=LOOK, make_dreamer=make, wrap=asked, overwrite=True)
        assert Recipe.read(made.path).wrap == kept
        assert SAID in report(made.path)
    look = ["--net", "dreamnet", "--set", "octaves=1", "--set", "subject="]
    assert main(["dream", str(clip), "b.mp4", "--duration", "0.1", *look]) == 0
    assert capsys.readouterr().err.count("360-degree panorama") == 1


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_pose_bounds_and_stereo_survive(clip, tmp_path, suffix):
    quarter = 2**30
    inject(clip, second_version(1, pose=(30, -10, 5.5), bounds=(0, 0, quarter, quarter)))
    wanted = Spherical(stereo="top-bottom", pose=(30.0, -10.0, 5.5), bounds=(0.0, 0.0, 0.25, 0.25))
    assert read_spherical(clip, "video") == wanted
    with FrameReader(clip) as reader, FrameWriter(tmp_path / f"a{suffix}", like=reader) as out:
        for picture in reader:
            out.write(picture)
    assert not out.warnings
    assert read_spherical(out.path, "video") == wanted
    assert "top and bottom" in report(out.path)
    # ffmpeg agrees, and can read what was written.
    said = re.search(r"Spherical Mapping: (\S+).*?\(([\d./-]+)\)", report(out.path))
    assert said[1] == "tiled" or float(said[2].split("/")[0]) == pytest.approx(30)


@pytest.mark.parametrize("mode, words", [(1, "top-bottom"), (2, "left-right")])
def test_stereo_panoramas_are_flat_frames_and_it_is_said(clip, mode, words):
    inject(clip, second_version(mode))
    with FrameReader(clip, wrap=None) as reader:
        assert reader.wrap is Wrap.NONE and f"stereo panorama ({words})" in reader.wrap_note
    if words == "left-right":
        with pytest.raises(SourceError, match=r"both eyes side by side.*wrap='none'"):
            FrameReader(clip, wrap="horizontal")


@pytest.mark.parametrize("is_part", [True, False])
def test_parts_of_a_sphere_and_other_projections_are_flat_frames(clip, make, is_part):
    held = second_version(bounds=(0, 0, 2**30, 0)) if is_part else second_version(projection=b"cbmp")
    inject(clip, held)
    with FrameReader(clip, wrap=None) as reader:
        assert reader.wrap is Wrap.NONE and "dreamed as a flat frame" in reader.wrap_note
    made = files.dream(clip, "a.mp4", preset=LOOK, make_dreamer=make)
    if is_part:
        assert "Spherical Mapping: tiled equirectangular" in report(made.path) and not made.warnings
    else:
        assert "does not say how its frames lie on a sphere" in made.warning


def test_a_format_without_a_place_for_it_says_so(clip, make):
    inject(clip, second_version())
    made = files.dream(clip, "a.gif", preset=LOOK, make_dreamer=make)
    assert "a.gif does not say how its frames lie on a sphere" in made.warning


def photo(path, properties: str) -> None:
    write_picture(path, round_texture(*SIZE, wrap=Wrap.HORIZONTAL))
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:GPano="http://ns.google.com/photos/1.0/panorama/" {properties}/></rdf:RDF></x:xmpmeta>'
    )
    body = b"http://ns.adobe.com/xap/1.0/\0" + packet.encode()
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:])


def test_a_photo_of_a_panorama_is_dreamed_round_and_says_so(tmp_path, make):
    source = tmp_path / "photo.jpg"
    photo(source, 'GPano:ProjectionType="equirectangular" GPano:InitialViewHeadingDegrees="90"')
    made = files.dream(source, preset=LOOK, make_dreamer=make, size=64)
    assert made.path.name == "photo-dream.jpg" and not made.warnings
    assert read_spherical(made.path, "picture") == Spherical(pose=(90.0, 0.0, 0.0))
    assert b'GPano:FullPanoWidthPixels="64"' in made.path.read_bytes()
    assert Recipe.read(made.path).wrap == "horizontal"
    film = files.dream(source, tmp_path / "a.mp4", preset=LOOK, make_dreamer=make, duration_seconds=0.1)
    assert SAID in report(film.path)


def test_a_photo_of_a_part_is_no_whole_sphere(tmp_path):
    source = tmp_path / "photo.jpg"
    photo(
        source,
        'GPano:ProjectionType="equirectangular" GPano:FullPanoWidthPixels="160" GPano:FullPanoHeightPixels="80" '
        'GPano:CroppedAreaImageWidthPixels="80" GPano:CroppedAreaImageHeightPixels="40" '
        'GPano:CroppedAreaLeftPixels="40" GPano:CroppedAreaTopPixels="20"',
    )
    found = read_spherical(source, "picture")
    assert found.bounds == (0.25, 0.25, 0.25, 0.25)
    assert wrap_of("photo.jpg", found, None)[0] is Wrap.NONE


def test_an_index_before_the_pictures_is_moved_with_what_it_points_to(clip, tmp_path):
    fast = tmp_path / "fast.mp4"
    ffmpeg("-i", clip, "-c", "copy", "-movflags", "+faststart", fast)
    made = tmp_path / "made.mp4"
    assert store_spherical(fast, made, Spherical(), (80, 40))
    assert SAID in report(made)
    streams = [ffmpeg("-i", each, "-map", "0", "-f", "framemd5", "-") for each in (fast, made)]
    assert streams[0] == streams[1]
    assert made.read_bytes().index(b"moov") < made.read_bytes().index(b"mdat")


def test_matroska_keeps_its_index_and_checksums(clip, tmp_path):
    plain, made = tmp_path / "plain.mkv", tmp_path / "made.mkv"
    ffmpeg("-i", clip, "-c", "copy", plain)
    assert store_spherical(plain, made, Spherical(pose=(10.0, 0.0, 0.0)), (80, 40))
    assert made.stat().st_size == plain.stat().st_size
    # A wrong checksum or place is told when a file is read strictly.
    ffmpeg("-err_detect", "crccheck+explode", "-i", made, "-map", "0", "-f", "null", "-")
    streams = [ffmpeg("-ss", "0.12", "-i", each, "-map", "0", "-f", "framemd5", "-") for each in (plain, made)]
    assert streams[0] == streams[1]


def test_broken_files_say_nothing_and_bring_nothing_down(clip, tmp_path):
    inject(clip, second_version(), FIRST_VERSION)
    with FrameReader(clip) as reader, FrameWriter(tmp_path / "a.mkv", like=reader) as out:
        for picture in reader:
            out.write(picture)
    chance = random.Random(3)
    broken = tmp_path / "broken"
    for source in (clip, out.path):
        whole = source.read_bytes()
        for _ in range(150):
            data = bytearray(whole[: chance.randrange(len(whole))])
            for _ in range(chance.randrange(40)):
                if data:
                    data[chance.randrange(len(data))] = chance.randrange(256)
            broken.write_bytes(data)
            read_spherical(broken, "video")
