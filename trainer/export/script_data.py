"""The rest of what is written for an arm: its settings, its images, its judge, its command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.datasets import DATASETS
from trainer.export.script_plan import block, text

if TYPE_CHECKING:
    from trainer.export.script_plan import Plan

TORCHVISION = {
    "mnist": "MNIST",
    "fashion_mnist": "FashionMNIST",
    "kmnist": "KMNIST",
    "cifar10": "CIFAR10",
}


def settings(plan: Plan) -> str:
    """What the experiment decided, as a class with these defaults."""
    setup, data = plan.setup, DATASETS[plan.setup.dataset]
    budget = f"{setup.epochs} epochs" if setup.epochs else "the budget of every arm"
    fields: list[tuple[str, str, float | None, str]]
    fields = [("train_size", "int", setup.train_size, f"of {data.train_size:,} training images")]
    if setup.label_noise:
        fields.append(("label_noise", "float", setup.label_noise, "share of wrong labels"))
    if setup.imbalance != 1:
        said = "how many times as many examples a common class has"
        fields.append(("imbalance", "float", setup.imbalance, said))
    if setup.input_noise:
        said = "noise on every image, in deviations of the pixels"
        fields.append(("input_noise", "float", setup.input_noise, said))
    layers = {"mlp": "hidden layers", "cnn": "convolutions", "resnet": "blocks"}
    depth = layers[setup.network.kind]
    width = "maps of the first" if plan.maps else "units in each"
    fields += [
        ("depth", "int", setup.network.depth, depth),
        ("width", "int", setup.network.width, width),
        ("batch_size", "int", setup.batch_size, "images in a step"),
        ("steps", "int", plan.steps, budget),
        ("lr", "float", plan.lr, rate_said(plan)),
    ]
    if "fit" in plan.lent and plan.lr != setup.lr:
        fields.append(("helper_lr", "float", setup.lr, "rate of the helper networks"))
    lines = [f"    {name}: {kind} = {value!r}  # {said}" for name, kind, value, said in fields]
    return "\n".join(
        [
            "@dataclass(frozen=True)",
            "class Settings:",
            '    """What the experiment decided."""',
            "",
            *lines,
            "",
            "",
            "SETTINGS = Settings()",
            f"IMAGE = {data.image}  # channels, height, width",
            f"CLASSES = {data.classes}",
            f"TOP = {float(data.top)}  # the largest value of a pixel" if needs_top(plan) else "",
        ]
    ).rstrip("\n")


def needs_top(plan: Plan) -> bool:
    return plan.setup.preprocessing == "scale" or "pixels" in plan.lent


def rate_said(plan: Plan) -> str:
    """Where the learning rate comes from."""
    own = [one.card.title for one in plan.tricks if one.changes("rate")]
    own += [one.card.title for one in plan.tricks if one.changes("scaled_rate")]
    said = "learning rate"
    if own:
        said += f", that of {' and '.join(own)}"
    if plan.arm.lr_scale != 1:
        said += f", times {plan.arm.lr_scale:g} in this arm"
    return said


def images(plan: Plan) -> str:
    """The function that reads the data set, as it is before anything was drawn."""
    name, data = plan.setup.dataset, DATASETS[plan.setup.dataset]
    head = "def data_set() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:"
    if name == "digits":
        return block(
            f"""
            {head}
                '''scikit-learn's digits: training images and labels, test images and labels.

                {data.test_size} images, the same share of each class, are the test.
                '''
                digits = load_digits()
                images, labels = digits.images[:, None].astype(np.uint8), digits.target
                order = np.random.RandomState(0).permutation(len(labels))
                in_class = np.argsort(labels[order], kind="stable")
                places = np.linspace(0, len(labels) - 1, {data.test_size}).round().astype(int)
                test = np.zeros(len(labels), bool)
                test[order[in_class[places]]] = True
                rest, held = order[~test[order]], order[test[order]]
                return images[rest], labels[rest], images[held], labels[held]
            """
        )
    if name == "shapes":
        return text(
            head,
            '    """Drawn shapes: training images and labels, test images and labels."""',
            f"    return shapes({data.train_size:_}, {data.test_size:_}, {plan.setup.difficulty})",
        )
    turned = ".transpose(0, 3, 1, 2)" if data.image[0] == 3 else "[:, None]"
    return block(
        f"""
        {head}
            '''Training images and labels, test images and labels, from torchvision.

            Downloaded into the folder data, or read where TRICKBOARD_DATA says.
            '''
            root = os.environ.get("TRICKBOARD_DATA", "data")
            train = datasets.{TORCHVISION[name]}(root, train=True, download=True)
            test = datasets.{TORCHVISION[name]}(root, train=False, download=True)
            train_x, test_x = (np.asarray(one.data){turned} for one in (train, test))
            return train_x, np.asarray(train.targets), test_x, np.asarray(test.targets)
        """
    )


def data(plan: Plan) -> str:
    """The class that holds the data of one run."""
    noise = plan.setup.input_noise
    rng = ", rng: Generator" if noise else ""
    layout = ", memory_format=torch.channels_last" if plan.maps else ""
    drawn = (", rng", ', stream(0, "test noise")') if noise else ("", "")
    given = "given" if plan.setup.label_noise else "true"
    return block(
        f"""
        class Data:
            '''The images of one run: those it trains on, and those that judge it.

            What judges is drawn before any trick may touch the data.
            '''

            def __init__(self, seed: int, device: str) -> None:
                all_x, all_y, test_x, test_y = data_set()
                rng = stream(seed, "data")
                chosen = choose(all_y, SETTINGS, CLASSES, rng)
                true = torch.from_numpy(all_y[chosen].astype(np.int64))
                @wrong
                x = torch.from_numpy(all_x[chosen].astype(np.float32))
                @scale

                def inputs(x: Tensor{rng}) -> Tensor:
                    '''Images as the network sees them.'''
                    @noise
                    return {SCALED[plan.setup.preprocessing]}.to(device{layout})

                train_x = inputs(x{drawn[0]})
                self.test_x = inputs(torch.from_numpy(test_x.astype(np.float32)){drawn[1]})
                self.test_y = torch.from_numpy(test_y.astype(np.int64)).to(device)
                self.split = Split(
                    x=train_x, y={given}.to(device), classes=CLASSES, index=torch.arange(len(true))
                )
                # A point of the curve is made of test images, and of training images with their
                # true labels.
                some = torch.randperm(len(test_x), generator=stream(0, "test slice"))[:TEST_SLICE]
                some = some.to(device)
                self.tests = len(some)
                self.slice_x = torch.cat([self.test_x[some], train_x[:TRAIN_SLICE]])
                self.slice_y = torch.cat([self.test_y[some], true[:TRAIN_SLICE].to(device)])
                @chunk
                @pixels
                @pool
        """,
        wrong="given = wrong_labels(true, SETTINGS.label_noise, CLASSES, rng)"
        if plan.setup.label_noise
        else "",
        scale=scale(plan),
        noise="x = x + noise * torch.randn(x.shape, generator=rng)" if noise else "",
        chunk=chunk(plan),
        pixels=pixels(plan) if "pixels" in plan.lent else "",
        pool=pool(plan) if "pool" in plan.lent else "",
    )


SCALED = {"standardize": "((x - mean) / spread)", "scale": "(x / TOP)", "raw": "x"}


def scale(plan: Plan) -> str:
    """The numbers that images are shifted and divided by."""
    standard = plan.setup.preprocessing == "standardize"
    noise = plan.setup.input_noise
    return text(
        "mean = x.mean((0, 2, 3), True)" if standard else "",
        "deviation = x.std((0, 2, 3), keepdim=True)" if standard or noise else "",
        "noise = SETTINGS.input_noise * deviation" if noise else "",
        "spread = deviation.clamp_min(1e-6)" if standard else "",
    )


def chunk(plan: Plan) -> str:
    """How many images are judged at once."""
    if not plan.maps:
        return "self.chunk = LARGEST  # images that are judged at once"
    return text(
        "# Maps that leave a processor's cache take twice the time, so fewer are judged at once.",
        "maps = 4 * SETTINGS.width * IMAGE[1] * IMAGE[2]",
        "self.chunk = min(LARGEST, max(64, 2 * CACHE // maps))",
    )


def pixels(plan: Plan) -> str:
    """How inputs become pixels again."""
    if plan.setup.preprocessing == "standardize":
        middle, unit = "(mean / TOP)[0]", "(spread / TOP)[0]"
    else:
        shape = "IMAGE[0], 1, 1"
        middle = f"torch.zeros({shape})"
        unit = f"torch.ones({shape})"
        if plan.setup.preprocessing == "raw":
            unit = f"({unit} / TOP)"
    return f"self.pixels = Pixels(mean={middle}.to(device), spread={unit}.to(device))"


def pool(plan: Plan) -> str:
    """The images that the drawn training set leaves over."""
    noise = plan.setup.label_noise
    drawn = ", pool_rng" if plan.setup.input_noise else ""
    return block(
        f"""

        # What was not drawn: images without labels, and somebody to ask for them.
        rest = np.setdiff1d(np.arange(len(all_y)), chosen)
        said = torch.from_numpy(all_y[rest].astype(np.int64))
        @rng
        @wrong

        def pool_images(which: Tensor) -> Tensor:
            some = all_x[rest[which.cpu().numpy()]].astype(np.float32)
            return inputs(torch.from_numpy(some){drawn})

        def pool_labels(which: Tensor) -> Tensor:
            return said[which.cpu()].to(device)

        self.pool = Pool(size=len(rest), images=pool_images, labels=pool_labels)
        """,
        rng='pool_rng = stream(seed, "pool")' if noise or plan.setup.input_noise else "",
        wrong="said = wrong_labels(said, SETTINGS.label_noise, CLASSES, pool_rng)" if noise else "",
    )


def network(plan: Plan) -> str:
    """The plain network before the tricks fill its slots."""
    return text(
        "def plain(width: int = SETTINGS.width) -> NetworkSpec:",
        '    """The plain network: ReLU, no normalization, no skips."""',
        "    return NetworkSpec(",
        f'        kind="{plan.setup.network.kind}",' if plan.kind else "",
        "        depth=SETTINGS.depth,",
        "        width=width,",
        "        image=IMAGE,",
        "        classes=CLASSES,",
        "        activation=nn.ReLU,",
        "    )",
    )


def fit(plan: Plan) -> str:
    """How a helper network is trained."""
    lr = "helper_lr" if plan.lr != plan.setup.lr else "lr"
    place = "x.device, memory_format=torch.channels_last" if plan.maps else "x.device"
    return block(
        f"""
        def fit(
            x: Tensor, y: Tensor, rng: Generator, *, steps: int, width: int | None = None
        ) -> Module:
            '''A plain helper network, trained on (N, ...) images and labels, in eval mode.'''
            network = {plan.setup.network.kind}(plain(width or SETTINGS.width))
            kaiming(network, rng)
            network.to({place})
            flat = Flat(network)
            optimizer = torch.optim.SGD([flat.weights], lr=SETTINGS.{lr})
            size = min(SETTINGS.batch_size, len(y))
            order = torch.empty(0, dtype=torch.long)
            for _ in range(steps):
                if len(order) < size:
                    order = torch.randperm(len(y), generator=rng).to(x.device)
                now, order = order[:size], order[size:]
                flat.clear()
                cross_entropy(network(x[now]), y[now]).backward()
                optimizer.step()
            return network.eval().requires_grad_(False)
        """
    )


def evaluation() -> str:
    """The judge, and how often it is asked."""
    return block(
        """
        def evaluate(predict: Predictor, data: Data) -> tuple[float, float, float]:
            '''The training loss, the test loss and the test accuracy on the slices that judge.'''
            losses, right = marks(answers(predict, data.slice_x, data.chunk), data.slice_y)
            tests = data.tests
            test_loss, accuracy = losses[:tests].mean().item(), right[:tests].mean().item()
            return losses[tests:].mean().item(), test_loss, accuracy


        def points(network: Module, judged: int) -> int:
            '''Steps from one point of the curve to the next.'''
            work = multiply_adds(network, IMAGE)
            least = interval(work, batch_size=SETTINGS.batch_size, judged=judged)
            epoch = max(1, SETTINGS.train_size // SETTINGS.batch_size)
            return whole_epochs(max(least, math.ceil(SETTINGS.steps / MOST)), epoch)
        """
    )


def command_line(plan: Plan) -> str:
    """The end of the file."""
    return block(
        f"""
        def main() -> None:
            '''Train with the seed that was asked for, and print the curve.'''
            parser = argparse.ArgumentParser(description="Train one arm of an experiment.")
            parser.add_argument("--seed", type=int, default={plan.seed})
            parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 or mps")
            asked = parser.parse_args()
            torch.set_num_threads(1)  # the same numbers every time
            try:
                loss, accuracy = train(asked.seed, asked.device)
            except FloatingPointError as end:
                print(f"diverged: {{end}}")
                return
            print(f"final test loss {{loss:.6f}}  test accuracy {{accuracy:.4f}}")
        """
    )
