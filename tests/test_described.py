"""What the documents show of the HTTP contract is what a server answers."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

import pytest

from api.operations import OPERATIONS
from tests.described.analytics import ANALYTICS
from tests.described.answers import answering
from tests.described.documents import AUDIT, HTTP, OPENAPI, documents, of_analytics
from tests.described.examples import EXAMPLES
from tests.projections.stored import differences
from tests.test_docs import free_port, run


@pytest.fixture(scope="module")
async def written(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, str]:
    async with answering(tmp_path_factory.mktemp("described") / "data") as answers:
        return await documents(answers)


@pytest.mark.xdist_group("described")  # they are written once
@pytest.mark.parametrize("path", [HTTP, AUDIT, OPENAPI], ids=lambda path: path.name)
def test_a_document_says_what_a_server_answers(written: dict[Path, str], path: Path) -> None:
    assert path.read_text() == written[path], "`make docs` writes it anew"


@pytest.mark.long  # its commands run one by one, each as a process
async def test_the_page_about_analytics_says_what_they_answer(tmp_path: Path) -> None:
    async with answering(tmp_path / "data") as answers:
        assert ANALYTICS.read_text() == await of_analytics(answers), "`make docs` writes it anew"


async def test_nothing_was_changed_and_everything_follows(tmp_path: Path) -> None:
    async with answering(tmp_path / "data") as answers:
        assert await differences(answers.served.store, answers.served.portal) == []


def test_the_examples_for_curl_and_httpx_run(tmp_path: Path) -> None:
    blocks = re.findall(r"(?ms)^```(sh|python)\n(.*?)^```$", HTTP.read_text())
    assert [language for language, _ in blocks] == ["sh", "python"]
    with demo(tmp_path) as (port, token):
        for language, block in blocks:
            text = block.replace("8080", port)
            command = ["bash", "-euo", "pipefail", "-c", text]
            if language == "python":
                command = [sys.executable, "-c", f"token = {token!r}\n{text}"]
            run(command, tmp_path, TOKEN=token)


@contextmanager
def demo(path: Path) -> Iterator[tuple[str, str]]:
    """The demo as a server: its port, and its read token."""
    port = str(free_port())
    command = [
        f"{Path(sys.executable).parent}/chronicle",
        "demo",
        "--port",
        port,
        "--data",
        str(path),
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        try:
            assert server.stdout is not None
            said = "".join(takewhile(lambda line: "Serving at" not in line, server.stdout))
            token = re.search(r"chronicle_[\w-]+", said)
            assert token is not None, said
            yield port, token[0]
        finally:
            server.terminate()


def test_every_address_that_is_read_has_an_example() -> None:
    assert {each.path for each in OPERATIONS if each.method == "get" and not each.media} == set(
        EXAMPLES
    )


def test_the_audit_asks_what_its_title_asks() -> None:
    said = AUDIT.read_text()

    assert said.count("```http") >= 5
    assert '"text": "Quote for Harbor: 40 seats, 120 each, valid until Friday"' in said
