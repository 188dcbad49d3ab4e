"""Training in the page, train.js: against torch, small differences and itself."""

import pytest
import torch
from sliders import in_page, stocked
from torch.nn import functional as F

from kdlib import pretrained
from kdlib.losses import distillation_term, hinton_loss
from kdlib.sliders.omitted import DIGITS

pytestmark = pytest.mark.browser

NET = "const net = kd.net([6, 5, 10], kd.seeded(3));"
# Six inputs, some of them zero; labels, and a teacher's logits.
X = torch.tensor(
    [[0, 0.5, 1, 0, 0.25, 0.75], [1, 0, 0, 0.5, 0.5, 0], [0, 0, 1, 1, 0, 0.125]], dtype=torch.float64
)
Y = torch.tensor([3, 0, 9])
Z = torch.randn(3, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 6
TARGETS = {"labels": (1, F.one_hot(Y, 10).double())} | dict.fromkeys(
    ("teacher", "both", "half", "none"), (4, (Z / 4).softmax(1))
)
ALPHA = {"both": 0.9, "half": 0.5, "none": 0.0}  # of a batch whose items have a label as well
EACH = pytest.mark.parametrize("kind", TARGETS)


def loss(kind: str, z: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    if kind in ALPHA:
        return hinton_loss(z, Z[rows], Y[rows], temperature=4.0, alpha=ALPHA[kind]).total
    return distillation_term(z, Z[rows], 4.0) if kind == "teacher" else F.cross_entropy(z, Y[rows])


def as_torch(net) -> list[torch.Tensor]:
    """The page's layers as torch's: weight and bias of each, the weights of an output together."""
    found = []
    for layer in net:
        bias = torch.tensor(layer["bias"], dtype=torch.float64)
        weight = torch.tensor(layer["weight"], dtype=torch.float64).reshape(-1, len(bias)).T
        found += [weight.contiguous().requires_grad_(), bias.requires_grad_()]
    return found


def forward(layers: list[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    first, bias, second, last = layers
    return F.linear(F.linear(x, first, bias).relu(), second, last)


@pytest.fixture
def run(open_page):
    """run(code, given): what the code returns; `net` is a small network, and `plain` hands one on."""
    page = open_page(in_page())
    plain = (
        "const plain = (net) => net.map(({ weight, bias }) => ({ weight: [...weight], bias: [...bias] }));"
    )
    return lambda code, given=None: page.evaluate(f"(given) => {{ {NET} {plain} {code} }}", given)


def batch(kind: str) -> list[dict]:
    labels = [{"label": label, "alpha": ALPHA[kind]} if kind in ALPHA else {} for label in Y.tolist()]
    rows = zip(X.tolist(), TARGETS[kind][1].tolist(), labels, strict=True)
    return [{"x": x, "target": p} | label for x, p, label in rows]


@EACH
def test_the_gradient_is_that_of_torch_and_of_small_differences(run, kind):
    code = """const sums = kd.zeros(net);
      kd.addGradient(sums, net, given.batch, given.t);
      return [plain(net), plain(sums)];"""
    net, sums = run(code, {"batch": batch(kind), "t": TARGETS[kind][0]})
    layers, found = as_torch(net), as_torch(sums)
    rows = torch.arange(3)
    expected = torch.autograd.grad(loss(kind, forward(layers, X), rows), layers)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours.detach(), theirs, rtol=0, atol=1e-9)
    with torch.no_grad():
        for layer, slope in zip(layers, found, strict=True):
            for i in range(layer.numel()):
                sides = []
                for step in (1e-6, -1e-6):
                    layer.flatten()[i] += step
                    sides.append(float(loss(kind, forward(layers, X), rows)))
                    layer.flatten()[i] -= step
                assert (sides[0] - sides[1]) / 2e-6 == pytest.approx(float(slope.flatten()[i]), abs=1e-7)


@EACH
def test_twenty_steps_are_those_of_torch(run, kind):
    order = [[(step + 1) % 3, step * 2 % 3] for step in range(20)]
    code = """const [first, velocity] = [plain(net), kd.zeros(net)];
      for (const rows of given.order) {
        kd.descend(net, velocity, rows.map((i) => given.batch[i]), given.t, { rate: 0.05, momentum: 0.9 });
      }
      return [first, plain(net)];"""
    first, last = run(code, {"batch": batch(kind), "t": TARGETS[kind][0], "order": order})
    layers = as_torch(first)
    optimizer = torch.optim.SGD(layers, 0.05, momentum=0.9)
    for rows in order:
        optimizer.zero_grad()
        loss(kind, forward(layers, X[rows]), torch.tensor(rows)).backward()
        optimizer.step()
    for ours, theirs in zip(as_torch(last), layers, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-8)
    assert not torch.equal(layers[0], as_torch(first)[0])


def test_without_the_teacher_s_part_the_bits_are_those_of_labels_alone(run):
    code = """return given.map(({ batch, t }) => {
        const sums = kd.zeros(net);
        kd.addGradient(sums, net, batch, t);
        return plain(sums);
      });"""
    labels, none = run(code, [{"batch": batch(kind), "t": TARGETS[kind][0]} for kind in ("labels", "none")])
    assert labels == none


def test_a_seed_gives_the_same_bits_and_another_one_others(run):
    code = """const first = (seed) => [...kd.net([4, 3, 10], kd.seeded(seed))[0].weight];
      const order = kd.shuffled(kd.range(50), kd.seeded(2));
      return [first(0), first(0), first(1), order, [0, 1].map((seed) => kd.seeded(seed)())];"""
    first, again, other, order, begun = run(code)
    assert first == again != other and max(map(abs, first)) <= 0.5
    assert sorted(order) == list(range(50)) != order
    assert begun == pytest.approx([0.26642920868471265, 0.6270739405881613], rel=1e-15)


def test_the_page_reads_the_digits_as_they_were_packed(open_page):
    page = open_page(stocked(DIGITS))
    code = f"""(() => {{ const found = kd.tensors(kd.stored.{DIGITS});
      const pixels = kd.unpacked(found.test_pixels).slice(0, 20).map((x) => [...x]);
      return [pixels, [...found.train_labels.values], [...found.train_logits.values]]; }})()"""
    pixels, labels, logits = page.evaluate(code)
    stored = pretrained.tensors(DIGITS)
    for row, packed in zip(pixels, stored["test_pixels"], strict=False):
        assert row == [value / 15 for byte in packed.tolist() for value in (byte >> 4, byte & 15)]
    assert labels == stored["train_labels"].tolist()
    assert logits == stored["train_logits"].flatten().tolist()


def test_both_start_alike_and_neither_sees_what_is_left_out_or_not_shown(run):
    """What may not be seen is NaN, which would spread to all weights."""
    code = """const train = kd.range(40).map((i) => {
        const seen = i < 20 && i % 10 !== 3 && i % 10 !== 7;
        const logits = kd.range(10).map((k) => 3 * (k === i % 10));
        return { x: Float64Array.of(seen ? i / 20 : NaN, 0.5), label: i % 10, logits };
      });
      const recipe = { hidden: 4, batch: 5, rate: 0.1, momentum: 0.9 };
      const setting = { temperature: 4, omitted: [3, 7], shown: 20, seed: 0 };
      const { nets, advance } = kd.pupils(train, setting, recipe);
      const before = nets.map(plain);
      for (let i = 0; i < 30; i++) advance();
      return [before, nets.map(plain)];"""
    before, after = run(code)
    assert before[0] == before[1] != after[0] != after[1]
    assert all(torch.isfinite(part).all() for net in after for part in as_torch(net))


def test_shares_at_a_bias_by_hand(run):
    """A 2 behind by 1, and one taken for a 3; a 1 and a 0, right by 1 and by 5; a 0 taken for a 1."""
    code = """const answers = [
        [[0, 3, 2, 0], 2], [[0, 3, 1, 2], 2], [[0, 3, 2, 0], 1], [[5, 0, 0, 0], 0], [[1, 2, 0, 0], 0],
      ].map(([logits, label]) => kd.margin(logits, [2, 3], label));
      return [0, 2, 6].map((bias) => kd.biased(answers, bias));"""
    none, some, many = run(code)
    assert none == {"all": 2 / 5, "found": 0, "lost": 0}
    assert some == {"all": 2 / 5, "found": 1 / 2, "lost": pytest.approx(1 / 3)}
    assert many == {"all": 1 / 5, "found": 1 / 2, "lost": pytest.approx(2 / 3)}
