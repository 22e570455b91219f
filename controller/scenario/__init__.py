"""Scenarios run through the production cycle, and everything one does with their runs."""
