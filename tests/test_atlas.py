"""The atlas: a tile for every channel or subject."""

from __future__ import annotations

import pytest
import torch
from conftest import textured

from vidream.cli import main
from vidream.errors import NetError
from vidream.media import contact_sheet, read_picture
from vidream.networks import load_net
from vidream.rendering.atlas import LOOK, Tile, atlas_sheet, atlas_tiles


@pytest.fixture(scope="module")
def net():
    return load_net("dreamnet")


def test_every_group_and_class_has_its_tile(net):
    tiles = atlas_tiles(net, size_px=32, look=LOOK.replace(octaves=1, first_steps=1))
    assert [tile.name for tile in tiles] == [*net.groups, *net.classes]
    assert all(tile.picture.shape == (1, 3, 32, 32) for tile in tiles)


def test_channels_dream_differently_and_on_a_picture_too(net):
    seen = []
    tiles = atlas_tiles(
        net, "s3b", channels=(3, 40), on=textured(60, 90), size_px=64, watch=lambda *done: seen.append(done)
    )
    assert [tile.name for tile in tiles] == ["3", "40"]
    assert (tiles[0].picture - tiles[1].picture).abs().mean() > 0.03
    assert seen == [(1, 2), (2, 2)]


def test_a_channel_there_is_not_is_refused(net):
    with pytest.raises(NetError, match="channels 0 to"):
        atlas_tiles(net, "s3b", channels=(4096,))


def test_the_sheet_holds_tiles_and_names():
    tiles = [Tile(str(index), torch.full((1, 3, 20, 20), 0.5)) for index in range(3)]
    sheet = atlas_sheet(tiles, columns=2)
    bare = contact_sheet([tile.picture for tile in tiles], 2)
    assert sheet.shape[-1] == bare.shape[-1] == 2 * 24 + 4
    assert sheet.shape[-2] > bare.shape[-2]
    # Letters are brighter than the tiles.
    assert sheet.max() > 0.7


def test_the_command_writes_a_sheet_and_does_not_replace_one(tmp_path, capsys):
    target = tmp_path / "atlas.png"
    arguments = ["atlas", str(target), "--layer", "s2", "--channels", "0-2", "--cell", "32", "--columns", "3", "-q"]
    assert main(arguments) == 0
    assert read_picture(target).shape[-1] == 3 * 36 + 4
    assert main(arguments) == 1
    assert "--overwrite" in capsys.readouterr().err


def test_a_layer_there_is_not_is_one_line(tmp_path, capsys):
    assert main(["atlas", str(tmp_path / "a.png"), "--layer", "s9", "-q"]) == 1
    assert 'no layer "s9"' in capsys.readouterr().err
