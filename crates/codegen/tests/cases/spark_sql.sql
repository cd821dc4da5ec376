-- Job spark_sql: one CTE per node of its graph.

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

  -- Query (n3, SparkSQL)
  -- Money per customer.
  -- Asked for by sales
  query AS (
    WITH
      o AS (SELECT * FROM orders)
    select c."name", sum(o.price) as total -- money
    from o join customers c on o.customer_id = c.id
    group by c.name
  )
SELECT *
FROM query
