SELECT m.month,
       coalesce(c.type, 'not known') AS type,
       count(*) AS messages,
       count(DISTINCT m.chat_id) AS chats,
       count(DISTINCT m.author_id) FILTER (NOT m.system) AS people
FROM messages m
LEFT JOIN chats c ON c.chat_id = m.chat_id
GROUP BY ALL
ORDER BY m.month NULLS FIRST, messages DESC, type;
