"""Experiments as strangers write them: an experiment or a sentence, in bounded time and memory."""

from __future__ import annotations

import base64
import json
import random
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pages.parts.decoding import decode
from pages.parts.draft import data_of, plan_of
from pages.parts.transfer import listing, read
from tests.faults.hostile import NAMES, UNREADABLE, as_text, mutated, scratched, value
from tests.faults.oversized import TEXTS
from trainer.experiment import Experiment, ExperimentError, pack, parse, unpack
from trainer.names import readable, tidied
from trainer.store import Store

ROOT = Path(__file__).resolve().parents[2]
PLAIN = json.loads((ROOT / "docs" / "experiment.json").read_text("utf-8"))
WHOLE = {
    "name": "All that an experiment can say",
    "setup": {
        "task": "classification", "dataset": "shapes", "train_size": 200, "label_noise": 0.2,
        "imbalance": 2.0, "input_noise": 0.5, "difficulty": 0.3, "preprocessing": "scale",
        "network": {"kind": "resnet", "depth": 2, "width": 4}, "steps": 50, "batch_size": 16,
        "lr": 0.05, "device": "cpu",
    },
    "arms": [
        {"name": "baseline", "tricks": [{"id": "warmup", "knobs": {}}]},
        {"name": "mixed", "tricks": [{"id": "mixup", "knobs": {"alpha": 0.3}}, {"id": "warmup"}]},
        {"name": "both", "tricks": [{"id": "ema"}, {"id": "label_smoothing"}], "lr_scale": 0.5},
    ],
    "seeds": [3, 1, 2],
    "metric": "test_loss",
    "margin": 0.01,
    "tune": {"scales": [0.5, 1.0], "seeds": 1},
}  # fmt: skip
SWEPT = PLAIN | {
    "design": "sweep",
    "fraction": False,
    "sweep": {"trick": "dropout", "knob": "p", "values": [0.1, 0.3]},
    "tricks": [{"id": "dropout", "knobs": {"p": 0.5}}],
}
BASES = (PLAIN, WHOLE, SWEPT)
SHARE = 1_000  # inputs of one case: each of them is a test that says its seed


def told(error: ExperimentError) -> None:
    """Every problem is a sentence that can be shown and sent."""
    assert error.problems
    for one in error.problems:
        assert one.rule.strip()
        str(one).encode()
    assert listing(error.problems)


def survives(experiment: Experiment) -> None:
    """What was accepted is the same after a round trip, and readable."""
    dumped = experiment.dump()
    again = parse(json.dumps(dumped, allow_nan=False), draft=True)
    assert again.dump() == dumped
    assert [run.id for run in again.runs()[:20]] == [run.id for run in experiment.runs()[:20]]
    assert all(readable(one) for one in (experiment.name, *(arm.name for arm in experiment.arms)))


def taken(text: str | bytes) -> bool:
    """Whether the page takes it; if so, its draft is a plan that an address can carry."""
    try:
        draft = read(text)
    except ExperimentError as error:
        told(error)
        return False
    survives(parse(data_of(draft), draft=True))
    assert decode(unpack(pack(plan_of(draft)))) == draft
    return True


@pytest.mark.parametrize("seed", range(4))
def test_changed_experiments(seed):
    rng = random.Random(seed)
    texts = [as_text(mutated(rng, rng.choice(BASES))) for _ in range(SHARE)]
    accepted = sum(taken(text) for text in texts)
    assert SHARE / 20 < accepted < SHARE * 19 / 20, "both answers are tried"


@pytest.mark.parametrize("seed", range(1))
def test_changed_data(seed):
    """As data: with what no JSON has, such as keys that are no text."""
    rng = random.Random(seed)
    for _ in range(SHARE):
        data = mutated(rng, rng.choice((PLAIN, WHOLE)))
        if isinstance(data, dict) and rng.random() < 0.2:
            data[rng.choice((1, None, 2.5, ("a", "b")))] = value(rng)
        try:
            survives(parse(data))
        except ExperimentError as error:
            told(error)


@pytest.mark.parametrize("seed", range(3))
def test_scratched_text(seed):
    rng = random.Random(seed)
    for _ in range(SHARE):
        text = scratched(rng, as_text(rng.choice(BASES)))
        kind = rng.randrange(4)
        raw = text.encode("utf-8", "surrogatepass")
        if kind == 1:
            raw = bytes(rng.randrange(256) if rng.random() < 0.01 else one for one in raw)
        elif kind == 2:
            raw = raw.decode("utf-8", "replace").encode(
                rng.choice(("utf-16", "utf-32", "utf-8-sig"))
            )
        taken(text if kind == 3 else raw)


@settings(max_examples=400, derandomize=True, database=None, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=12,
    ),
    st.sampled_from(["name", "setup", "arms", "seeds", "metric", "margin", "tune", "sweep", None]),
)
def test_any_data_in_any_place(data, place):
    taken(as_text(data if place is None else {**SWEPT, place: data}))


@pytest.mark.parametrize("seed", range(3))
def test_changed_addresses(seed):
    rng = random.Random(seed)
    whole = [pack(base) for base in BASES]
    for _ in range(SHARE):
        if rng.random() < 0.5:
            address = scratched(rng, rng.choice(whole))
        else:
            raw = as_text(mutated(rng, rng.choice(BASES))).encode("utf-8", "surrogatepass")
            address = base64.urlsafe_b64encode(zlib.compress(raw, 1)).decode().rstrip("=")
        try:
            draft = decode(unpack(address))
        except ExperimentError as error:
            told(error)
        else:
            survives(parse(data_of(draft), draft=True))


def test_accepted_experiments_are_stored_and_read_back(home):
    store, rng, count = Store(home), random.Random(7), 0
    for _ in range(200):
        try:
            experiment = parse(mutated(rng, rng.choice((PLAIN, WHOLE))))
        except ExperimentError:
            continue
        row = store.experiment(store.launch(experiment))
        assert row.name == experiment.name and row.experiment.dump()["arms"] == row_arms(experiment)
        count += 1
    assert count > 20
    assert len(store.experiments()) == count
    store.close()


def row_arms(experiment: Experiment) -> list[dict]:
    """The arms as they are stored: one that is tuned starts from scale 1."""
    arms = experiment.dump()["arms"]
    if experiment.tune is not None:
        for arm in arms:
            arm.pop("lr_scale", None)
    return arms


@pytest.mark.parametrize("name", NAMES)
def test_a_strange_name_is_a_name(name, home):
    wanted = PLAIN | {"name": name, "arms": [{"name": "baseline"}, {"name": name}]}
    store = Store(home)
    id = store.launch(parse(as_text(wanted)))
    store.rename(id, name)
    row = store.experiment(id)
    assert row.name == name.strip() and row.experiment.arms[1].name == name
    store.close()


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_name_is_none(name, home):
    for data in (PLAIN | {"name": name}, PLAIN | {"arms": [{"name": name}]}):
        with pytest.raises(ExperimentError, match="name"):
            parse(as_text(data))
    store = Store(home)
    id = store.launch(parse(PLAIN))
    with pytest.raises(ValueError, match="a name"):
        store.rename(id, name)
    assert tidied(name) == "" or readable(tidied(name))
    assert store.experiment(id).name == PLAIN["name"]
    store.close()


@pytest.mark.timeout(120)
def test_large_inputs_are_refused_in_bounded_memory():
    """In a process that may have one gigabyte; the limit of time is the test's."""
    code = "from tests.faults.oversized import refuse_all; refuse_all()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == list(TEXTS)


def test_what_is_too_long_or_no_text_is_told_with_the_remedy():
    refused = {
        "x" * 6_000_000: "this is too long: 6.0 MB, at most 5 MB are read",
        "é".encode("latin-1"): "no text in UTF-8. Save it as UTF-8",
        '{"seeds": 1, "seeds": 2}': "seeds: stands there twice",
        json.dumps(PLAIN | {"seeds": [0] * 200_000}): "too large for an experiment",
    }
    for given_text, said in refused.items():
        with pytest.raises(ExperimentError, match=said):
            read(given_text)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_files_of_any_editor_are_read(encoding):
    assert read(json.dumps(PLAIN).encode(encoding)) == read(json.dumps(PLAIN))
    assert read("\ufeff" + json.dumps(PLAIN)) == read(json.dumps(PLAIN))
