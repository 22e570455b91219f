"""An energy report as files: one module a format, each a function from report to text."""
