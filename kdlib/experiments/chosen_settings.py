"""The settings of chapter 07's methods that were best among those tried, by the records of the tries.

Each record holds its settings, so that this file is no part of the code that its digest names.
"""

CHOSEN = {
    "alone": 0.01,
    "smoothed": 0.1,
    "soft": 0.9,
    "decoupled": 1.0,
    "dist": 0.25,
    "standardised": 0.3,
    "hint": 1.0,
    "attention": 0.1,
    "relational": 5.0,
    "mutual": 0.2,
    "self": 0.5,
    "ensemble": 0.5,
}
