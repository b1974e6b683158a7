"""What the fork server imports beside torch, so that a forked process has nothing left to load."""

import gc

import sqlalchemy.dialects.sqlite  # noqa: F401

import trainer.engine
import trainer.executors.keeper
import trainer.executors.process
import trainer.stacking.measure
import trainer.stacking.together
import trainer.store  # noqa: F401
from tricks import catalog

catalog()
gc.freeze()  # all of this stays: no process looks through it again, nor gets its own copy by that
gc.enable()
