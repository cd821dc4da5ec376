-- Job fill_constant: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Fill constant (n2, FillMissingValues)
  fill_constant AS (
    SELECT
      order_id,
      customer_id,
      item,
      price,
      quantity,
      status,
      ordered_at,
      amount,
      note,
      COALESCE(amount, CAST('1.25' AS DECIMAL(3, 2))) AS amount_filled
    FROM orders
  )
SELECT *
FROM fill_constant
