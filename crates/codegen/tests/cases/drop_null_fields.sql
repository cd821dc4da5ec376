-- Job drop_null_fields: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Drop null fields (n2, DropNullFields)
  drop_null_fields AS (
    SELECT
      order_id,
      customer_id,
      item,
      price,
      quantity,
      status,
      ordered_at,
      amount
    FROM orders
  )
SELECT *
FROM drop_null_fields
