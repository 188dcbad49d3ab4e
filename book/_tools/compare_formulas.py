"""Compares each new formula of the book with Temml, a converter by other hands, and writes their list.

    python book/_tools/compare_formulas.py

needs Node's npm and a network where a formula is new. Where the two differ nothing is written: write that
formula another way. The list is for the tests, which need neither; formulas that are gone leave it.
"""

import json
import subprocess
import sys
import tempfile

from formulas import LIST, as_text, of_the_book, stored
from notebooks import BOOK

sys.path.append(str(BOOK / "_ext"))
from kd_math import mathml  # the site's own

TEMML = "temml@0.13.5"
SCRIPT = """
const all = JSON.parse(require("fs").readFileSync(0));
const temml = require("temml");
const made = all.map(([tex, displayMode]) => temml.renderToString(tex, { displayMode, throwOnError: true }));
console.log(JSON.stringify(made));
"""


def temml(formulas: list[tuple[str, bool]]) -> list[str]:
    """Temml's MathML of each formula."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "install", "--silent", "--no-save", TEMML], cwd=folder, check=True)
        command = ["node", "-e", SCRIPT]
        done = subprocess.run(
            command, cwd=folder, check=True, input=json.dumps(formulas), stdout=subprocess.PIPE, text=True
        )
    made: list[str] = json.loads(done.stdout)
    return made


def main() -> int:
    ours = {formula: as_text(mathml(*formula)) for formula in of_the_book()}
    known = stored() if LIST.is_file() else {}
    new = [formula for formula, text in ours.items() if known.get(formula[0]) != text]
    theirs = dict(zip(new, map(as_text, temml(new)), strict=True)) if new else {}
    different = [formula for formula in new if theirs[formula] != ours[formula]]
    for formula in different:
        print(f"{formula[0]}\n  math-core {ours[formula]}\n  Temml     {theirs[formula]}")
    if not different:
        lines = sorted({f"{tex}\t{text}\n" for (tex, _), text in ours.items()})
        LIST.write_text("".join(lines), encoding="utf-8", newline="\n")
        print(f"{len(lines)} formulas, {len(new)} of them new: {LIST.name} is written")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
