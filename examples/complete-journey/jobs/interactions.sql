-- Who bought what, and when: one row a purchase, the product known, something really paid for.
-- 4,836 rows name a product that the catalogue does not have; petrol and coupons are not things to recommend.
SELECT
    CAST(t.household_id AS VARCHAR) AS "USER_ID",
    CAST(t.product_id AS VARCHAR) AS "ITEM_ID",
    to_unixtime(t.transaction_timestamp) AS "TIMESTAMP",
    'Purchase' AS "EVENT_TYPE",
    t.sales_value AS "EVENT_VALUE"
FROM transactions t
JOIN products p ON p.product_id = t.product_id
WHERE t.quantity > 0
  AND t.sales_value > 0
  AND p.department NOT IN ('FUEL', 'MISCELLANEOUS', 'COUPON')
