"""Turn the formulas of a Markdown page into MathML, which browsers show without a script or a font from outside.

Formulas are written as GitHub reads them: a block fenced as `math`, and LaTeX between $` and `$ within a line.
"""

import re

from latex2mathml.converter import convert

BLOCK = re.compile(r"^```math\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"\$`([^`]+)`\$")


def with_mathml(page: str) -> str:
    """Replace every formula of a page by MathML.

    Raises one of `latex2mathml.exceptions` where a formula is no LaTeX.
    """
    page = BLOCK.sub(lambda found: f"<div>{_mathml(found[1], 'block')}</div>", page)
    # A span, since Markdown takes a line that begins with <math> for a block of its own.
    return INLINE.sub(lambda found: f"<span>{_mathml(found[1], 'inline')}</span>", page)


def _mathml(latex: str, display: str) -> str:
    return convert(" ".join(latex.split()), display=display)
