-- Job pii_column: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Hide (n2, PIIDetection)
  hide AS (
    SELECT
      order_id,
      customer_id,
      CASE WHEN item IS NOT NULL THEN repeat('#', character_length(item)) END AS item,
      price,
      quantity,
      status,
      ordered_at,
      amount,
      note,
      'item' AS found
    FROM orders
  )
SELECT *
FROM hide
