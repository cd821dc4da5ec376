-- Job rename_field: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Rename field (n2, RenameField)
  rename_field AS (
    SELECT
      order_id,
      customer_id,
      item AS "ITEM_ID",
      price,
      quantity,
      status,
      ordered_at,
      amount,
      note
    FROM orders
  )
SELECT *
FROM rename_field
