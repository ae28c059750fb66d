"""hides: skins and coats that fill the canvas."""

from __future__ import annotations

from torch import Tensor

from vidream.training.brush import grey, mix, step, wave
from vidream.training.canvas import PATTERN, Canvas
from vidream.training.motifs.motif_registry import motif


def _flow(c: Canvas, bend: float = 0.12) -> tuple[Tensor, Tensor]:
    """The canvas's axes, gently bent, as cloth lies over a body."""
    return (
        c.x + bend * c.noise(c.x * 0.15, c.y * 0.15, "soft"),
        c.y + bend * c.noise(c.x * 0.15, c.y * 0.15, "soft"),
    )


def _body_light(c: Canvas) -> None:
    """Broad light and shadow, as on the flank of a body."""
    c.shade(c.everywhere, (1 + 0.22 * c.noise(c.x * 0.12, c.y * 0.12, "soft")).clamp(0.4, 1.4))


@motif("hides", PATTERN)
def zebra(c: Canvas) -> None:
    """Black and cream stripes that fork, over short hair."""
    u, v = _flow(c, 0.2)
    fork = 0.5 * step(-0.2, 0.2, c.noise(u * 0.2, v * 0.2, "soft")) * step(-0.3, 0.3, v)
    stripe = wave(u * c.uniform(2.0, 3.2) + fork + 0.12 * c.noise(u * 0.4, v * 0.3))
    light = c.pick((0.93, 0.9, 0.84), (0.88, 0.82, 0.7), (0.95, 0.95, 0.93))
    ragged = stripe + 0.05 * c.noise(u * 1.4, v * 0.4, "fine")
    dark = mix(grey(c.x, 0.06), c.pick((0.18, 0.1, 0.06)), c.uniform(0, 0.6))
    c.paint(c.everywhere, mix(light, dark, step(0.42, 0.6, ragged)))
    c.fur(c.everywhere, v, u, 0.16)
    c.relief(stripe, 0.04)
    _body_light(c)


@motif("hides", PATTERN)
def leopard(c: Canvas) -> None:
    """Broken black rosettes, tawny inside, on golden fur."""
    u, v = _flow(c)
    coat = c.colour((0.08, 0.11), (0.45, 0.7), (0.75, 0.95))
    size = c.uniform(3.2, 4.4)
    core, gap, number = c.cells(u * size, v * size)
    rough = 0.06 * c.noise(u * 0.8, v * 0.8)
    c.paint(c.everywhere, mix(coat, grey(c.x, 0.95), 0.3 * step(0.2, 0.0, gap)))
    inside = step(0.1, 0.16, gap + rough)
    c.tint(inside * step(0.55, 0.2, core), coat * 0.72)
    broken = step(-0.75, -0.3, c.noise(u * 0.5, v * 0.5))
    ring = inside * step(0.29, 0.22, gap + rough) * broken
    spot = step(0.2, 0.15, core + rough) * (number > 0.6)
    c.tint((ring + spot).clamp(0, 1), c.pick((0.09, 0.06, 0.04), (0.16, 0.09, 0.05)))
    c.fur(c.everywhere, v, u + 0.2 * v, 0.22)
    _body_light(c)


@motif("hides", PATTERN)
def snake_skin(c: Canvas) -> None:
    """Fine diamond scales under a chain of dark-rimmed saddles."""
    u, v = _flow(c, 0.08)
    dense = c.uniform(5.5, 8.0)
    a, b = (u + v * 0.6) * dense, (u - v * 0.6) * dense
    across, along = (a % 1.0) - 0.5, (b % 1.0) - 0.5
    column, row = (a.floor() + b.floor()) / dense, (a.floor() - b.floor()) / dense / 1.2
    saddle = ((row * 0.9) % 1.0 - 0.5).abs() * 1.5 + ((column + 0.55) % 1.1 - 0.55).abs() * 1.1
    base = c.pick((0.78, 0.68, 0.46), (0.62, 0.64, 0.4), (0.85, 0.8, 0.7), (0.6, 0.5, 0.36))
    heart = c.pick((0.5, 0.27, 0.13), (0.36, 0.3, 0.17), (0.62, 0.42, 0.2), (0.25, 0.24, 0.2))
    c.paint(c.everywhere, mix(base, heart, step(0.56, 0.5, saddle)))
    c.tint(step(0.12, 0.08, (saddle - 0.55).abs()), grey(c.x, 0.09))
    c.tint(0.8 * step(0.1, 0.06, (saddle - 0.78).abs()), mix(base, grey(c.x, 1.0), 0.6))
    edge = across.abs().maximum(along.abs()) - 0.5
    dome = step(0.0, -0.3, edge)
    c.shade(c.everywhere, 0.3 + 0.8 * step(0.0, -0.12, edge))
    c.relief(dome, 0.05)
    keel = step(0.09, 0.0, (across - along).abs()) * dome
    c.gloss(keel, 0.25)
    c.grain(c.everywhere, 0.12)
    _body_light(c)


@motif("hides", PATTERN)
def scales(c: Canvas) -> None:
    """Rows of big overlapping dragon scales, ridged and gleaming."""
    u, v = _flow(c)
    dense = c.uniform(2.2, 3.6)
    across, along, number, shadow = c.rows(u * dense, v * dense * 1.35)
    base = c.pick((0.16, 0.42, 0.3), (0.14, 0.3, 0.46), (0.68, 0.47, 0.16), (0.5, 0.13, 0.1), (0.5, 0.53, 0.55))
    rim = mix(base, c.pick((0.95, 0.85, 0.5), (0.9, 0.95, 0.9)), c.uniform(0.3, 0.7))
    c.paint(c.everywhere, mix(base * (0.65 + 0.7 * number[:, None]), rim, step(0.55, 1.0, along + 0.25 * across**2)))
    ribs = c.noise(across * 0.7, along * 0.12 + number, "fine")
    c.shade(c.everywhere, 1 + 0.16 * ribs)
    bulge = (1 - across * across) * 0.5 + 0.5 * along
    c.relief(bulge, 0.09)
    c.gloss(step(0.12, 0.0, (across - 0.25 * c.light[0]).abs()) * step(0.3, 0.7, along), 0.5)
    c.shade(shadow, 0.3)
    _body_light(c)


@motif("hides", PATTERN)
def fur(c: Canvas) -> None:
    """Long hair in locks, combed along a bend, dark between the locks."""
    coat = c.pelt()
    bend = 0.5 * c.noise(c.x * 0.1, c.y * 0.1, "soft")
    u, v = c.x + bend, c.y + 0.3 * bend
    across, along, number, shadow = c.rows(
        u * 3.4 + 0.15 * c.noise(u * 0.4, v * 0.3), v * 1.9 + 0.3 * c.noise(u, v * 0.3)
    )
    pale = mix(coat, c.pick((0.96, 0.9, 0.78), (0.9, 0.9, 0.9)), 0.55)
    c.paint(c.everywhere, mix(coat * 0.7, pale, step(0.3, 1.1, along) * (0.4 + 0.6 * number)))
    comb = across * (1.1 - along)
    c.fur(c.everywhere, v * 0.8, u * 0.8 + 0.1 * comb, 0.3)
    c.relief(1 - across * across + along, 0.03)
    c.shade(shadow, 0.35)
    c.shade(c.everywhere, 0.55 + 0.55 * step(0.0, 0.5, along))
    _body_light(c)


@motif("hides", PATTERN)
def crocodile(c: Canvas) -> None:
    """Square bony plates with a keel, in rows, and pebbles in the furrows."""
    u, v = _flow(c, 0.1)
    dense = c.uniform(1.7, 2.5)
    a = u * dense + 0.08 * c.noise(u * 0.5, v * 0.5)
    b = v * dense * 1.25 + 0.08 * c.noise(u * 0.5, v * 0.5)
    plate = ((a % 1.0) - 0.5, (b % 1.0) - 0.5)
    number = ((a.floor() * 12.99 + b.floor() * 78.23).sin() * 4375.85) % 1.0
    edge = (plate[0].abs() ** 3 + plate[1].abs() ** 3) ** (1 / 3)
    inside = step(0.46, 0.4, edge)
    base = c.pick((0.42, 0.4, 0.26), (0.3, 0.33, 0.22), (0.5, 0.44, 0.3), (0.28, 0.26, 0.22))
    core, gap, pebble = c.cells(u * 13, v * 13)
    c.paint(c.everywhere, base * (0.4 + 0.45 * pebble * step(0.0, 0.15, gap))[:, None])
    c.tint(inside, base * (0.8 + 0.45 * number)[:, None])
    keel = step(0.26, 0.0, plate[0].abs()) * step(0.5, 0.1, plate[1].abs())
    cracks = step(0.0, 0.09, gap)
    height = inside * (0.6 + 0.7 * keel) + (1 - inside) * 0.3 * step(0.5, 0.1, core) + 0.06 * cracks
    c.relief(height + 0.03 * c.noise(u * 0.9, v * 0.9), 0.16)
    c.shade(inside, 0.75 + 0.25 * cracks)
    c.shade(step(0.06, 0.0, (edge - 0.44).abs()), 0.45)
    c.gloss(keel * inside * step(0.1, 0.0, plate[0].abs()), 0.3)
    c.grain(c.everywhere, 0.12)


@motif("hides", PATTERN)
def feathers(c: Canvas) -> None:
    """Rows of rounded feathers, each with a shaft, fine barbs and a pale or dark hem."""
    u, v = _flow(c)
    dense = c.uniform(1.7, 2.6)
    across, along, number, shadow = c.rows(u * dense, v * dense * 0.95)
    base = c.pick((0.5, 0.35, 0.22), (0.45, 0.45, 0.47), (0.66, 0.5, 0.32), (0.2, 0.3, 0.42), (0.72, 0.3, 0.16))
    hem = c.pick((0.95, 0.9, 0.8), (0.1, 0.08, 0.07), (0.85, 0.62, 0.3))
    round_edge = along * 2 - 1 - (1 - across * across).clamp(min=0).sqrt() * 0.98
    c.paint(c.everywhere, base * (0.75 + 0.4 * number)[:, None])
    bars = c.chance(0.5) * step(0.35, 0.65, wave(along * c.whole(3, 5) + 0.3 * across.abs()))
    c.tint(0.6 * bars, base * 0.4)
    c.tint(step(-0.26, -0.14, round_edge), hem)
    slant = along * 1.2 - across.abs() * 0.45
    c.shade(c.everywhere, 1 + 0.3 * (wave(slant * 15) - 0.5) + 0.1 * c.noise(slant * 2, across * 0.1, "fine"))
    c.relief(1 - across * across, 0.06)
    c.tint(step(0.07, 0.03, across.abs()) * step(1.0, 0.9, along), mix(base, grey(c.x, 0.95), 0.5))
    c.shade(shadow, 0.3)
    c.shade(c.everywhere, 0.6 + 0.5 * step(0.1, 0.8, along))
    _body_light(c)
