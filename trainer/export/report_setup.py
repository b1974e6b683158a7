"""What a report says of the setup: in words, as JSON to load again, arm by arm, trick by trick."""

from __future__ import annotations

import json
from base64 import b64encode
from html import escape
from typing import TYPE_CHECKING

from trainer import marks, words
from trainer.datasets import DATASETS
from trainer.rates import own_rate
from tricks import catalog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.experiment import Arm, Experiment, Setup, TrickChoice
    from trainer.export.material import Material
    from tricks.base import Trick

NETWORKS = {"mlp": "MLP", "cnn": "CNN", "resnet": "ResNet"}
INPUTS = {
    "standardize": "standardized with one mean and deviation per channel",
    "scale": "scaled to 0 to 1",
    "raw": "raw",
}
DEVICES = {"cpu": "CPU", "auto": "the fastest there is"}
PLAIN = (
    "An arm without tricks is the plain network: ReLU, Kaiming initialization, no normalization, "
    "no skip connections, cross-entropy, plain gradient descent at a constant rate."
)


def what(experiment: Experiment) -> str:
    """One sentence for somebody who knows nothing of it yet."""
    setup, data = experiment.setup, DATASETS[experiment.setup.dataset]
    flaws = []
    if setup.label_noise:
        flaws.append(f"{words.short(100 * setup.label_noise)} % of the labels wrong")
    if setup.imbalance != 1:
        flaws.append(f"the rarest class {words.short(setup.imbalance)} times rarer than the first")
    if setup.input_noise:
        flaws.append(f"noise of deviation {words.short(setup.input_noise)} on every pixel")
    wrong = f" with {words.listed(flaws)}" if flaws else ""
    arms, seeds = len(experiment.arms), len(experiment.seeds)
    every = "Every arm gets" if arms > 1 else "The baseline gets"
    return (
        f"{article(setup)} learns {setup.train_size:,} {data.title}{wrong}, and is tested on "
        f"{data.test_size:,} others. {every} the same {words.count(seeds, 'seed')} and the same "
        f"{budget(setup)}."
    )


def article(setup: Setup) -> str:
    name = NETWORKS[setup.network.kind]
    return f"{'An' if name == 'MLP' else 'A'} {name}"


def budget(setup: Setup) -> str:
    if setup.epochs is not None:
        return words.count(setup.epochs, "epoch")
    if setup.steps is not None:
        return words.count(setup.steps, "step")
    return f"{words.seconds(setup.seconds or 0.0)} of training"


def terms(material: Material) -> list[tuple[str, str]]:
    """The whole setup as pairs of a word and what it is."""
    experiment = material.experiment
    setup, net = experiment.setup, experiment.setup.network
    data = DATASETS[setup.dataset]
    layers = {"mlp": "hidden layers", "cnn": "convolutions", "resnet": "blocks"}[net.kind]
    used = sorted({run.device for run in material.runs if run.device}) or [setup.device]
    noise = (
        f"{words.short(100 * setup.label_noise)} % wrong" if setup.label_noise else "as they are"
    )
    found = [
        ("Data", f"{setup.dataset}: {data.title}"),
        ("Training set", f"{setup.train_size:,} examples, drawn by the seed"),
        ("Test set", f"{data.test_size:,} examples, the same for every run"),
        ("Labels", noise),
    ]
    if setup.imbalance != 1:
        found.append(("Imbalance", f"{words.short(setup.imbalance)} to 1"))
    if setup.input_noise:
        found.append(("Input noise", f"deviation {words.short(setup.input_noise)}"))
    if setup.difficulty is not None:
        found.append(("Difficulty", words.short(setup.difficulty)))
    seeds = words.seeds(experiment.seeds)
    metric = experiment.metric.replace("_", " ")
    return [
        *found,
        ("Inputs", INPUTS[setup.preprocessing]),
        ("Network", f"{NETWORKS[net.kind]}, {net.depth} {layers} × {net.width}"),
        ("Budget", f"{budget(setup)}, batches of {setup.batch_size:,}"),
        ("Learning rate", words.short(setup.lr)),
        ("Seeds", seeds + (", the same in every arm" if len(experiment.arms) > 1 else "")),
        ("Judged by", f"{metric} after the last step"),
        ("Device", words.listed([DEVICES.get(one, one) for one in used])),
    ]


def setup_section(material: Material) -> str:
    rows = "".join(
        f"<dt>{escape(word)}</dt><dd>{escape(text)}</dd>" for word, text in terms(material)
    )
    text = json.dumps(as_json(material.experiment), indent=2, ensure_ascii=False)
    packed = b64encode(text.encode()).decode()
    return (
        f'<dl class="terms">{rows}</dl><p class="quiet">{PLAIN}</p>'
        "<details><summary>The experiment as JSON</summary><p>Trickboard loads it: <i>More, Load "
        "an experiment (JSON)</i> in the lab, or <code>python -m trainer run experiment.json"
        f'</code>. <a download="experiment.json" href="data:application/json;base64,{packed}">'
        f'Save it as a file</a></p><pre id="experiment">{escape(text)}</pre></details>'
    )


def as_json(experiment: Experiment) -> dict[str, object]:
    """The experiment with its defaults filled in, where its tricks are all still there."""
    if all(choice.remade() for arm in experiment.arms for choice in arm.tricks):
        return experiment.dump()
    return experiment.model_dump(mode="json", exclude_none=True)


def arms_section(material: Material) -> str:
    """Every arm with what is in it, then the card of every trick."""
    experiment = material.experiment
    rows = []
    for i, arm in enumerate(experiment.arms):
        holds = words.listed([in_words(choice) for choice in arm.tricks]) or "the plain network"
        rows.append(
            f'<tr><th scope="row"><span class="arm">{marks.swatch(i)}<span>{escape(arm.name)}'
            f"</span></span></th><td>{escape(holds)}</td>"
            f'<td class="right">{rate(experiment.setup, arm)}</td></tr>'
        )
    used = dict.fromkeys(choice.id for arm in experiment.arms for choice in arm.tricks)
    cards = "".join(card(experiment.arms, id) for id in used)
    return (
        '<div class="scroll"><table class="arms"><thead><tr><th scope="col">arm</th>'
        '<th scope="col">holds</th><th scope="col" class="right">rate</th></tr></thead>'
        f'<tbody>{"".join(rows)}</tbody></table></div><div class="cards">{cards}</div>'
    )


def rate(setup: Setup, arm: Arm) -> str:
    """The rate before any schedule."""
    return words.short(own_rate(setup, arm.left(), arm.lr_scale), 3)


def in_words(choice: TrickChoice) -> str:
    """``mixup α 0.2``; the bare id of a trick that is gone."""
    trick = choice.remade()
    if trick is None:
        return choice.id
    knobs = [f"{symbol} {value}" for symbol, value in turned(trick)]
    return " ".join([trick.card.title, *knobs])


def turned(trick: Trick) -> list[tuple[str, str]]:
    """The knobs as they stand; those that the setup sets are left out."""
    values = trick.values()
    return [
        (knob.symbol or knob.name, words.short(value))
        for knob in trick.knobs()
        if (value := values[knob.name]) is not None
    ]


def card(arms: Sequence[Arm], id: str) -> str:
    """A trick's claim, formula, warning and paper."""
    if id not in catalog():
        return (
            f'<article class="card"><h3>{escape(id)}</h3><p>This trick is not in the catalog any '
            "more, so nothing more is known of it here.</p></article>"
        )
    text = catalog()[id].card
    source = escape(str(text.paper))
    if text.paper.url:
        source = f'<a href="{text.paper.url}">{source}</a>'
    where = [arm.name for arm in arms if any(choice.id == id for choice in arm.tricks)]
    listed = words.listed(where) if len(where) < len(arms) else "every arm"
    facts = [
        ("In", escape(listed)),
        ("Watch out", escape(text.watch_out)),
        ("Published", escape(text.published or "No number that we could verify.")),
        ("Paper", f"{source}: {escape(text.paper.title)}"),
    ]
    rows = "".join(f"<dt>{word}</dt><dd>{said}</dd>" for word, said in facts)
    return (
        f'<article class="card"><h3>{escape(text.title)}</h3><p>{escape(text.claim)} '
        f'<span class="quiet">{escape(text.claimed_by)}</span></p>{formula(text.formula)}'
        f"<dl>{rows}</dl></article>"
    )


def formula(latex: str) -> str:
    """LaTeX as MathML, which browsers draw by themselves; its source where it cannot be turned."""
    from latex2mathml.converter import convert

    # The converter knows the starred environment that numbers no lines, not the inner one.
    text = latex.replace("{aligned}", "{align*}")
    try:
        drawn = convert(text, display="block")
    except Exception:  # its errors have no class in common; the source says the same
        return f'<p class="formula"><code>{escape(latex)}</code></p>'
    return f'<div class="formula" title="{escape(latex)}">{drawn}</div>'
