-- Job aggregate_all: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Aggregate all (n2, Aggregate)
  aggregate_all AS (
    SELECT
      SUM(deviation_of_quantity * deviation_of_quantity * deviation_of_quantity) / NULLIF(SUM(deviation_of_quantity * deviation_of_quantity) * STDDEV_POP(deviation_of_quantity), 0) AS skew,
      MAX(CASE WHEN row_number = row_count THEN status END) AS "last(status)",
      SUM(amount) AS "sum(amount)"
    FROM (
      SELECT
        *,
        CAST(quantity AS DOUBLE) - AVG(CAST(quantity AS DOUBLE)) OVER () AS deviation_of_quantity,
        ROW_NUMBER() OVER (ORDER BY order_id NULLS FIRST, customer_id NULLS FIRST, item NULLS FIRST, price NULLS FIRST, quantity NULLS FIRST, status NULLS FIRST, ordered_at NULLS FIRST, amount NULLS FIRST, note NULLS FIRST) AS row_number,
        COUNT(*) OVER () AS row_count
      FROM orders
    ) AS numbered
  )
SELECT *
FROM aggregate_all
