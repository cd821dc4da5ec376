-- Job fill_mode: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Fill mode (n2, FillMissingValues)
  fill_mode AS (
    SELECT
      l.order_id,
      l.customer_id,
      l.item,
      l.price,
      l.quantity,
      l.status,
      l.ordered_at,
      l.amount,
      l.note,
      COALESCE(l.status, statistic.fill) AS status_filled
    FROM orders AS l
    CROSS JOIN (
      SELECT MIN(status) AS fill
      FROM (
        SELECT status, RANK() OVER (ORDER BY frequency DESC) AS place
        FROM (
          SELECT status, COUNT(*) AS frequency
          FROM orders
          WHERE status IS NOT NULL
          GROUP BY status
        ) AS counted
      ) AS ranked
      WHERE place = 1
    ) AS statistic
  )
SELECT *
FROM fill_mode
