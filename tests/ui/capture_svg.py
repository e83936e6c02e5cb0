#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turn a terminal capture (tmux capture-pane -e -p) into an SVG picture.

usage: capture_svg.py COLUMNS ROWS <capture >picture.svg

Every character sits on the grid whatever font the viewer has: runs of text get
the position of each character, block elements and braille become shapes.
"""
import re
import sys
from xml.sax.saxutils import escape

CELL_W, CELL_H, FONT, PAD = 8.4, 18, 14, 10
BACK, FORE = "#1c1f24", "#c8ccd4"
BASIC = ["#22262c", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd",
         "#56b6c2", "#c8ccd4", "#5c6370", "#ff7b86", "#b5e890", "#ffd68a",
         "#82c4ff", "#dd8fee", "#7bdce8", "#ffffff"]


def colour(n):
    """xterm's 256 colours"""
    if n < 16:
        return BASIC[n]
    if n < 232:
        n -= 16
        steps = [0, 95, 135, 175, 215, 255]
        return "#%02x%02x%02x" % (steps[n // 36], steps[n // 6 % 6],
                                  steps[n % 6])
    return "#%02x%02x%02x" % ((8 + (n - 232) * 10,) * 3)


class Style:
    def __init__(self):
        self.reset()

    def reset(self):
        self.fg, self.bg = None, None
        self.bold = self.dim = self.reverse = self.underline = False

    def sgr(self, params):
        p = [int(x or 0) for x in params.split(";")] if params else [0]
        while p:
            n = p.pop(0)
            if n == 0:
                self.reset()
            elif n in (1, 2, 4, 7):
                setattr(self, {1: "bold", 2: "dim", 4: "underline",
                               7: "reverse"}[n], True)
            elif n == 22:
                self.bold = self.dim = False
            elif n == 24:
                self.underline = False
            elif n == 27:
                self.reverse = False
            elif 30 <= n <= 37 or 90 <= n <= 97:
                self.fg = colour(n - 30 if n < 90 else n - 82)
            elif 40 <= n <= 47 or 100 <= n <= 107:
                self.bg = colour(n - 40 if n < 100 else n - 92)
            elif n == 39:
                self.fg = None
            elif n == 49:
                self.bg = None
            elif n in (38, 48) and len(p) >= 2 and p[0] == 5:
                p.pop(0)
                setattr(self, "fg" if n == 38 else "bg", colour(p.pop(0)))

    def look(self):
        fg, bg = self.fg or FORE, self.bg or BACK
        if self.reverse:
            fg, bg = bg, fg
        return fg, bg, self.bold, self.dim, self.underline


def parse(text, cols, rows):
    style, grid = Style(), []
    for line in text.split("\n")[:rows]:
        cells = []
        # a charset switch (SO, SI, ESC ( 0) has no place in a UTF-8 capture
        for part in re.split("(\x1b\\[[0-9;]*m|\x1b[()].|[\x0e\x0f])", line):
            m = re.fullmatch("\x1b\\[([0-9;]*)m", part)
            if m:
                style.sgr(m.group(1))
            elif not part.startswith(("\x1b", "\x0e", "\x0f")):
                cells += [(c, style.look()) for c in part]
        grid.append(cells[:cols])
    return grid


def num(x):
    return ("%.2f" % x).rstrip("0").rstrip(".")


def rect(x, y, w, h, fill, more=""):
    return '<rect x="%s" y="%s" width="%s" height="%s" fill="%s"%s/>' % (
        num(x), num(y), num(w), num(h), fill, more)


def shape(ch, x, y, fg):
    """Block elements and braille as shapes, None for all other characters"""
    n = ord(ch)
    full = CELL_W + 0.1  # no seams between neighbours
    if n == 0x2580:
        return rect(x, y, full, CELL_H / 2, fg)
    if 0x2581 <= n <= 0x2588:
        h = CELL_H * (n - 0x2580) / 8
        return rect(x, y + CELL_H - h, full, h, fg)
    if 0x2589 <= n <= 0x258f:
        return rect(x, y, CELL_W * (0x2590 - n) / 8, CELL_H, fg)
    if n == 0x2590:
        return rect(x + CELL_W / 2, y, CELL_W / 2, CELL_H, fg)
    if 0x2800 <= n <= 0x28ff:
        out, bits = [], n - 0x2800
        for bit, (col, row) in enumerate([(0, 0), (0, 1), (0, 2), (1, 0),
                                          (1, 1), (1, 2), (0, 3), (1, 3)]):
            if bits & 1 << bit:
                out.append('<circle cx="%s" cy="%s" r="1.25" fill="%s"/>' % (
                    num(x + CELL_W * (0.25 + 0.5 * col)),
                    num(y + CELL_H * (0.125 + 0.25 * row)), fg))
        return "".join(out)
    lines = {"─": "h", "━": "H", "│": "v", "┃": "V", "├": "vr", "┤": "vl"}
    if ch in lines:
        out, cx, cy = [], x + CELL_W / 2, y + CELL_H / 2
        for kind in lines[ch]:
            t = 2.4 if kind.isupper() else 1.1
            if kind in "hH":
                out.append(rect(x, cy - t / 2, full, t, fg))
            elif kind in "vV":
                out.append(rect(cx - t / 2, y, t, CELL_H + 0.1, fg))
            else:
                out.append(rect(cx if kind == "r" else x, cy - t / 2,
                                CELL_W / 2, t, fg))
        return "".join(out)
    return None


def label(word, x, y, look):
    fg, _, bold, dim, underline = look
    return '<text x="%s" y="%s" textLength="%s" fill="%s"%s%s%s>%s</text>' % (
        num(x), num(y + CELL_H * 0.75), num(len(word) * CELL_W), fg,
        ' font-weight="bold"' if bold else "",
        ' opacity="0.6"' if dim else "",
        ' text-decoration="underline"' if underline else "", escape(word))


def picture(grid, cols, rows):
    w, h = cols * CELL_W + 2 * PAD, rows * CELL_H + 2 * PAD
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" '
           'width="%s" height="%s" font-family="DejaVu Sans Mono, Menlo, '
           'Consolas, monospace" font-size="%d">'
           % (num(w), num(h), num(w), num(h), FONT),
           rect(0, 0, w, h, BACK, ' rx="8"')]
    for row, cells in enumerate(grid):
        y = PAD + row * CELL_H
        col = 0
        while col < len(cells):
            look, end = cells[col][1], col
            while end < len(cells) and cells[end][1] == look:
                end += 1
            fg, bg = look[:2]
            x = PAD + col * CELL_W
            if bg != BACK:
                out.append(rect(x, y, (end - col) * CELL_W + 0.1,
                                CELL_H + 0.1, bg))
            word = ""
            for i in range(col, end + 1):
                ch = cells[i][0] if i < end else " "
                at = PAD + i * CELL_W
                drawn = shape(ch, at, y, fg)
                if ch != " " and not drawn:
                    word += ch
                    continue
                if word:
                    out.append(label(word, at - len(word) * CELL_W, y, look))
                    word = ""
                if drawn:
                    out.append(drawn)
            col = end
    out.append("</svg>")
    return "\n".join(out) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    cols, rows = int(sys.argv[1]), int(sys.argv[2])
    text = sys.stdin.buffer.read().decode("utf-8", "replace")
    sys.stdout.write(picture(parse(text, cols, rows), cols, rows))


main()
