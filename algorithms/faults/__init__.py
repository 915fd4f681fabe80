"""Names the simple fault of the data that explains a drift: another unit, a clip, a fill value, and others.

A file a kind; `fault_registry` has the table. A fault explains a drift if the reference, with the fault done to it,
no longer differs from the window.
"""
