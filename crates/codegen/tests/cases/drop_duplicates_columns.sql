-- Job drop_duplicates_columns: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Drop duplicates columns (n2, DropDuplicates)
  drop_duplicates_columns AS (
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
    FROM (
      SELECT
        *,
        ROW_NUMBER() OVER (
          PARTITION BY item, status
          ORDER BY item NULLS FIRST, status NULLS FIRST, order_id NULLS FIRST, customer_id NULLS FIRST, price NULLS FIRST, quantity NULLS FIRST, ordered_at NULLS FIRST, amount NULLS FIRST, note NULLS FIRST
        ) AS duplicate
      FROM orders
    ) AS numbered
    WHERE duplicate = 1
  )
SELECT *
FROM drop_duplicates_columns
