-- Job merge: one CTE per node of its graph.

-- target: n4 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Corrections (n2, CatalogSource)
  corrections AS (
    SELECT *
    FROM shop.orders
    WHERE (
      order_id = 3 -- the wrong one
    )
  ),

  -- Merge (n3, Merge)
  merge_node AS (
    SELECT
      order_id,
      customer_id,
      item,
      price,
      quantity,
      status,
      ordered_at,
      amount,
      note
    FROM corrections
    UNION ALL
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
    LEFT ANTI JOIN corrections AS r
      ON l.order_id = r.order_id
  )
SELECT *
FROM merge_node
