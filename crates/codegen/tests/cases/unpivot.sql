-- Job unpivot: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Unpivot (n2, Unpivot)
  unpivot_node AS (
    SELECT *
    FROM (
      SELECT
        l.order_id,
        l.customer_id,
        l.item,
        l.status,
        l.ordered_at,
        l.amount,
        l.note,
        unpivoted.column_name AS measure,
        CASE unpivoted.column_name
          WHEN 'price' THEN l.price
          WHEN 'quantity' THEN CAST(l.quantity AS DOUBLE)
        END AS "value"
      FROM orders AS l
      CROSS JOIN (
        SELECT 'price' AS column_name
        UNION ALL
        SELECT 'quantity' AS column_name
      ) AS unpivoted
    ) AS unpivoted_rows
    WHERE "value" IS NOT NULL
  )
SELECT *
FROM unpivot_node
