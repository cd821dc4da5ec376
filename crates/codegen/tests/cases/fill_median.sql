-- Job fill_median: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Fill median (n2, FillMissingValues)
  fill_median AS (
    SELECT
      l.order_id,
      l.customer_id,
      l.item,
      l.price,
      COALESCE(CAST(l.quantity AS DOUBLE), statistic.fill) AS quantity,
      l.status,
      l.ordered_at,
      l.amount,
      l.note
    FROM orders AS l
    CROSS JOIN (
      SELECT AVG(known) AS fill
      FROM (
        SELECT
          CAST(quantity AS DOUBLE) AS known,
          ROW_NUMBER() OVER (ORDER BY quantity) AS place,
          COUNT(*) OVER () AS total
        FROM orders
        WHERE quantity IS NOT NULL
      ) AS numbered
      WHERE place * 2 BETWEEN total AND total + 2
    ) AS statistic
  )
SELECT *
FROM fill_median
