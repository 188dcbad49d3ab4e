"""Makes book/assets/stix-two-math.woff2, with which brackets stretch in the formulas of the site.

STIX Two Math 2.12 (https://github.com/stipub/stixfonts), SIL Open Font License 1.1, cut down to the
characters below. The whole font comes from the npm package @fontsource/stix-two-math. To make the file again:

    npm pack @fontsource/stix-two-math@5.3.0 && tar xzf fontsource-stix-two-math-5.3.0.tgz
    pip install "fonttools[woff]"
    python book/_tools/make_math_font.py package/files/stix-two-math-latin-400-normal.woff2
"""

import subprocess
import sys

from notebooks import BOOK

# Code points, far more than the formulas hold today; a test in the browser tells when one is missing.
CHARACTERS = {
    "ASCII and signs": "20-7E,A0-B7,D7,F7",
    "accents": "131,237,2C6,2C7,2D8-2DC,20D7",
    "Greek": "391-3A9,3B1-3C9,3D1,3D5,3F1,3F5",
    "dashes, quotes, dots, primes": "2013,2014,2016,2018,2019,201C,201D,2026,2032-2034,2057,2061-2064",
    "single letters": "2102,210B,210E,2110,2112,2113,2115,2119,211A,211B,211D,2124,212C,2130,2131,2133",
    "arrows": "2190-2194,21A6,21D0-21D4,27F6",
    "operators": "2200-222B,223C,2243,2248,2254,2260-2265,226A,226B,2282-2287,2295,2297,2299,22A4,22A5",
    "dots and brackets": "22C5,22EE-22F1,2308-230B,27E8,27E9,2A7D,2A7E",
    "bold, italic, script, double-struck": "1D400-1D467,1D49C-1D4B5,1D538-1D56B,1D6A8-1D71B",
}

if __name__ == "__main__":
    command = [sys.executable, "-m", "fontTools.subset", sys.argv[1], "--flavor=woff2"]
    command += [f"--unicodes={','.join(CHARACTERS.values())}", "--layout-features=*", "--name-IDs=*"]
    command += ["--no-hinting", f"--output-file={BOOK / 'assets' / 'stix-two-math.woff2'}"]
    subprocess.run(command, check=True)
