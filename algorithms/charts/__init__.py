"""Charts as inline SVG: for the pages, for notifications' links, and for documents that stand alone.

Pure: text in, text out. The colours are classes of `charts.css`, so that a page has both themes.
"""
