"""Grades notebooks of learners, whose code stays in a sandbox: `python -m kdlib grade`. For teachers.

    exercise     what is graded: a check, a function's name, points, a seed
    submission   which cells of a notebook are an exercise's, and what is wrong with it
    sandbox      bubblewrap: no network, nothing to write to, no sight of anything else; limits
    worker       what runs inside: calls the learner's functions, says what they give
    values       how inputs go in and results come out: as numbers, never as objects
    grading      outside: inputs, verdicts, points; one submission, then all of them
    feedback     the tables of grades and of marks given by hand, and a page a learner

A learner's code gives values and nothing else. What they are worth is decided outside.
"""

from kdlib.grade.exercise import ByHand, Exercise

__all__ = ["ByHand", "Exercise"]
