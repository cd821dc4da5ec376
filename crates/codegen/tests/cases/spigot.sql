-- Job spigot: one CTE per node of its graph.
-- A statement for each target; the lines "-- target:" say which, so keep them.

-- target: n2 (Spigot)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  )
SELECT *
FROM orders
ORDER BY order_id NULLS FIRST, customer_id NULLS FIRST, item NULLS FIRST, price NULLS FIRST, quantity NULLS FIRST, status NULLS FIRST, ordered_at NULLS FIRST, amount NULLS FIRST, note NULLS FIRST
LIMIT 2
;

-- target: n3 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Spigot (n2, Spigot)
  spigot AS (
    SELECT *
    FROM orders
  )
SELECT *
FROM spigot
