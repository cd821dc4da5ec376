-- Job pivot: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Pivot (n2, Pivot)
  pivot_node AS (
    SELECT
      customer_id,
      SUM(CASE WHEN item = 'pear' THEN price END) AS "pear_sum(price)",
      MAX(CASE WHEN item = 'pear' THEN quantity END) AS pear_most,
      SUM(CASE WHEN item = 'it''s' THEN price END) AS "it's_sum(price)",
      MAX(CASE WHEN item = 'it''s' THEN quantity END) AS "it's_most"
    FROM orders
    GROUP BY customer_id
  )
SELECT *
FROM pivot_node
