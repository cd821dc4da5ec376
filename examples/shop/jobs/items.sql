-- Items: the catalogue, one row for each product, from its nested JSON.
--
--   * category and attributes are objects: category['kind'] picks a member.
--   * CREATION_TIMESTAMP (seconds, UTC) lets new products be told from old ones.
--   * A product without price gets the mean price of its kind.

SELECT
    sku                           AS "ITEM_ID",
    title                         AS "NAME",
    category['department']        AS "CATEGORY_L1",
    category['kind']              AS "CATEGORY_L2",
    attributes['brand']           AS "BRAND",
    round(coalesce(price, avg(price) OVER (PARTITION BY category['kind'])), 2) AS "PRICE",
    availability                  AS "AVAILABILITY",
    epoch_seconds(created)        AS "CREATION_TIMESTAMP",
    trim(title || '. ' || coalesce(description, '')) AS "PRODUCT_DESCRIPTION"
FROM products
ORDER BY "ITEM_ID"
