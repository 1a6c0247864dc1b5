"""Write the documents anew."""

import asyncio
import tempfile
from pathlib import Path

from tests.described.answers import answering
from tests.described.documents import documents


async def _write() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with answering(Path(folder) / "data") as answers:
            for path, text in (await documents(answers)).items():
                path.write_text(text)


if __name__ == "__main__":
    asyncio.run(_write())
