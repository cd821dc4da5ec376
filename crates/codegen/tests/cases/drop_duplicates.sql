-- Job drop_duplicates: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Drop duplicates (n2, DropDuplicates)
  drop_duplicates AS (
    SELECT DISTINCT *
    FROM orders
  )
SELECT *
FROM drop_duplicates
