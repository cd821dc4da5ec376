#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn a_server_ends_when_its_test_is_killed() {
    let mut process = Process::start(Command::new("sh").args(["-c", "sleep 600 & wait"]));
    assert!(process.0.try_wait().unwrap().is_none());
    // What the system does with a killed process: its end of the pipe closes.
    drop(process.1.stdin.take());
    for _ in 0..200 {
        if let Some(status) = process.0.try_wait().unwrap() {
            assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("it lives on");
}
