"""Sliders that move in Jupyter and in the built page."""
