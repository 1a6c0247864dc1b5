"""Every error that the projections raise on purpose.

ProjectionsError
├── Undecodable           no decoder of ours understands this event
├── StaleGeneration       the read models were made by another version of this program
└── IncompleteGeneration  a rebuild made less than what the log says

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
