from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from vidream.errors import PresetError
from vidream.looks.preset import Preset, preset_names
from vidream.networks import has_weights


@pytest.mark.parametrize("name", preset_names())
def test_every_shipped_preset_loads_and_survives_a_round_trip(name):
    preset = Preset.load(name)
    assert Preset.from_toml(preset.to_toml()) == preset
    assert 10 < len(preset.description) < 100


def test_the_looks_that_every_user_needs_are_shipped():
    assert {"creatures", "gentle", "fever", "fast", "classic"} <= set(preset_names())
    assert preset_names()[0] == "creatures"
    assert len(preset_names()) >= 24
    creatures, classic = Preset.load("creatures"), Preset.load("classic")
    assert creatures.networks == {"dreamnet": 1.0, "efficientnet_lite0": 1.0}
    # Nothing is downloaded or asked for by either.
    assert all(has_weights(name) for preset in (creatures, classic) for name in preset.networks)


def test_awkward_texts_survive_a_round_trip():
    preset = Preset(description='say "hello" \\ back', layers={'a "b"': 0.5}, channels=(3, 1))
    assert Preset.from_toml(preset.to_toml()) == preset


def test_settings_are_parsed_by_the_type_of_their_field():
    preset = Preset().with_settings(
        ["keep=0", "octaves=5", "layers=s3b:1, s2:0.25", "channels=1,4", "reset_on_cut=no", "flow=none"]
    )
    assert (preset.keep, preset.octaves, preset.channels) == (0.0, 5, (1, 4))
    assert dict(preset.layers) == {"s3b": 1.0, "s2": 0.25}
    assert preset.reset_on_cut is False
    assert Preset().with_settings(["layers=s3b"]).layers == {"s3b": 1.0}
    assert Preset(layers=["s2", "s3b"]).layers == {"s2": 1.0, "s3b": 1.0}


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("keeep=1", 'no preset field "keeep"; close: "keep"'),
        ("keep=1.5", "keep cannot be 1.5; allowed: 0.0 to 1.0"),
        ("keep=often", "keep cannot be 'often'"),
        ("keep=nan", "keep cannot be 'nan'"),
        ("octaves=2.5", "octaves cannot be '2.5'"),
        ("octaves=99", "allowed: 1 to 16"),
        ("normalise=max", "allowed: mean-abs, std, laplacian"),
        ("reset_on_cut=perhaps", "reset_on_cut cannot be 'perhaps'"),
        ("layers=s3b:inf", "layers cannot be"),
        ("keep", "a setting is FIELD=VALUE"),
    ],
)
def test_bad_settings_say_what_is_allowed(setting, words):
    with pytest.raises(PresetError) as caught:
        Preset().with_settings([setting])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_files_and_names_say_what_to_do(tmp_path):
    (tmp_path / "broken.toml").write_text("keep = = 1")
    (tmp_path / "binary.toml").write_bytes(b"\x9f\xfe\x00")
    (tmp_path / "utf16.toml").write_bytes("keep = 0.5".encode("utf-16"))
    (tmp_path / "deep.toml").write_text("guide = " + "[" * 100_000)
    for name, words in [
        ("cretures", 'close: "creatures"'),
        (tmp_path / "absent.toml", "cannot read the preset"),
        (tmp_path, "no preset" if "/" not in str(tmp_path) else "cannot read the preset"),
        (tmp_path / "broken.toml", "not valid TOML"),
        (tmp_path / "binary.toml", "not a UTF-8 text file"),
        (tmp_path / "utf16.toml", "UTF-16 text. Save it as UTF-8"),
        (tmp_path / "deep.toml", "not valid TOML"),
    ]:
        with pytest.raises(PresetError, match=words):
            Preset.load(name)


def test_a_preset_may_begin_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "windows.toml"
    path.write_bytes(b"\xef\xbb\xbfkeep = 0.5\r\noctaves = 3\r\n")
    assert Preset.load(path) == Preset(keep=0.5, octaves=3)
    assert Preset.from_toml("\ufeffkeep = 0.5") == Preset(keep=0.5)


def test_a_guide_may_have_commas_in_its_name_and_begin_with_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for name in ("with,comma.jpg", "a.jpg", "a.jpg,b"):
        (tmp_path / name).touch()

    def guides(text):
        return Preset().with_settings([f"guide={text}"]).guide

    assert guides("with,comma.jpg") == ("with,comma.jpg",)
    assert guides("a.jpg, with,comma.jpg,absent.png") == ("a.jpg", "with,comma.jpg", "absent.png")
    assert guides("~/a.jpg") == (f"{tmp_path}/a.jpg",)
    assert guides("~/with,comma.jpg,a.jpg,b") == (f"{tmp_path}/with,comma.jpg", "a.jpg,b")
    assert guides("") == guides(" , ") == ()
    assert Preset(guide=["~/a.jpg", "x,y.png"]).guide == (f"{tmp_path}/a.jpg", "x,y.png")


def test_every_field_says_what_it_is():
    assert all(item.metadata.get("says") for item in dataclasses.fields(Preset))


def test_presets_are_listed_without_loading_torch():
    code = "import sys; from vidream.cli import main; main(['presets']); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0
    assert "creatures" in done.stdout
