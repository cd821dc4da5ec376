-- Job spigot_prob: one CTE per node of its graph.
-- A statement for each target; the lines "-- target:" say which, so keep them.

-- target: n2 (Spigot prob)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  )
SELECT *
FROM orders
WHERE md5(COALESCE(CAST(order_id AS VARCHAR), '') || '|' || COALESCE(CAST(customer_id AS VARCHAR), '') || '|' || COALESCE(CAST(item AS VARCHAR), '') || '|' || COALESCE(CAST(quantity AS VARCHAR), '') || '|' || COALESCE(CAST(status AS VARCHAR), '') || '|' || COALESCE(CAST(ordered_at AS VARCHAR), '') || '|' || COALESCE(CAST(note AS VARCHAR), '')) < '80000000'
;

-- target: n3 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Spigot prob (n2, Spigot)
  spigot_prob AS (
    SELECT *
    FROM orders
  )
SELECT *
FROM spigot_prob
