"""What the server logs, and how: one line an entry, JSON where no person looks."""

import logging
import sys

import structlog

from api.settings import Settings


def configure(settings: Settings) -> None:
    """Log to stderr from now on, as the settings say."""
    level = getattr(logging, settings.log_level.upper())
    before: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    shown: list[structlog.typing.Processor] = [structlog.processors.format_exc_info]
    as_json = settings.log_format == "json" or (
        settings.log_format == "auto" and not sys.stderr.isatty()
    )
    shown.append(
        structlog.processors.JSONRenderer()
        if as_json
        # The default shows the locals of a traceback, which hold secrets.
        else structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        processors=[*before, *shown],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    foreign = logging.StreamHandler(sys.stderr)
    foreign.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shown],
        )
    )
    # Libraries tell what they do at the level of information: nothing that an operator needs.
    logging.basicConfig(handlers=[foreign], level=max(level, logging.WARNING), force=True)
