"""Build static/rooms/fonts/math.woff2 anew: STIX Two Math (SIL OFL 1.1), as much of it as formulas need.

    pip install fonttools brotli
    python tools/math_font.py STIXTwoMath-Regular.ttf      # as the PyPI package ziamath carries it

Two things in it are mended for Chromium. Accents that have no width are drawn half their ink too far left, so they get
the width of their ink. The tip of the long right arrow claims to be joined at its point, so no arrow could be long.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

TARGET = Path(__file__).parent.parent / "static" / "rooms" / "fonts" / "math.woff2"
# Letters and marks, operators, arrows, pieces of brackets, geometric shapes, mathematical alphabets.
RANGES = """
    20-7e a0-ff 131 237 2c6-2dd 300-30c 311-312 326-338 391-3f6 2000-2044 2057 2061-2064 20d0-20dc 20e1 20f0 2102-2138
    2145-2149 2190-22ff 2308-230b 231c-231f 2322-2323 239b-23ae 23b0-23b1 23dc-23e1 25a0-25a1 25b2-25bf 25c3 25c7
    25ca-25cb 25cf 25ef 2605-2606 2660-2667 266d-266f 2713 27c2 27e6-27eb 27ee-27ef 27f5-27ff 2a00-2a06 2a0c 2a2f 2a3f
    2a7d-2a88 2aaf-2ab0 fe00-fe01 1d400-1d56b 1d5a0-1d5d3 1d670-1d755 1d7ce-1d7e1 1d7f6-1d7ff
"""
FEATURES = ["ssty", "dtls", "flac", "ccmp"]


def code_points() -> list[int]:
    points = []
    for part in RANGES.split():
        first, _, last = part.partition("-")
        points += range(int(first, 16), int(last or first, 16) + 1)
    return points


def widen_accents(font: TTFont) -> None:
    glyphs, metrics = font["glyf"], font["hmtx"]
    for name in font.getGlyphOrder():
        glyph = glyphs[name]
        if metrics[name][0] or glyph.numberOfContours <= 0:
            continue
        glyph.coordinates.translate((-glyph.xMin, 0))
        glyph.recalcBounds(glyphs)
        metrics[name] = (glyph.xMax, 0)


def join_arrows(font: TTFont) -> None:
    variants = font["MATH"].table.MathVariants
    for construction in variants.HorizGlyphConstruction:
        for part in construction.GlyphAssembly.PartRecords if construction.GlyphAssembly else ():
            if part.glyph == "uni2192.var":
                part.StartConnectorLength, part.EndConnectorLength = 200, 0


def main(source: str) -> None:
    font = TTFont(source)
    widen_accents(font)
    join_arrows(font)
    options = Options(layout_features=FEATURES, hinting=False, name_IDs=[0, 1, 2, 3, 4, 5, 6, 13, 14])
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=code_points())
    subsetter.subset(font)
    font.flavor = "woff2"
    TARGET.parent.mkdir(exist_ok=True)
    font.save(TARGET)


if __name__ == "__main__":
    main(sys.argv[1])
