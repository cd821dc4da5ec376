use super::House;

#[tokio::test]
async fn the_function_is_known_in_sql_and_null_stays_null() {
    let house = House::new().await;
    let csv = house.csv("SELECT epoch_seconds('09.03.2025 18:30') AS a, epoch_seconds('never') AS b, EPOCH_SECONDS(NULL) AS c").await;
    assert_eq!(csv, "a,b,c\n1741545000,,\n");
}
