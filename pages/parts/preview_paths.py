"""Previews that run something small: optimizers on a surface, signals through layers, averages."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from pages.parts.drawing import Sketch
    from pages.parts.previews import Draw

    Array = np.ndarray
    Knobs = dict[str, float]
    Gradient = Callable[[Array], Array]

CURVATURE = np.array([1.0, 20.0])
START = np.array([-2.0, 0.42])
STEPS = 40
RATE = 0.09  # in the drawing, for a rate of 0.1 in the lab: the plain path zigzags


def bowl(w: Array) -> Array:
    """The gradient of ``(x² + 20 y²) / 2``."""
    return CURVATURE * w


def sgd(gradient: Gradient, w: Array, lr: float, steps: int) -> Array:
    """Plain gradient descent; the way, (steps + 1, ...)."""
    way = [w]
    for _ in range(steps):
        way.append(way[-1] - lr * gradient(way[-1]))
    return np.array(way)


def nesterov_path(gradient: Gradient, w: Array, lr: float, momentum: float, steps: int) -> Array:
    """Nesterov's momentum in torch's form: ``v ← μv + g``, then a step along ``g + μv``."""
    way, v = [w], np.zeros_like(w)
    for _ in range(steps):
        g = gradient(way[-1])
        v = momentum * v + g
        way.append(way[-1] - lr * (g + momentum * v))
    return np.array(way)


def adamw_path(gradient: Gradient, w: Array, lr: float, decay: float, steps: int) -> Array:
    """AdamW with β = .9, .999: the decay acts on the weights themselves."""
    way, m, v = [w], np.zeros_like(w), np.zeros_like(w)
    for k in range(1, steps + 1):
        g = gradient(way[-1])
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        hat = m / (1 - 0.9**k) / (np.sqrt(v / (1 - 0.999**k)) + 1e-8)
        way.append(way[-1] * (1 - lr * decay) - lr * hat)
    return np.array(way)


def draw_paths(sketch: Sketch, plain: Array, own: Array) -> None:
    """Two ways over the bowl, a dot for each step of the ink one."""
    up = "two weights, loss as contour lines"
    axes = sketch.axes((-2.35, 1.2), (-0.62, 0.62), up=up, floor=False)
    t = np.linspace(0, 2 * np.pi, 120)
    for level in (0.05, 0.3, 0.9, 2.0):
        radius = np.sqrt(2 * level / CURVATURE)
        axes.line(radius[0] * np.cos(t), radius[1] * np.sin(t), "faint", width=1)
    axes.line(plain[:, 0], plain[:, 1], "gray", width=1.25)
    axes.line(own[:, 0], own[:, 1], width=1.75)
    inside = (np.abs(own[:, 1]) < 0.62) & (own[:, 0] < 1.2)
    axes.dots(own[inside, 0], own[inside, 1], r=1.6)
    axes.dots(own[:1, 0], own[:1, 1], r=2.6)


def nesterov(sketch: Sketch, knobs: Knobs) -> str:
    momentum = knobs["momentum"]
    lr = knobs.get("lr")
    rate = RATE * (1 - momentum) if lr is None else RATE * lr / 0.1
    own = nesterov_path(bowl, START, rate, momentum, STEPS)
    draw_paths(sketch, sgd(bowl, START, RATE, STEPS), own)
    return f"{STEPS} steps in a narrow valley with μ = {momentum:g}; gray: without momentum."


def adamw(sketch: Sketch, knobs: Knobs) -> str:
    lr = knobs.get("lr") or 0.001
    own = adamw_path(bowl, START, 0.07 * lr / 0.001, knobs["weight_decay"], STEPS)
    draw_paths(sketch, sgd(bowl, START, RATE, STEPS), own)
    return f"{STEPS} steps in a narrow valley: about the same length in every direction; gray: SGD."


SHARP, FLAT = 0.22, 0.68  # where the two minima of the landscape lie


def landscape(w: Array) -> Array:
    """A loss over one weight with a sharp minimum, the lower one, and a flat one."""
    sharp = 0.80 * np.exp(-(((w - SHARP) / 0.045) ** 2))
    flat = 0.74 * np.exp(-(((w - FLAT) / 0.20) ** 2))
    return 1 - sharp - flat


def sam(sketch: Sketch, knobs: Knobs) -> str:
    """The loss, and the worst of it within ρ: what SAM goes down on."""
    rho = knobs["rho"]
    w = np.linspace(0, 1, 401)
    near = np.linspace(-rho, rho, 81)
    worst = landscape(w[:, None] + near).max(axis=1)
    axes = sketch.axes((0, 1), (0.1, 1.05), across="one weight", up="loss")
    axes.line(w, landscape(w), "gray", width=1.25)
    axes.line(w, worst)
    for loss, tone in ((landscape(w), "gray"), (worst, "ink")):
        best = int(np.argmin(loss))
        axes.dots([w[best]], [loss[best]], tone, r=3.2)
    return f"The worst loss within ρ = {rho:g}, which fills sharp valleys; gray: the loss itself."


def ema(sketch: Sketch, knobs: Knobs) -> str:
    decay, steps = knobs["decay"], 240
    rng = np.random.default_rng(5)
    k = np.arange(steps)
    noisy = 1 - 0.8 * np.exp(-k / 35) + 0.16 * rng.standard_normal(steps)
    average = [noisy[0]]
    for value in noisy[1:]:
        average.append(decay * average[-1] + (1 - decay) * value)
    axes = sketch.axes((0, steps - 1), (-0.1, 1.4), across="steps", up="a weight")
    axes.line(k, noisy, "gray", width=1)
    axes.line(k, average)
    return f"Each weight's average with d = {decay:g}; gray: the weight as it is trained."


def weights(kind: str, inputs: int, outputs: int, rng: np.random.Generator) -> Array:
    """The first weights of a layer, (outputs, inputs)."""
    if kind == "xavier":
        return np.sqrt(2 / (inputs + outputs)) * rng.standard_normal((outputs, inputs))
    if kind == "torch":
        bound = 1 / np.sqrt(inputs)
        return rng.uniform(-bound, bound, (outputs, inputs))
    return np.sqrt(2 / inputs) * rng.standard_normal((outputs, inputs))


LAYERS = (1, 4, 7, 10)  # the ones that are shown
EDGES = np.linspace(-3, 3, 18)


@cache
def signals(kind: str, width: int = 128) -> Array:
    """Shares of the units' inputs by size, (layer shown, bin), for standard inputs and ReLUs."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((64, 64))
    found = []
    for layer in range(1, LAYERS[-1] + 1):
        z = x @ weights(kind, x.shape[1], width, rng).T
        x = np.maximum(z, 0)
        if layer in LAYERS:
            found.append(np.histogram(z, EDGES)[0] / z.size)
    return np.array(found)


def initialization(kind: str) -> Callable[[Sketch, Knobs], str]:
    """How large the signal is that reaches some layers."""

    def draw(sketch: Sketch, knobs: Knobs) -> str:
        plain = "torch" if kind == "kaiming" else "kaiming"
        bins = len(EDGES) - 1
        gap = 4
        whole = len(LAYERS) * (bins + gap) - gap
        words = "share of units, by the signal's size"
        axes = sketch.axes((-0.6, whole - 0.4), (0, 1.02), up=words)
        for i, layer in enumerate(LAYERS):
            at = i * (bins + gap)
            # Roots: what has vanished is one tall bar, and the other must stay in sight.
            axes.bars(np.sqrt(signals(plain)[i]), "gray", share=0.96, start=at)
            axes.bars(np.sqrt(signals(kind)[i]), share=0.5, start=at)
            if sketch.large:
                middle = axes.along(at + (bins - 1) / 2)
                sketch.text(middle, sketch.height - 6, f"layer {layer}", anchor="middle")
        name = "PyTorch's default" if plain == "torch" else "Kaiming"
        return f"The signal in layers 1, 4, 7 and 10 of a ReLU network; gray: {name}."

    return draw


DRAWINGS: dict[str, Draw] = {"ema": ema, "nesterov": nesterov, "adamw": adamw, "sam": sam}
