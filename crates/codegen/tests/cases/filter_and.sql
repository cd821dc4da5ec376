-- Job filter_and: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Filter and (n2, Filter)
  filter_and AS (
    SELECT *
    FROM orders
    WHERE price >= CAST('1.5' AS DOUBLE)
      AND quantity < 4
      AND NOT COALESCE(item = 'it''s', FALSE)
      AND regexp_like(item, '^(?:p|f)')
      AND amount <= CAST('24.00' AS DECIMAL(4, 2))
  )
SELECT *
FROM filter_and
