"""Markdown as HTML: for whole texts, and block by block for a text that grows. The only place where HTML is made.

Text is hostile, whoever wrote it. The parser takes no HTML, a sanitiser looks at each block again, and only then is
mathematics put in, which is made element by element. There are no images: a picture that loads by itself tells
somebody who read what. And text may be expensive on purpose: each block has a budget (`budget`), and what is not short
is rendered in processes that can be ended (`shared`).
"""

from .blocks import NONE, Blocks, Part, bodies_of, parts_of, render, rendered
from .html import render_part

__all__ = ["NONE", "Blocks", "Part", "bodies_of", "parts_of", "render", "render_part", "rendered"]
