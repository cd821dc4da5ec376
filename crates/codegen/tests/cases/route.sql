-- Job route: one CTE per node of its graph.
-- A statement for each target; the lines "-- target:" say which, so keep them.

-- target: n5 (Cheap ones)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Route: cheap (n2, Route)
  route_cheap AS (
    SELECT *
    FROM orders
    WHERE price < 2
      AND status = 'open'
  ),

  -- Cheap (n3, SelectFromCollection)
  cheap AS (
    SELECT *
    FROM route_cheap
  )
SELECT *
FROM cheap
;

-- target: n6 (All others)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Route: default_group (n2, Route)
  route_default_group AS (
    SELECT *
    FROM orders
    WHERE NOT COALESCE(price < 2 AND status = 'open', FALSE)
      AND NOT COALESCE(item = 'fig', FALSE)
  ),

  -- Others (n4, SelectFromCollection)
  others AS (
    SELECT *
    FROM route_default_group
  )
SELECT *
FROM others
