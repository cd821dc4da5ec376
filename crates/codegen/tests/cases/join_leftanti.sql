-- Job join_leftanti: one CTE per node of its graph.

-- target: n4 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Customers (n2, CatalogSource)
  customers AS (
    SELECT *
    FROM shop.customers
  ),

  -- Join leftanti (n3, Join)
  join_leftanti AS (
    SELECT
      l.order_id,
      l.customer_id,
      l.item,
      l.price,
      l.quantity,
      l.status,
      l.ordered_at,
      l.amount,
      l.note
    FROM orders AS l
    LEFT ANTI JOIN customers AS r
      ON l.customer_id = r.id
  )
SELECT *
FROM join_leftanti
