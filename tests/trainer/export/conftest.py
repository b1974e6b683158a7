"""A store with an experiment in it, trained by hand."""

from __future__ import annotations

import pytest

from tests.trainer.export.bench import plan, train
from trainer.export.material import gather
from trainer.store import Store


@pytest.fixture
def store(home):
    one = Store(home)
    yield one
    one.close()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A store with the plan trained in it, which no test changes."""
    one = Store(tmp_path_factory.mktemp("trained"))
    train(one, plan())
    yield one
    one.close()


@pytest.fixture
def material(trained):
    return gather(trained, trained.experiments()[0].id)
