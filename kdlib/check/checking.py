"""How a learner's function is checked: against trusted code, on inputs that are shaped so that mistakes show.

A check knows the mistakes that people make. Each is a function too: where the learner's gives what a mistake
would give, its message is shown. Nothing is random that a seed does not fix.
"""

import dis
import inspect
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kdlib.check.differences import in_pieces, same, unlike

ROUNDS = 4  # inputs a check tries: in one of them a mistake may give the right result by chance
Function = Callable[..., Any]
TRIED: set[str] = set()  # labels of the exercises that were tried since Python started


class Draw:
    """Random inputs in float64, from a seed.

    odd: whether the seed is, as in every second round of a check; for cases that only some rounds should have.
    """

    def __init__(self, seed: int) -> None:
        self.odd = seed % 2 == 1
        self.generator = torch.Generator().manual_seed(seed)

    def normal(self, *shape: int, scale: float = 1.0) -> Tensor:
        """Normal values, (*shape)."""
        return scale * torch.randn(shape, generator=self.generator, dtype=torch.float64)

    def labels(self, n: int, classes: int) -> Tensor:
        """Labels (n,), every class at least once where n allows it."""
        more = torch.randint(classes, (max(n - classes, 0),), generator=self.generator)
        order = torch.randperm(n, generator=self.generator)
        return torch.cat([torch.arange(min(n, classes)), more])[order]

    def number(self, low: float, high: float) -> float:
        """A number between the two, with two decimals."""
        return round(low + (high - low) * float(torch.rand((), generator=self.generator)), 2)


@dataclass(frozen=True)
class Verdict:
    """What a check found: true if all is right; shown as its message."""

    passed: bool
    message: str

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return f"{'✓' if self.passed else '✗'} {self.message}"


class Words(str):
    """Text that a notebook shows as it is, without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


@dataclass(frozen=True)
class Check:
    """One exercise: `check(function)` gives a Verdict, `check.hint()` a nudge.

    Args of the definition:
        exercise: its label in the book.
        inputs: the arguments of one round, from a Draw.
        right: trusted code.
        nudge: what the hint says.
        wrong: mistakes by the message that fits each.
        learns: for how many of the float tensors, from the first, the gradients count too: they must flow where
            trusted code lets them, and nowhere else.
        tolerance: how far results may differ, relative and absolute; float32 must fit into it.
    """

    exercise: str
    inputs: Callable[[Draw], tuple[Any, ...]]
    right: Function
    nudge: str
    wrong: Mapping[str, Function]
    learns: int = 0
    tolerance: float = 1e-4

    def __call__(self, function: Function, *, seed: int = 0) -> Verdict:
        """Try the function at once, on the CPU.

        Args:
            function: the learner's.
            seed: another seed is another variant of the inputs.

        Returns:
            A Verdict; the function's own exceptions are told in its message, not raised.
        """
        if not callable(function):
            raise TypeError(f"function is a {type(function).__name__}; give the function itself, without ()")
        TRIED.add(self.exercise)
        rounds = self.rounds(seed)
        try:
            seen = [observed(function, given, self.learns) for given in rounds]
        except Exception as error:  # whatever the learner's code raises
            return Verdict(False, f"Your function stopped: {type(error).__name__}: {error}")
        said = self.judge(rounds, seen)
        if said.passed and (others := from_other_cells(function)) and not os.environ.get("KDLIB_BOOK"):
            more = f"It uses {' and '.join(others)} from another cell: copy that into its own before you hand in."
            return Verdict(True, f"{said.message} {more}")
        return said

    def hint(self) -> "Words":
        """A nudge, without the solution."""
        return Words(self.nudge)

    def solution(self) -> "Words":
        """How trusted code does it; only after a try."""
        if self.exercise not in TRIED:
            return Words("First try: give your function to the check.")
        return Words(inspect.getsource(self.right))

    def rounds(self, seed: int) -> list[tuple[Any, ...]]:
        """The arguments of each round."""
        return [self.inputs(Draw(1000 * seed + k)) for k in range(ROUNDS)]

    def judge(self, rounds: list[tuple[Any, ...]], seen: list[tuple[list[Tensor], bool]]) -> Verdict:
        """What a function is worth that was observed in these rounds, wherever that was."""
        said = self.fault(rounds, seen)
        return Verdict(said is None, said or "Right.")

    def fault(self, rounds: list[tuple[Any, ...]], seen: list[tuple[list[Tensor], bool]]) -> str | None:
        """What is wrong with it, in words; None if nothing is."""
        if any(changed for _, changed in seen):
            return "Your function changes the tensors that it is given. Work on copies: z = z / T, not z /= T."
        found = [values for values, _ in seen]
        if not all(found):
            return "Your function returns nothing to compare. Is there a return?"
        wanted = [observed(self.right, given, self.learns)[0] for given in rounds]
        found = [in_pieces(ours, right) for ours, right in zip(found, wanted, strict=True)]
        if self.agree(found, wanted):
            return None
        for message, mistake in self.wrong.items():
            if self.agree(found, (observed(mistake, given, self.learns)[0] for given in rounds)):
                return message
        return unlike(found, wanted, self.learns, self.tolerance)

    def agree(self, found: Iterable[list[Tensor]], other: Iterable[list[Tensor]]) -> bool:
        """Whether two functions gave the same in every round; the second is asked no further than that."""
        return all(same(a, b, self.tolerance) for a, b in zip(found, other, strict=False))


def from_other_cells(function: Function) -> list[str]:
    """The notebook's functions that a function uses and that stand in another cell; a grader runs its own alone."""
    own: Any = getattr(function, "__code__", None)
    used = ((name, getattr(function, "__globals__", {}).get(name)) for name in names_in(own))
    helpers = [(name, one) for name, one in used if inspect.isfunction(one) and one.__module__ == "__main__"]
    return sorted(name for name, one in helpers if one.__code__.co_filename != own.co_filename)


def names_in(code: Any) -> set[str]:
    """The global names that code looks up, in what it defines inside as well."""
    if code is None:
        return set()
    own = {step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"}
    return own.union(*(names_in(one) for one in code.co_consts if inspect.iscode(one)))


def observed(function: Function, given: tuple[Any, ...], learns: int) -> tuple[list[Tensor], bool]:
    """What a function gives for copies of the arguments, then the gradients; and whether it changed them.

    The arguments are float64. Code that makes tensors of its own, in float32 as the pages' are, may stop there;
    so what stops is tried in float32 too.
    """
    try:
        return observed_once(function, given, learns)
    except (RuntimeError, TypeError):
        single = [x.float() if isinstance(x, Tensor) and x.is_floating_point() else x for x in given]
        return observed_once(function, single, learns)


def observed_once(function: Function, given: Sequence[Any], learns: int) -> tuple[list[Tensor], bool]:
    """As `observed`, with the arguments in the types that they have."""
    own = [x.clone() if isinstance(x, Tensor) else x for x in given]
    leaves = [x for x in own if isinstance(x, Tensor) and x.is_floating_point()][:learns]
    for leaf in leaves:
        leaf.requires_grad_()
    with torch.enable_grad():
        copies = [x.clone() if isinstance(x, Tensor) else x for x in own]  # no leaves, which nobody may change
        values = flat(function(*copies))
    changed = any(not torch.equal(a, b) for a, b in zip(given, copies, strict=True) if isinstance(a, Tensor))
    if values and leaves and not changed:
        found = values[0].requires_grad
        slopes = torch.autograd.grad(values[0].sum(), leaves, allow_unused=True) if found else [None] * len(leaves)
        values += [torch.zeros_like(x) if s is None else s for x, s in zip(leaves, slopes, strict=True)]
    return [value.detach().double() for value in values], changed


def flat(value: Any) -> list[Tensor]:
    """The tensors, arrays and numbers of what a function gave, in order; anything else is left out."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, bool | int | float) or hasattr(value, "__array__"):
        return [torch.as_tensor(value, dtype=torch.float64)]
    if isinstance(value, Mapping):
        return flat(list(value.values()))
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [tensor for part in value for tensor in flat(part)]
    return []
