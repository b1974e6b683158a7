"""An experiment as data: what is refused and how it is said, defaults, identity, packing."""

from __future__ import annotations

import base64
import copy
import json
import zlib

import pytest

from trainer.experiment import ExperimentError, pack, parse, unpack

GOOD = {
    "name": "Does dropout stop overfitting?",
    "setup": {"dataset": "digits", "train_size": 400, "epochs": 60},
    "arms": [
        {"name": "baseline", "tricks": []},
        {"name": "dropout", "tricks": [{"id": "dropout", "knobs": {"p": 0.5}}]},
    ],
    "seeds": [0, 1, 2],
}
LEFT_OUT = object()
TRICKS = "arms.1.tricks"
KNOBS = "arms.1.tricks.0.knobs"


def changed(*changes):
    """GOOD with values put at places such as ``setup.lr``."""
    data = copy.deepcopy(GOOD)
    for place, value in changes:
        *way, last = [int(part) if part.isdigit() else part for part in place.split(".")]
        at = data
        for part in way:
            at = at[part]
        if value is LEFT_OUT:
            del at[last]
        else:
            at[last] = value
    return data


def refusal(given) -> str:
    with pytest.raises(ExperimentError) as caught:
        parse(given)
    return str(caught.value)


MALFORMED = [
    # place changed, value put there, what is said
    ("name", "x" * 81, f'name = "{"x" * 78}…: must have at most 80 characters'),
    ("name", "", 'name = "": needs at least one character'),
    ("name", "   ", 'name = "   ": must be readable text on one line'),
    ("name", "two\nlines", r'name = "two\nlines": must be readable text on one line'),
    ("name", 7, "name = 7: must be text"),
    ("colour", "red", 'colour = "red": there is no such key'),
    ("metric", "f1", "metric = \"f1\": must be 'test_accuracy' or 'test_loss'"),
    ("seeds", [], "seeds = []: needs at least one"),
    ("seeds", LEFT_OUT, "seeds: is missing"),
    ("seeds", 8, "seeds = 8: must be a list"),
    ("seeds", [0, 1, 0], "seeds[2] = 0: every seed may be given once"),
    ("seeds", [2**31], "seeds[0] = 2147483648: must be at most 2,147,483,647"),
    ("seeds", [0, -1], "seeds[1] = -1: must be at least 0"),
    ("seeds", [True], "seeds[0] = true: must be a whole number"),
    ("seeds", ["0"], 'seeds[0] = "0": must be a whole number'),
    ("seeds", list(range(10_001)), "seeds: at most 10,000, not 10,001"),
    (
        "seeds",
        list(range(5001)),
        "2 arms x 5001 seeds are 10,002 runs: an experiment has at most 10,000 runs",
    ),
    ("setup", LEFT_OUT, "setup: is missing"),
    ("setup", [], "setup = []: must be an object"),
    ("setup.lr_rate", 0.1, "setup.lr_rate = 0.1: there is no such key"),
    ("setup.task", "gan", "setup.task = \"gan\": must be 'classification'"),
    (
        "setup.dataset",
        "../../etc/passwd",
        'setup.dataset = "../../etc/passwd": the data sets are digits, shapes, mnist, '
        "fashion_mnist, kmnist, cifar10, cifar10_jpg",
    ),
    ("setup.dataset", ["digits"], "setup.dataset: must be text"),
    ("setup.train_size", 1348, "setup.train_size = 1348: digits has 1,347 examples for training"),
    ("setup.train_size", "all", 'setup.train_size = "all": must be a whole number'),
    (
        "setup.train_size",
        9,
        "setup.train_size = 9: digits has 10 classes and needs an example of each",
    ),
    ("setup.difficulty", 0.5, "setup.difficulty = 0.5: digits has no difficulty"),
    ("setup.label_noise", 1.5, "setup.label_noise = 1.5: must be at most 0.9"),
    ("setup.imbalance", 0.5, "setup.imbalance = 0.5: must be at least 1"),
    ("setup.epochs", -3, "setup.epochs = -3: must be at least 1"),
    ("setup.epochs", 10**9, "setup.epochs = 1000000000: must be at most 10,000"),
    ("setup.epochs", 1.5, "setup.epochs = 1.5: must be a whole number"),
    ("setup.epochs", LEFT_OUT, "setup: needs exactly one of epochs, steps and seconds"),
    (
        "setup.steps",
        100,
        "setup: needs exactly one of epochs, steps and seconds, not epochs and steps",
    ),
    ("setup.batch_size", 0, "setup.batch_size = 0: must be at least 1"),
    ("setup.lr", 0, "setup.lr = 0: must be above 0"),
    ("setup.lr", True, "setup.lr = true: must be a number"),
    ("setup.lr", "0.1", 'setup.lr = "0.1": must be a number'),
    ("setup.lr", float("nan"), "setup.lr = NaN: numbers must be finite"),
    ("setup.device", "tpu", 'setup.device = "tpu": a device is auto, cpu, cuda, cuda:N or mps'),
    (
        "setup.network",
        {"kind": "mlp", "width": 10**6},
        "setup.network.width = 1000000: must be at most 4,096",
    ),
    (
        "setup.network",
        {"kind": "transformer"},
        'setup.network.kind = "transformer": a network is an mlp, cnn or resnet',
    ),
    ("setup.network", {}, "setup.network.kind = null: a network is an mlp, cnn or resnet"),
    ("setup.network", "mlp", 'setup.network = "mlp": must be an object'),
    ("arms", [], "arms = []: needs at least one"),
    ("arms", ["baseline"], 'arms[0] = "baseline": must be an object'),
    ("arms", [{"name": str(i)} for i in range(257)], "arms: at most 256, not 257"),
    ("arms.1.name", "baseline", 'arms[1].name = "baseline": two arms may not have the same name'),
    ("arms.1.name", LEFT_OUT, "arms[1].name: is missing"),
    (TRICKS, "dropout", 'arms[1].tricks = "dropout": must be a list'),
    (
        TRICKS,
        [{"id": "dropuot"}],
        'arms[1].tricks[0].id = "dropuot": there is no such trick; did you mean dropout?',
    ),
    (TRICKS, [{"id": "xyz"}], 'arms[1].tricks[0].id = "xyz": there is no such trick'),
    (
        TRICKS,
        [{"id": "dropout"}, {"id": "dropout"}],
        'arms[1].tricks[1].id = "dropout": a trick may be in an arm once',
    ),
    (
        TRICKS,
        [{"id": "one_cycle"}, {"id": "cyclic_cosine"}],
        "arms[1]: Cyclic cosine and One cycle exclude each other. Both set the learning rate of "
        "every step, so one arm can have only one of them.",
    ),
    (KNOBS, {"p": 1.4}, "arms[1].tricks[0].knobs.p = 1.4: dropout's p goes from 0 to 0.95"),
    (KNOBS, {"p": float("nan")}, "arms[1].tricks[0].knobs.p = NaN: numbers must be finite"),
    (KNOBS, {"p": float("inf")}, "arms[1].tricks[0].knobs.p = Infinity: numbers must be finite"),
    (
        KNOBS,
        {"p": True},
        "arms[1].tricks[0].knobs.p = true: dropout's p goes from 0 to 0.95 and must be a number",
    ),
    (KNOBS, {"q": 0.5}, "arms[1].tricks[0].knobs.q = 0.5: dropout has no such knob, only p"),
    (KNOBS, [0.5], "arms[1].tricks[0].knobs: must be an object"),
    (
        TRICKS,
        [{"id": "group_norm", "knobs": {"groups": 2.5}}],
        "arms[1].tricks[0].knobs.groups = 2.5: group_norm's groups goes from 1 to 256 in whole "
        "numbers",
    ),
]


@pytest.mark.parametrize(("place", "value", "text"), MALFORMED)
def test_what_is_malformed_is_refused_with_place_value_and_rule(place, value, text):
    assert refusal(json.dumps(changed((place, value)))) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{nope", "this is not JSON: "),
        ("", "this is not JSON: "),
        (b"\xff\xfe", "this is not JSON: "),
        ("[1, 2]", "an experiment is a JSON object"),
        ("null", "an experiment is a JSON object"),
        ("[" * 100_000, "this JSON is nested too deeply"),
        (json.dumps(GOOD).replace("400", "9" * 5000), "this is not JSON: "),
        (json.dumps(GOOD).replace("0.5", "1e999"), "arms[1].tricks[0].knobs.p = Infinity: "),
        (json.dumps(GOOD).replace("Does", "\\ud800"), "name: half a character is no text"),
    ],
)
def test_text_that_is_no_experiment(text, said):
    assert refusal(text).startswith(said)


def test_a_knob_too_large_for_a_float_is_refused_not_a_crash():
    assert "dropout's p goes from 0 to 0.95" in refusal(changed((KNOBS, {"p": 10**400})))


def test_every_problem_is_told_at_once():
    data = changed(("setup.lr", -1), ("seeds", ["a", "b"]), (TRICKS, [{"id": "xyz"}]))
    assert refusal(data).splitlines() == [
        "setup.lr = -1: must be above 0",
        'seeds[0] = "a": must be a whole number',
        'seeds[1] = "b": must be a whole number',
        'arms[1].tricks[0].id = "xyz": there is no such trick',
    ]


def test_many_seeds_are_checked_quickly():
    many = [*range(9_999), 0]
    assert refusal(changed(("seeds", many))).startswith("seeds[9999] = 0: every seed")


def test_defaults():
    data = parse(
        {
            "name": "x",
            "setup": {"epochs": 2},
            "arms": [{"name": "a"}, {"name": "b", "tricks": [{"id": "focal_loss"}]}],
            "seeds": [0],
        }
    ).dump()
    assert data == {
        "name": "x",
        "setup": {
            "task": "classification",
            "dataset": "digits",
            "train_size": 1347,
            "label_noise": 0,
            "imbalance": 1,
            "input_noise": 0,
            "preprocessing": "standardize",
            "network": {"kind": "mlp", "depth": 3, "width": 128},
            "epochs": 2,
            "batch_size": 32,
            "lr": 0.1,
            "device": "auto",
        },
        "arms": [
            {"name": "a", "tricks": []},
            {"name": "b", "tricks": [{"id": "focal_loss", "knobs": {"gamma": 2.0}}]},
        ],
        "seeds": [0],
        "metric": "test_accuracy",
    }


def test_what_is_dumped_is_the_same_experiment():
    one = parse(GOOD)
    again = parse(json.dumps(one.dump()))
    assert again.dump() == one.dump()
    assert [run.id for run in again.runs()] == [run.id for run in one.runs()]
    assert len({run.id for run in one.runs()}) == 6


def ids(*changes):
    return [run.id for run in parse(changed(*changes)).runs()]


@pytest.mark.parametrize(
    "change",
    [
        ("setup.train_size", 401),
        ("setup.label_noise", 0.1),
        ("setup.imbalance", 2),
        ("setup.input_noise", 0.1),
        ("setup.preprocessing", "raw"),
        ("setup.network", {"kind": "mlp", "depth": 4}),
        ("setup.network", {"kind": "cnn"}),
        ("setup.epochs", 61),
        ("setup.batch_size", 33),
        ("setup.lr", 0.2),
        ("setup.device", "cpu"),
        ("setup.dataset", "mnist"),
        ("seeds", [3, 4, 5]),
    ],
)
def test_whatever_decides_the_outcome_changes_every_run(change):
    assert not set(ids()) & set(ids(change))


def test_an_arm_changes_its_own_runs_alone():
    before, after = ids(), ids((KNOBS, {"p": 0.4}))
    assert before[::2] == after[::2]
    assert not set(before[1::2]) & set(after[1::2])


@pytest.mark.parametrize(
    "change",
    [
        ("name", "Another name"),
        ("metric", "test_loss"),
        ("arms.1.name", "half of them off"),
        ("setup.lr", 0.1),
        (KNOBS, {}),  # 0.5 is the default
    ],
)
def test_names_and_written_out_defaults_change_no_run(change):
    assert ids() == ids(change)


def test_whole_and_broken_numbers_are_the_same_knob():
    def run(gamma):
        return ids((TRICKS, [{"id": "focal_loss", "knobs": {"gamma": gamma}}]))

    assert run(2) == run(2.0)


def test_the_order_of_tricks_in_an_arm_changes_no_run():
    two = [{"id": "dropout"}, {"id": "mixup"}]
    assert ids((TRICKS, two)) == ids((TRICKS, two[::-1]))


def test_two_arms_of_the_same_content_share_their_runs():
    runs = ids(("arms.1.tricks", []))
    assert runs[::2] == runs[1::2]


# The packed form of an address.


def test_what_is_packed_comes_back():
    data = {**GOOD, "name": "Hilft es? 有用吗 ÷"}
    text = pack(data)
    assert unpack(text) == data
    assert text.isascii()
    assert not set(text) & set("+/=&?#")


def squeezed(raw: bytes) -> str:
    return base64.urlsafe_b64encode(zlib.compress(raw, 9)).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "!!!",
        "plan",
        "ÄÖÜ",
        pack(GOOD)[:-9],
        "AAAA" + pack(GOOD),
        base64.b64encode(b"{}").decode(),
    ],
)
def test_an_address_that_is_not_whole_is_refused(text):
    with pytest.raises(ExperimentError, match="plan: this address is not whole"):
        unpack(text)


def test_an_address_of_other_text_is_refused():
    with pytest.raises(ExperimentError, match="this is not JSON"):
        unpack(squeezed(b"hello"))
    with pytest.raises(ExperimentError, match="numbers must be finite"):
        unpack(squeezed(b'{"seeds": [NaN]}'))


def test_a_small_address_cannot_unpack_to_much():
    bomb = squeezed(b'"' + b"0" * 200_000_000 + b'"')
    assert len(bomb) < 300_000
    with pytest.raises(ExperimentError, match="this address is not whole"):
        unpack(bomb)


def test_an_arm_may_scale_its_rate():
    data = changed(("tune", {"scales": [0.5, 1.0], "seeds": 2}), ("margin", 0.01))
    plain = parse(data)
    data["arms"][1]["lr_scale"] = 0.5
    scaled = parse(data)
    same = [plain.run_id(plain.arms[i], 0) == scaled.run_id(scaled.arms[i], 0) for i in (0, 1)]
    assert same == [True, False]
    assert scaled.dump()["arms"][1]["lr_scale"] == 0.5
    assert "lr_scale" not in plain.dump()["arms"][1]
    assert plain.tuning_seeds() == [1_000_000, 1_000_001]
    assert parse(plain.dump()) == plain
