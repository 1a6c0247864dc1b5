SELECT isodow(from_at) AS weekday,
       hour(from_at) AS hour,
       count(*) AS reactions
FROM reactions
WHERE from_at IS NOT NULL
GROUP BY ALL
ORDER BY weekday, hour;
