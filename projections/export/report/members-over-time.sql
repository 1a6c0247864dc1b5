WITH days AS (
    SELECT unnest(generate_series(
        (SELECT min(first_seen_at)::DATE FROM members),
        (SELECT max(last_activity_at)::DATE FROM chats),
        INTERVAL 1 DAY
    ))::DATE AS day
)
SELECT days.day,
       count(DISTINCT m.user_id) AS people,
       count(DISTINCT m.chat_id) AS chats,
       count(m.user_id) AS memberships
FROM days
LEFT JOIN members m
       ON coalesce(m.joined_at, m.first_seen_at) < days.day + INTERVAL 1 DAY
      AND (m.left_basis IS NULL OR m.left_at >= days.day + INTERVAL 1 DAY)
GROUP BY days.day
ORDER BY days.day;
