"""Credentials as people are given them: what is wrong is said, and never what they are."""

import pytest

from eventstore.errors import InvalidRegistration
from eventstore.fetching.credentials import Credentials, OAuth, Webhook

ANSWER = (
    '{"access_token": "FAKE_ACCESS", "refresh_token": "FAKE_REFRESH", "expires": "1789400000",'
    ' "client_endpoint": "https://acme.bitrix24.example/rest/", "user_id": "27", "status": "?"}'
)


@pytest.mark.parametrize(
    "url",
    [
        "https://acme.bitrix24.example/rest/27/FAKECODE/",
        "https://acme.bitrix24.example/rest/27/FAKECODE",
        " HTTPS://ACME.bitrix24.example/rest/27/FAKECODE/\n",
    ],
)
def test_a_webhook_is_read_as_a_portal_shows_it(url: str) -> None:
    assert Webhook.read(url) == Webhook("acme.bitrix24.example", 27, "FAKECODE")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://acme.bitrix24.example/rest/27/FAKECODE/", "must begin with https://"),
        ("acme.bitrix24.example/rest/27/FAKECODE/", "must begin with https://"),
        ("https://acme.bitrix24.example/rest/FAKECODE/", "use https://HOST/rest/27/CODE/"),
        ("https://acme.bitrix24.example/rest/27/FAKECODE/im.message.add", "use https://HOST"),
        ("https://acme.bitrix24.example/rest/27/FAKECODE/?auth=1", "use https://HOST"),
        ("https://a:FAKECODE@acme.example/rest/27/FAKECODE/", "use https://HOST"),
        ("https://[::1/rest/27/FAKECODE/", "use https://HOST"),
        ("https:///rest/27/FAKECODE/", "domain: use"),
        ("", "must begin with https://"),
    ],
)
def test_what_is_no_webhook_is_refused_without_being_shown(url: str, why: str) -> None:
    with pytest.raises(InvalidRegistration, match=why) as refused:
        Webhook.read(url)

    assert "FAKECODE" not in str(refused.value)


def test_an_application_is_read_from_the_answer_that_gave_its_tokens() -> None:
    read = OAuth.read("app.fake\n", " FAKE_APP_SECRET\n", ANSWER)

    assert (read.domain, read.app_id, read.user_id) == ("acme.bitrix24.example", "app.fake", 27)
    assert read.expires_at == 1_789_400_000_000_000
    assert OAuth.read("a", "b", ANSWER, "other.example:8443").domain == "other.example:8443"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("FAKE_ACCESS", "no JSON object"),
        ("[]", "no JSON object"),
        (ANSWER.replace("client_endpoint", "x"), "no client_endpoint; give --domain"),
        (ANSWER.replace('"1789400000"', "true"), "`expires` is no time"),
        (ANSWER.replace("FAKE_REFRESH", ""), "refresh_token: printable"),
        (ANSWER.replace("FAKE_ACCESS", "FAKE ACCESS"), "access_token: printable"),
    ],
)
def test_an_answer_without_tokens_is_refused_without_being_shown(answer: str, why: str) -> None:
    with pytest.raises(InvalidRegistration, match=why) as refused:
        OAuth.read("a", "b", answer)

    assert "FAKE" not in str(refused.value)


def test_what_is_sealed_is_read_again() -> None:
    for given in (
        Credentials(Webhook.read("https://a.example/rest/1/FAKECODE/"), "FAKE_BOT"),
        Credentials(OAuth.read("a", "b", ANSWER)),
    ):
        assert Credentials.of(given.spelled()) == given


def test_no_secret_is_in_what_is_printed_of_credentials() -> None:
    for given in (
        Credentials(Webhook.read("https://a.example/rest/1/FAKECODE/"), "FAKE_BOT"),
        Credentials(OAuth.read("a", "FAKE_SECRET", ANSWER)),
    ):
        assert "FAKE" not in repr(given)
