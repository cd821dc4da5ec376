-- Job aggregate: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Aggregate (n2, Aggregate)
  aggregate AS (
    SELECT
      item,
      AVG(price) AS "avg(price)",
      COUNT(DISTINCT price) AS "count(DISTINCT price)",
      COUNT(price) AS "count(price)",
      MAX(CASE WHEN row_number = 1 THEN price END) AS "first(price)",
      MAX(CASE WHEN row_number = row_count THEN price END) AS "last(price)",
      COUNT(deviation_of_price) * SUM(deviation_of_price * deviation_of_price * deviation_of_price * deviation_of_price) / NULLIF(SUM(deviation_of_price * deviation_of_price) * SUM(deviation_of_price * deviation_of_price), 0) - 3 AS "kurtosis(price)",
      MAX(price) AS "max(price)",
      MIN(price) AS "min(price)",
      SUM(deviation_of_price * deviation_of_price * deviation_of_price) / NULLIF(SUM(deviation_of_price * deviation_of_price) * STDDEV_POP(deviation_of_price), 0) AS "skewness(price)",
      STDDEV_SAMP(price) AS "stddev_samp(price)",
      STDDEV_POP(price) AS "stddev_pop(price)",
      SUM(price) AS "sum(price)",
      SUM(DISTINCT price) AS "sum(DISTINCT price)",
      VAR_SAMP(price) AS "var_samp(price)",
      VAR_POP(price) AS "var_pop(price)"
    FROM (
      SELECT
        *,
        ROW_NUMBER() OVER (PARTITION BY item ORDER BY order_id NULLS FIRST, customer_id NULLS FIRST, item NULLS FIRST, price NULLS FIRST, quantity NULLS FIRST, status NULLS FIRST, ordered_at NULLS FIRST, amount NULLS FIRST, note NULLS FIRST) AS row_number,
        COUNT(*) OVER (PARTITION BY item) AS row_count,
        CAST(price AS DOUBLE) - AVG(CAST(price AS DOUBLE)) OVER (PARTITION BY item) AS deviation_of_price
      FROM orders
    ) AS numbered
    GROUP BY item
  )
SELECT *
FROM aggregate
