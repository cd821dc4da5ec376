-- Job spark_sql_with: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders_2 AS (
    SELECT *
    FROM shop.orders
  ),

  -- big (n2, SparkSQL)
  big AS (
    WITH
      "myDataSource" AS (SELECT * FROM orders_2)
    SELECT *
    FROM (
      WITH orders AS (SELECT * FROM myDataSource WHERE price > 2) SELECT 'a
  b' AS t, * FROM orders
    ) AS query
  )
SELECT *
FROM big
