-- Users: the customers, one row for each person.
--
--   * The shop that was bought has German columns, German tiers and dates as 24.12.2023: they are renamed
--     and translated, so that both files can be put one below the other.
--   * The same email is the same person: the lowest number stays, as in interactions.sql, and of its rows
--     the one that was updated last.
--   * What is not known is called so: an empty field would be a missing value.

WITH accounts AS (
    SELECT cust_no AS number, lower(trim(email)) AS email, age_band, region, loyalty_tier,
           epoch_seconds(updated_on) AS updated
    FROM customers
    UNION ALL
    SELECT kundennr, lower(trim(e_mail)), altersgruppe, gebiet,
           CASE kundenstufe WHEN 'Bronze' THEN 'bronze' WHEN 'Silber' THEN 'silver' WHEN 'Gold' THEN 'gold' END,
           epoch_seconds(angelegt_am)
    FROM customers_import
),
ranked AS (
    SELECT *, row_number() OVER (PARTITION BY email ORDER BY number, updated DESC) AS place FROM accounts
)
SELECT
    number                                        AS "USER_ID",
    coalesce(nullif(age_band, ''), 'unknown')     AS "AGE_BAND",
    coalesce(nullif(region, ''), 'unknown')       AS "REGION",
    coalesce(nullif(loyalty_tier, ''), 'none')    AS "LOYALTY_TIER"
FROM ranked
WHERE place = 1
ORDER BY "USER_ID"
