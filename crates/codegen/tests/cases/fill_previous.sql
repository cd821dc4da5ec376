-- Job fill_previous: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Fill previous (n2, FillMissingValues)
  fill_previous AS (
    SELECT
      order_id,
      customer_id,
      item,
      price,
      quantity,
      status,
      ordered_at,
      amount,
      note,
      COALESCE(price, MAX(price) OVER (PARTITION BY item, stretch)) AS price_filled
    FROM (
      SELECT
        *,
        COUNT(price) OVER (
          PARTITION BY item ORDER BY order_id NULLS FIRST, customer_id NULLS FIRST, item NULLS FIRST, price NULLS FIRST, quantity NULLS FIRST, status NULLS FIRST, ordered_at NULLS FIRST, amount NULLS FIRST, note NULLS FIRST
          ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS stretch
      FROM orders
    ) AS stretches
  )
SELECT *
FROM fill_previous
