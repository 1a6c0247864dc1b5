SELECT coalesce(any_value(u.name), 'user ' || m.author_id) AS person,
       count(*) AS messages,
       count(*) FILTER (m.edited_basis IS NOT NULL) AS edited,
       round(100 * edited / messages, 1) AS percent
FROM messages m
LEFT JOIN users u ON u.user_id = m.author_id
WHERE NOT m.system AND m.author_id IS NOT NULL
GROUP BY m.author_id
ORDER BY percent DESC, messages DESC, m.author_id;
