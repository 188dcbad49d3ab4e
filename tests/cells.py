"""Short ways to write down a notebook in a test."""

import textwrap

from nbformat import NotebookNode, v4


def code(source: str, *tags: str, outputs: tuple[NotebookNode, ...] = (), **metadata: object) -> NotebookNode:
    meta = {"tags": list(tags), **metadata} if tags else metadata
    return v4.new_code_cell(textwrap.dedent(source).strip(), metadata=meta, outputs=list(outputs))


def prose(source: str) -> NotebookNode:
    return v4.new_markdown_cell(textwrap.dedent(source).strip())


def notebook(*cells: NotebookNode) -> NotebookNode:
    return v4.new_notebook(cells=list(cells))


def display(data: dict[str, str], **metadata: object) -> NotebookNode:
    return v4.new_output("display_data", data, metadata=metadata)
