-- Job names: one CTE per node of its graph.

-- target: h ("; -- target: g)
WITH
  -- select (a, CatalogSource)
  select_node AS (
    SELECT *
    FROM shop.orders
  ),

  -- 🦀 -- ; DROP TABLE x (b, CatalogSource)
  drop_table_x AS (
    SELECT *
    FROM shop.orders
  ),

  -- 注文 Orders (c, CatalogSource)
  "注文_orders" AS (
    SELECT *
    FROM shop.orders
  ),

  -- 2024 orders (d, CatalogSource)
  node_2024_orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Orders (e, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- orders! (f, CatalogSource)
  orders_2 AS (
    SELECT *
    FROM shop.orders
  ),

  -- target: x "quoted" 'it' */ $$ (g, Union)
  target_x_quoted_it AS (
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
    FROM select_node
    UNION
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
    FROM drop_table_x
    UNION
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
    FROM "注文_orders"
    UNION
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
    FROM node_2024_orders
    UNION
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
    FROM orders
    UNION
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
    FROM orders_2
  )
SELECT *
FROM target_x_quoted_it
