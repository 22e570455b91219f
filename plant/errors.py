"""The error tree. Exceptions are for bugs and for bad configuration; the world's failures are values."""

from __future__ import annotations


class CoolwrightError(Exception):
    """Base of everything we raise on purpose."""


class ConfigError(CoolwrightError):
    """A person's input is wrong: names the thing and the mend, on one line.

    The command line prints it as it is and exits with code 2.
    """

    def __init__(self, thing: str, problem: str, mend: str) -> None:
        super().__init__(f"{thing}: {problem}; {mend}")
        self.thing = thing
        self.problem = problem
        self.mend = mend

    def __reduce__(self) -> tuple[type[ConfigError], tuple[str, str, str]]:
        """So that it comes whole out of another process."""
        return type(self), (self.thing, self.problem, self.mend)


class AlreadyTold(CoolwrightError):
    """A person's mistake that another program of ours has put into its one line already."""


class CannotGoOn(CoolwrightError):
    """The world took away what the program cannot do without. One line, exit code 1."""


class BrokenPromise(CoolwrightError):
    """One of our own components broke its contract: a bug, not the world's doing."""
