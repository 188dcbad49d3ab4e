"""The tools of the book are scripts in a folder of their own; let the tests import them."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "book" / "_tools"))
