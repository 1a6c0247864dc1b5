"""Reads every table of an export with Spark: `python with_spark.py FOLDER`, where it is installed.

It prints the sum of each table as JSON.
"""

import json
import sys
from pathlib import Path

from pyspark.sql import SparkSession
from sums import summed


def main() -> None:
    """Read the folder, and say what is there."""
    folder = Path(sys.argv[1])
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
        .getOrCreate()
    )
    sums = {
        table.name.removeprefix("table="): summed(
            row.asDict(recursive=True)
            for row in spark.read.parquet(str(table)).drop("portal", "month").collect()
        )
        for table in sorted(folder.glob("table=*"))
    }
    spark.stop()
    print(json.dumps(sums))


if __name__ == "__main__":
    main()
