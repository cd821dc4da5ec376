-- Job fill_mean: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Fill mean (n2, FillMissingValues)
  fill_mean AS (
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
      COALESCE(l.price, statistic.fill) AS price_known
    FROM orders AS l
    CROSS JOIN (
      SELECT AVG(price) AS fill
      FROM orders
    ) AS statistic
  )
SELECT *
FROM fill_mean
