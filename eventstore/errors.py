"""Every error that the event store raises on purpose.

EventstoreError
├── UnreadableBody      no parser of ours understands these bytes
│   └── TooLarge        they go beyond a bound: bytes, fields, depth
├── PortalMismatch      the payload says that it belongs to another portal
├── InvalidRegistration what was asked to be registered has not the form that it must have
├── UnknownPortal       nobody registered this slug
├── PortalExists        somebody registered this slug, or this member_id, before
├── UnknownToken        no token has this id
├── UnknownQuarantined  no sealed body has this number
├── UnknownConnection   no connection of the portal has this number or receiver
├── ConnectionExists    the queue of this receiver is read already
├── WrongSecretKey      the store was made with another installation key
├── BackupUnusable      no whole backup is here, or no place for one
├── StoreInUse          another process holds the lock
├── StoreMissing        nobody made a store here yet
├── WrongSchema         the tables are those of another version of Chronicle
├── UnsafeDatabase      the database is set to lose what it has acknowledged
├── LogBehind           the log has less than this server has seen of it
├── PortalError         a portal did not answer a call (`eventstore.fetching.portal_client`)
│   ├── AuthFailed      the credentials are not good, or lack a right
│   ├── NotSubscribed   nobody subscribed to the events of the user
│   ├── BotNotFound     the bot is not there, or is another application's
│   ├── RateLimited     the portal wants to be asked less
│   ├── Unreachable     nothing came back that is an answer
│   └── Refused         the portal refused the call for a reason of its own
├── SpoolFull           the database is away, and the spool takes no more either
└── StoreUnavailable    the database did not take or give what was asked
    └── NotPermitted    the role that it is used as lacks a right

Messages never carry a payload, a key or a token.
"""


class EventstoreError(Exception):
    """The base of all errors that this package raises on purpose."""


class UnreadableBody(EventstoreError):
    """The bytes are no body that a portal sends. The message says where they stop making sense."""


class TooLarge(UnreadableBody):
    """The body goes beyond a bound."""


class PortalMismatch(EventstoreError):
    """The payload names the member_id of another portal than the one it was sent to."""

    def __init__(self, *, portal: str, place: str = "the payload") -> None:
        super().__init__(f"{place} belongs to another portal than {portal!r}: nothing was appended")
        self.portal = portal


class InvalidRegistration(EventstoreError):
    """A slug, a member_id, a token or a scope has not the form that it must have."""


class UnknownPortal(EventstoreError):
    """No portal is registered under this slug."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"no portal {slug!r}; `chronicle portal list` shows the registered ones")
        self.slug = slug


class PortalExists(EventstoreError):
    """The slug or the member_id is taken."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"a portal with the slug {slug!r} or its member_id is registered already")
        self.slug = slug


class UnknownToken(EventstoreError):
    """No token has this id."""

    def __init__(self, token_id: str) -> None:
        super().__init__(f"no token {token_id!r}; `chronicle token list` shows the known ones")


class UnknownQuarantined(EventstoreError):
    """No sealed body has this number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"nothing in quarantine under {number}; `chronicle quarantine list`")


class UnknownConnection(EventstoreError):
    """No connection of a portal has this number or receiver."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no connection {name!r}; `chronicle connection list` shows them")


class ConnectionExists(EventstoreError):
    """The queue of a receiver is read already."""

    def __init__(self, receiver: str, number: int) -> None:
        super().__init__(
            f"the queue of {receiver} is read already, by connection {number}: two readers would"
            " take each other's events"
        )


class WrongSecretKey(EventstoreError):
    """The key file is not the one that this store was made with."""


class BackupUnusable(EventstoreError):
    """A folder holds no whole backup, or there is no place for one."""


class StoreInUse(EventstoreError):
    """Another process holds the store's lock."""


class StoreMissing(EventstoreError):
    """There are no tables here, and they may not be made."""


class WrongSchema(EventstoreError):
    """The tables of the log or the catalog are older or newer than this version knows."""


class UnsafeDatabase(EventstoreError):
    """The database is set up so that it could lose what it has acknowledged."""


class LogBehind(EventstoreError):
    """The log has less than was seen of it: it was restored to an earlier point, or lost."""


class SpoolFull(EventstoreError):
    """The spool's bound is reached, or its disk is full or broken: it kept nothing of the batch."""


class StoreUnavailable(EventstoreError):
    """The database did not take what was sent, or did not give what was asked."""


class NotPermitted(StoreUnavailable):
    """The role as which the database is used lacks a right: `chronicle migrate` prints them."""
