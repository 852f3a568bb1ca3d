"""Markdown as HTML: for whole texts, and block by block for a text that grows. The only place where HTML is made.

Text is hostile, whoever wrote it. The parser takes no HTML, a sanitiser looks at each block again, and only then is
mathematics put in, which is made element by element. There are no images: a picture that loads by itself tells
somebody who read what.
"""

from .blocks import Blocks, Part, part_of
from .html import render, render_part

__all__ = ["Blocks", "Part", "part_of", "render", "render_part"]
