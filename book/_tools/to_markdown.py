"""A page's text in plain Markdown: MyST's directives, roles, labels and attributes said without MyST."""

import posixpath
import re
import textwrap
from base64 import b64encode
from collections.abc import Iterator
from mimetypes import guess_type
from pathlib import Path

from labels import Source, Target, page_file
from prose import PARSER, Directive, directive

UNSEEN = re.compile(r"^(?:\([\w:-]+\)=|\{[#.][^}`]*\}|%.*|\+\+\+.*)\n?", re.MULTILINE)
INLINE = re.compile(
    r"\\[\\`$\[{]"  # escaped
    r"|\{(?P<role>[\w:-]+)\}(?P<tick>`+)(?P<said>.+?)(?P=tick)(?!`)"
    r"|(?P<code>`+)(?!`).+?(?<!`)(?P=code)(?!`)"
    r"|(?P<math>\$\$.+?)\s*\$\$(?: *\((?P<equation>[\w:-]+)\))?|\$(?!\s)[^$]+\$"
    r"|(?P<image>!?)\[(?P<words>(?:[^\[\]]|\[[^\[\]]*\])*)\]"
    r"(?:\((?P<url>(?:[^()\s]|\([^()\s]*\))*)(?: \"[^\"]*\")?\)(?:\{[#.\w][^}`]*\})?"  # a title is left out
    r"|(?P<attributes>\{[#.\w][^}`]*\}))",
    re.DOTALL,
)
OPTION = re.compile(r"^[-*] \[([ x])\] (.*(?:\n +\S.*)*)\n*", re.MULTILINE)
CASE = re.compile(r"^- \[([ x])\] (.*)((?:\n+ +\S.*)*)", re.MULTILINE)  # with what is said to it
OPENS_A_BLOCK = re.compile(r"(?:[-*+]|\d+[.)]|#+)\s|[|<>]|```|\$\$|!\[")
NOTES = ("admonition", "attention", "caution", "danger", "hint", "important", "note", "tip", "warning")


def titled(title: str, body: str) -> str:
    """A bold title that runs into its text, where this begins with a paragraph."""
    bold = f"**{title}{'' if title.endswith(tuple('.?!')) else '.'}**"
    return f"{bold}\n\n{body}" if OPENS_A_BLOCK.match(body) else f"{bold} {body}".rstrip()


def details(summary: str, body: str) -> str:
    """Folded text. Without the blank lines Markdown inside would stay source."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


class Page:
    """One page on its way to Markdown. What has no plain form, or does not exist, is a ValueError."""

    def __init__(
        self, name: str, root: Path, targets: dict[str, Target], sources: dict[str, Source], site: str = ""
    ) -> None:
        self.name, self.root, self.targets, self.sources, self.site = name, root, targets, sources, site
        self.solution = ""  # the title of the solution that the text belongs to

    def plain(self, text: str) -> str:
        return "\n\n".join(piece for _, piece in self.pieces(text))

    def pieces(self, text: str) -> Iterator[tuple[str, str]]:
        """The text between its blocks, and these, in Markdown; each with the title of its solution."""
        lines, at = text.split("\n"), 0
        for token in PARSER.parse(text):
            if token.type in ("fence", "colon_fence"):
                start, end = token.map or (0, 0)
                if before := self.inline("\n".join(lines[at:start])).strip("\n"):
                    yield self.solution, before
                block, at = "\n".join(lines[start:end]), end
                if found := directive(token):
                    block = textwrap.indent(self.block(found), " " * (len(block) - len(block.lstrip())))
                if block:
                    yield self.solution, block
        if rest := self.inline("\n".join(lines[at:])).strip("\n"):
            yield self.solution, rest

    def block(self, found: Directive) -> str:
        """One directive."""
        name, title, body = found.name, self.inline(found.title), found.body.strip("\n")
        label = found.options.get("label", found.options.get("name", ""))
        words = self.target(label).words if label else name.capitalize()
        match name:
            case "solution-start":
                self.solution = f"Solution to {self.target(title).words.lower()}"
                return ""
            case "solution-end":
                self.solution = ""
                return ""
            case "solution":
                return details(f"Solution to {self.target(title).words.lower()}", self.plain(body))
            case "exercise":
                return titled(f"{words} ({title})" if title else words, self.plain(body))
            case "predict":
                return self.card(found.options.get("number", ""), body)
            case "answer":
                return self.answered(found.options, body)
            case "figure":
                image = self.link(found.title, found.options.get("alt", ""), "!")
                return f"{image}\n\n{titled(words, self.plain(body))}"
            case "table":
                return f"{titled(words, title)}\n\n{self.plain(body)}"
            case "math":
                return self.display(body, label)
        if name in NOTES:
            return titled(title or words, self.plain(body))
        raise ValueError(f"the directive {{{name}}} has no plain form, see book/_tools/to_markdown.py")

    def card(self, unit: str, body: str) -> str:
        """A question; its options without their marks, or the unit of a number; and the answer folded."""
        options = list(OPTION.finditer(body))
        question, _, reveal = body.partition("\n\n")
        asked = f"*A number: {unit}.*"
        if options:
            question, reveal = body[: options[0].start()], body[options[-1].end() :]
            asked = "\n".join(f"- {self.inline(option[2])}" for option in options)
            reveal = "\n\n".join([f"✓ {option[2]}" for option in options if option[1] == "x"] + [reveal])
        question = titled("Predict", self.plain(question))
        return "\n\n".join([question, asked, details("Show the answer", self.plain(reveal))])

    def answered(self, options: dict[str, str], body: str) -> str:
        """What may be answered, without marks; and what is said to it, folded."""
        asked, said = self.asked_and_said(options, body)
        return f"{asked}\n\n{details('Show the answers', said)}"

    def asked_and_said(self, options: dict[str, str], body: str) -> tuple[str, str]:
        """What may be answered, and what is said to each answer."""
        things, mark, said = body.partition("\n\n- [") if "order" in options else ("", "", body)
        names = [line.split(". ", 1)[1] for line in things.strip().split("\n") if line]
        shown, lines = [], []
        for right, option, words in CASE.findall(mark[2:] + said):
            if names:  # "3 before 1" in their own words, and what is in order all of them
                whole = re.sub(r"\b\d+\b", lambda found: f"*{names[int(found[0]) - 1]}*", option)
                option = "; ".join(names) if right == "x" else whole
            sign, told = "✓" if right == "x" else "✗", textwrap.dedent(words).strip()
            colon = "" if option.endswith((".", "?", "!")) else ":"
            lines.append(f"- {sign} {option}{colon} {told}")
            shown.append(option)
        asked = "\n".join(f"- {option}" for option in sorted(names) or shown)
        if "number" in options:
            asked = f"*A number: {options['number']}.*"
        return self.plain(asked), self.plain("\n".join(lines))

    def display(self, formula: str, label: str) -> str:
        tag = f"\n\\tag{{{self.target(label).words.removeprefix('Equation ')}}}" if label else ""
        return f"$$\n{formula.strip()}{tag}\n$$"

    def inline(self, text: str) -> str:
        return INLINE.sub(self.replaced, UNSEEN.sub("", text))

    def replaced(self, match: re.Match[str]) -> str:
        if match["role"]:
            return self.role(match["role"], match["said"])
        if match["equation"]:
            return self.display(match["math"][2:], match["equation"])
        if match["words"] is None:  # code, a formula or an escape
            return match[0]
        words = self.inline(match["words"])
        return words if match["url"] is None else self.link(match["url"], words, match["image"])

    def role(self, name: str, said: str) -> str:
        if name in ("cite:p", "cite:t"):
            cited = [self.cited(key.strip(), in_text=name == "cite:t") for key in said.split(",")]
            return "; ".join(cited) if name == "cite:t" else f"({'; '.join(cited)})"
        explicit = re.fullmatch(r"(.+?)\s*<(\S+)>", said, re.DOTALL)
        words, label = explicit.groups() if explicit else ("", said)
        match name:
            case "eq":
                return self.reference(label, f"({self.target(label).words.removeprefix('Equation ')})")
            case "ref" | "numref":
                return self.reference(label, words.replace("%s", self.target(label).words.split(" ")[-1]))
            case "doc":
                return self.reference(posixpath.normpath(posixpath.join(self.name, "..", label)), words)
        raise ValueError(f"the role {{{name}}} has no plain form, see book/_tools/to_markdown.py")

    def cited(self, key: str, in_text: bool) -> str:
        """Author and year, linked to the source or, where that has no address, to the list of all sources."""
        if key not in self.sources:
            raise ValueError(f"{key} is cited and not in book/refs.bib")
        names, year, address = self.sources[key]
        when = f" ({year})" if in_text else f", {year}"
        address = address or self.way("references.md" if self.site else "refs.bib")
        return self.link(address, names + when if year else names)

    def target(self, label: str) -> Target:
        if label not in self.targets:
            raise ValueError(f"nothing in the book has the label or id {label!r}")
        return self.targets[label]

    def reference(self, label: str, words: str = "") -> str:
        """A link to the page that holds the label, or the words alone where it is this one."""
        target = self.target(label)
        words, file = words or target.words, f"{target.page}{page_file(target.page, self.root).suffix}"
        return words if target.page == self.name else self.link(self.way(file), words)

    def way(self, file: str) -> str:
        """The way from this page to a file, both in book/."""
        return posixpath.relpath(file, posixpath.dirname(self.name) or ".")

    def link(self, url: str, words: str, image: str = "") -> str:
        """A link: pages that are notebooks have a neighbour of the same name, others a site or their file."""
        if re.match(r"\w+:", url):
            return f"{image}[{words}]({url})"
        if url.startswith("#"):
            return self.reference(url[1:], words)
        path, mark, anchor = url.partition("#")
        place = posixpath.normpath(posixpath.join(posixpath.dirname(self.name), path))
        file, page = self.root / "book" / place, posixpath.splitext(place)[0]
        if not file.is_file():
            raise ValueError(f"it links to {url}, which is not there")
        if image:  # within the notebook, since Colab fetches no neighbours
            return f"![{words}](data:{guess_type(place)[0]};base64,{b64encode(file.read_bytes()).decode()})"
        if file.suffix == ".md" and self.site:
            path = f"{self.site}/book/{page}.html"
        elif file.suffix != ".ipynb":
            path = posixpath.relpath(f"book/{place}", posixpath.dirname(f"notebooks/{self.name}"))
        return f"[{words or self.target(page).words}]({path}{mark}{anchor})"
