"""The training loop of a script, written for the arm.

The moments stand in the order of ``trainer/engine.py``, as calls; those that no trick of the arm
changes are not there. What is called comes from the files of this house and is added afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.export.script_plan import WITH_RNG, block, handle, rng, text, var

if TYPE_CHECKING:
    from trainer.export.script_plan import Plan
    from tricks.base import Trick


def train(plan: Plan) -> str:
    """The function that trains the arm."""
    rates = plan.who("factor")
    return block(
        """
        def train(seed: int, device: str) -> tuple[float, float]:
            '''Train from the seed to the last number: the final test loss and test accuracy.

            Raises:
                FloatingPointError: the loss is not a number any more.
            '''
            @start

            @build

            @epochs

            @judge

            @begin
            judge(0)
            @counter
            for step, (@batch) in enumerate(epochs(), 1):
                @rate
                @change
                @step
                @done
                if not math.isfinite(loss.item()):
                    raise FloatingPointError(f"the loss is not a number at step {step}")
                @after
                if step % every == 0 or step == SETTINGS.steps:
                    @point
                if step == SETTINGS.steps:
                    break
            @final
        """,
        start=start(plan),
        build=build(plan),
        epochs=epochs(plan),
        judge=judge(plan),
        begin=text(f"{var(one)}.begin({rng(one)})" for one in plan.who("begin")),
        counter="epoch = 0" if plan.who("after_epoch") else "",
        rate=rate(plan) if rates or plan.who("optimizer") else "",
        change=change(plan),
        step=step(plan),
        done="done = step" if "progress" in plan.lent else "",
        after=after(plan),
        point="last = judge(step)" if plan.all_judged else "judge(step)",
        final=final(plan),
    ).replace("(@batch)", "(x, y, ends_epoch)" if plan.who("after_epoch") else "(x, y)")


def start(plan: Plan) -> str:
    """The data, the tricks, what they are lent, and what they make of the training set."""
    lent = []
    given = {
        "steps": "SETTINGS.steps",
        "batch_size": "SETTINGS.batch_size",
        "lr": "SETTINGS.lr",
        "pixels": "data.pixels",
        "pool": "data.pool",
        "split": "data.split",
        "fit": "fit",
        "progress": "lambda: min(1.0, done / SETTINGS.steps)",
    }
    for name, value in given.items():
        if name in plan.lent:
            lent.append(f"    {name}={value},")
    tools = ["tools = Tools(", *lent, ")"] if lent else ["tools = Tools()"]
    drawing = [one for one in plan.tricks if any(one.changes(moment) for moment in WITH_RNG)]
    return text(
        "data = Data(seed, device)",
        "" if "split" in plan.lent else "split = data.split",
        (f"{var(one)} = {handle(one)}()" for one in plan.called()),
        (f'{rng(one)} = stream(seed, "trick/{one.id()}")' for one in drawing),
        'lots = stream(seed, "alternates")' if len(rivals(plan)) > 1 else "",
        "done = 0  # steps so far" if "progress" in plan.lent else "",
        tools if plan.lent else "",
        (f"{var(one)}.tools = tools" for one in plan.called() if one.id() in plan.tooled),
        (
            f"{plan.split} = {var(one)}.dataset({plan.split}, {rng(one)})"
            for one in plan.who("dataset")
        ),
    )


def build(plan: Plan) -> str:
    """The network with its first weights, and its optimizer."""
    shapes = plan.who("network")
    first = plan.who("initialize")
    weights = f"{var(first[0])}.initialize" if first else "kaiming"
    life = "life" if "restart" in plan.lent else '"init"'
    made = text(
        f"network = {plan.setup.network.kind}({'spec' if shapes else 'plain()'})",
        f"{weights}(network, stream(seed, {life}))",
        (
            f"network = {var(one)}.surgery(network, {plan.split}, {rng(one)})"
            for one in plan.who("surgery")
        ),
    )
    owner = plan.who("optimizer")
    optimizer = f"{var(owner[0])}.optimizer(network.parameters(), SETTINGS.lr)" if owner else (
        "torch.optim.SGD([flat.weights], lr=SETTINGS.lr)"
    )  # fmt: skip
    place = "device, memory_format=torch.channels_last" if plan.maps else "device"
    if "restart" in plan.lent:
        made = block(
            """

            def built(life: str) -> Module:
                '''The network with its first weights, on the CPU.'''
                @made
                return network

            network = built("init")
            """,
            made=made,
        )
    again = block(
        """

        def restart(life: int) -> None:
            '''The first weights of another life, and an optimizer without memory.'''
            network.load_state_dict(built(f"init/{life}").state_dict())
            optimizer.state.clear()

        tools.restart = restart
        """
    )
    return text(
        "spec = plain()" if shapes else "",
        (f"spec = {var(one)}.network(spec)" for one in shapes),
        made,
        "every = points(network, len(data.slice_x))",
        f"network.to({place})",
        'torch.manual_seed(number(seed, "layers"))  # what dropout layers draw from',
        "flat = Flat(network)",
        f"optimizer = {optimizer}",
        "tools.network = network" if "network" in plan.lent else "",
        "tools.optimizer = optimizer" if "optimizer" in plan.lent else "",
        again if "restart" in plan.lent else "",
    )


def epochs(plan: Plan) -> str:
    """The batches, in the order in which they are read."""
    sampler = plan.who("sampler")
    soft = bool(plan.who("loss") or plan.who("batch"))
    cut = f"batches(order, {plan.split}, SETTINGS.batch_size, soft={soft})"
    if plan.who("after_epoch"):
        said = "Batches without end; the flag marks the last one of an epoch."
        what = "tuple[Tensor, Tensor, bool]"
        given = text(
            "count = max(1, len(order) // SETTINGS.batch_size)",
            f"cut = {cut}",
            "for i, (x, y) in enumerate(cut, 1):",
            "    yield x, y, i == count",
        )
    else:
        said, what, given = "Batches without end.", "tuple[Tensor, Tensor]", f"yield from {cut}"
    order = f"order = torch.randperm(len({plan.split}.y), generator=shuffle)"
    if sampler:
        order = f"order = {var(sampler[0])}.sampler({plan.split}, {rng(sampler[0])})"
    return block(
        f"""
        def epochs() -> Iterator[{what}]:
            '''{said}'''
            @shuffle
            while True:
                {order}
                @given
        """,
        shuffle="" if sampler else 'shuffle = stream(seed, "order")',
        given=given,
    )


def judge(plan: Plan) -> str:
    """One point of the curve."""
    answering = plan.who("predictor")
    chain = block(
        """
        def predictor() -> Predictor:
            '''Who answers on test images.'''
            @chain
            return predict

        """,
        chain=text(
            "predict = network",
            (f"predict = {var(one)}.predictor(network, predict)" for one in answering),
        ),
    )
    point = block(
        f"""
        def judge(step: int) -> tuple[float, float]:
            '''A point of the curve.'''
            network.eval()
            train_loss, test_loss, test_accuracy = evaluate({
            "predictor()" if answering else "network"
        }, data)
            network.train()
            print(
                f"step {{step:6,}}  train loss {{train_loss:.6f}}"
                f"  test loss {{test_loss:.6f}}  test accuracy {{test_accuracy:.4f}}"
            )
            if not math.isfinite(test_loss):
                raise FloatingPointError(f"the test loss is not a number at step {{step}}")
            return test_loss, test_accuracy

        """
    )
    return (f"{chain}\n\n" if answering else "") + point


def rate(plan: Plan) -> str:
    length = "SETTINGS.steps" if plan.horizon == plan.steps else str(plan.horizon)
    factors = [f"rate *= {var(one)}.factor({now(plan)}, {length})" for one in plan.who("factor")]
    return text(
        "rate = SETTINGS.lr" if factors else "",
        factors,
        "for group in optimizer.param_groups:",
        f'    group["lr"] = {"rate" if factors else "SETTINGS.lr"}',
    )


def now(plan: Plan) -> str:
    """The step as a schedule counts it; one that is made for fewer steps stays at its end."""
    return "step - 1" if plan.horizon >= plan.steps else f"min(step - 1, {plan.horizon - 1})"


def rivals(plan: Plan) -> list[Trick]:
    """The tricks of which each batch gets one."""
    return [one for one in plan.who("batch") if one.alternates]


def change(plan: Plan) -> str:
    """What the tricks make of a batch; of those that alternate, one is drawn."""
    drawn = rivals(plan)
    lines = []
    if len(drawn) > 1:
        lines.append(f"chosen = int(torch.randint({len(drawn)}, (), generator=lots))")
    for one in plan.who("batch"):
        call = f"x, y = {var(one)}.batch(x, y, {rng(one)})"
        if len(drawn) > 1 and one in drawn:
            lines += [f"if chosen == {drawn.index(one)}:", f"    {call}"]
        else:
            lines.append(call)
    return text(lines)


def step(plan: Plan) -> str:
    """From a batch to the next weights."""
    owner = plan.who("loss")
    mean = f"{var(owner[0])}.loss(logits, y).mean(dim=-1)" if owner else "cross_entropy(logits, y)"
    passes = text(
        "flat.clear()",
        "logits = network(x)",
        f"loss = {mean}",
        (f"loss = {var(one)}.batch_loss(loss)" for one in plan.who("batch_loss")),
        (f"loss = loss + {var(one)}.penalty(network)" for one in plan.who("penalty")),
        "loss.backward()",
        (f"{var(one)}.gradients(network)" for one in plan.who("gradients")),
    )
    taker = plan.who("step")
    if not taker:
        return f"{passes}\noptimizer.step()"
    return block(
        f"""

        def closure(x: Tensor = x, y: Tensor = y) -> Tensor:
            '''The loss of this batch, its gradients left in the network.'''
            @passes
            return loss

        loss = {var(taker[0])}.step(optimizer, closure, network)
        """,
        passes=passes,
    )


def after(plan: Plan) -> str:
    ends = [f"    {var(one)}.after_epoch(network, epoch)" for one in plan.who("after_epoch")]
    return text(
        (f"{var(one)}.after_step(network, step)" for one in plan.who("after_step")),
        ["if ends_epoch:", "    epoch += 1", *ends] if ends else "",
    )


def final(plan: Plan) -> str:
    """The last numbers: on all test images."""
    if plan.all_judged:
        return "return last"
    answering = "predictor()" if plan.who("predictor") else "network"
    return text(
        "network.eval()",
        f"logits = answers({answering}, data.test_x, data.chunk)",
        "losses, right = marks(logits, data.test_y)",
        "return losses.mean().item(), right.mean().item()",
    )
