"""What can go wrong. The reasons are those of ``winterforge verify --json``."""


class Error(Exception):
    """Anything that Winterforge refuses; ``reason`` is a stable name, ``detail`` is for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.detail} ({self.reason})"


class InputError(Error, ValueError):
    """A file or an argument is not what it should be; exit code 1 of the command line."""


class Rejected(Error):
    """A bundle was understood and is not accepted; exit code 3 of the command line."""
