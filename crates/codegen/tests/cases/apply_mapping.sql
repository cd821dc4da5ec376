-- Job apply_mapping: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Apply mapping (n2, ApplyMapping)
  apply_mapping AS (
    SELECT
      CAST(order_id AS VARCHAR) AS "ITEM_ID",
      price AS "PRICE",
      TRY_CAST(item AS INT) AS n,
      parse_timestamp(ordered_at) AS "TIMESTAMP",
      parse_date(ordered_at) AS "day",
      CAST(quantity AS BIGINT) AS quantity,
      TRY_CAST(amount AS DECIMAL(12, 1)) AS amount
    FROM orders
  )
SELECT *
FROM apply_mapping
