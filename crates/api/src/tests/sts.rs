use super::client::{Ask, Client};

#[tokio::test]
async fn who_am_i() {
    let client = Client::new().await;
    let reply = client.send(Ask::form("sts", "Action=GetCallerIdentity&Version=2011-06-15")).await;
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, "text/xml"));
    assert!(reply.text().contains("<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:root</Arn>"), "{}", reply.text());
}

#[tokio::test]
async fn roles_are_remembered() {
    let client = Client::new().await;
    let create = "Action=CreateRole&RoleName=Glue%20Role&AssumeRolePolicyDocument=%7B%22Version%22%3A%222012%22%7D";
    let refused = client.send(Ask::form("iam", create)).await;
    assert!(refused.status == 400 && refused.text().contains("RoleName"), "{}", refused.text());
    let create = create.replace("Glue%20Role", "GlueRole");
    let reply = client.send(Ask::form("iam", &create)).await;
    assert!(reply.text().contains("<Arn>arn:aws:iam::123456789012:role/GlueRole</Arn>"), "{}", reply.text());
    let again = client.send(Ask::form("iam", &create)).await;
    assert!(again.status == 409 && again.text().contains("<Code>EntityAlreadyExists</Code>"), "{}", again.text());
    let attach = "Action=AttachRolePolicy&RoleName=GlueRole&PolicyArn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FAmazonS3FullAccess";
    assert_eq!(client.send(Ask::form("iam", attach)).await.status, 200);
    let delete = "Action=DeleteRole&RoleName=GlueRole";
    assert_eq!(client.send(Ask::form("iam", delete)).await.status, 409);
    assert_eq!(client.send(Ask::form("iam", &attach.replace("Attach", "Detach"))).await.status, 200);
    assert_eq!(client.send(Ask::form("iam", delete)).await.status, 200);
    let gone = client.send(Ask::form("iam", "Action=GetRole&RoleName=GlueRole")).await;
    assert!(gone.status == 404 && gone.text().contains("<Code>NoSuchEntity</Code>"), "{}", gone.text());
}
