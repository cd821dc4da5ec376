-- The catalogue. A product has no name of its own, so its kind and package size serve as one.
SELECT
    CAST(product_id AS VARCHAR) AS "ITEM_ID",
    concat_ws(', ', COALESCE(product_type, product_category, department), package_size) AS "NAME",
    department AS "CATEGORY_L1",
    COALESCE(product_category, 'unknown') AS "CATEGORY_L2",
    brand AS "BRAND"
FROM products
