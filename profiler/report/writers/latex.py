"""Sheets → tables for a paper: booktabs, one float a table, or a longtable where a page has no room for all."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from profiler.report.sheets.sheet import Math, Sheet
from profiler.report.writers.papers import Laid, captioned, footnote, laid, notes

MOST_NAMED = 4
"""Names in a caption."""
LONGEST = 50
"""Rows of a table that floats."""
WORDS, WORD, PIECE = 32, 24, 8
"""Letters of a column of words that stands in one line, of a word that is not broken, and of what it is broken into."""
IN_FLOAT, IN_LONG = (WORDS, "16em"), (20, r"0.165\linewidth")
"""Letters of a line of such a column, and its width, in a table that TeX fits to the page and in one over pages."""
LINE = 80
"""Letters of a row of a table over pages from which on counts are rounded, where they can be."""
FITTED_LINE = 100
"""The same in a table that TeX fits to the page: so much it shrinks to what can still be read."""
SIZES = (
    (60, r"\small"),
    (LINE, r"\footnotesize\setlength{\tabcolsep}{4pt}"),
    (90, r"\scriptsize\setlength{\tabcolsep}{3pt}"),
    (110, r"\tiny\setlength{\tabcolsep}{2pt}"),
)
"""(letters of a row, the size that lets it stand on a page) of a table over pages, which TeX cannot fit."""
FITTED = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
"""What follows, as it is or as wide as the page's text where it would be wider."""


def latex_text(sheets: Sequence[Sheet], caption: str = "", label: str = "") -> str:
    """The tables, the best in bold, their notes and the convention below; the first line says which packages they need.

    The user's `caption` stands in place of their own; where there are several tables, before what each is. So does the `label`,
    which is numbered from the second table on.
    """
    made: list[str] = []
    sheets = [content for content in sheets if content.columns]
    lead = next((content.lead for content in sheets if content.lead), [])
    for content in sheets:
        table = laid(content)
        below = [*(lead[1:] if content.lead else []), *notes(content), footnote([content], [table])]
        line = LINE if len(content.rows) > LONGEST else FITTED_LINE
        if _columns(content, table)[1] > line and (again := laid(content, rounded=True)) != table:
            table = again
            below.insert(0, "Counts are rounded to fit the page.")
        whose = [] if caption else [*lead[:1], *([_listed(content.networks)] if content.networks else [])]
        title = captioned(content, caption, len(sheets))
        named = ": ".join(" ".join(text.split()) for text in (*whose, title) if text) or _whose(content)
        key = label if not made or not label else f"{label}-{len(made) + 1}"
        made.append((_long if len(content.rows) > LONGEST else _float)(content, table, _named(named, key), below))
    text = "\n\n".join(made)
    needed = {
        "booktabs": r"\toprule",
        "longtable": r"\begin{longtable}",
        "array": r"\arraybackslash",
        "graphicx": r"\resizebox",
    }
    packages = ", ".join(package for package, sign in needed.items() if sign in text)
    return f"% needs \\usepackage{{{packages}}}\n\n{text}\n" if sheets else "% nothing to tell\n"


def _whose(content: Sheet) -> str:
    """A caption for a table that has no title."""
    names = list(dict.fromkeys(row[0] for row in content.rows))
    return f"{len(content.rows)} networks" if content.columns[0].right else _listed(names, len(content.rows))


def _listed(names: Sequence[str], of: int = 0) -> str:
    """`lenet5, vgg16 and resnet50`; of many, or of none, how many there are."""
    if not 0 < len(names) <= MOST_NAMED:
        return f"{of or len(names)} networks"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _float(content: Sheet, table: Laid, named: tuple[str, str], below: Sequence[str]) -> str:
    columns, _ = _columns(content, table)
    lines = [
        r"\begin{table}[htbp]",
        r"\centering",
        *named,
        FITTED,
        rf"\begin{{tabular}}{{{''.join(columns)}}}",
        r"\toprule",
        *_heads(table),
        r"\midrule",
        *_rows(table, columns[1:-1]),
        r"\bottomrule",
        r"\end{tabular}}",
        *_below(below),
        r"\end{table}",
    ]
    return "\n".join(lines)


def _long(content: Sheet, table: Laid, named: tuple[str, str], below: Sequence[str]) -> str:
    columns, letters = _columns(content, table, WORDS, IN_LONG)
    if letters > SIZES[-1][0]:
        columns, letters = _columns(content, table, IN_LONG[0], IN_LONG)
    size = next((size for most, size in SIZES if letters <= most), SIZES[-1][1])
    width = len(content.columns)
    lines = [
        "{" + size,
        rf"\begin{{longtable}}{{{''.join(columns)}}}",
        named[0],
        rf"{named[1]} \\",
        r"\toprule",
        *_heads(table),
        r"\midrule",
        r"\endfirsthead",
        r"\toprule",
        *_heads(table),
        r"\midrule",
        r"\endhead",
        rf"\midrule \multicolumn{{{width}}}{{r@{{}}}}{{continued on the next page}} \\",
        r"\endfoot",
        r"\bottomrule",
        r"\endlastfoot",
        *_rows(table, columns[1:-1]),
        r"\end{longtable}}",
        *_below(below),
    ]
    return "\n".join(lines)


def _named(caption: str, label: str) -> tuple[str, str]:
    """The caption, and the label: the user's, or one that is made of the caption."""
    slug = re.sub(r"[^a-z0-9]+", "-", caption.lower()).strip("-")[:40].strip("-")
    return rf"\caption{{{escaped(caption)}}}", rf"\label{{{label or f'tab:{slug}'}}}"


def _heads(table: Laid) -> list[str]:
    """The headings, and their units in a line below where there are any."""
    lines = [" & ".join(map(escaped, table.headings)) + r" \\"]
    if any(table.units):
        lines.append(" & ".join(f"({escaped(unit)})" if unit else "" for unit in table.units) + r" \\")
    return lines


def _rows(table: Laid, kinds: Sequence[str]) -> list[str]:
    """Words are broken in the columns that have lines alone: in the others there is nothing that a break could do."""
    lines = []
    whole = [kind in ("l", "r") for kind in kinds]
    for y, row in enumerate(table.rows):
        cells = [f"${cell}$" if isinstance(cell, Math) else _cell(cell, whole[x]) for x, cell in enumerate(row)]
        for x in range(len(cells)):
            if (y, x) in table.bold:
                cells[x] = rf"\textbf{{{cells[x]}}}"
        lines.append(" & ".join(cells) + r" \\")
    return lines


def _cell(text: str, whole: bool) -> str:
    # the commonest first: ten thousand rows of numbers
    return text.replace(",", "{,}") if NUMBER.fullmatch(text) else escaped(text, len(text) if whole else IN_LONG[0])


NUMBER = re.compile(r"[\d,.]+")


def _below(texts: Sequence[str]) -> list[str]:
    """Notes in small letters, as wide as the page's text."""
    said = " ".join(escaped(text if text.rstrip().endswith((".", ":", ";")) else f"{text}.") for text in texts)
    return [r"\par\smallskip\noindent", rf"\parbox{{\linewidth}}{{\footnotesize\raggedright {said}}}"]


def _columns(content: Sheet, table: Laid, words: int = WORDS, broken: tuple[int, str] = IN_FLOAT) -> tuple[list[str], int]:
    """How the columns stand, texts of more letters than `words` in lines; and the letters of a row, two between columns."""
    kinds, letters = [], []
    for column, *cells in zip(content.columns, table.headings, table.units, *table.rows, strict=True):
        longest = max(len(cell) for cell in cells if not isinstance(cell, Math))
        is_text = not column.right and longest > words
        letters.append(broken[0] if is_text else longest)
        kinds.append(rf">{{\raggedright\arraybackslash}}p{{{broken[1]}}}" if is_text else "r" if column.right else "l")
    return ["@{}", *kinds, "@{}"], sum(letters) + 2 * (len(letters) - 1)


# Text that TeX shows as it is

SIGNS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    '"': r"{\ttfamily\char34}", "`": r"\`{}", "[": "{[}", "]": "{]}", "*": "{*}",
    "α": r"$\alpha$", "ρ": r"$\rho$", "µ": r"$\mu$", "μ": r"$\mu$", "×": r"$\times$", "±": r"$\pm$", "·": r"$\cdot$",
    "≤": r"$\le$", "≥": r"$\ge$", "≠": r"$\ne$", "→": r"$\to$", "−": "$-$", "–": "--", "—": "---", "…": r"\dots{}",
    "½": r"$\frac12$", "′": "$'$", "°": r"$^\circ$", "∞": r"$\infty$", "√": r"$\surd$", "∑": r"$\sum$", "Σ": r"$\Sigma$",
    "†": r"$^\dagger$",
    "Δ": r"$\Delta$", "β": r"$\beta$", "λ": r"$\lambda$", "σ": r"$\sigma$", "“": "``", "”": "''", "‘": "`", "’": "'",
}  # fmt: skip
SIGNS |= {high: f"$^{{{low}}}$" for high, low in zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True)}
SIGNS |= {sub: f"$_{{{low}}}$" for sub, low in zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True)}
ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0308": '"',
    "\u030a": "r",
    "\u030c": "v",
    "\u0327": "c",
}
"""{combining sign: the accent of TeX}."""
NUMBERS = re.compile(r"(?<=\d),(?=\d{3})")
JOINTS = re.compile(r"(?<=[/._:@,=-])(?=[^/._:@,=\d-])")
"""Where a name is best broken."""


def escaped(text: str, word: int = WORD) -> str:
    """`text` so that TeX shows it as it is, in one line; letters that it has not by their number.

    TeX may break a word of more letters than `word`: after its signs, and where that is not enough anywhere.
    """
    signs = "".join(map(_sign, " ".join(each if len(each) <= word else _broken(each) for each in text.split())))
    return NUMBERS.sub("{,}", signs).replace("--", "-{}-").replace("\0", "--")


def _broken(word: str) -> str:
    """A long word with marks where it may be broken."""
    pieces = [
        piece[i : i + PIECE] if len(piece) > 2 * PIECE else piece
        for piece in JOINTS.split(word)
        for i in (range(0, len(piece), PIECE) if len(piece) > 2 * PIECE else (0,))
    ]
    return "\u200b".join(pieces)


def _sign(sign: str) -> str:
    if sign in SIGNS:
        return SIGNS[sign].replace("--", "\0")
    if " " <= sign <= "~":
        return sign
    if sign == "\u200b":
        return r"\hspace{0pt}"
    base, mark = unicodedata.normalize("NFD", sign)[:1], unicodedata.normalize("NFD", sign)[1:]
    if mark in ACCENTS and base.isascii() and base.isalpha():
        return rf"\{ACCENTS[mark]}{{{base}}}"
    return f"{{[}}U+{ord(sign):04X}{{]}}\\hspace{{0pt}}"
