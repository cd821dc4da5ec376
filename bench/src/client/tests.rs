#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

#[test]
fn a_head_gives_status_and_length_whatever_the_case() {
    assert_eq!(parse_head("HTTP/1.1 404 Not Found\r\nContent-Length: 12\r\n\r\n").unwrap(), (404, 12));
    assert_eq!(parse_head("HTTP/1.1 200 OK\r\ncontent-type: a\r\ncontent-length:0\r\n\r\n").unwrap(), (200, 0));
    let error = parse_head("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").unwrap_err();
    assert!(error.to_string().contains("content-length"), "{error}");
}

#[tokio::test]
async fn an_answer_that_comes_in_pieces_is_read_whole_and_the_connection_goes_on() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = listener.local_addr().unwrap().to_string();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        for _ in 0..2 {
            let mut seen = [0; 4];
            stream.read_exact(&mut seen).await.unwrap();
            for piece in ["HTTP/1.1 200 OK\r\nConte", "nt-Length: 5\r\n\r", "\nhe", "llo"] {
                stream.write_all(piece.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        }
    });
    let mut connection = Connection::open(&endpoint).await.unwrap();
    for _ in 0..2 {
        let answer = connection.ask(b"ask!").await.unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"hello".as_slice()));
    }
    server.await.unwrap();
    assert!(connection.ask(b"ask!").await.is_err());
}
