"""One compiled loop from the plant's own NumPy functions.

NumPy on arrays of eight is nearly all overhead. `trace` runs the very functions of the plant once on
symbols instead of numbers and keeps what they did; `emit` writes that down as LLVM code; `compiled`
runs it. The physics is written once, in NumPy: this package knows nothing of it.
"""
