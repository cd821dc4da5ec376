#![allow(clippy::unwrap_used)]
use std::os::unix::fs::PermissionsExt;

use super::*;

const KEY: &str = "AKIAPENCHANTTEST0000";
const SECRET: &str = "abcdefghijklmnopqrstuvwxyz0123456789+/AB";

#[test]
fn the_file_is_a_profile_for_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials");
    assert!(Credentials::read(&path).unwrap().is_none());
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let credentials = Credentials::new(KEY, SECRET).unwrap();
    credentials.write(&path).unwrap();
    assert_eq!(Credentials::read(&path).unwrap(), Some(credentials.clone()));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!format!("{credentials:?}").contains(SECRET));
}

#[test]
fn other_profiles_and_spaces_are_understood_and_faults_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials");
    fs::write(
        &path,
        format!("# mine\n[other]\naws_access_key_id=x\n[default]\naws_access_key_id={KEY}\naws_secret_access_key = {SECRET}\n"),
    )
    .unwrap();
    assert_eq!(Credentials::read(&path).unwrap().unwrap().access_key(), KEY);
    fs::write(&path, "[default]\naws_access_key_id=x").unwrap();
    let error = Credentials::read(&path).unwrap_err().to_string();
    assert!(error.contains("aws_secret_access_key") && error.contains("credentials"), "{error}");
    assert!(Credentials::new(KEY, "short").unwrap_err().to_string().contains("found 5 characters"));
}
