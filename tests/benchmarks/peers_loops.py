"""One contender trains some runs of a workload, in a process of its own, and prints JSON.

    python tests/benchmarks/peers_loops.py CONTENDER WORKLOAD HOME DEVICE NUMBER [NUMBER ...]

Every loop is judged by the same quick function at the same steps; no peer's own validation loop,
logger, checkpoint or progress bar is on. The tensors are resident: on the device for the loop by
hand, in memory for those with a DataLoader, which move each batch as they do.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.pop(0)  # this folder, which has a pages.py of its own
sys.path.insert(0, str(Path(__file__).parents[2]))

import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset, TensorDataset

from tests.benchmarks.peers_work import Order, Work, experiment
from trainer.engine import train


def by_hand(work: Work) -> None:
    """The best we can write: one gather for an epoch, fused cross-entropy, fused descent."""
    network, step = work.network, 0
    optimizer = torch.optim.SGD(network.parameters(), lr=work.lr, fused=True)
    full = len(work.y) // work.batch * work.batch
    for _ in range(work.epochs):
        order = work.order()[:full].to(work.device)
        batches = zip(work.x[order].split(work.batch), work.y[order].split(work.batch), strict=True)
        for x, y in batches:
            optimizer.zero_grad()
            cross_entropy(network(x), y).backward()
            optimizer.step()
            step += 1
            work.after(step)


class Examples(Dataset):  # type: ignore[type-arg]
    """What every tutorial has: one example at a time."""

    def __init__(self, work: Work) -> None:
        self.x, self.y = work.x.cpu(), work.y.cpu()

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.x[i], self.y[i]


def tutorial(work: Work) -> None:
    """DataLoader, zero_grad, backward, step, and the loss asked for after every step."""
    network, step, losses = work.network, 0, []
    loader = DataLoader(Examples(work), batch_size=work.batch, sampler=Order(work), drop_last=True)
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(network.parameters(), lr=work.lr)
    for _ in range(work.epochs):
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(network(x.to(work.device)), y.to(work.device))
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            step += 1
            work.after(step)


def tensors(work: Work) -> DataLoader[Any]:
    data = TensorDataset(work.x.cpu(), work.y.cpu())
    return DataLoader(data, batch_size=work.batch, sampler=Order(work), drop_last=True)


def lightning(work: Work) -> None:
    """``Trainer(barebones=True)``: everything off that can be off."""
    import lightning as L

    class Module(L.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = work.network

        def training_step(self, batch: Any, index: int) -> torch.Tensor:
            return cross_entropy(self.network(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=work.lr)

        def on_train_batch_end(self, *_: Any) -> None:
            work.after(self.global_step)

    accelerator = "gpu" if work.device.type == "cuda" else "cpu"
    trainer = L.Trainer(accelerator=accelerator, devices=1, max_epochs=work.epochs, barebones=True)
    trainer.fit(Module(), tensors(work))


def fastai(work: Work) -> None:
    """``Learner.fit``, its validation left out."""
    from fastai.callback.core import Callback, CancelValidException
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner
    from fastai.optimizer import OptimWrapper

    class Judge(Callback):
        def after_batch(self) -> None:
            if self.training:
                work.after(self.learn.train_iter)

        def before_validate(self) -> None:
            raise CancelValidException

    def descent(params: Any, **options: Any) -> Any:
        return OptimWrapper(params, opt=torch.optim.SGD, lr=options["lr"])

    loader = tensors(work)
    learner = Learner(
        DataLoaders(loader, loader, device=work.device),
        work.network,
        loss_func=cross_entropy,
        opt_func=descent,
        cbs=[Judge()],
    )
    with learner.no_logging():  # and no bar: its callback was not imported
        learner.fit(work.epochs, lr=work.lr)


def skorch(work: Work) -> None:
    """``NeuralNet.fit`` with its own history, without its printed log."""
    from skorch import NeuralNet
    from skorch.callbacks import Callback

    class Judge(Callback):  # type: ignore[misc]
        step = 0

        def on_batch_end(self, net: Any, training: bool = False, **_: Any) -> None:
            if training:
                self.step += 1
                work.after(self.step)

    net = NeuralNet(
        work.network,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.SGD,
        lr=work.lr,
        batch_size=work.batch,
        max_epochs=work.epochs,
        device=str(work.device),
        train_split=None,
        iterator_train__sampler=Order(work),
        iterator_train__drop_last=True,
        callbacks=[("judge", Judge())],
        callbacks__print_log=None,
    )
    net.fit(TensorDataset(work.x.cpu(), work.y.cpu()), None)


def timed(loop: Any, workload: str, number: int, home: Path, device: str) -> dict[str, Any]:
    """Seconds from after the first judging to the last number; of them, those that trained.

    ``processor`` is the same in seconds of the processor, which other programs disturb less.
    """
    begun = time.perf_counter()
    work = Work(workload, number, home, device)
    work.judge(0)
    begin, spent, work.judging = time.perf_counter(), time.process_time(), 0.0
    work.network.train()
    loop(work)
    work.close()
    end = time.perf_counter()
    return {
        "whole": end - begun,
        "seconds": end - begin,
        "training": end - begin - work.judging,
        "processor": time.process_time() - spent,
        "samples": work.total * work.batch,
        "curve": work.curve,
    }


def engine(workload: str, number: int, home: Path, device: str) -> dict[str, Any]:
    """The same for Trickboard's engine, its points, diagnostics and closing report on."""
    begun = time.perf_counter()
    run = experiment(workload, device).runs()[number]
    points = train(run, home=home, device=device)
    begin, spent, curve, outcome = 0.0, 0.0, [], None
    while outcome is None:
        try:
            step, key, value = next(points)
        except StopIteration as end:
            outcome = end.value
            break
        if not begin:
            begin, spent = time.perf_counter(), time.process_time()
        if key == "test_loss":
            curve.append((step, value))
    end_time = time.perf_counter()
    return {
        "whole": end_time - begun,
        "seconds": end_time - begin,
        "training": outcome.seconds,
        "processor": time.process_time() - spent,
        "samples": outcome.steps * run.setup.batch_size,
        "curve": curve,
    }


LOOPS = {
    "by hand": by_hand,
    "tutorial": tutorial,
    "lightning": lightning,
    "fastai": fastai,
    "skorch": skorch,
}


def main(contender: str, workload: str, home: str, device: str, *numbers: str) -> None:
    torch.set_num_threads(1)
    for number in map(int, numbers):
        if contender == "engine":
            found = engine(workload, number, Path(home), device)
        else:
            found = timed(LOOPS[contender], workload, number, Path(home), device)
        print(json.dumps({"number": number} | found), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
