"""Write the documents anew."""

import asyncio
import tempfile
from pathlib import Path

from tests.described.analytics import ANALYTICS
from tests.described.answers import answering
from tests.described.documents import documents, of_analytics


async def _write() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with answering(Path(folder) / "data") as answers:
            written = await documents(answers) | {ANALYTICS: await of_analytics(answers)}
            for path, text in written.items():
                path.write_text(text)


if __name__ == "__main__":
    asyncio.run(_write())
