# SPDX-License-Identifier: GPL-2.0
"""A picture of what was accessed and what was found at last, by gnuplot (package gnuplot-nox).

A panel for each pattern, in it a strip for the truth and one for each kernel; the
height of a bar is the share of samples in which its addresses are accessed.
"""
import subprocess

MIB = 1 << 20
COLOURS = ('#333333', '#1f77b4', '#d62728')
SIZE = 1100, 130  # pixels, of a panel

SETUP = """
set terminal pngcairo size {width},{height} font "sans,9"
set output '{path}'
set multiplot layout {count},1
set lmargin 8
set rmargin 2
set tmargin 1.6
set bmargin 1.6
set yrange [0:{strips}]
set ytics ({ticks}) scale 0
set xtics scale 0.5 out nomirror
set border 1
set style fill solid 1.0
unset key
"""


def bars(pieces, level):
    """Lines of x low, x high, y low, y high."""
    return '\n'.join(f'{a / MIB} {b / MIB} {level} {level + 0.9 * share}'
                     for a, b, share in pieces if share) or f'0 0 {level} {level}'


def inside(result, size):
    area = result['area']
    return [(max(a - area, 0), min(b - area, size), share) for a, b, share in result['last']
            if b > area and a < area + size]


def panel(title, size, strips):
    plots = ', '.join(f"'-' using (($1+$2)/2):(($3+$4)/2):1:2:3:4 with boxxyerror "
                      f"linecolor rgb '{colour}'" for _, colour in zip(strips, COLOURS))
    data = '\n'.join(bars(pieces, len(strips) - 1 - i) + '\ne'
                     for i, pieces in enumerate(strips))
    return f'set title "{title}" offset 0,-0.7\nset xrange [0:{size / MIB}]\nplot {plots}\n{data}\n'


def draw(path, panels, names):
    """panels: title, size, and for the truth and each name (start, end, share)."""
    labels = ['accessed', *names]
    script = SETUP.format(width=SIZE[0], height=SIZE[1] * len(panels), path=path,
                          count=len(panels), strips=len(labels),
                          ticks=', '.join(f'"{label}" {len(labels) - 0.6 - i}'
                                          for i, label in enumerate(labels)))
    subprocess.run(['gnuplot'], input=script + ''.join(panel(*p) for p in panels), text=True,
                   check=True)
