-- Job filter_types: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- Customers (n1, CatalogSource)
  customers AS (
    SELECT *
    FROM shop.customers
  ),

  -- Filter types (n2, Filter)
  filter_types AS (
    SELECT *
    FROM customers
    WHERE since > CAST('2019-12-31' AS DATE)
      AND seen <= CAST('2024-01-01 12:00:00' AS TIMESTAMP)
      AND active = TRUE
      AND "Country" = 'DE'
      AND regexp_like(CAST(id AS VARCHAR), '^(?:1)')
  )
SELECT *
FROM filter_types
