-- Job join_itself: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Same item (n2, Join)
  same_item AS (
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
      r.order_id AS right_order_id,
      r.customer_id AS right_customer_id,
      r.item AS right_item,
      r.price AS right_price,
      r.quantity AS right_quantity,
      r.status AS right_status,
      r.ordered_at AS right_ordered_at,
      r.amount AS right_amount,
      r.note AS right_note
    FROM orders AS l
    INNER JOIN orders AS r
      ON l.item = r.item
  )
SELECT *
FROM same_item
