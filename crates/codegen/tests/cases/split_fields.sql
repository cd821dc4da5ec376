-- Job split_fields: one CTE per node of its graph.
-- A statement for each target; the lines "-- target:" say which, so keep them.

-- target: n5 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Split: selected (n2, SplitFields)
  split_selected AS (
    SELECT
      order_id,
      item
    FROM orders
  ),

  -- Ids (n3, SelectFromCollection)
  ids AS (
    SELECT *
    FROM split_selected
  )
SELECT *
FROM ids
;

-- target: n6 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Split: remaining (n2, SplitFields)
  split_remaining AS (
    SELECT
      customer_id,
      price,
      quantity,
      status,
      ordered_at,
      amount,
      note
    FROM orders
  ),

  -- Rest (n4, SelectFromCollection)
  rest AS (
    SELECT *
    FROM split_remaining
  )
SELECT *
FROM rest
