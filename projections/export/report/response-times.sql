WITH turns AS (
    SELECT chat_id, author_id, posted_at,
           lag(author_id) OVER said AS before_id,
           lag(posted_at) OVER said AS before_at
    FROM messages
    WHERE NOT system AND posted_at IS NOT NULL AND author_id IS NOT NULL
    WINDOW said AS (PARTITION BY chat_id ORDER BY posted_at, message_id)
)
SELECT coalesce(any_value(c.title), 'chat ' || t.chat_id) AS chat,
       coalesce(any_value(u.name), 'user ' || t.author_id) AS person,
       count(*) AS answers,
       round(median(epoch(t.posted_at) - epoch(t.before_at))) AS median_seconds
FROM turns t
LEFT JOIN chats c ON c.chat_id = t.chat_id
LEFT JOIN users u ON u.user_id = t.author_id
WHERE t.before_id <> t.author_id
GROUP BY t.chat_id, t.author_id
ORDER BY median_seconds, t.chat_id, t.author_id;
