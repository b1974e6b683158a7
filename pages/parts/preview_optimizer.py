"""Previews of the optimizer tricks: ways down a narrow valley, and what is done to gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pages.parts.preview_paths import (
    CURVATURE,
    RATE,
    START,
    STEPS,
    adamw,
    bowl,
    draw_paths,
    nesterov,
    sam,
    sgd,
)
from tricks.optimizer.radam import rectification

if TYPE_CHECKING:
    from collections.abc import Callable

    from pages.parts.drawing import Sketch
    from pages.parts.previews import Draw

    Array = np.ndarray
    Knobs = dict[str, float]
    Move = Callable[[Array, int, dict[str, Array], Knobs], Array]

VALLEY = f"{STEPS} steps in a narrow valley"


def way(move: Move, knobs: Knobs, scale: float, steps: int = STEPS) -> Array:
    """The way down the bowl, (steps + 1, 2); ``scale`` makes the rate fit the drawing."""
    w, memory = START, {name: np.zeros(2) for name in ("m", "v", "u")}
    found = [w]
    for k in range(1, steps + 1):
        g = bowl(w) + knobs.get("weight_decay", 0.0) * w
        w = w - scale * move(g, k, memory, knobs)
        found.append(w)
    return np.array(found)


def adagrad(g: Array, k: int, memory: dict[str, Array], knobs: Knobs) -> Array:
    memory["v"] = memory["v"] + g**2
    return knobs["lr"] * g / (np.sqrt(memory["v"]) + 1e-10)


def rmsprop(g: Array, k: int, memory: dict[str, Array], knobs: Knobs) -> Array:
    alpha = knobs["alpha"]
    memory["v"] = alpha * memory["v"] + (1 - alpha) * g**2
    return knobs["lr"] * g / (np.sqrt(memory["v"]) + 1e-8)


def adadelta(g: Array, k: int, memory: dict[str, Array], knobs: Knobs) -> Array:
    rho, small = knobs["rho"], 1e-3  # at torch's 1e-6 no step could be seen
    memory["v"] = rho * memory["v"] + (1 - rho) * g**2
    step = np.sqrt(memory["u"] + small) / np.sqrt(memory["v"] + small) * g
    memory["u"] = rho * memory["u"] + (1 - rho) * step**2
    return knobs["lr"] * step


def adam(g: Array, k: int, memory: dict[str, Array], knobs: Knobs) -> Array:
    memory["m"] = 0.9 * memory["m"] + 0.1 * g
    memory["v"] = 0.999 * memory["v"] + 0.001 * g**2
    size = np.sqrt(memory["v"] / (1 - 0.999**k)) + 1e-8
    return knobs["lr"] * memory["m"] / (1 - 0.9**k) / size


def nadam(g: Array, k: int, memory: dict[str, Array], knobs: Knobs) -> Array:
    adam(g, k, memory, knobs)
    size = np.sqrt(memory["v"] / (1 - 0.999**k)) + 1e-8
    ahead = 0.9 * memory["m"] / (1 - 0.9 ** (k + 1)) + 0.1 * g / (1 - 0.9**k)
    return knobs["lr"] * ahead / size


def adamax(g: Array, k: int, memory: dict[str, Array], knobs: Knobs) -> Array:
    memory["m"] = 0.9 * memory["m"] + 0.1 * g
    memory["u"] = np.maximum(0.999 * memory["u"], np.abs(g))
    return knobs["lr"] * memory["m"] / (1 - 0.9**k) / (memory["u"] + 1e-8)


def lion(g: Array, k: int, memory: dict[str, Array], knobs: Knobs) -> Array:
    step = np.sign(0.9 * memory["m"] + 0.1 * g)
    memory["m"] = 0.99 * memory["m"] + 0.01 * g
    return knobs["lr"] * step


def heavy_ball(g: Array, k: int, memory: dict[str, Array], knobs: Knobs) -> Array:
    memory["v"] = knobs["momentum"] * memory["v"] + g
    return memory["v"] * (knobs["lr"] / 0.1 if "lr" in knobs else 1 - knobs["momentum"])


def quasi(g: Array, k: int, memory: dict[str, Array], knobs: Knobs) -> Array:
    memory["v"] = knobs["beta"] * memory["v"] + (1 - knobs["beta"]) * g
    step = (1 - knobs["nu"]) * g + knobs["nu"] * memory["v"]
    return step * knobs.get("lr", 0.1) / 0.1


def down(move: Move, scale: float, words: str) -> Draw:
    """Its way beside plain descent's."""

    def draw(sketch: Sketch, knobs: Knobs) -> str:
        draw_paths(sketch, sgd(bowl, START, RATE, STEPS), way(move, knobs, scale))
        return f"{VALLEY}: {words}; gray: plain gradient descent."

    return draw


def radam(sketch: Sketch, knobs: Knobs) -> str:
    steps = np.arange(1, 1001)
    axes = sketch.axes((1, 1000), (0, 1.1), across="steps", up="share of Adam's step")
    axes.line(steps, np.ones(1000), "gray", width=1.25)
    axes.line(steps, [rectification(int(step)) for step in steps])
    return "The share of Adam's step that is taken in the first 1,000 steps; gray: Adam."


def stochastic(sketch: Sketch, knobs: Knobs) -> str:
    rng = np.random.default_rng(3)

    def noisy(w: Array) -> Array:
        return bowl(w) + rng.standard_normal(2) * np.array([0.25, 0.8])

    draw_paths(sketch, sgd(bowl, START, RATE, STEPS), sgd(noisy, START, RATE, STEPS))
    return f"{VALLEY} by gradients of small batches; gray: by the gradient of all examples."


def lookahead(sketch: Sketch, knobs: Knobs) -> str:
    k, alpha, rng = int(knobs["k"]), knobs["alpha"], np.random.default_rng(3)
    fast = slow = START
    fasts, slows = [START], [START]
    for step in range(1, STEPS + 1):
        fast = fast - RATE * (bowl(fast) + rng.standard_normal(2) * np.array([0.25, 0.8]))
        fasts.append(fast)
        if step % k == 0:
            slow = fast = slow + alpha * (fast - slow)
            fasts.append(fast)
            slows.append(slow)
    draw_paths(sketch, np.array(fasts), np.array(slows))
    return f"Slow weights follow every {k} steps by α = {alpha:g}; gray: the fast ones."


def quasi_newton(sketch: Sketch, knobs: Knobs) -> str:
    """BFGS with the best length along each direction: in a bowl two steps are all it takes."""
    w, inverse, found = START, np.eye(2), [START]
    for _ in range(2):
        g = bowl(w)
        d = -inverse @ g
        move = d * (-(g @ d) / (d @ (CURVATURE * d)))
        y = bowl(w + move) - g
        w, rho, same = w + move, 1 / (y @ move), np.eye(2)
        left = same - rho * np.outer(move, y)
        inverse = left @ inverse @ left.T + rho * np.outer(move, move)
        found.append(w)
    draw_paths(sketch, sgd(bowl, START, RATE, STEPS), np.array(found))
    return f"Two steps in a narrow valley, the curvature learned in the first; gray: SGD's {STEPS}."


def newton(sketch: Sketch, knobs: Knobs) -> str:
    """The iterations of conjugate gradients inside one Newton step."""
    d, r = np.zeros(2), -bowl(START)
    p, found = r, [START]
    for _ in range(min(2, int(knobs["iterations"]))):
        a = (CURVATURE + knobs["damping"]) * p
        length = r @ r / (p @ a)
        d, new = d + length * p, r - length * a
        p, r = new + (new @ new) / (r @ r) * p, new
        found.append(START + d)
    draw_paths(sketch, sgd(bowl, START, RATE, STEPS), np.array(found))
    words = f"{len(found) - 1} iteration" + ("s" if len(found) > 2 else "")
    return f"One step by {words} of conjugate gradients, λ = {knobs['damping']:g}; gray: SGD."


def gauss_newton(sketch: Sketch, knobs: Knobs) -> str:
    """A loss of one weight where its curvature is negative, and both parabolas there."""
    w = np.linspace(-1.0, 4.4, 241)

    def loss(w: Array) -> Array:
        return np.log1p(np.exp(3 * np.cos(w)))

    at = 0.75
    z, slope, bend = 3 * np.cos(at), -3 * np.sin(at), -3 * np.cos(at)
    p = 1 / (1 + np.exp(-z))
    first, second = p * slope, p * (1 - p) * slope**2
    axes = sketch.axes((-1.0, 4.4), (-0.2, 3.4), across="one weight", up="loss")
    axes.line(w, loss(w), "gray", width=1.25)
    step = w - at
    full = loss(np.array(at)) + first * step + (second + p * bend) / 2 * step**2
    axes.line(w, full, "gray", width=1.25, dash="3 4")
    axes.line(w, loss(np.array(at)) + first * step + (second + knobs["damping"]) / 2 * step**2)
    axes.dots([at], [loss(np.array(at))], r=3)
    return "Its parabola opens upward where Newton's (dashed) opens downward; gray: the loss."


def adafactor(sketch: Sketch, knobs: Knobs) -> str:
    """Squared gradients of a matrix, and the same from the sums of its rows and columns."""
    rng = np.random.default_rng(2)
    v = np.outer(rng.uniform(0.2, 1, 4), rng.uniform(0.2, 1, 7)) * rng.uniform(0.6, 1.4, (4, 7))
    rows, columns = v.sum(1), v.sum(0)
    cell = min(sketch.height / 7.5, sketch.width / 21)
    top = (sketch.height - 5.6 * cell) / 2
    for matrix, left, tone in (
        (v, sketch.width * 0.08, "gray"),
        (np.outer(rows, columns) / v.sum(), sketch.width * 0.92 - 8.6 * cell, "ink"),
    ):
        for (i, j), value in np.ndenumerate(matrix / v.max()):
            sketch.rect(left + j * cell, top + i * cell, cell - 1, cell - 1, tone, opacity=value)
        if tone == "ink":
            for j, value in enumerate(columns / columns.max()):
                at = left + j * cell, top + 4.6 * cell
                sketch.rect(*at, cell - 1, cell - 1, opacity=value)
            for i, value in enumerate(rows / rows.max()):
                at = left + 7.6 * cell, top + i * cell
                sketch.rect(*at, cell - 1, cell - 1, opacity=value)
    return "Squared gradients of a matrix; ink: the same from one row and one column of sums."


def muon(sketch: Sketch, knobs: Knobs) -> str:
    lengths = 0.62 ** np.arange(12)
    x = lengths / np.linalg.norm(lengths)
    for _ in range(5):
        x = 3.4445 * x - 4.775 * x**3 + 2.0315 * x**5
    axes = sketch.axes((-0.7, 11.7), (0, 1.3), across="directions", up="length of a step")
    axes.bars(x, "ink")
    axes.bars(lengths, "gray", share=0.4)
    return "The step's length in every direction of a matrix; gray: the momentum's."


def clip_value(sketch: Sketch, knobs: Knobs) -> str:
    limit = knobs["clip_value"]
    reach = 1.5
    g = np.linspace(-reach, reach, 241)
    axes = sketch.axes((-reach, reach), (-reach, reach), across="a number of the gradient",
                       up="what is used", zero=True)  # fmt: skip
    axes.line(g, g, "gray", width=1.25)
    axes.line(g, np.clip(g, -limit, limit))
    return f"Each number is cut at ±{limit:g}; gray: without clipping."


def agc(sketch: Sketch, knobs: Knobs) -> str:
    rng = np.random.default_rng(4)
    weights, gradients = rng.uniform(0.4, 1.6, 12), rng.lognormal(-4.7, 0.9, 12)
    allowed = knobs["clipping"] * weights
    high = 1.1 * max(gradients.max(), min(allowed.max(), 2 * gradients.max()))
    axes = sketch.axes((-0.7, 11.7), (0, high), across="units", up="length of a gradient")
    axes.bars(gradients, "gray", hollow=True)
    axes.bars(np.minimum(gradients, allowed))
    axes.dots(np.arange(12), np.minimum(allowed, high), "gray", r=1.5)
    return "Each unit's gradient is cut at a share of its weights (dots); hollow: before."


def grad_accum(sketch: Sketch, knobs: Knobs) -> str:
    k, count = int(knobs["k"]), 24
    rng = np.random.default_rng(6)
    g = 0.5 + 0.28 * rng.standard_normal(count)
    axes = sketch.axes((-0.7, count - 0.3), (-0.2, 1.3), across="batches", up="gradient", zero=True)
    axes.dots(np.arange(count), g, "gray", r=1.8)
    for last in range(k, count + 1, k):
        mean = g[last - k : last].mean()
        axes.line([last - k - 0.3, last - 0.7], [mean, mean], width=1.75)
        axes.dots([last - 1], [mean], r=2.8)
    return f"One step with the mean of {k} batches; gray: the gradient of each."


def centralization(sketch: Sketch, knobs: Knobs) -> str:
    g = 0.5 + 0.5 * np.random.default_rng(8).standard_normal(14)
    reach = 1.15 * np.abs(g).max()
    axes = sketch.axes((-0.7, 13.7), (-reach, reach), across="weights of a unit",
                       up="gradient", zero=True)  # fmt: skip
    for values, tone, shift in ((g, "gray", -0.18), (g - g.mean(), "ink", 0.18)):
        for i, value in enumerate(values):
            axes.line([i + shift] * 2, [0, value], tone)
    return "Each gradient minus their mean; gray: before."


def linear_scaling(sketch: Sketch, knobs: Knobs) -> str:
    base = knobs["base"]
    size = np.array([0, 8 * base])
    axes = sketch.axes((0, 8 * base), (0, 8.4), across="batch size", up="rate", zero=True)
    axes.line(size, [1, 1], "gray", width=1.25)
    axes.line(size, size / base)
    axes.dots([base], [1], r=3)
    return f"The rate grows with the batch from {base:g} on, the dot; gray: without scaling."


def amp(sketch: Sketch, knobs: Knobs) -> str:
    x = np.linspace(1, 1.0625, 400)
    rounded = np.round(x * 128) / 128  # 7 digits of bfloat16 after the first
    axes = sketch.axes((1, 1.0625), (0.998, 1.0645), across="a number", up="in bfloat16")
    axes.line(x, x, "gray", width=1.25)
    axes.line(x, rounded)
    return "Numbers from 1 to 1.06 as bfloat16 knows them; gray: in 32 bits."


DRAWINGS: dict[str, Draw] = {
    "nesterov": nesterov,
    "adamw": adamw,
    "sam": sam,
    "sgd": stochastic,
    "momentum": down(heavy_ball, RATE, "it swings, and gathers speed along the valley"),
    "qhm": down(quasi, RATE, "a mixture of gradient and momentum"),
    "adagrad": down(adagrad, 25.0, "long steps first, shorter ones later"),
    "rmsprop": down(rmsprop, 40.0, "about the same length in every direction"),
    "adadelta": down(adadelta, 1.0, "lengths from the steps before, ε 0.001"),
    "adam": down(adam, 70.0, "about the same length in every direction"),
    "nadam": down(nadam, 35.0, "Adam with a look ahead"),
    "radam": radam,
    "adamax": down(adamax, 35.0, "no step longer than the rate"),
    "lion": down(lion, 200.0, "every weight by the same length"),
    "lookahead": lookahead,
    "lbfgs": quasi_newton,
    "newton_cg": newton,
    "gauss_newton": gauss_newton,
    "adafactor": adafactor,
    "muon": muon,
    "grad_clip_value": clip_value,
    "agc": agc,
    "grad_accum": grad_accum,
    "grad_centralization": centralization,
    "linear_lr_scaling": linear_scaling,
    "amp": amp,
}
