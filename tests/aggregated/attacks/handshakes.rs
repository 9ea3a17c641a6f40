//! Handshakes that must not come to anything.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::target::attack;

/// Longest for an answer.
const PATIENCE: Duration = Duration::from_secs(20);
const TLS_1_1: u16 = 0x0302;
const TLS_1_2: u16 = 0x0303;
/// ECDHE-ECDSA with AES-128-GCM.
const GOOD: u16 = 0xC02B;
/// RSA key exchange, CBC, RC4, 3DES, anonymous, none at all.
const WEAK: [u16; 7] = [0x002F, 0x0035, 0xC009, 0x0005, 0x000A, 0x0018, 0x0001];
/// Alerts, RFC 8446 section 6.2.
const HANDSHAKE_FAILURE: u8 = 40;
const PROTOCOL_VERSION: u8 = 70;

#[test]
fn old_protocols_and_weak_ciphers_are_refused() {
    attack(async |endpoint| {
        let address = endpoint.address();
        let answer = async |version, ciphers: &[u16]| {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(&client_hello(version, ciphers)).await.unwrap();
            let mut record = [0; 7];
            timeout(PATIENCE, stream.read_exact(&mut record))
                .await
                .unwrap()
                .unwrap();
            record
        };
        let [kind, ..] = answer(TLS_1_2, &[GOOD]).await;
        assert_eq!(kind, 22, "else the others prove nothing");
        for version in [0x0300, 0x0301, TLS_1_1] {
            let [kind, .., alert] = answer(version, &[GOOD]).await;
            assert_eq!((kind, alert), (21, PROTOCOL_VERSION), "{version:#x}");
        }
        for cipher in WEAK {
            let [kind, .., alert] = answer(TLS_1_2, &[cipher]).await;
            assert_eq!((kind, alert), (21, HANDSHAKE_FAILURE), "{cipher:#x}");
        }
    });
}

/// RFC 5246, 7.4.1.2: what a client that knows no newer protocol says first.
fn client_hello(version: u16, ciphers: &[u16]) -> Vec<u8> {
    // Groups P-256 and X25519, uncompressed points, ECDSA by SHA-256.
    let extensions: &[&[u8]] = &[
        &[0, 10, 0, 6, 0, 4, 0, 23, 0, 29],
        &[0, 11, 0, 2, 1, 0],
        &[0, 13, 0, 4, 0, 2, 4, 3],
        // Extended master secret.
        &[0, 23, 0, 0],
    ];
    let mut hello = version.to_be_bytes().to_vec();
    hello.extend([7; 32]);
    hello.push(0);
    hello.extend(length(2, ciphers.len() * 2));
    hello.extend(ciphers.iter().flat_map(|cipher| cipher.to_be_bytes()));
    hello.extend([1, 0]);
    let extensions = extensions.concat();
    hello.extend(length(2, extensions.len()));
    hello.extend(extensions);
    let mut message = vec![1];
    message.extend(length(3, hello.len()));
    message.extend(hello);
    let mut record = vec![22, 3, 1];
    record.extend(length(2, message.len()));
    record.extend(message);
    record
}

fn length(bytes: usize, of: usize) -> Vec<u8> {
    of.to_be_bytes()[size_of::<usize>() - bytes..].to_vec()
}
