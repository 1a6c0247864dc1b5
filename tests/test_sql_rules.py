"""The rules of our SQL, each on statements that keep it and on statements that break it."""

import pytest

from tests.sql_rules import Rules, check_all, unneeded, violations

ALL_HEADS = "SELECT portal_id, position FROM log_head"

KEPT = """
CREATE TABLE event (portal_id integer, position bigint, PRIMARY KEY (portal_id, position))

CREATE TABLE log_head (portal_id integer PRIMARY KEY)

CREATE TABLE log.event (portal_id int, key text, CONSTRAINT k UNIQUE (portal_id, key))

CREATE TABLE event (portal_id int, p bigint) PARTITION BY LIST (portal_id)

CREATE TABLE event_1 PARTITION OF event FOR VALUES IN (1)

CREATE TABLE a (portal_id int, b int, FOREIGN KEY (portal_id, b) REFERENCES b)

CREATE TABLE a (portal_id int REFERENCES portal (id))

CREATE UNIQUE INDEX fact_message ON read_1.fact (portal_id, message_id) WHERE kind = 'a'

ALTER TABLE event ADD CONSTRAINT k UNIQUE (portal_id, key)

ALTER TABLE event ADD COLUMN leaf bytea

CREATE TABLE portal (id integer PRIMARY KEY, slug text UNIQUE)

CREATE INDEX ON token (digest)

ALTER TABLE token ADD UNIQUE (digest)

SELECT * FROM event WHERE portal_id = $1 AND position > $2 ORDER BY position LIMIT $3

SELECT * FROM event AS e WHERE $1::integer = e.portal_id

SELECT * FROM event a, event b WHERE a.portal_id = $1::integer AND b.portal_id = $1

SELECT * FROM log.event WHERE log.event.portal_id = $1

SELECT * FROM event WHERE (portal_id, key) = ($1, $2)

SELECT slug FROM portal

SELECT datname FROM pg_database

SELECT column_name FROM information_schema.columns

SELECT 1

SELECT 1 FROM span s JOIN profile p ON p.portal_id = s.portal_id WHERE s.portal_id = $1

SELECT 1 FROM span s JOIN profile p ON s.portal_id = p.portal_id WHERE p.portal_id = $1

SELECT 1 FROM span s, profile p WHERE p.portal_id = s.portal_id AND s.portal_id = $1

SELECT 1 FROM span s LEFT JOIN profile p ON p.portal_id = s.portal_id WHERE s.portal_id = $1

SELECT 1 FROM span s JOIN profile p USING (portal_id, id) WHERE s.portal_id = $1

SELECT 1 FROM chat c JOIN unnest($2::bigint[]) AS w (id) ON w.id = c.id WHERE portal_id = $1

SELECT number FROM (SELECT n FROM fact WHERE portal_id = $1) AS f (number)

WITH f AS (SELECT * FROM fact WHERE portal_id = $1) SELECT * FROM f JOIN chat c ON
    c.portal_id = f.portal_id

SELECT 1 FROM a WHERE portal_id = $1 UNION ALL SELECT 2 FROM b WHERE portal_id = $1

SELECT (SELECT count(*) FROM message m WHERE m.portal_id = c.portal_id) FROM chat c WHERE
    c.portal_id = $1

SELECT (SELECT count(*) FROM message m WHERE m.portal_id = c.portal_id) FROM
    (SELECT * FROM chat WHERE portal_id = $1) AS c

SELECT 1 FROM chat c, LATERAL (SELECT 1 FROM message m WHERE m.portal_id = c.portal_id) AS m
    WHERE c.portal_id = $1

SELECT 1 FROM event WHERE portal_id = (SELECT id FROM portal WHERE slug = $1)

WITH RECURSIVE t AS (SELECT * FROM m WHERE portal_id = $1 UNION ALL SELECT m.* FROM m JOIN t
    ON m.portal_id = t.portal_id AND m.id = t.parent) SELECT * FROM t

UPDATE log_head SET position = position + $1 WHERE portal_id = $2 RETURNING position

DELETE FROM chat WHERE portal_id = $1 AND chat_id = ANY ($2)

DELETE FROM chat USING message m WHERE m.portal_id = chat.portal_id AND m.portal_id = $1

INSERT INTO event (portal_id, position) VALUES ($1, $2), ($1, $3) ON CONFLICT DO NOTHING

INSERT INTO span (portal_id, day) VALUES ($1, $2) ON CONFLICT (portal_id, day) DO UPDATE SET
    day = excluded.day

INSERT INTO span (portal_id, day) VALUES ($1, $2) ON CONFLICT (portal_id, day) DO UPDATE SET
    day = (SELECT max(day) FROM fact WHERE fact.portal_id = excluded.portal_id)

COPY log.event (portal_id, position) FROM STDIN

COPY event FROM STDIN

UPDATE installation SET revision = revision + 1

SELECT row_number() OVER (ORDER BY id) FROM fact WHERE portal_id = $1

SELECT position FROM log_head WHERE portal_id = $1 FOR UPDATE SKIP LOCKED

LOCK TABLE installation

SELECT 'pg_advisory_lock'

CREATE FUNCTION stays() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE head bigint; BEGIN
    head := (SELECT position FROM log_head WHERE portal_id = NEW.portal_id); IF NEW.position
    <= head THEN RAISE EXCEPTION 'immutable'; END IF; RETURN NEW; END $$

CREATE TRIGGER t BEFORE UPDATE ON event FOR EACH ROW EXECUTE FUNCTION stays()

BEGIN

SET lock_timeout = '2s'
"""

BROKEN = """
-- event: no column portal_id
CREATE TABLE event (position bigint)

-- event: primary key does not begin with portal_id
CREATE TABLE event (portal_id int, position bigint PRIMARY KEY)

-- event: primary key does not begin with portal_id
CREATE TABLE event (portal_id int, p bigint, PRIMARY KEY (p, portal_id))

-- event: unique does not begin with portal_id
CREATE TABLE event (portal_id int, key text UNIQUE)

-- event: unique does not begin with portal_id
ALTER TABLE log.event ADD CONSTRAINT k UNIQUE (key)

-- event: unique does not begin with portal_id
ALTER TABLE event ADD COLUMN k text UNIQUE

-- a: foreign key does not begin with portal_id
CREATE TABLE a (portal_id int, b int REFERENCES b (id))

-- a: exclusion does not begin with portal_id
CREATE TABLE a (portal_id int, r int4range, EXCLUDE USING gist (r WITH &&))

-- event: partition does not begin with portal_id
CREATE TABLE event (portal_id int, p bigint) PARTITION BY RANGE (p)

-- fact: index does not begin with portal_id
CREATE INDEX ON fact (message_id)

-- fact: index does not begin with portal_id
CREATE INDEX ON fact ((portal_id + 1))

-- event: not bound by portal_id = …
SELECT * FROM event

-- event: not bound by portal_id = …
SELECT * FROM event WHERE portal_id = ANY ($1)

-- event: not bound by portal_id = …
SELECT * FROM event WHERE portal_id IN ($1, $2)

-- event: not bound by portal_id = …
SELECT * FROM event WHERE portal_id > $1

-- event: not bound by portal_id = …
SELECT * FROM event WHERE NOT portal_id = $1

-- event: not bound by portal_id = …
SELECT * FROM event WHERE portal_id = $1 OR p = $2

-- event: not bound by portal_id = …
SELECT * FROM event WHERE portal_id = position

-- log_head: not bound by portal_id = …
SELECT * FROM portal JOIN log_head ON portal_id = id

-- span: not bound by portal_id = …
-- profile: not bound by portal_id = …
SELECT 1 FROM span JOIN profile ON id = profile WHERE portal_id = $1

-- event: not bound by portal_id = …
CREATE VIEW v AS SELECT * FROM event

-- event: not bound by portal_id = …
COPY (SELECT * FROM event) TO STDOUT

-- event: copied for all portals
COPY event TO STDOUT

-- profile: not bound by portal_id = …
SELECT 1 FROM span s JOIN profile p ON p.id = s.profile WHERE s.portal_id = $1

-- profile: not bound by portal_id = …
SELECT 1 FROM span s JOIN profile p USING (id) WHERE s.portal_id = $1

-- span: not bound by portal_id = …
-- profile: not bound by portal_id = …
SELECT 1 FROM span s JOIN profile p ON p.portal_id = s.portal_id

-- span: not bound by portal_id = …
SELECT 1 FROM span s LEFT JOIN profile p ON s.portal_id = $1 AND p.portal_id = $1

-- profile: not bound by portal_id = …
SELECT 1 FROM span s RIGHT JOIN profile p ON s.portal_id = p.portal_id WHERE s.portal_id = $1

-- profile: not bound by portal_id = …
SELECT 1 FROM span NATURAL JOIN profile WHERE span.portal_id = $1

-- event: not bound by portal_id = …
SELECT 1 FROM event e JOIN unnest($1::int[]) AS w (portal_id) ON w.portal_id = e.portal_id

-- several portals: $1, $2
SELECT 1 FROM event a JOIN event b USING (key) WHERE a.portal_id = $1 AND b.portal_id = $2

-- message: not bound by portal_id = …
SELECT 1 FROM chat WHERE portal_id = $1 AND id IN (SELECT chat_id FROM message)

-- chat: not bound by portal_id = …
SELECT (SELECT count(*) FROM message m WHERE m.portal_id = c.portal_id) FROM chat c

-- event: not bound by portal_id = …
WITH event AS (SELECT * FROM fact WHERE portal_id = $1) SELECT * FROM log.event

-- event: not bound by portal_id = …
SELECT 1 FROM event e JOIN (SELECT portal_id FROM chat WHERE portal_id = $1 UNION SELECT $2::int)
    AS u ON u.portal_id = e.portal_id

-- fact: not bound by portal_id = …
WITH f AS (SELECT * FROM fact) SELECT 1 FROM chat WHERE portal_id = $1

-- b: not bound by portal_id = …
SELECT 1 FROM a WHERE portal_id = $1 UNION ALL SELECT 2 FROM b

-- chat: not bound by portal_id = …
SELECT 1 FROM chat c, (VALUES ($1::int)) AS v (portal_id) WHERE c.portal_id = v.portal_id

-- several portals: $1, $2
SELECT 1 FROM a WHERE portal_id = $1 UNION ALL SELECT 2 FROM b WHERE portal_id = $2

-- log_head: not bound by portal_id = …
UPDATE log_head SET position = 0

-- chat: not bound by portal_id = …
DELETE FROM chat WHERE chat_id = $1

-- fact: held for all portals
TRUNCATE read_1.fact

-- event: written without portal_id
INSERT INTO event (position) VALUES ($1)

-- event: written without portal_id
INSERT INTO event VALUES ($1)

-- event: written without portal_id
COPY event (position) FROM STDIN

-- span: ON CONFLICT does not begin with portal_id
INSERT INTO span (portal_id, day) VALUES ($1, $2) ON CONFLICT (day) DO NOTHING

-- fact: not bound by portal_id = …
INSERT INTO event (portal_id) SELECT portal_id FROM fact

-- log_head: not bound by portal_id = …
WITH moved AS (UPDATE log_head SET position = 1 RETURNING *) SELECT 1

-- MERGE: not understood by this check
MERGE INTO span USING fact ON true WHEN MATCHED THEN DELETE

-- pg_advisory_lock: an advisory lock
SELECT pg_advisory_lock(1)

-- pg_try_advisory_xact_lock: an advisory lock
SELECT 1 FROM portal WHERE pg_try_advisory_xact_lock(id)

-- event: held for all portals
LOCK TABLE log.event IN EXCLUSIVE MODE

-- pg_advisory_xact_lock: an advisory lock
DO $$ BEGIN PERFORM pg_advisory_xact_lock(1); END $$

-- event: not bound by portal_id = …
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE n bigint; BEGIN n :=
    (SELECT max(position) FROM event); RETURN NEW; END $$

-- event: not bound by portal_id = …
CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM event'

-- EXECUTE: a text that is not to be checked
DO $$ BEGIN EXECUTE 'DELETE FROM event'; END $$
"""
"""What is wrong with each stands above it."""


@pytest.mark.parametrize("sql", KEPT.strip().split("\n\n"))
def test_a_statement_that_keeps_the_rules_is_not_complained_of(sql: str) -> None:
    assert violations(sql) == []


@pytest.mark.parametrize("sql", BROKEN.strip().split("\n\n"))
def test_a_statement_that_breaks_a_rule_is_told_which(sql: str) -> None:
    complaints = [line[3:] for line in sql.split("\n") if line.startswith("-- ")]

    assert violations(sql) == complaints


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT * FROM event WHERE portal_id = ?"])
def test_what_is_not_sql_of_postgresql_does_not_pass(sql: str) -> None:
    assert [violation.split(":")[0] for violation in violations(sql)] == ["not to be parsed"]


def test_each_statement_of_a_text_is_checked() -> None:
    assert len(violations("DELETE FROM a; DELETE FROM b WHERE portal_id = $1; DELETE FROM c")) == 2


@pytest.mark.parametrize(
    "sql", [ALL_HEADS, "select portal_id, position\nFROM log.log_head", f"{ALL_HEADS};"]
)
def test_a_listed_statement_may_read_all_portals_in_any_schema(sql: str) -> None:
    rules = Rules(across=frozenset({ALL_HEADS}))

    assert violations(sql, rules) == []
    assert violations(f"{ALL_HEADS} LIMIT 7", rules) == ["log_head: not bound by portal_id = …"]


@pytest.mark.parametrize(
    ("window", "complaints"),
    [
        ("row_number() OVER (PARTITION BY portal_id, kind ORDER BY position)", []),
        ("row_number() OVER (PARTITION BY f.portal_id)", []),
        (
            "row_number() OVER (PARTITION BY kind, portal_id)",
            ["window: not partitioned by portal_id first"],
        ),
        ("row_number() OVER (ORDER BY portal_id)", ["window: not partitioned by portal_id first"]),
    ],
)
def test_a_window_over_all_portals_is_partitioned_by_them(
    window: str, complaints: list[str]
) -> None:
    sql = f"SELECT {window} FROM fact AS f"  # noqa: S608 - the tests' own

    assert violations(sql, Rules(across=frozenset({sql}))) == complaints


def test_a_window_that_has_a_name_is_checked_where_it_is_defined() -> None:
    sql = "SELECT count(*) OVER w, sum(n) OVER (w ORDER BY n) FROM fact WINDOW w AS ({})"
    kept = sql.format("PARTITION BY portal_id")
    broken = sql.format("PARTITION BY kind")
    rules = Rules(across=frozenset({kept, broken}))

    assert violations(kept, rules) == []
    assert violations(broken, rules) == ["window: not partitioned by portal_id first"]


def test_a_window_over_what_is_partly_of_all_portals_is_checked() -> None:
    sql = "SELECT count(*) OVER () FROM (SELECT 1 FROM fact, chat WHERE chat.portal_id = $1) AS f"
    rules = Rules(across=frozenset({sql}))

    assert violations(sql, rules) == ["window: not partitioned by portal_id first"]


def test_tables_without_portals_are_those_that_were_named() -> None:
    rules = Rules(unscoped=frozenset({"event"}))

    assert violations("SELECT * FROM event", rules) == []
    assert violations("SELECT * FROM portal", rules) == ["portal: not bound by portal_id = …"]


def test_of_many_statements_each_distinct_one_is_told_once_with_its_text() -> None:
    texts = ["SELECT 1\nFROM event", "SELECT 1", "SELECT 1\nFROM event"]

    assert check_all(texts, Rules()) == [
        "event: not bound by portal_id = …\n    in SELECT 1 FROM event"
    ]


def test_an_exception_that_nothing_needs_any_more_is_told() -> None:
    rules = Rules(across=frozenset({ALL_HEADS}))

    assert unneeded([ALL_HEADS], rules) == []
    assert unneeded(["SELECT 1"], rules) == [f"no such statement:\n    {ALL_HEADS}"]
