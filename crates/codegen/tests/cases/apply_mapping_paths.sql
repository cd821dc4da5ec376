-- Job apply_mapping_paths: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Shaped (n2, ApplyMapping)
  shaped AS (
    SELECT
      order_id AS id,
      named_struct('item', item, 'worth', named_struct('price', price, 'amount', TRY_CAST(amount AS DOUBLE))) AS what,
      status AS "the.state"
    FROM orders
  )
SELECT *
FROM shaped
