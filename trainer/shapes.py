"""Drawn shapes: ten classes of 32x32 color images, made from a seed, as hard as one likes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]
    Bytes = NDArray[np.uint8]

SIDE = 32
NAMES = ("disc", "square", "triangle", "pentagon", "star", "plus", "ring", "moon", "bar", "angle")


def polygon(u: Floats, v: Floats, corners: int) -> Floats:
    sector = 2 * np.pi / corners
    angle = np.mod(np.arctan2(v, u), sector) - sector / 2
    edge: Floats = np.hypot(u, v) * np.cos(angle) - np.cos(sector / 2)
    return edge


def star(u: Floats, v: Floats) -> Floats:
    wave = np.abs(np.mod(np.arctan2(v, u) * 5 / (2 * np.pi), 1) - 0.5) * 2
    edge: Floats = np.hypot(u, v) - (0.4 + 0.65 * wave)
    return edge


def box(u: Floats, v: Floats, width: float, height: float) -> Floats:
    edge: Floats = np.maximum(np.abs(u) - width, np.abs(v) - height)
    return edge


def ring(u: Floats, v: Floats, radius: float, half: float) -> Floats:
    edge: Floats = np.abs(np.hypot(u, v) - radius) - half
    return edge


def outline(kind: int, u: Floats, v: Floats) -> Floats:
    """Below zero inside the shape of that class; ``u`` and ``v`` are (N, 32, 32), radius 1."""
    match NAMES[kind]:
        case "disc":
            return ring(u, v, 0.0, 0.9)
        case "square":
            return box(u, v, 0.75, 0.75)
        case "triangle":
            return polygon(u, v, 3)
        case "pentagon":
            return polygon(u, v, 5)
        case "star":
            return star(u, v)
        case "plus":
            return np.minimum(box(u, v, 0.95, 0.3), box(u, v, 0.3, 0.95))
        case "ring":
            return ring(u, v, 0.75, 0.22)
        case "moon":
            return np.maximum(ring(u, v, 0.0, 0.95), -ring(u - 0.5, v, 0.0, 0.75))
        case "bar":
            return box(u, v, 1.0, 0.3)
        case _:
            return np.minimum(box(u + 0.6, v, 0.28, 0.9), box(u, v - 0.6, 0.88, 0.28))


def draw(labels: Bytes, difficulty: float, rng: np.random.Generator) -> Bytes:
    """(N, 3, 32, 32) images. Difficulty 0 is large, upright, clean; 1 small, turned, noisy."""
    count = len(labels)
    size = rng.uniform(11 - 6 * difficulty, 12 - 2 * difficulty, (count, 1, 1))
    room = (SIDE / 2 - size) * min(1.0, 0.3 + difficulty)
    x, y = (SIDE / 2 - 0.5 + rng.uniform(-1, 1, (count, 1, 1)) * room for _ in range(2))
    angle = rng.uniform(-np.pi, np.pi, (count, 1, 1)) * difficulty
    row, column = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    u = ((column - x) * np.cos(angle) + (row - y) * np.sin(angle)) / size
    v = ((row - y) * np.cos(angle) - (column - x) * np.sin(angle)) / size
    inside = np.empty((count, SIDE, SIDE), np.float32)
    for kind in range(len(NAMES)):
        mine = labels == kind
        distance = outline(kind, u[mine], v[mine]) * size[mine]
        inside[mine] = 1 / (1 + np.exp(np.clip(distance * 4, -30, 30)))
    ground = rng.uniform(0, 1, (count, 3, 1, 1))
    contrast = 1 - 0.6 * difficulty
    color = np.mod(ground + contrast * rng.uniform(0.4, 0.6, (count, 3, 1, 1)), 1)
    images = ground + (color - ground) * inside[:, None]
    images += rng.normal(0, 0.02 + 0.2 * difficulty, images.shape)
    return (np.clip(images, 0, 1) * 255).astype(np.uint8)


def shapes(
    train_size: int, test_size: int, difficulty: float, seed: int = 0
) -> tuple[Bytes, Bytes, Bytes, Bytes]:
    """Training and test images with as many of each class; same arguments, same bytes."""
    rng = np.random.default_rng(seed)
    parts: list[Bytes] = []
    for size in (train_size, test_size):
        labels = rng.permutation(np.arange(size) % len(NAMES)).astype(np.uint8)
        chunks = [draw(part, difficulty, rng) for part in np.array_split(labels, -(-size // 1000))]
        parts += [np.concatenate(chunks), labels]
    return parts[0], parts[1], parts[2], parts[3]
