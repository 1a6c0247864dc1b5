"""What DuckDB's own `COPY` takes for the same rows: `ENGINE MODELS LOG FOLDER`, queries on stdin.

MODELS and LOG are files of SQLite, or an address and the name of a schema. The queries are a JSON
object, a query each table. Prints the seconds and the rows of each table, as JSON.
"""

import importlib.util
import json
import sys
import time
from pathlib import Path

import duckdb

OPTIONS = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 100000"


def extension(name: str) -> str:
    """Return where an extension is that came as a package: nothing is fetched."""
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    return str(next(Path(spec.origin).parent.rglob("*.duckdb_extension")))


def main() -> None:
    """Copy every table into a Parquet file."""
    engine, models, log, folder = sys.argv[1:]
    queries = json.load(sys.stdin)
    session = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    session.execute(f"LOAD '{extension(f'{engine}_scanner')}'")
    if engine == "sqlite":
        session.execute(f"ATTACH '{models}' AS models (TYPE sqlite, READ_ONLY)")
        session.execute(f"ATTACH '{log}' AS log (TYPE sqlite, READ_ONLY)")
        places = {"models": "models", "log": "log"}
    else:
        address, schema = models.rsplit(" ", 1)
        session.execute(f"ATTACH '{address}' AS server (TYPE postgres, READ_ONLY)")
        places = {"models": f"server.{schema}", "log": f"server.{log}"}
    rows = {}
    started = time.perf_counter()
    for name, query in queries.items():
        copied = f"COPY ({query.format(**places)}) TO '{folder}/{name}.parquet' ({OPTIONS})"
        ((rows[name],),) = session.execute(copied).fetchall()
    print(json.dumps({"seconds": time.perf_counter() - started, "rows": rows}))


if __name__ == "__main__":
    main()
