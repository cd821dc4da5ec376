-- Job union_all: one CTE per node of its graph.

-- target: n4 (Out)
WITH
  -- Orders (n0, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Left part (n1, SelectFields)
  left_part AS (
    SELECT
      order_id,
      item,
      quantity
    FROM orders
  ),

  -- Right part (n2, ApplyMapping)
  right_part AS (
    SELECT
      item,
      CAST(quantity AS DOUBLE) AS quantity,
      status AS state
    FROM orders
  ),

  -- Both (n3, Union)
  both_node AS (
    SELECT
      order_id,
      item,
      CAST(quantity AS DOUBLE) AS quantity,
      CAST(NULL AS VARCHAR) AS state
    FROM left_part
    UNION ALL
    SELECT
      CAST(NULL AS BIGINT) AS order_id,
      item,
      quantity,
      state
    FROM right_part
  )
SELECT *
FROM both_node
