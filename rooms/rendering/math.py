"""TeX as MathML, which browsers draw themselves. What can't be converted stays what it is, source in a `code` element.

The converter is not trusted: its tree is written out here, and only elements, attributes and classes that are known.
Inline styles, which the page's policy forbids, become classes.
"""

from __future__ import annotations

import re
from colorsys import rgb_to_hsv
from functools import lru_cache
from html import escape, unescape
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from math_core import LatexToMathML

from .tex import MACROS, prepared

HTML_MAX = 30_000  # characters of one formula
DEPTH_MAX = 120  # elements within elements
WIDE = 60  # characters of what may need a scroll bar of its own
_ELEMENTS = """
    math mrow mi mn mo ms mtext mspace mfrac msqrt mroot mstyle merror mpadded mphantom menclose msub msup msubsup
    munder mover munderover mmultiscripts mprescripts mtable mtr mtd b i code
"""
_ATTRIBUTES = """
    display displaystyle scriptlevel fence stretchy symmetric largeop movablelimits accent accentunder form separator
    linethickness width height depth lspace rspace voffset minsize maxsize mathvariant notation class
"""
ELEMENTS, ATTRIBUTES = frozenset(_ELEMENTS.split()), frozenset(_ATTRIBUTES.split())
# What a cell's style says, and the class in prose.css that does it.
_STYLES = {
    "text-align:left": "l",
    "text-align:right": "r",
    "padding-left:0": "nl",
    "padding-right:0": "nr",
    "padding-left:1em": "gap",
    "border-top:0.05em solid currentcolor": "bt",
    "border-bottom:0.05em solid currentcolor": "bb",
    "border-left:0.05em solid currentcolor": "bl",
    "border-right:0.05em solid currentcolor": "br",
    "border-top:0.05em dashed currentcolor": "bt dashed",
    "border-right:0.05em dashed currentcolor": "br dashed",
}
_HUES = ((0.04, "red"), (0.19, "amber"), (0.46, "green"), (0.74, "blue"), (0.94, "purple"), (1.0, "red"))
_CLASSES = re.compile(r"menclose-(?:up|down)diagonalstrike")
_LINE_BELOW, _LINE_ABOVE = "\u0332", "\u203e"  # the converter has the first for both
_VALUE = re.compile(r"[\w .%+-]{0,40}")
_ENTITY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)\w+;")
_SOURCE = re.compile(r'<code class="math( block)?">(.*?)</code>', re.DOTALL)
_converter = LatexToMathML(fancy_error=False, allow_unreliable_rendering=True, macros=MACROS, max_expansions=100)


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
    try:
        found = _converter.convert_with_local_state(prepared(tex), displaystyle=block)
        html = _written(ElementTree.fromstring(_ENTITY.sub(lambda entity: unescape(entity[0]), found)), 0)
    except Exception:  # also RecursionError: whatever the converter, the parser and the writer raise
        return ""
    return html if len(html) <= HTML_MAX else ""


def _written(element: Element, depth: int) -> str:
    if element.tag == "span":  # a word in another face
        return _inside(element, depth)
    if element.tag not in ELEMENTS or depth > DEPTH_MAX:
        raise Unknown
    known = dict(element.attrib)
    if classes := _classes(known.pop("style", ""), known.pop("class", "")):
        known["class"] = classes
    if element.tag == "mover" and element[-1].text == _LINE_BELOW:
        element[-1].text = _LINE_ABOVE
    attributes = "".join(
        f' {name}="{escape(value)}"' for name, value in known.items() if name in ATTRIBUTES and _VALUE.fullmatch(value)
    )
    return f"<{element.tag}{attributes}>{_inside(element, depth)}</{element.tag}>"


def _inside(element: Element, depth: int) -> str:
    pieces = [escape(element.text or "", quote=False)]
    for child in element:
        pieces += _written(child, depth + 1), escape(child.tail or "", quote=False)
    return "".join(pieces)


def _classes(style: str, classes: str) -> str:
    said = {re.sub(r":\s+", ":", part.strip()) for part in style.split(";")}
    found = [name for text, name in _STYLES.items() if text in said]
    found += [_hue(part) for part in said if part.startswith("color:#")]
    return " ".join(filter(None, [*found, *_CLASSES.findall(classes)]))


def _hue(declaration: str) -> str:
    """Colours of the page's own that are near: they are legible on paper and in the dark."""
    digits = declaration.removeprefix("color:#")
    red, green, blue = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    hue, saturation, value = rgb_to_hsv(red, green, blue)
    return next(name for end, name in _HUES if hue <= end) if saturation > 0.25 and value > 0.2 else ""
