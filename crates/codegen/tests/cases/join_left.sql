-- Job join_left: one CTE per node of its graph.

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

  -- Join left (n3, Join)
  join_left AS (
    SELECT
      l.order_id,
      l.customer_id,
      l.item,
      l.price,
      l.quantity,
      l.status,
      l.ordered_at,
      l.amount,
      l.note,
      r.id,
      r.name,
      r."Country",
      r.status AS right_status,
      r.since,
      r.seen,
      r.active
    FROM orders AS l
    LEFT JOIN customers AS r
      ON l.customer_id = r.id
  )
SELECT *
FROM join_left
