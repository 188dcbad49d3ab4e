"""What axe finds on a page that not everyone can read or use."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe


def faults(page: Any, context: str | None = None) -> dict[str, list[str]]:
    """The broken rules and the elements that break them, on the whole page or in what `context` selects."""
    # Of what is well only the count is wanted: on a long page the rest takes half of the time.
    found = Axe().run(page, context=context, options={"resultTypes": ["violations"]}).response["violations"]
    return {rule["id"]: [node["html"][:150] for node in rule["nodes"]] for rule in found}
