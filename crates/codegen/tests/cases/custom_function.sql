-- Job custom_function: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Custom function (n2, CustomFunction)
  custom_function AS (
    SELECT
      order_id,
      customer_id,
      (
        upper("item") -- loud
      ) AS item,
      price,
      quantity,
      status,
      ordered_at,
      amount,
      note,
      (price * quantity) AS total
    FROM orders
  )
SELECT *
FROM custom_function
