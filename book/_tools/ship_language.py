"""Write the two students that write in chapter 11's page: one trained alone, one on the teacher's answers.

    python -m kdlib run language --scale cpu --only alone --seeds 0      (and the other arm below)
    python book/_tools/ship_language.py

Runs nothing anew: it reads the finished checkpoints of seed 0. SHIPPED says which arm each student is of.
"""

from shipping import finished, write

from kdlib.data import text
from kdlib.experiments.language import CONTEXT, EXPERIMENT, predicted
from kdlib.training import logits_of

SHIPPED = {"shakespeare_student_alone": "alone", "shakespeare_student_distilled": "forward"}


def main() -> None:
    arms = {arm.name: arm for arm in EXPERIMENT.arms()}
    test = text.windows("test", CONTEXT)
    for name, arm in SHIPPED.items():
        model, record = finished(EXPERIMENT, arms[arm])
        logits = logits_of(model.half().float(), test)  # as it ships
        write(name, model.state_dict(), record, {"test_bits": predicted(logits, test.labels)["bits"]})


if __name__ == "__main__":
    main()
