-- Job filter_or: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Filter or (n2, Filter)
  filter_or AS (
    SELECT *
    FROM orders
    WHERE note IS NULL
      OR status = 'x'' OR 1=1;--'
      OR quantity IS NOT NULL
      OR order_id > 4
      OR order_id = quantity
  )
SELECT *
FROM filter_or
