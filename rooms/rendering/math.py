"""TeX as MathML, which browsers draw themselves. What can't be converted stays what it is, source in a `code` element.

The converter is not trusted: it hands out `\\href{javascript:…}` as an attribute, and `\\text{<script>}` as an element
if its own serialiser is used. So its tree is written out here, and only elements and attributes that are known.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape, unescape
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert_to_element

SOURCE_MAX = 2_000  # characters
DEPTH_MAX = 40
WIDE = 60  # characters of what may need a scroll bar of its own
_ELEMENTS = """
    math mrow mi mn mo ms mtext mspace mfrac msqrt mroot mstyle merror mpadded mphantom mfenced menclose msub msup
    msubsup munder mover munderover mmultiscripts mprescripts none mtable mtr mtd mlabeledtr
"""
_ATTRIBUTES = """
    display displaystyle scriptlevel fence stretchy symmetric largeop movablelimits accent accentunder form separator
    linethickness columnalign rowalign columnspacing rowspacing columnlines rowlines width height depth lspace rspace
    minsize maxsize mathvariant mathsize notation open close bevelled
"""
ELEMENTS, ATTRIBUTES = frozenset(_ELEMENTS.split()), frozenset(_ATTRIBUTES.split())
_VALUE = re.compile(r"[\w .%#+|()\[\]{}⟨⟩⌈⌉⌊⌋‖/∥-]{0,40}")
_SOURCE = re.compile(r'<code class="math( block)?">(.*?)</code>', re.DOTALL)


class Unknown(Exception):
    """Something that this does not draw."""


def set_math(html: str) -> str:
    """Sanitised HTML with its mathematics drawn. No text can hold such an element: the parser escapes it."""
    return _SOURCE.sub(_set, html) if '<code class="math' in html else html


def _set(found: re.Match) -> str:
    tex, block = unescape(found[2]), bool(found[1])
    mathml = _mathml(tex, block)
    return f'<span class="formula">{mathml}</span>' if mathml and len(tex) > WIDE else mathml or found[0]


@lru_cache(maxsize=2_000)
def _mathml(tex: str, block: bool) -> str:
    if len(tex) > SOURCE_MAX:
        return ""
    try:
        return _written(convert_to_element(tex, display="block" if block else "inline"), 0)
    except (Unknown, RecursionError):
        return ""
    except Exception:  # the converter raises whatever its tables and its stack raise
        return ""


def _written(element: Element, depth: int) -> str:
    if element.tag not in ELEMENTS or depth > DEPTH_MAX:
        raise Unknown
    attributes = "".join(
        f' {name}="{escape(unescape(value))}"'
        for name, value in element.attrib.items()
        if name in ATTRIBUTES and _VALUE.fullmatch(unescape(value))
    )
    text = unescape(element.text or "")
    if re.match(r"\\[A-Za-z]", text) and element.tag != "mtext":
        raise Unknown  # a command that the converter does not know either
    inside = "".join(_written(child, depth + 1) for child in element)
    return f"<{element.tag}{attributes}>{escape(text, quote=False)}{inside}</{element.tag}>"
