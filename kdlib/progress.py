"""One kind of progress bar, for downloads and for training: a line of text, the same in every place."""

import os
import sys
from typing import Any

from tqdm.std import tqdm


def bar(total: int | None, description: str, **more: Any) -> "tqdm[Any]":
    """A progress bar on stderr; call its `update` and `close` it, or use it in a `with`. Chapter 03.

    total: how many there will be in all, None where that is not known. more: tqdm's own `unit` (what is
    counted), `initial` (how many there are already) and `unit_scale` (write 12.3M for 12,300,000).

    It is shown in a terminal and in a notebook, and silent elsewhere (in a log file or a pipe) and where the
    environment variable TQDM_DISABLE is set (to anything but 0). In a notebook it is text too, not tqdm's
    widget, which would be stored in the notebook and be blank without its kernel.
    """
    seen = (sys.stderr is not None and sys.stderr.isatty()) or _notebook()
    silent = not seen or os.environ.get("TQDM_DISABLE", "0") not in ("", "0")
    return tqdm(desc=description, total=total, disable=silent, **more)


def _notebook() -> bool:
    """Whether this runs in ipykernel (Jupyter, Colab), whose stderr is no terminal but is shown."""
    ipython = sys.modules.get("IPython")  # imported by nobody: no notebook
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None
