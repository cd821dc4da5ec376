-- Interactions: who bought what, and when. One row for each order line that counts as a purchase.
--
-- What is mended on the way:
--   * Customers: some registered twice, some came with the shop that was bought. Numbers with the same
--     email are one person; the lowest number (C... before K-...) stands for all of them.
--   * Moments: the web writes 2025-03-09T18:30:00Z, the tills 09.03.2025 18:30, the telephone desk seconds
--     since 1970. epoch_seconds() reads them all and gives what Personalize wants: seconds, UTC.
--   * Articles: some lines write the number in lower case or with blanks around it. Lines with a number
--     that the catalogue does not have (OLD-..., empty) find no partner in the join and drop out.
--   * What is no purchase is left out: guests' orders, corrections (quantity 0 or less), returned lines.

WITH accounts AS (
    SELECT cust_no AS number, lower(trim(email)) AS email FROM customers
    UNION
    SELECT kundennr AS number, lower(trim(e_mail)) AS email FROM customers_import
),
people AS (
    SELECT DISTINCT number, min(number) OVER (PARTITION BY email) AS user_id FROM accounts
)
SELECT
    people.user_id                              AS "USER_ID",
    products.sku                                AS "ITEM_ID",
    epoch_seconds(orders.ordered_at)            AS "TIMESTAMP",
    'Purchase'                                  AS "EVENT_TYPE",
    round(bought.qty * bought.unit_price, 2)    AS "EVENT_VALUE"
FROM order_lines AS bought
JOIN orders     ON orders.order_id = bought.order_id
JOIN people     ON people.number = orders.cust_no
JOIN products   ON products.sku = upper(trim(bought.sku))
LEFT JOIN returns ON returns.order_id = bought.order_id AND returns.line_no = bought.line_no
WHERE bought.qty > 0
  AND returns.order_id IS NULL    -- it stayed with the customer
-- The same data gives the same file, line by line.
ORDER BY "TIMESTAMP", "USER_ID", "ITEM_ID", bought.line_no
