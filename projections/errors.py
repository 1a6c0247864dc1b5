"""Every error that the projections raise on purpose.

ProjectionsError
├── Undecodable           no decoder of ours understands this event
├── StaleGeneration       the read models were made by another version of this program
├── IncompleteGeneration  a rebuild made less than what the log says
└── ExportError           an export cannot be made, or read
    ├── TargetUnusable    the folder or the bucket does not take or give it
    ├── OtherExport       the folder holds an export of something else
    ├── NoSuchExport      no whole export is there
    ├── DamagedExport     a file of an export is not the one that was written
    ├── DoesNotFollow     exports that are to be merged do not follow each other
    ├── ExportUnfit       a whole export is there, and is not of the kind that is needed
    └── NothingToExport   what is asked for is not in the store

Messages never carry a value from a payload.
"""


class ProjectionsError(Exception):
    """The base of all errors that this package raises on purpose."""


class Undecodable(ProjectionsError):
    """No facts can be told from an event. `reason` names the place, never what stands there."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class StaleGeneration(ProjectionsError):
    """Another version made these read models: they must be rebuilt, which loses nothing."""


class IncompleteGeneration(ProjectionsError):
    """A rebuild did not make all that the log says: a defect of ours. What is read stays."""


class ExportError(ProjectionsError):
    """An export cannot be made, or read. Nothing there looks done that is not."""


class TargetUnusable(ExportError):
    """Where an export goes does not take it, or does not give it back."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(address, reason)  # with these it is made again in another process
        self.address = address
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.address}: {self.reason}"


class OtherExport(ExportError):
    """Another export is in the way."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"{address} holds something else: {reason}; choose another folder")
        self.reason = reason


class NoSuchExport(ExportError):
    """An export that is to be read is not whole."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"{address} has no complete.json, so no whole export is there: run the same export"
            " again, it goes on where it was cut off"
        )


class DamagedExport(ExportError):
    """A file of an export is not there, or is not the one that was written."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}; make that export again, in an empty folder")


class DoesNotFollow(ExportError):
    """An export does not go on where the others end, or answers another question."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"{address} does not follow: {reason}")


class ExportUnfit(ExportError):
    """An export that is to be read is of something else, or in another form."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"{address} cannot be used here: {reason}")


class NothingToExport(ExportError):
    """What is asked for is not there: a chat, or a part of the log."""
